"""The real `sops`, `age` and `gpg` for tests: built from pinned modules, keys in folders of their own."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.lab.build import binaries

ENVIRONMENT = {"PATH": "/usr/bin:/bin", "SOPS_DISABLE_VERSION_CHECK": "1", "LC_ALL": "C.UTF-8"}


def real_tools() -> dict[str, Path]:
    """Built once for each machine; no cluster is needed."""
    go = shutil.which("go") or Path("/usr/local/go/bin/go").is_file()
    if not go and os.environ.get("CI") != "true":
        pytest.skip("sops and age are built with Go, which is not here")
    return binaries("sops", "age", "age-keygen")


def run(program: Path | str, *words: str, given: bytes = b"", **environment: str) -> bytes:
    done = subprocess.run(
        [program, *words], input=given, env={**ENVIRONMENT, **environment}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Gpg:
    """A GnuPG home of a test's own."""

    home: Path

    def __call__(self, *words: str, given: bytes = b"", passphrase: str = "", at: str = "") -> bytes:
        options = ["--batch", "--pinentry-mode", "loopback", "--passphrase", passphrase]
        options += ["--trust-model", "always", *(("--faked-system-time", at) if at else ())]
        return run("gpg", "--homedir", str(self.home), *options, *words, given=given)

    def new_key(self, *words: str, passphrase: str = "", at: str = "") -> str:
        """The fingerprint of a new key; ``words`` as for ``--quick-gen-key``."""
        before = self.fingerprints()
        self("--quick-gen-key", *words, passphrase=passphrase, at=at)
        return next(found for found in self.fingerprints() if found not in before)

    def fingerprints(self) -> list[str]:
        lines = self("--with-colons", "--list-secret-keys").decode().splitlines()
        primary = [n for n, line in enumerate(lines) if line.startswith("sec:")]
        return [next(line for line in lines[n:] if line.startswith("fpr:")).split(":")[9] for n in primary]

    def secret(self, fingerprint: str, passphrase: str = "") -> bytes:
        return self("--armor", "--export-secret-keys", fingerprint, passphrase=passphrase)


@contextmanager
def gpg_home() -> Iterator[Gpg]:
    """Short, because the path of an agent's socket may have 107 characters; its agent ends with it."""
    home = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"))
    try:
        yield Gpg(home)
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, env=ENVIRONMENT)
        shutil.rmtree(home, ignore_errors=True)
