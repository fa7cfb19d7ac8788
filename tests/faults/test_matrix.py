"""Any fault at any call to the real servers, and one `up` puts it right (G5, PH3, B4, H1, H2, INV4).

By default two points, others each day; ``--whole`` sixty; ``BOOTSTRAP_TEST_POINTS`` a number or ``all``.
``BOOTSTRAP_TEST_SEED`` draws the points of another day. A failure names its point, and how to walk it again.
"""

import os
from collections import Counter
from collections.abc import Iterable

import pytest

from tests.faults.bench import ROADS, Bench
from tests.faults.kinds import WRITES_ONLY, Fault
from tests.faults.matrix import SEED, every, sampled, wanted
from tests.faults.walk import REPLAY, Point, Told, Walk

pytestmark = pytest.mark.lab
REPEATED = 4  # after each so many points a further `up` must change nothing


@pytest.fixture(scope="module")
def walk(bench: Bench) -> Walk:
    return Walk(bench)


def points(bench: Bench, whole: bool, over: set[tuple[Fault, bool]]) -> Iterable[Point]:
    """``over``: the kinds whose calls are all walked; it grows meanwhile."""
    count = wanted(whole)
    if count is not None:
        yield from sampled(count, bench.counts, bench.calls)
        return
    for fault in Fault:
        for reads in (False, True) if fault not in WRITES_ONLY else (False,):
            for point in every(fault, bench.calls if reads else bench.counts, reads=reads):
                if (fault, reads) in over:
                    break
                yield point


def counted(told: list[Told], skipped: int) -> str:
    kinds = Counter(each.point.fault.name for each in told if each.where)
    digests = {each.digest for each in told if each.digest}
    lines = [
        f"{sum(kinds.values())} points, {len(kinds)} kinds, {len({t.where for t in told if t.where})} calls hit"
    ]
    lines += [f"  {kind} {number}" for kind, number in sorted(kinds.items())]
    lines.append(f"{len(digests)} digest of the end state; {sum(bool(t.broken) for t in told)} points failed")
    return "\n".join([*lines, f"{skipped} not met"] if skipped else lines)


def test_g5_a_fault_on_real_servers_and_one_up_puts_it_right(
    bench: Bench, walk: Walk, whole: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    over: set[tuple[Fault, bool]] = set()
    skipped = 0
    for number, point in enumerate(points(bench, whole, over), start=1):
        told = walk(point, repeat=number % REPEATED == 0)
        with capsys.disabled():
            print(f"\n{number:3} {told}", *(f"\n    BROKEN {each}" for each in told.broken), flush=True)
        if not told.where:
            skipped += 1
            if point.road == ROADS[-1]:
                over.add((point.fault, point.reads))
    print(f"seed {SEED} (BOOTSTRAP_TEST_SEED)\n{counted(walk.told, skipped)}")
    bad = [told for told in walk.told if told.broken]
    assert not bad, "\n".join(
        f"{told}\n  replay: {REPLAY.format(told.point)}\n  " + "\n  ".join(told.broken) for told in bad
    )
    assert sum(bool(told.where) for told in walk.told) >= len(walk.told) // 2, "most faults were not met"


@pytest.mark.skipif("BOOTSTRAP_REPLAY" not in os.environ, reason="no point was named (BOOTSTRAP_REPLAY)")
def test_replay(walk: Walk) -> None:
    told = [walk(Point.parse(text), repeat=True) for text in os.environ["BOOTSTRAP_REPLAY"].split(",")]
    print(*told, sep="\n")
    assert [f"{each.point}: {problem}" for each in told for problem in each.broken] == []
