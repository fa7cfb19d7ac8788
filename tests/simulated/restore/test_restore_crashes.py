"""Any fault at any call of `up --restore`, and the same command puts it right (INV1, G5, B5).

A sample of the calls with each fault, another one each day; all of them with `--whole`. A failure names its walk:
``BOOTSTRAP_REPLAY='KILL_AFTER@17' pytest tests/simulated/restore/test_restore_crashes.py -k replay`` walks it again.
"""

import multiprocessing
import os
import random
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.simulator.faults import Fault
from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.simulator.repeatable import overlapping
from tests.simulator.restore_walks import golden, restore_length, walk_restore
from tests.simulator.restoring import Saved, begun
from tests.simulator.setting import change
from tests.simulator.sweep import SEED, Point, parsed, singles

CALLS, PAIRS = 4, 4
AT_ONCE = 4  # walks that a worker is given at a time


def _changed(platform: SimulatedPlatform) -> None:
    change(platform)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    repository = scaffolded(tmp_path_factory.mktemp("intent"))
    with overlapping():
        made = begun(tmp_path_factory.mktemp("lost"), repository, _changed)
    golden(made)
    return made


@pytest.fixture(scope="module")
def pool(found: Saved) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(os.cpu_count(), context, initializer=os.nice, initargs=(10,)) as made:
        yield made


def all_end_well(
    pool: ProcessPoolExecutor, found: Saved, walks: Iterable[tuple[Point, ...]], title: str
) -> None:
    tried, bad = 0, []
    for name, broken in pool.map(partial(_walked, found.lost.folder, found.file), walks, chunksize=AT_ONCE):
        tried += 1
        if broken:
            bad.append(f"BOOTSTRAP_REPLAY='{name}': {broken}")
    print(f"{title}: {tried} walks, seed {SEED}")
    assert tried, "nothing was walked"
    assert not bad, f"{len(bad)} of {tried}:\n" + "\n".join(bad[:10])


_FOUND: dict[Path, Saved] = {}


def _walked(_: Path, file: Path, points: tuple[Point, ...]) -> tuple[str, str]:
    told = walk_restore(points, _FOUND[file])
    return ",".join(map(str, points)), str(told) if told.broken else ""


@pytest.fixture(scope="module", autouse=True)
def known(found: Saved) -> None:
    """For the workers, which are forked from this process: a platform is not given from one to another."""
    _FOUND[found.file] = found


@pytest.mark.parametrize("fault", list(Fault), ids=lambda fault: fault.name)
def test_inv1_any_fault_at_any_call_and_the_same_command_puts_it_right(
    fault: Fault, found: Saved, pool: ProcessPoolExecutor, whole: bool
) -> None:
    count = restore_length(fault, found)
    drawn = singles(fault, count, 0 if whole else CALLS, random.Random(SEED))
    all_end_well(pool, found, ((point,) for point in drawn), f"{fault}, {count} calls")


def test_inv1_two_crashes_in_a_row(found: Saved, pool: ProcessPoolExecutor, whole: bool) -> None:
    draw = random.Random(f"{SEED} pairs of a restore")
    count = restore_length(Fault.KILL_AFTER, found)
    drawn = [
        (Point(Fault.KILL_AFTER, draw.randint(1, count)), Point(Fault.KILL_AFTER, draw.randint(1, count)))
        for _ in range(200 if whole else PAIRS)
    ]
    all_end_well(pool, found, drawn, "two crashes")


@pytest.mark.skipif("BOOTSTRAP_REPLAY" not in os.environ, reason="BOOTSTRAP_REPLAY names the walk")
def test_replay(found: Saved) -> None:
    told = walk_restore(parsed(os.environ["BOOTSTRAP_REPLAY"]), found)
    print(told)
    assert not told.broken, told
