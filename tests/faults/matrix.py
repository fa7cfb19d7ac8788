"""Which points are walked: all of them, or a sample that is another one each day."""

import os
import random
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from tests.faults.bench import EMPTY, ROADS
from tests.faults.kinds import WRITES_ONLY, Fault
from tests.faults.walk import Point

SEED = os.environ.get("BOOTSTRAP_TEST_SEED") or datetime.now(UTC).strftime("%Y-%m-%d")
POINTS = os.environ.get("BOOTSTRAP_TEST_POINTS", "")
SOME, MANY, FROM_EMPTY = 12, 60, 4  # of FROM_EMPTY one begins at the empty cluster: that road is the longest


def wanted(whole: bool) -> int | None:
    """How many points; None for all of them."""
    if POINTS:
        return None if POINTS == "all" else int(POINTS)
    return MANY if whole else SOME


def sampled(count: int, writes: Mapping[str, int], calls: Mapping[str, int]) -> list[Point]:
    """Each kind before any kind comes twice; places drawn alike from the writes of all roads.

    ``writes`` and ``calls``: of the undisturbed run, from a road's template to the next. Beyond a dozen points a
    third counts reads too.
    """
    draw = random.Random(SEED)
    kinds: list[Fault] = []
    while len(kinds) < count:
        kinds += draw.sample(list(Fault), len(Fault))
    later = [road for road in ROADS if road != EMPTY]
    points = []
    for number, fault in enumerate(kinds[:count]):
        weights = [writes[road] for road in later]
        road = draw.choices(later, weights)[0] if number % FROM_EMPTY else EMPTY
        reads = number >= SOME and number % 3 == 0 and fault not in WRITES_ONLY
        points.append(Point(road, fault, draw.randint(1, (calls if reads else writes)[road]), reads))
    return points


def every(fault: Fault, *, reads: bool) -> Iterator[Point]:
    """The whole road with the fault at call 1, 2, ...: whoever walks them ends where it no longer fires."""
    at = 0
    while True:
        at += 1
        yield Point(EMPTY, fault, at, reads)
