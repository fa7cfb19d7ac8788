"""Any fault at any call of `up --approve recover-quorum`, and the same command puts it right (S4, G5, B5).

A sample of the calls with each fault, another one each day; all of them with `--whole`. A failure names its walk:
``BOOTSTRAP_REPLAY='KILL_AFTER@17' pytest tests/simulated/recovery/test_quorum_crashes.py -k replay`` walks it again.
"""

import os
import random
from collections.abc import Sequence
from functools import partial

import pytest

from bootstrap.steps.authority.approvals import RECOVER_QUORUM
from tests.simulator.faults import Fault
from tests.simulator.forked import in_a_fork
from tests.simulator.losses import lose_nodes
from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.simulator.recover_walks import golden, recovery_length, walk_recovery
from tests.simulator.repeatable import overlapping
from tests.simulator.setting import change
from tests.simulator.sweep import SEED, Point, parsed, singles

CALLS, PAIRS = 3, 4


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPlatform:
    """Two of three volumes are gone; what it was is walked from again and again, each time in a fork."""
    platform = SimulatedPlatform(
        tmp_path_factory.mktemp("lost"), scaffolded(tmp_path_factory.mktemp("intent"))
    )
    with overlapping():
        platform.up()
        change(platform)
    lose_nodes(platform, 0, 2)
    platform.approved = (RECOVER_QUORUM,)
    return platform


@pytest.fixture(scope="module")
def end(lost: SimulatedPlatform) -> str:
    return in_a_fork(partial(golden, lost))


def all_end_well(lost: SimulatedPlatform, end: str, walks: Sequence[tuple[Point, ...]], title: str) -> None:
    broken = {}
    for points in walks:
        why = in_a_fork(partial(walk_recovery, points, lost, end))
        if why:
            broken[",".join(map(str, points))] = why
    print(f"{title}: {len(walks)} walks, seed {SEED}")
    assert walks, "nothing was walked"
    assert broken == {}


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_s4_any_fault_at_any_call_and_the_same_command_puts_it_right(
    fault: Fault, lost: SimulatedPlatform, end: str, whole: bool
) -> None:
    count = int(in_a_fork(partial(recovery_length, lost, fault)))
    drawn = singles(fault, count, 0 if whole else CALLS, random.Random(SEED))
    all_end_well(lost, end, [(point,) for point in drawn], f"{fault}, {count} calls")


def test_s4_two_crashes_in_a_row(lost: SimulatedPlatform, end: str, whole: bool) -> None:
    draw = random.Random(f"{SEED} pairs of a recovery")
    count = int(in_a_fork(partial(recovery_length, lost, Fault.KILL_AFTER)))
    drawn = [
        (Point(Fault.KILL_AFTER, draw.randint(1, count)), Point(Fault.KILL_AFTER, draw.randint(1, count)))
        for _ in range(200 if whole else PAIRS)
    ]
    all_end_well(lost, end, drawn, "two crashes")


@pytest.mark.skipif("BOOTSTRAP_REPLAY" not in os.environ, reason="BOOTSTRAP_REPLAY names the walk")
def test_replay(lost: SimulatedPlatform, end: str) -> None:
    told = in_a_fork(partial(walk_recovery, parsed(os.environ["BOOTSTRAP_REPLAY"]), lost, end))
    assert not told, told
