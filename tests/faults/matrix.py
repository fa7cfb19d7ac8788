"""Which points are walked: all of them, or a sample that is another one each day."""

import os
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import count

from tests.faults.bench import EMPTY, ROADS
from tests.faults.kinds import WRITES_ONLY, Fault
from tests.faults.walk import Point

SEED = os.environ.get("BOOTSTRAP_TEST_SEED") or datetime.now(UTC).strftime("%Y-%m-%d")
POINTS = os.environ.get("BOOTSTRAP_TEST_POINTS", "")
RESTARTS = (Fault.RESTART_BEFORE, Fault.RESTART_AFTER)
FEW, DOZEN, MANY = 2, 12, 60
FROM_EMPTY = 6  # of so many one begins at the empty cluster: that road is the longest


def wanted(whole: bool) -> int | None:
    """How many points; None for all of them."""
    if POINTS:
        return None if POINTS == "all" else int(POINTS)
    return MANY if whole else FEW


def sampled(number: int, writes: Mapping[str, int], calls: Mapping[str, int]) -> list[Point]:
    """Each kind before any kind comes twice; places drawn alike from the writes of all roads.

    ``writes`` and ``calls``: of the undisturbed run, from a road's template to the next. Beyond a dozen points a
    third counts reads too.
    """
    draw = random.Random(SEED)
    kinds: list[Fault] = []
    while len(kinds) < number:
        kinds += draw.sample(list(Fault), len(Fault))
    later = [road for road in ROADS if road != EMPTY]
    anywhere = [turn for turn, fault in enumerate(kinds[:number]) if fault not in RESTARTS]
    first = set(anywhere[::FROM_EMPTY])  # most of the first road has no Vault to restart
    points = []
    for turn, fault in enumerate(kinds[:number]):
        weights = [writes[road] for road in later]
        road = EMPTY if turn in first else draw.choices(later, weights)[0]
        reads = turn >= DOZEN and turn % 3 == 0 and fault not in WRITES_ONLY
        points.append(Point(road, fault, draw.randint(1, (calls if reads else writes)[road]), reads))
    return points


def every(fault: Fault, counts: Mapping[str, int], *, reads: bool) -> Iterator[Point]:
    """The fault at call 1, 2, ... of each road up to the next template; whoever walks the last road ends where it
    no longer fires."""
    for road in ROADS[:-1]:
        yield from (Point(road, fault, at, reads) for at in range(1, counts[road] + 1))
    yield from (Point(ROADS[-1], fault, at, reads) for at in count(1))
