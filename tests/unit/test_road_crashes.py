"""Any fault at any call of the whole road, and one `up` puts it right (G5, PH3, B4, H2).

By default a sample that is another one each day; `--whole` takes every call. A failure names its walk:
``BOOTSTRAP_REPLAY='KILL_AFTER@17' pytest tests/unit/test_road_crashes.py -k replay`` walks it again.
"""

import os
import random
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.simulator.faults import LASTING, Fault
from tests.simulator.platform import scaffolded
from tests.simulator.sweep import Point, length, pairs, parsed, seeded, singles, walk

SEED = int(os.environ.get("BOOTSTRAP_SEED") or datetime.now(UTC).strftime("%Y%m%d"))
SOME = 6  # points of each fault by default
WRITES = 14  # crashes after a write, and lost answers of one: where most can go wrong
SEEDS, ALL_SEEDS = 12, 10_000


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"))


def all_end_well(walks: Iterable[tuple[Point, ...]], repository: Path, title: str) -> None:
    tried, bad = 0, []
    for points in walks:
        told = walk(points, repository)
        tried += 1
        if told.broken:
            bad.append(f"BOOTSTRAP_REPLAY='{','.join(map(str, points))}': {told}")
    print(f"{title}: {tried} walks, seed {SEED}")
    assert not bad, f"{len(bad)} of {tried}:\n" + "\n".join(bad[:10])


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_g5_any_fault_at_any_call_and_one_up_puts_it_right(
    fault: Fault, repository: Path, whole: bool
) -> None:
    count = length(fault, repository)
    assert not walk((Point(fault, count + 1),), repository).fired, "the count is not the whole run"
    drawn = singles(fault, count, 0 if whole else SOME, random.Random(f"{SEED} {fault}"))
    all_end_well(((point,) for point in drawn), repository, f"{fault}, {count} calls")


@pytest.mark.parametrize("fault", [Fault.KILL_AFTER, Fault.LOST_ANSWER], ids=lambda fault: fault.name)
def test_ph3_a_write_whose_outcome_nobody_saw_is_looked_at(
    fault: Fault, repository: Path, whole: bool
) -> None:
    count = length(fault, repository, only_writes=True)
    draw = random.Random(f"{SEED} writes {fault}")
    drawn = singles(fault, count, 0 if whole else WRITES, draw, only_writes=True)
    all_end_well(((point,) for point in drawn), repository, f"{fault}, {count} writes")


@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.name)
def test_ph1_a_fault_that_lasts_ends_the_run_and_the_next_up_goes_on(
    fault: Fault, repository: Path, whole: bool
) -> None:
    drawn = singles(
        fault, length(fault, repository), 0 if whole else 2, random.Random(f"{SEED} lasting"), lasting=True
    )
    all_end_well(((point,) for point in drawn), repository, f"{fault}, lasting")


def test_ph3_two_crashes_in_a_row(repository: Path, whole: bool) -> None:
    draw = random.Random(f"{SEED} pairs")
    writes = range(1, length(Fault.KILL_AFTER, repository, only_writes=True) + 1)
    if whole:
        all_end_well((p for first in writes for p in pairs(first, repository)), repository, "two crashes")
        return
    drawn = [
        (Point(Fault.KILL_AFTER, draw.choice(writes), only_writes=True), Point(Fault.KILL_AFTER, at))
        for at in draw.sample(range(1, 400), 10)
    ]
    all_end_well(drawn, repository, "two crashes")


def test_ph3_walks_of_up_to_three_faults(repository: Path, whole: bool) -> None:
    seeds = range(ALL_SEEDS) if whole else range(SEED * 100, SEED * 100 + SEEDS)
    all_end_well(map(seeded, seeds), repository, "seeds")


@pytest.mark.skipif("BOOTSTRAP_REPLAY" not in os.environ, reason="BOOTSTRAP_REPLAY names the walk")
def test_replay(repository: Path) -> None:
    told = walk(parsed(os.environ["BOOTSTRAP_REPLAY"]), repository)
    print(told)
    assert not told.broken, told
