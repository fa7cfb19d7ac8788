"""The real command as a subprocess, in an environment that is against it (G5)."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

BOOTSTRAP = Path(sys.executable).with_name("bootstrap")
ESCAPE = "\x1b"
NONSENSE = {
    "VAULT_ADDR": "https://vault.invalid:1",
    "VAULT_TOKEN": "hvs.nonsense",
    "VAULT_SKIP_VERIFY": "true",
    "VAULT_NAMESPACE": "nowhere",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "socks5://127.0.0.1:9",
    "KUBECONFIG": "/nonexistent/kubeconfig",
    "KUBERNETES_SERVICE_HOST": "192.0.2.1",
    "GNUPGHOME": "/nonexistent/gnupg",
    "SOPS_AGE_KEY": "AGE-SECRET-KEY-1NONSENSE",
    "SOPS_AGE_KEY_FILE": "/nonexistent/age",
    "GIT_DIR": "/nonexistent/git",
    "GIT_CONFIG_GLOBAL": "/nonexistent/gitconfig",
    "ANSIBLE_CONFIG": "/nonexistent/ansible.cfg",
    "SSL_CERT_FILE": "/nonexistent/ca",
    "REQUESTS_CA_BUNDLE": "/nonexistent/ca",
    "TZ": "Pacific/Kiritimati",
    "LC_ALL": "tr_TR.UTF-8",
    "COLUMNS": "40",
}


def hostile(home: Path, **more: str) -> dict[str, str]:
    """Everything that a program might listen to, set to nonsense; HOME and TMPDIR are folders of their own."""
    temporary = home / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(temporary), **NONSENSE, **more}


@cache
def _homes() -> tempfile.TemporaryDirectory[str]:
    """Where the homes of this process lie; it goes with the process."""
    return tempfile.TemporaryDirectory(prefix="bootstrap-test-homes-", ignore_cleanup_errors=True)


def new_home(purpose: str = "home-") -> Path:
    return Path(tempfile.mkdtemp(prefix=purpose, dir=_homes().name))


def run_bootstrap(
    *arguments: object,
    home: Path | None = None,
    cwd: Path | None = None,
    timeout: float = 900,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """One command to its end; both streams are pipes."""
    home = home or new_home()
    return subprocess.run(
        [str(BOOTSTRAP), *map(str, arguments)],
        env=hostile(home, **environment),
        cwd=cwd or home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@contextmanager
def started(
    *arguments: object, home: Path | None = None, cwd: Path | None = None
) -> Iterator[subprocess.Popen[str]]:
    """One command under way, in a process group of its own; whatever is left of it ends with the block."""
    home = home or new_home()
    process = subprocess.Popen(
        [str(BOOTSTRAP), *map(str, arguments)],
        env=hostile(home),
        cwd=cwd or home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def acted(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Ids of the steps of a run that did something, in their order."""
    return re.findall(r"^ *acting +([a-z-]+):", done.stderr, re.M)


def said(done: subprocess.CompletedProcess[str]) -> str:
    return f"exit {done.returncode}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"


def assert_decent(done: subprocess.CompletedProcess[str]) -> None:
    """What holds for every run into pipes: plain lines, no escape codes, no traceback."""
    for stream in (done.stdout, done.stderr):
        assert ESCAPE not in stream, said(done)
        assert "\r" not in stream, said(done)
        assert "Traceback" not in stream, said(done)
        assert "a fault in the program" not in stream, said(done)


def assert_refused(done: subprocess.CompletedProcess[str], exit_code: int, code: str, *words: str) -> None:
    """A clear error: exit code, its stable code, what it is about, and what to do next; nothing on stdout."""
    assert_decent(done)
    assert done.returncode == exit_code, said(done)
    assert re.search(rf"\b{code}\b", done.stderr), f"{code} is not named\n{said(done)}"
    assert "hint:" in done.stderr, said(done)
    for word in words:
        assert word in done.stderr, f"{word!r} is not said\n{said(done)}"


def git(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Git with an identity of its own and nobody's configuration."""
    command = [
        "git",
        "-C",
        str(folder),
        "-c",
        "user.name=test",
        "-c",
        "user.email=test@localhost",
        *arguments,
    ]
    base = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(command, env={**base, **(env or {})}, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def commit_all(folder: Path, message: str = "change") -> str:
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--no-verify", "--message", message)
    return git(folder, "rev-parse", "HEAD")
