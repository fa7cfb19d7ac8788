"""Any fault at any call of the whole road, and one `up` puts it right (G5, PH3, B4, H2).

Every kind of fault at twelve calls, one of each stretch of the road; what lasts, pairs and longer walks are fewer. The
sample is another one each day; `--whole` takes every call with every fault. The walks share the machine's processors,
and give way to whatever else runs on it.
A failure names its walk: ``BOOTSTRAP_REPLAY='KILL_AFTER@17' pytest tests/simulated/test_road_crashes.py -k replay``
walks it again.
"""

import multiprocessing
import os
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from tests.simulator.faults import LASTING, Fault
from tests.simulator.invariants import golden
from tests.simulator.platform import scaffolded, with_snapshots
from tests.simulator.sweep import SEED, Point, length, pairs, parsed, seeded, singles, walk

CALLS, SEEDS, ALL_SEEDS = 12, 8, 10_000
AT_ONCE = 8  # walks that a worker is given at a time


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"), with_snapshots)


@dataclass(frozen=True)
class Walkers:
    """Processes that walk; what one of them has opened of the commit, all have."""

    repository: Path
    pool: ProcessPoolExecutor

    def all_end_well(self, walks: Iterable[tuple[Point, ...]], title: str) -> None:
        tried, bad = 0, []
        for name, broken in self.pool.map(partial(_walked, self.repository), walks, chunksize=AT_ONCE):
            tried += 1
            if broken:
                bad.append(f"BOOTSTRAP_REPLAY='{name}': {broken}")
        print(f"{title}: {tried} walks, seed {SEED}")
        assert tried, "nothing was walked"
        assert not bad, f"{len(bad)} of {tried}:\n" + "\n".join(bad[:10])


def _walked(repository: Path, points: tuple[Point, ...]) -> tuple[str, str]:
    told = walk(points, repository)
    return ",".join(map(str, points)), str(told) if told.broken else ""


@pytest.fixture(scope="module")
def walkers(repository: Path) -> Iterator[Walkers]:
    golden(repository)  # once, before there are several processes
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(os.cpu_count(), context, initializer=os.nice, initargs=(10,)) as pool:
        yield Walkers(repository, pool)


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_g5_any_fault_at_any_call_and_one_up_puts_it_right(
    fault: Fault, walkers: Walkers, whole: bool
) -> None:
    count = length(fault, walkers.repository)
    assert not walk((Point(fault, count + 1),), walkers.repository).fired, "the count is not the whole run"
    drawn = singles(fault, count, 0 if whole else CALLS, random.Random(SEED))
    walkers.all_end_well(((point,) for point in drawn), f"{fault}, {count} calls")


@pytest.mark.parametrize("fault", LASTING, ids=lambda fault: fault.name)
def test_ph1_a_fault_that_lasts_ends_the_run_and_the_next_up_goes_on(
    fault: Fault, walkers: Walkers, whole: bool
) -> None:
    calls, draw = length(fault, walkers.repository), random.Random(f"{SEED} lasting")
    drawn = singles(fault, calls, 0 if whole else 2, draw, lasting=True)
    walkers.all_end_well(((point,) for point in drawn), f"{fault}, lasting")


def test_ph3_two_crashes_in_a_row(walkers: Walkers, whole: bool) -> None:
    repository = walkers.repository
    draw = random.Random(f"{SEED} pairs")
    writes = range(1, length(Fault.KILL_AFTER, repository, only_writes=True) + 1)
    if whole:
        walkers.all_end_well((p for first in writes for p in pairs(first, repository)), "two crashes")
        return
    drawn = [
        (Point(Fault.KILL_AFTER, draw.choice(writes), only_writes=True), Point(Fault.KILL_AFTER, at))
        for at in draw.sample(range(1, 400), 10)
    ]
    walkers.all_end_well(drawn, "two crashes")


def test_ph3_walks_of_up_to_three_faults(walkers: Walkers, whole: bool) -> None:
    seeds = range(ALL_SEEDS) if whole else range(SEED * 100, SEED * 100 + SEEDS)
    walkers.all_end_well(map(seeded, seeds), "seeds")


@pytest.mark.skipif("BOOTSTRAP_REPLAY" not in os.environ, reason="BOOTSTRAP_REPLAY names the walk")
def test_replay(repository: Path) -> None:
    told = walk(parsed(os.environ["BOOTSTRAP_REPLAY"]), repository)
    print(told)
    assert not told.broken, told
