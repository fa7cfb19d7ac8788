"""Faulted runs of the whole road, each with its name, so that a failure replays.

A point is written `FAULT@n` (at the n-th call that the fault concerns), `FAULT@n+` (from there on), `FAULT@n!` (of
the writes only); several, joined by a comma, are the faults of as many runs one after another. `seed:S` is a walk of
up to three such runs drawn from S.
"""

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from bootstrap.model.errors import BootstrapError
from tests.simulator.faults import LASTING, Call, Fault, Killed, Schedule
from tests.simulator.invariants import Watch
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import overlapping

SEED = int(os.environ.get("BOOTSTRAP_SEED") or datetime.now(UTC).strftime("%Y%m%d"))
UPS = 3  # runs that may be needed after the last fault; one after a single one


@dataclass(frozen=True)
class Point:
    fault: Fault
    at: int
    lasting: bool = False
    only_writes: bool = False

    def __str__(self) -> str:
        return f"{self.fault.name}@{self.at}{'+' * self.lasting}{'!' * self.only_writes}"

    @staticmethod
    def parse(text: str) -> "Point":
        name, _, rest = text.partition("@")
        return Point(Fault[name], int(rest.rstrip("+!")), "+" in rest, "!" in rest)

    def schedule(self) -> Schedule:
        return Schedule(self.fault, self.at, lasting=self.lasting, only_writes=self.only_writes)


@dataclass
class Told:
    """What came of one walk: ``fired`` says whether its first fault was met at all."""

    fired: bool
    broken: list[str]
    ups: int
    stops: list[str]

    def __str__(self) -> str:
        return "; ".join([*self.stops, *self.broken])


def parsed(text: str) -> tuple[Point, ...]:
    """The points of a walk's name."""
    if text.startswith("seed:"):
        return seeded(int(text.removeprefix("seed:")))
    return tuple(Point.parse(each) for each in text.split(","))


def seeded(seed: int) -> tuple[Point, ...]:
    """One to three faulted runs; the places are drawn so that early and late ones are met alike."""
    draw = random.Random(seed)
    points = []
    for _ in range(draw.randint(1, 3)):
        fault = draw.choice([f for f in Fault if f is not Fault.NO_SPACE])
        only_writes = fault in (Fault.KILL_BEFORE, Fault.KILL_AFTER) and draw.random() < 0.5
        lasting = fault in LASTING and draw.random() < 0.2
        points.append(Point(fault, int(draw.triangular(1, 700, 60)), lasting, only_writes))
    return tuple(points)


def walk(points: tuple[Point, ...], repository: Path) -> Told:
    """Faulted runs in turn, then `up` until it is done, then once more, then the late requests arrive."""
    folder = Path(tempfile.mkdtemp(prefix="walk-", dir=repository.parent))
    try:
        with overlapping():
            platform = SimulatedPlatform(folder, repository)
            return walked(points, platform, Watch(platform))
    finally:
        shutil.rmtree(folder)


def walked(points: tuple[Point, ...], platform: SimulatedPlatform, watch: Watch) -> Told:
    """The same of a platform that is there."""
    told = Told(False, watch.broken, 0, [])
    schedules = [point.schedule() for point in points]
    for schedule in schedules:
        stop = run(platform, watch, schedule)
        told.stops.append(f"{schedule.fault.name} at {schedule.where or 'no call'}: {stop or 'went on'}")
    told.fired = schedules[0].fired
    allowed = 1 if len(points) == 1 else UPS
    stop = "not tried"
    while stop and told.ups < allowed:
        stop = run(platform, watch)
        told.ups += 1
        told.stops.append(f"up {told.ups}: {stop or 'done'}")
    if stop:
        watch.breaks("F-1", f"not done after {told.ups} up")
        return told
    watch.at_end()
    late = [call for schedule in schedules for call in schedule.late]
    for schedule in schedules:
        schedule.deliver()
    if any(map(first_apply, late)) and run(platform, watch):
        watch.breaks("F-7", "a late first apply is not repaired by one up")
    _unchanged(platform, watch)
    return told


def first_apply(call: Call) -> bool:
    """Server-side apply of an object that was not there: it knows no precondition for that, so the one request that
    may come late enough to put back what has moved on since. The next `up` sees it and repairs it."""
    return call.name == "apply" and "resourceVersion" not in call.args[0]["metadata"]


def run(platform: SimulatedPlatform, watch: Watch, schedule: Schedule | None = None) -> str:
    """One `up`; what stopped it, empty when it was done."""
    error: BootstrapError | None = None
    stop = ""
    try:
        platform.up(**(schedule.ports(platform) if schedule else {}))
    except Killed as killed:
        stop = f"killed at {killed}"
    except BootstrapError as found:
        error, stop = found, f"{found.code} {found.message}"
    except Exception as found:  # anything else is a bug of ours, and the finding
        watch.breaks("bug", f"{type(found).__name__}: {found}")
        stop = repr(found)
    watch.at_stop(error)
    return stop


def _unchanged(platform: SimulatedPlatform, watch: Watch) -> None:
    """F-3 and F-7: one more `up` finds nothing to do, and everything is as it was."""
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    stop = run(platform, watch)
    changed = [*platform.cluster.mutations, *platform.vault.mutations]
    if stop or changed:
        watch.breaks("F-3", f"a second up: {stop} {changed[:5]}")
    watch.same_end()


def length(fault: Fault, repository: Path, *, only_writes: bool = False) -> int:
    """How many calls of an undisturbed run the fault concerns: one more does not fire any more."""
    folder = Path(tempfile.mkdtemp(prefix="length-", dir=repository.parent))
    platform = SimulatedPlatform(folder, repository)
    schedule = Schedule(fault, 0, only_writes=only_writes)
    with overlapping():
        platform.up(**schedule.ports(platform))
    shutil.rmtree(folder)
    return schedule.count


def singles(fault: Fault, count: int, some: int, draw: random.Random, **how: bool) -> list[Point]:
    """A point for each call, or ``some`` of them: one drawn from each stretch of equal length."""
    if not some or some >= count:
        return [Point(fault, at, **how) for at in range(1, count + 1)]
    edges = [round(n * count / some) for n in range(some + 1)]
    return [Point(fault, draw.randint(a + 1, b), **how) for a, b in pairwise(edges)]


def pairs(first: int, repository: Path) -> Iterator[tuple[Point, Point]]:
    """A crash before and after the ``first`` write, with a crash after each write of the resume, until none is left."""
    for fault in (Fault.KILL_BEFORE, Fault.KILL_AFTER):
        begun = Point(fault, first, only_writes=True)
        for second in range(1, writes_after(begun, repository) + 1):
            yield begun, Point(Fault.KILL_AFTER, second, only_writes=True)


def writes_after(begun: Point, repository: Path) -> int:
    """The writes of the run that goes on after ``begun``."""
    folder = Path(tempfile.mkdtemp(prefix="length-", dir=repository.parent))
    platform = SimulatedPlatform(folder, repository)
    schedule = Schedule(Fault.KILL_AFTER, 0, only_writes=True)
    with overlapping():
        with suppress(Killed):
            platform.up(**begun.schedule().ports(platform))
        platform.up(**schedule.ports(platform))
    shutil.rmtree(folder)
    return schedule.count
