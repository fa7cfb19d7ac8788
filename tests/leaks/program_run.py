"""Commands of the program on a repository whose every value is known, and all that they said."""

import os
import pty
import select
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.support.canaries import Canaries, plant
from tests.support.program import BOOTSTRAP, git, hostile, new_home, run_bootstrap
from tests.support.watch import Processes

ROOT = Path(__file__).resolve().parents[2]
TEMPORARY = (Path("/tmp"), Path("/var/tmp"))
REPORTS = ("json", "sarif", "junit")


def temporary() -> frozenset[Path]:
    return frozenset(path for folder in TEMPORARY for path in folder.iterdir())


@dataclass
class Run:
    """``said`` is what commands wrote, ``failed`` what those wrote that were to fail; by command and stream."""

    folder: Path
    repository: Path
    home: Path
    canaries: Canaries
    platform: SimulatedPlatform
    begun: float
    before: frozenset[Path]  # what was in the temporary folders
    processes: Processes
    said: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    terminal: dict[str, bytes] = field(default_factory=dict)
    planted: dict[str, bytes] = field(
        default_factory=dict
    )  # by controls, as a server's answer or an object would be
    more_envelopes: list[bytes] = field(default_factory=list)  # that an export has, by a control
    left: list[Path] = field(default_factory=list)  # files of controls outside of the run's folders

    @property
    def root(self) -> list[str]:
        return ["--root", f"file:{self.folder / 'root.key'}"]

    @property
    def needles(self) -> dict[str, bytes]:
        key = (self.folder / "root.key").read_text().splitlines()[-1]
        ssh = self.folder / "id"
        more = {"ssh key": ssh.read_bytes().splitlines()[3]} if ssh.exists() else {}
        return {**self.canaries.needles, "root key": key.removeprefix("AGE-SECRET-KEY-1").encode(), **more}


def made(folder: Path) -> Run:
    repository = scaffolded(folder)
    canaries = Canaries.new()
    plant(repository, folder, canaries)
    (folder / "sim").mkdir()
    platform = SimulatedPlatform(folder / "sim", repository)
    home = new_home()
    with Processes() as processes:
        run = Run(folder, repository, home, canaries, platform, time.time(), temporary(), processes)
        platform.up()
        _commands(run)
    return run


def _commands(run: Run) -> None:
    repo = ["--repo", str(run.repository)]
    _keep(run, run.said, "check", "check", *repo, *run.root)
    _keep(run, run.said, "plan json", "plan", *repo, "-o", "json")
    _keep(run, run.failed, "up", "up", *repo, *run.root, "--kubeconfig", "/nonexistent", "--non-interactive")
    _wrong(run)


def _wrong(run: Run) -> None:
    """On a copy of the repository with values where they do not belong: each is refused, and quoted nowhere."""
    copy = run.folder / "wrong"
    subprocess.run(["git", "clone", "-q", str(run.repository), str(copy)], check=True)
    (copy / "encrypted/clear.sops.yaml").write_text(f"token: {run.canaries.deploy}\n")
    (copy / "encrypted/clear.age").write_bytes(run.canaries.binary)
    (copy / "secrets/clear.yaml").write_text(
        "apiVersion: bootstrap/v1\nkind: Secret\nmetadata: {name: clear}\nspec:\n  class: runtime\n"
        f"  value: {run.canaries.session}\n  owner: [{run.canaries.superuser}]\n"
    )
    git(copy, "add", "--all", "--force")
    git(copy, "commit", "-q", "-m", "wrong")
    for report in REPORTS:
        _keep(run, run.failed, f"check {report}", "check", "--repo", copy, *run.root, "-o", report)
    _keep(run, run.failed, "import", "import", copy, "--repo", run.repository, *run.root, "-o", "json")
    run.terminal["check"] = on_terminal(run, "check", "--repo", str(copy), *run.root)


def _keep(run: Run, into: dict[str, str], name: str, *arguments: object) -> None:
    done = run_bootstrap(*arguments, home=run.home)
    assert (done.returncode == 0) == (into is run.said), done.stderr
    into[f"{name} stdout"], into[f"{name} stderr"] = done.stdout, done.stderr


def on_terminal(run: Run, *arguments: str) -> bytes:
    """What a command writes where both streams are a terminal."""
    ours, theirs = pty.openpty()
    environment = hostile(run.home, TERM="xterm-256color")
    command = [str(BOOTSTRAP), *arguments]
    with subprocess.Popen(
        command, env=environment, cwd=run.home, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        found = bytearray()
        while select.select([ours], [], [], 120)[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the last writer has closed it
                break
            found += piece
        process.wait(120)
    os.close(ours)
    return bytes(found)
