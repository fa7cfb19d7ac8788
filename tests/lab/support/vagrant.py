"""Vagrant as a user has it, with state and home of its own."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.docs.pages import ROOT


@dataclass(frozen=True)
class Vagrant:
    provider: str
    place: Path
    settings: Mapping[str, str]

    @property
    def kubeconfig(self) -> Path:
        return self.place / "kubeconfig"

    def run(self, *arguments: str, timeout: float = 1800) -> "subprocess.CompletedProcess[str]":
        own = {
            "VAGRANT_HOME": str(self.place / "home"),
            "VAGRANT_DOTFILE_PATH": str(self.place / "state"),
            "VAGRANT_DEFAULT_PROVIDER": self.provider,
            "BOOTSTRAP_VAGRANT_PLACE": str(self.place),
        }
        return subprocess.run(
            ["vagrant", *arguments],
            cwd=ROOT,
            env={**os.environ, **own, **self.settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def must(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, (
            f"vagrant {' '.join(arguments)}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
        return done.stdout

    def changed(self) -> dict[str, int]:
        """Of one more run of the playbooks: tasks by machine that changed something."""
        recap = self.must("provision").partition("PLAY RECAP")[2]
        rows = [line.split() for line in recap.splitlines() if "changed=" in line]
        return {
            row[0]: int(next(w for w in row if w.startswith("changed=")).partition("=")[2]) for row in rows
        }


def stand_in(folder: Path, name: str, answer: str) -> dict[str, str]:
    """A program that only lets Vagrant find its provider, so that it goes on to judge the configuration."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{answer}'\n")
    (folder / name).chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def copied(target: Path, *replaced: tuple[str, str]) -> Path:
    """The Vagrantfile in a folder of its own, with other words in it."""
    text = (ROOT / "Vagrantfile").read_text()
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    target.mkdir()
    (target / "Vagrantfile").write_text(text)
    shutil.copytree(ROOT / "testbed/machine", target / "testbed/machine")
    shutil.copytree(ROOT / "playbooks", target / "playbooks")
    return target
