"""`bootstrap set` with one fault at each of its calls; then `up`, or `set` once more: nothing is written twice.

By default a sample of the calls that is another one each day; `--whole` takes each. All faults of one kind fall on one
platform in turn, each into a change of its own.
"""

import random
from contextlib import suppress
from pathlib import Path

import pytest

from bootstrap.model.errors import BootstrapError
from tests.simulator.faults import BASIC, Fault, Killed, Schedule
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import repeatable
from tests.simulator.setting import FIELD, change, changes, unsound, versions
from tests.simulator.sweep import SEED, Point, singles

POINTS = 3  # of each fault, by default
FAULTS = (*BASIC, Fault.ZOMBIE, Fault.TWICE, Fault.ERROR_APPLIED, Fault.BUSY, Fault.STANDBY, Fault.SECOND_UP)


def count(platform: SimulatedPlatform, fault: Fault) -> int:
    """The calls of an undisturbed change that the fault concerns."""
    schedule = Schedule(fault, 0)
    change(platform, b"undisturbed", **schedule.ports(platform))
    return schedule.count


def disturbed(platform: SimulatedPlatform, point: Point) -> list[str]:
    """What is wrong after one disturbed change, and after the one that goes on from it."""
    value, before, schedule = f"value of {point}".encode(), len(versions(platform)), point.schedule()
    with suppress(Killed, BootstrapError):
        change(platform, value, **schedule.ports(platform))
    assert schedule.fired
    first = [each[FIELD] for each in versions(platform)[before:]]
    wrong = [] if first in ([], [value]) else [f"{point}: wrote {first}"]
    if point.at % 2:
        platform.up()
        if (records := len(changes(platform))) != len(versions(platform)) - 1:
            wrong.append(f"{point}, after `up`: {records} records")
    change(platform, value)
    schedule.deliver()
    if [each[FIELD] for each in versions(platform)[before:]] != [value]:
        wrong.append(f"{point}: not written exactly once")
    if len(changes(platform)) != len(versions(platform)) - 1:
        wrong.append(f"{point}: {len(changes(platform))} records of {len(versions(platform))} versions")
    return wrong + [f"{point}, at the end: {each}" for each in unsound(platform)]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_change_is_written_once_and_recorded_once(
    tmp_path: Path, repository: Path, whole: bool, fault: Fault
) -> None:
    with repeatable():
        platform = SimulatedPlatform(tmp_path, repository)
        platform.up()
        calls = count(platform, fault)
        assert calls
        points = singles(fault, calls, 0 if whole else POINTS, random.Random(SEED))
        wrong = [each for point in points for each in disturbed(platform, point)]
    print(f"{fault.name}: {len(points)} of {calls} calls, seed {SEED}")
    assert wrong == []
