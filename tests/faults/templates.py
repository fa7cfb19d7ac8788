"""A lab's state, copied while everything in it is frozen, and put back: as after a power cut at that moment.

Copied are etcd, the volumes, and the kubelet's folder. Images stay; containers of the time after are nobody's and
the kubelet removes them.
"""

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.lab.cgroup import groups
from bootstrap.lab.kind.provider import engine_of
from bootstrap.lab.resources import folder as resources
from bootstrap.lab.state import find
from tests.lab.support.cluster import Lab
from tests.support.program import BOOTSTRAP

PARTS = ("etcd", "var-lib/local-path", "var-lib/kubelet")
LIMIT = 60.0  # seconds until everything stands still


@dataclass(frozen=True)
class Templates:
    """Copies below ``folder``, by name; each may have a records/ folder beside it."""

    lab: Lab
    folder: Path

    def take(self, name: str, records: Path | None = None) -> None:
        target = self.folder / name
        with frozen(self.lab):
            for part in PARTS:
                _copy(self.lab.state / part, target / part)
        if records is not None and records.exists():
            shutil.copytree(records, target / "records")

    def records(self, name: str) -> Path:
        return self.folder / name / "records"

    def restore(self, name: str) -> None:
        """The cluster runs when it returns, and its API server answers."""
        self._stop()
        for part in PARTS:
            shutil.rmtree(self.lab.state / part)
            _copy(self.folder / name / part, self.lab.state / part)
        done = subprocess.run(
            [str(BOOTSTRAP), "lab", "up", "--name", self.lab.name],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def _stop(self) -> None:
        known = find(self.lab.name)
        assert known is not None
        if self.lab.containers:
            engine_of(known).run("kill", *self.lab.containers)
            return
        script = resources("playbooks") / "files" / "box-stop.sh"
        command = ["/bin/bash", str(script), known.name, known.link]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    command = ["cp", "--archive", "--sparse=always", "--reflink=auto", str(source), str(target)]
    subprocess.run(command, check=True)


@contextmanager
def frozen(lab: Lab) -> Iterator[None]:
    """Not one process of the lab takes a step meanwhile."""
    switches = [
        (group / file, on, off)
        for group in groups(lab.name, lab.containers)
        for file, on, off in (("freezer.state", "FROZEN", "THAWED"), ("cgroup.freeze", "1", "0"))
        if (group / file).exists()
    ]
    assert switches, "this machine has no freezer"
    (switch, on, off) = switches[0]
    try:
        until = time.monotonic() + LIMIT
        while not _stopped(switch, on):
            assert time.monotonic() < until, "the lab does not stand still"
            switch.write_text(off)  # a process that was born meanwhile can hold up the rest: begun again
        yield
    finally:
        switch.write_text(off)


def _stopped(switch: Path, on: str) -> bool:
    switch.write_text(on)
    for _ in range(200):
        if _stands(switch, on):
            return True
        time.sleep(0.01)
    return False


def _stands(switch: Path, on: str) -> bool:
    if switch.name == "freezer.state":
        return switch.read_text().strip() == on
    return "frozen 1" in (switch.parent / "cgroup.events").read_text()
