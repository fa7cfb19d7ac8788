"""``bootstrap ledger verify`` and ``show BUNDLE`` as a process: exit codes, streams, and what is loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap.ledger.bundle import Bundle
from tests.support.ledger_facts import Key, bundle, bundle_of, entries, story

HEAVY = ["kubernetes", "hvac", "ansible_runner", "dulwich", "pysequoia", "pyrage", "pydantic", "jinja2"]
HEAVY += ["securesystemslib"]  # it would load hvac
PROGRAM = "from bootstrap.cli.app import main; main()"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "bundle.json").write_bytes(bundle())
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "ledger.pub").write_bytes(Key().pem)
    return tmp_path


def ledger(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, "ledger", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr + done.stdout
    return done


def test_h4_verify_says_what_it_proved(files: Path) -> None:
    done = ledger(files, "verify", "bundle.json", "--keys", "keys")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("A PREFIX, verified: 10 records")
    assert "keycloak-admin  authority Vault" in done.stdout
    assert "rest on the ledger key alone" in done.stdout


def test_h4_the_heads_beside_the_keys_count_unless_one_is_named(files: Path) -> None:
    head = files / "records" / "uid-1" / "head.json"
    head.parent.mkdir(parents=True)
    short = tuple(each.envelope for each in entries(story()[:6]))
    head.write_bytes(Bundle.parse(bundle()).head)
    older = files / "older.json"
    older.write_bytes(Bundle.parse(bundle_of(short)).head)
    assert ledger(files, "verify", "bundle.json", "--keys", "keys").stdout.startswith("verified: 10 records")
    (files / "cut.json").write_bytes(bundle_of(short))
    done = ledger(files, "verify", "cut.json", "--keys", "keys")
    assert (done.returncode, done.stdout) == (6, "")
    assert "records/uid-1/head.json names 10 records, here are 6 [E_PREFIX]" in done.stderr
    done = ledger(files, "verify", "cut.json", "--keys", "keys", "--head", "older.json")
    assert "all that older.json names" in done.stdout
    done = ledger(files, "verify", "cut.json", "--keys", "keys", "--head", "absent.json")
    assert (done.returncode, "E_FILE_MISSING" in done.stderr) == (2, True)
    done = ledger(files, "verify", "bundle.json", "--keys", "keys", "--cluster", "uid-2")
    assert (done.returncode, "E_CLUSTER" in done.stderr) == (6, True)


def test_verify_as_json(files: Path) -> None:
    done = ledger(files, "verify", "bundle.json", "--keys", "keys", "-o", "json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["verified"] is True


def test_show_of_a_file_checks_no_signature_and_says_so(files: Path) -> None:
    done = ledger(files, "show", "bundle.json")
    assert done.returncode == 0
    assert "SIGNATURES NOT CHECKED" in done.stdout


@pytest.mark.parametrize(
    "data", [b"", b"garbage", b"\xff\xfe", bundle() + b"\n", bundle()[:-1], bundle(Key(2))]
)
def test_h4_a_wrong_bundle_exits_6(files: Path, data: bytes) -> None:
    (files / "bundle.json").write_bytes(data)
    done = ledger(files, "verify", "bundle.json", "--keys", "keys")
    assert (done.returncode, done.stdout) == (6, "")
    assert done.stderr.startswith("error: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify", "absent.json", "--keys", "keys"],
        ["verify", "keys", "--keys", "keys"],
        ["verify", "bundle.json", "--keys", "absent"],
        ["verify", "bundle.json", "--keys", "bundle.json"],
        ["verify", "bundle.json"],
        ["show", "absent.json"],
    ],
)
def test_wrong_usage_exits_2(files: Path, arguments: list[str]) -> None:
    done = ledger(files, *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "hint: " in done.stderr


def test_another_platforms_key_is_named_beside_the_one_that_signed(files: Path) -> None:
    (files / "other").mkdir()
    (files / "other" / "ledger.pub").write_bytes(Key(2).pem)
    done = ledger(files, "verify", "bundle.json", "--keys", "other")
    assert done.returncode == 6
    assert f"names key {Key().key_id[:16]}, ledger.pub is {Key(2).key_id[:16]}" in done.stderr


def test_a_garbage_key_exits_2(files: Path) -> None:
    (files / "keys" / "ledger.pub").write_bytes(b"garbage")
    assert ledger(files, "verify", "bundle.json", "--keys", "keys").returncode == 2


def test_verify_loads_nothing_heavy(files: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom bootstrap.cli.commands import ledger\n"
        "code = ledger.verify(Path('bundle.json'), Path('keys'))\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], code, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=files, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stderr.strip() == "[] 0"


@pytest.mark.parametrize("name", ["records/uid-1/head.json", "keys/ledger.pub"])
def test_g5_what_has_no_end_is_refused(files: Path, name: str) -> None:
    """A link in a clone of another's repository."""
    path = files / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")
    done = ledger(files, "verify", "bundle.json", "--keys", "keys")
    assert (done.returncode, done.stdout) == (2, "")
    assert "E_SIZE" in done.stderr or "it is no regular file" in done.stderr


def test_g5_nor_is_a_pipe_beside_the_keys_waited_for(files: Path) -> None:
    path = files / "records/uid-1/head.json"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    done = ledger(files, "verify", "bundle.json", "--keys", "keys")
    assert (done.returncode, "it is no regular file" in done.stderr) == (2, True)


@pytest.mark.parametrize("cluster", ["", " "])
def test_h4_an_empty_cluster_is_not_any_cluster(files: Path, cluster: str) -> None:
    """What a script gives whose variable is not set."""
    done = ledger(files, "verify", "bundle.json", "--keys", "keys", "--cluster", cluster)
    assert (done.returncode, done.stdout, "E_USAGE" in done.stderr) == (2, "", True)


def test_show_of_what_is_no_bundle_names_the_file_and_a_way_out(files: Path) -> None:
    (files / "other.json").write_text("{}")
    done = ledger(files, "show", "other.json")
    assert (done.returncode, done.stdout) == (6, "")
    assert "\n  where: other.json: " in done.stderr
    assert "hint: take another copy" in done.stderr
