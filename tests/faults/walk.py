"""One point: a faulted run from a template, then one `up` straight to the servers, then everything must hold.

A point is written `ROAD:FAULT@n` (the n-th write of a run that begins at that template), `ROAD:FAULT@n?` (the n-th
call, reads counted too).
"""

import re
import time
from dataclasses import dataclass, field
from typing import Any

from tests.faults.bench import EMPTY, Bench, Ended
from tests.faults.digest import differences
from tests.faults.invariants import after_up, decent
from tests.faults.kinds import KILLS, RESTARTS, Fault
from tests.faults.schedule import Exchange, Schedule
from tests.lab.support.cluster import ApiAudit
from tests.lab.support.killed import kill_vault

REPLAY = "BOOTSTRAP_REPLAY='{}' .venv/bin/pytest tests/faults -k replay -s"
HELD = 7


@dataclass(frozen=True)
class Point:
    road: str
    fault: Fault
    at: int
    reads: bool = False

    def __str__(self) -> str:
        return f"{self.road}:{self.fault.name}@{self.at}{'?' * self.reads}"

    @staticmethod
    def parse(text: str) -> "Point":
        found = re.fullmatch(r"([a-z-]+):([A-Z_]+)@([0-9]+)(\??)", text)
        assert found, f"{text!r} is no point: ROAD:FAULT@n"
        return Point(found[1], Fault[found[2]], int(found[3]), bool(found[4]))


@dataclass
class Told:
    """What came of one point. ``where`` is the call that was hit; empty: the fault did not fire."""

    point: Point
    where: str = ""
    code: int = 0
    digest: str = ""
    idle: bool = False  # the fault had nothing to break: no Vault runs yet
    broken: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        took = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.seconds.items())
        return f"{self.point}: {self.where or 'not met'}; exit {self.code}; {took}"


class Walk:
    """Walks one point after another on one bench."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.told: list[Told] = []

    def __call__(self, point: Point, *, repeat: bool = False) -> Told:
        """``repeat``: also that a further `up` changes nothing."""
        told = Told(point)
        self.told.append(told)
        clock = _Clock(told.seconds)
        self.bench.restore(point.road)
        clock.lap("restore")
        audit = ApiAudit(self.bench.kube.lab.audit_log)
        schedule = Schedule(point.fault, point.at, point.reads, interlude=self._interlude(point, told))
        ended = self.bench.faulted(schedule, self.bench.records(point.road))
        told.where, told.code = "" if told.idle else schedule.where, ended.code
        clock.lap("faulted run")
        told.broken += schedule.broken
        self._judge(point, ended, told)
        if told.where:
            self._repair(point, ended, audit, told, clock)
            self._late(schedule.late, told)
        if repeat and told.where and not told.broken:
            self._repeat(told)
        clock.lap("checks")
        return told

    def _interlude(self, point: Point, told: Told) -> Any:
        def another_up() -> None:
            self.bench.free_lease()
            done = self.bench.up()
            told.broken += [
                f"K15: the other up: {problem}" for problem in decent(done.returncode, done.stderr, 0)
            ]

        def restart() -> None:
            told.idle = not kill_vault(self.bench.kube)

        return another_up if point.fault is Fault.SLEEPER else restart

    def _judge(self, point: Point, ended: Ended, told: Told) -> None:
        """I-11, I-12, I-14 of the faulted run."""
        told.broken += [f"I-14: left behind: {name}" for name in ended.left]
        if point.fault in KILLS and ended.code == -9:
            return
        if not told.where:
            told.broken += [f"undisturbed: {problem}" for problem in decent(ended.code, ended.err, 0)]
            return
        expected = HELD if point.fault is Fault.SLEEPER else None
        told.broken += [f"I-12: {problem}" for problem in decent(ended.code, ended.err, expected)]

    def _repair(self, point: Point, ended: Ended, audit: ApiAudit, told: Told, clock: "_Clock") -> None:
        """F-1: one `up` ends it, and says nothing is to do where the faulted run said so."""
        if ended.code < 0:
            self.bench.free_lease()
        done = self.bench.up()
        clock.lap("up")
        told.broken += [f"F-1: {problem}" for problem in decent(done.returncode, done.stderr, 0)]
        # After a restart the node may come back later than the run ends; then there is a wait left to do.
        if ended.code == 0 and point.fault not in RESTARTS and "nothing to do" not in done.stdout:
            told.broken.append("I-11: exit 0 with work left")
        if done.returncode == 0:
            broken, told.digest = after_up(self.bench, audit, verified=point.road != EMPTY)
            told.broken += broken

    def _late(self, late: list[Exchange], told: Told) -> None:
        """F-7: a delayed request arrives at last. Only the first apply of an object may then need an `up`."""
        for call in late:
            try:
                call.deliver()
            except OSError:  # nobody waits for the answer any more
                continue
            if call.request.method == "PATCH" and not call.conditional:
                done = self.bench.up()
                told.broken += [f"F-7: {p}" for p in decent(done.returncode, done.stderr, 0)]
        if late:
            told.broken += [f"F-7: {each}" for each in differences(self.bench.golden, self.bench.state())]

    def _repeat(self, told: Told) -> None:
        """F-3: a further `up` changes nothing."""
        audit = ApiAudit(self.bench.kube.lab.audit_log)
        done = self.bench.up()
        told.broken += [f"F-3: {problem}" for problem in decent(done.returncode, done.stderr, 0)]
        time.sleep(1)  # the audit log is written a moment later
        told.broken += [f"F-3: {mutation}" for mutation in audit.mutations()]


class _Clock:
    def __init__(self, seconds: dict[str, float]) -> None:
        self._seconds, self._last = seconds, time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._seconds[name], self._last = now - self._last, now
