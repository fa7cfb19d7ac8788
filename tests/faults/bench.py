"""One lab with the proxy before it, one platform, templates along its road, and runs on it."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.digest import state
from tests.faults.proxy import Proxy
from tests.faults.schedule import Schedule
from tests.faults.templates import Templates
from tests.lab.support.cluster import Kube
from tests.lab.support.platform import Platform
from tests.lab.support.state import actual, authority, sealed
from tests.lab.support.vault import as_run
from tests.support.program import git, hostile, new_home, run_bootstrap

CHILD = Path(__file__).with_name("child.py")
# Where templates are taken: when a run is about to act on this step. The first is the empty cluster.
MARKS = ("vault-audit", "handover", "store")
EMPTY, DONE = "empty", "done"
ROADS = (EMPTY, *MARKS)
LONGEST = 600.0  # seconds of one run
READY = 120.0  # seconds until Vault is unsealed after a restore


@dataclass(frozen=True)
class Ended:
    """A run through the proxy, as it ended. ``left`` is what it left in its HOME and TMPDIR."""

    code: int
    out: str
    err: str
    left: list[str]


@dataclass
class Bench:
    kube: Kube
    platform: Platform
    proxy: Proxy
    kubeconfig: Path  # through the proxy
    templates: Templates
    folder: Path
    counts: dict[str, int] = field(
        default_factory=dict
    )  # writes of the undisturbed run from a road's template on
    calls: dict[str, int] = field(default_factory=dict)  # all calls
    golden: dict[str, Any] = field(default_factory=dict)
    runs: int = 0
    left: list[str] = field(default_factory=list)
    more: tuple[str, ...] = ()  # words that each `up` takes besides

    # ------------------------------------------------------------ templates

    def prepare(self) -> None:
        """The undisturbed road, ended by a kill at each mark, where a template is taken."""
        self.templates.take(EMPTY)
        records = self.folder / "records"
        code, err = -1, ""
        for road, mark in zip(ROADS, (*MARKS, ""), strict=True):
            self.free_lease()
            run = self.proxy.schedule = Schedule()
            with self.started(records) as process:
                if mark:
                    self._until(process, f"acting  {mark}:")
                    process.send_signal(signal.SIGSTOP)
                    self.templates.take(mark, records)
                    process.kill()
                _, err = process.communicate(timeout=LONGEST)
                code = process.returncode
            self.counts[road], self.calls[road] = run.count + run.locals, len(run.log)
        assert code == 0, err
        self.templates.take(DONE, records)
        self.golden = self.state()

    def _until(self, process: "subprocess.Popen[str]", words: str) -> None:
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(line)
            if words in line:
                return
        raise AssertionError(f"{words!r} was not said:\n{''.join(seen)}")

    def restore(self, road: str) -> None:
        self.proxy.cut_all()
        self.templates.restore(road)
        if road != EMPTY:
            self.free_lease()
            self.settled(lambda: sealed(self.kube))

    def settled(self, waiting: Callable[[], list[str]]) -> None:
        """Waits until nothing is named any more: after a restore or a kill Vault takes a while to choose a leader."""
        until = time.monotonic() + READY
        while left := _named(waiting):
            assert time.monotonic() < until, f"Vault does not come back: {left}"
            time.sleep(0.5)

    def login(self) -> list[str]:
        """Somebody leads, so that one can log in; else the assertion of who tried."""
        with as_run(self.kube, authority(self.platform)):
            return []

    def free_lease(self) -> None:
        """The holder is known to be dead here, so its fifteen seconds are waited for in other tests."""
        if self.kube.get("lease", "bootstrap", "bootstrap-system"):
            patch = '{"spec":{"leaseDurationSeconds":1}}'
            self.kube.run(
                "patch", "lease", "bootstrap", "-n", "bootstrap-system", "--type=merge", "-p", patch
            )

    # ------------------------------------------------------------ runs

    @contextmanager
    def started(self, records: Path, clock: int = 0) -> "Iterator[subprocess.Popen[str]]":
        """`up` through the proxy, from another clone and HOME, asking before each local effect.

        ``clock``: how many seconds its machine's clock is off.
        """
        home = new_home()
        clone = self.clone()
        ask, told = os.pipe()
        heard, answer = os.pipe()
        command = [
            *(sys.executable, "-I", str(CHILD), str(told), str(heard), str(clock)),
            *("up", "--repo", str(clone), "--root", f"file:{self.platform.root_key}"),
            *("--kubeconfig", str(self.kubeconfig), "--records", str(records), "--non-interactive"),
            *self.more,
        ]
        process = subprocess.Popen(
            command,
            env=hostile(home),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=(told, heard),
            start_new_session=True,
        )
        os.close(told)
        os.close(heard)
        self.proxy.schedule.victim = process
        asked = threading.Thread(target=_answer, args=(ask, answer, self.proxy.schedule), daemon=True)
        asked.start()
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # and what it had started
            process.communicate()
            asked.join(timeout=5)
            self.left = [str(path.relative_to(home)) for path in home.rglob("*") if path != home / "tmp"]
            shutil.rmtree(home)

    def records(self, road: str) -> Path:
        """A copy of the template's records, as the machine of the next run has them."""
        folder = self.folder / f"records-{self.runs + 1}"
        if self.templates.records(road).exists():
            shutil.copytree(self.templates.records(road), folder)
        return folder

    def clone(self) -> Path:
        self.runs += 1
        clone = self.folder / f"machine-{self.runs}"
        git(self.folder, "clone", "--quiet", str(self.platform.folder), str(clone))
        return clone

    def faulted(self, schedule: Schedule, records: Path, clock: int = 0) -> Ended:
        """One run under this schedule, to its end."""
        self.proxy.schedule = schedule
        with self.started(records, clock) as process:
            out, err = process.communicate(timeout=LONGEST)
        return Ended(process.returncode, out, err, self.left)

    def up(self, *more: str) -> "subprocess.CompletedProcess[str]":
        """Straight to the API server, from another clone and HOME, with no records."""
        return run_bootstrap("up", *self.platform.to_cluster(self.clone()), *self.more, *more)

    def state(self) -> dict[str, Any]:
        return state(self.kube, self.platform, actual(self.kube, self.platform))


def _named(waiting: Callable[[], list[str]]) -> list[str]:
    try:
        return waiting()
    except (AssertionError, OSError, ValueError, subprocess.TimeoutExpired) as error:
        return [str(error)]


def _answer(ask: int, answer: int, schedule: Schedule) -> None:
    """May it? Yes, unless the schedule kills it for asking."""
    with os.fdopen(ask, "rb") as asked, os.fdopen(answer, "wb", buffering=0) as told:
        for line in asked:
            when, _, effect = line.decode().strip().partition(" ")
            schedule.local(effect, after=when == "after")
            with suppress(OSError):
                told.write(b"\n")
