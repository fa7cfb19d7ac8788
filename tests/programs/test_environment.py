"""The environment is closed before anything is imported: no library of ours listens to a variable (G5, S3)."""

import base64
import os
import re
import ssl
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.cli.entry import LISTENED, LOCALE
from tests.simulator.platform import scaffolded
from tests.support.kubeconfigs import cluster, write
from tests.support.program import BOOTSTRAP
from tests.support.tls_server import authority, serving

ROOT = Path(__file__).parents[2]
SITE = Path(sysconfig.get_path("purelib"))
ASKED = re.compile(
    rb"""(?:environ(?:b)?(?:\.get|\.pop|\.setdefault)?|getenv|env_var|envvar)\s*[=(\[]\s*[bru]?["']([A-Za-z_][A-Za-z0-9_]{2,})["']"""
)
NAMED = re.compile(rb"(?<![A-Za-z0-9_])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![A-Za-z0-9_])")
KNOWN = {
    "SSLKEYLOGFILE",
    "WEBSOCKET_CLIENT_CA_BUNDLE",
    "OPENSSL_CONF",
    "SSL_CERT_FILE",
    "SSH_AUTH_SOCK",
    "TMPDIR",
}
MOST = 100_000  # bytes of names in one process: far below what execve(2) takes


def names() -> set[str]:
    """Every name that the installed packages ask for, and every word of them that could be one."""
    found = set(KNOWN)
    for path in SITE.rglob("*"):
        if path.suffix in (".py", ".so") and path.is_file():
            data = path.read_bytes()
            found |= {name.decode() for name in ASKED.findall(data)}
            if b"environ" in data or b"getenv" in data:
                found |= {name.decode() for name in NAMED.findall(data) if len(name) < 48}
    return found


def batches(wanted: set[str]) -> Iterator[dict[str, str]]:
    batch: dict[str, str] = {}
    for name in sorted(wanted):
        batch[name] = "/nonexistent"
        if sum(len(n) + 16 for n in batch) > MOST:
            yield batch
            batch = {}
    yield batch


def left(environment: dict[str, str]) -> set[str]:
    script = "from bootstrap.cli.entry import close; import os; close(); print(*os.environ, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_g5_no_variable_that_a_package_names_is_left() -> None:
    begins = ("LD_", "PYTHON", "GLIBC_", "MALLOC_")  # they act before the first line of ours
    wanted = {name for name in names() if not name.startswith(begins)}
    assert len(wanted) > 300
    assert wanted >= KNOWN
    for batch in batches(wanted):
        assert {
            n for n in left({**batch, "LC_ALL": "C"}) if n not in LISTENED and not n.startswith(LOCALE)
        } == set()


def test_what_is_listened_to_is_left() -> None:
    given = {**dict.fromkeys(LISTENED, "x"), "LC_MESSAGES": "C", "PATH": os.environ["PATH"]}
    assert left(given) == {*LISTENED, "LC_MESSAGES"} | {n for n in left({}) if n.startswith(LOCALE)}


def test_nothing_is_imported_before() -> None:
    script = (
        "import sys; before = {*sys.modules}; import bootstrap.cli.entry; print(*({*sys.modules} - before))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name for name in done.stdout.split() if not name.startswith("bootstrap")}
    standard = {name.split(".")[0] for name in loaded}
    assert {n for n in loaded if n.startswith("bootstrap.")} <= {
        "bootstrap.cli.entry",
        "bootstrap.lab.callers",
    }
    assert standard <= {"collections", "typing", "abc", "_collections_abc", *sys.stdlib_module_names}
    assert not standard & {"ssl", "socket", "subprocess", "tempfile", "logging", "site"}


@pytest.mark.parametrize("command", [[str(BOOTSTRAP)], [sys.executable, "-m", "bootstrap"]])
def test_s3_session_keys_are_written_nowhere(command: list[str], tmp_path: Path) -> None:
    """What decrypts the traffic with API server and Vault; Python's ssl and urllib3 both listen to this name."""
    ca, log = authority(), tmp_path / "keys.log"
    repository = scaffolded(tmp_path)
    with serving(lambda _: (401, {}, b"{}"), *ca.leaf("127.0.0.1"), tmp_path) as server:
        trusted = base64.b64encode(ca.pem).decode()
        config = write(
            tmp_path,
            **cluster(
                **{
                    "server": f"https://127.0.0.1:{server.port}",
                    "certificate-authority-data": trusted,
                }
            ),
        )
        done = subprocess.run(
            [*command, "doctor", "--repo", str(repository), "--kubeconfig", str(config)],
            env={"PATH": os.environ["PATH"], "SSLKEYLOGFILE": str(log)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert server.seen, done.stderr
    assert done.returncode not in (0, 2), done.stderr
    assert not log.exists()


def test_python_would_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: without the closed environment the file is made."""
    log = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    ssl.create_default_context()
    assert log.exists()
