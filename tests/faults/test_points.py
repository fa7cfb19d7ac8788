"""Points have names that replay, and a day's sample is wide."""

from itertools import islice

import pytest

from tests.faults.bench import EMPTY, ROADS
from tests.faults.kinds import EFFECTS, Fault
from tests.faults.matrix import every, sampled
from tests.faults.walk import Point

WRITES = {"empty": 80, "vault-audit": 40, "handover": 30, "store": 50}
CALLS = {road: 5 * count for road, count in WRITES.items()}


def test_every_fault_has_an_effect() -> None:
    assert set(EFFECTS) == set(Fault)


@pytest.mark.parametrize("text", ["empty:KILL_AFTER@17", "vault-audit:DENIED@3?"])
def test_a_name_is_a_point(text: str) -> None:
    assert str(Point.parse(text)) == text


def test_a_day_s_dozen_is_twelve_kinds_on_several_roads() -> None:
    points = sampled(12, WRITES, CALLS)
    assert len({point.fault for point in points}) == 12
    assert {point.road for point in points} > {EMPTY}
    assert all(1 <= point.at <= WRITES[point.road] for point in points)
    assert sampled(12, WRITES, CALLS) == points


def test_sixty_are_every_kind_and_every_road_and_some_reads() -> None:
    points = sampled(60, WRITES, CALLS)
    assert {point.fault for point in points} == set(Fault)
    assert {point.road for point in points} == set(ROADS)
    assert any(point.reads for point in points)


def test_all_of_them_is_the_whole_road_call_by_call() -> None:
    points = list(islice(every(Fault.TWICE, WRITES, reads=False), 200))
    assert str(points[0]) == "empty:TWICE@1"
    assert [str(p) for p in points[79:81]] == ["empty:TWICE@80", "vault-audit:TWICE@1"]
    assert str(points[-1]) == "store:TWICE@50", "the last road has no end of its own"
