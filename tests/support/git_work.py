"""An intent repository with a history, made by the program itself, and the program on it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.git_servers import git
from tests.support.intent_fake import CRDS

ROOT = Path(__file__).resolve().parents[2]


def bootstrap(
    *argv: str | Path, cwd: Path = ROOT, fds: tuple[int, ...] = (), **env: str
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bootstrap", *map(str, argv)]
    environment = {"PATH": os.environ["PATH"], **env}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, pass_fds=fds
    )


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An intent repository with two commits, an annotated tag on the first and a branch beside."""
    folder = tmp_path_factory.mktemp("work")
    (folder / "crds.yaml").write_bytes(CRDS)
    done = bootstrap("init", "platform", "--no-passphrase", "--manifests", ".", cwd=folder)
    assert done.returncode == 0, done.stderr
    made = folder / "platform"
    git(made, "tag", "-a", "v1", "-m", "v1")
    git(made, "branch", "side")
    (made / "notes.md").write_text("second\n")
    git(made, "add", "notes.md")
    git(made, "commit", "-q", "-m", "second")
    return made
