"""Places that only a process of its own has: a core file, a traceback, warnings, debug output, a test's report.

Each is a script that is given the value on its standard input. One does as the program does; the loose one does the
same without the guard, which shows that the value would be there.
"""

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAD = f"import sys; sys.path.insert(0, {str(ROOT)!r}); value = sys.stdin.buffer.read()\n"
HARDEN = "from bootstrap.cli.hardening import harden; harden()\n"
CAUGHT = "from bootstrap.cli.exits import caught; sys.exit(caught(work))\n"
DEBUG = (
    "import http.client, logging; logging.basicConfig(level=10); http.client.HTTPConnection.debuglevel = 1\n"
)

CORE = "import os; held = value * 3; os.abort()\n"
TRACE = """
import threading
def work():
    held = value.decode()
    def inside(): raise RuntimeError(held)
    thread = threading.Thread(target=inside); thread.start(); thread.join()
    raise ValueError(held, {"value": held})
"""
WARN = """
import warnings
from bootstrap.model.sensitive import Sensitive
secret = Sensitive(value, "value")
warnings.warn(f"{SHOWN} is no value")
"""
HTTP = """
import pathlib, tempfile
from bootstrap.model.sensitive import Sensitive
from tests.support import scripted_vault
scripted_vault.VALUE = Sensitive(value, "value")
body = {"data": {"data": {"x": value.decode()}, "metadata": {"version": 1}}}
with tempfile.TemporaryDirectory() as folder:
    with scripted_vault.vault(pathlib.Path(folder), (200, body)) as (port, server):
        scripted_vault.write(port); scripted_vault.read(port)
        assert len(server.seen) == 2
"""
REPORTED = """
import os, pathlib, subprocess, tempfile
source = '''
import os
from bootstrap.model.sensitive import Sensitive
def test_it():
    given = MADE(bytes.fromhex(open(os.environ["HERE"]).read()))
    other = MADE(b"other")
    print(given)
    assert given == other, given
'''.replace("MADE", MADE)
with tempfile.TemporaryDirectory() as folder:
    here = pathlib.Path(folder)
    (here / "test_it.py").write_text(source)
    (here / "value").write_text(value.hex())
    words = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--showlocals", "-vv", "--rootdir", folder]
    words += ["-c", "/dev/null", f"--junitxml={folder}/report.xml", folder]
    done = subprocess.run(words, env={**os.environ, "HERE": f"{folder}/value"}, capture_output=True)
    assert done.returncode == 1, done.stderr
    sys.stdout.buffer.write(done.stdout + done.stderr + (here / "report.xml").read_bytes())
"""
# By place: the script as the program does it, and the loose one.
SCRIPTS: dict[str, tuple[str, str]] = {
    "core": (HARDEN + CORE, CORE),
    "tracebacks": (HARDEN + TRACE + CAUGHT, TRACE + "work()\n"),
    "warnings": (WARN.replace("SHOWN", "secret"), WARN.replace("SHOWN", "value")),
    "http_debug": (HARDEN + HTTP, DEBUG + HTTP),
    "test_reports": (f"MADE = 'Sensitive'\n{REPORTED}", f"MADE = 'bytes'\n{REPORTED}"),
}


def left_by(script: str, value: bytes) -> dict[str, bytes]:
    """Both streams of the child, and every file that it left where it ran."""
    with tempfile.TemporaryDirectory(prefix="bootstrap-child-") as folder:
        done = subprocess.run(
            [sys.executable, "-W", "always", "-b", "-c", HEAD + script],
            input=value,
            cwd=folder,
            capture_output=True,
            timeout=300,
            preexec_fn=_cores_allowed,
        )
        files = {p.name: p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}
    for wrong in (b"SyntaxError", b"AssertionError\n", b"ModuleNotFoundError"):
        assert wrong not in done.stderr, done.stderr
    return {"stdout": done.stdout, "stderr": done.stderr, **files}


def _cores_allowed() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))
