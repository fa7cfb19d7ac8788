"""The fault matrix as a page: walks every call of the named faults and says what came of it.

    python -m tests.simulator.matrix KILL_AFTER! ZOMBIE STALE/10 seeds:200 > counts.txt

`FAULT` is every call that it concerns, `FAULT!` every write, `FAULT+` every call from which it lasts, `/N` a sample of
N. One line comes out for each: name, calls, walks, walks that broke something, seconds of CPU.
"""

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.simulator.faults import Fault
from tests.simulator.platform import scaffolded
from tests.simulator.sweep import Point, length, seeded, singles, walk


def walks(part: str, repository: Path) -> tuple[int, Iterator[tuple[Point, ...]]]:
    """How many there are in all, and those to walk."""
    if part.startswith("seeds:"):
        count = int(part.removeprefix("seeds:"))
        return count, map(seeded, range(count))
    name, _, some = part.partition("/")
    fault = Fault[name.rstrip("!+")]
    how = {"only_writes": "!" in name, "lasting": "+" in name}
    calls = length(fault, repository, only_writes=how["only_writes"])
    drawn = singles(fault, calls, int(some or 0), random.Random(part), **how)
    return calls, ((point,) for point in drawn)


def main() -> None:
    repository = scaffolded(Path(tempfile.mkdtemp(prefix="matrix-")))
    for part in sys.argv[1:]:
        begun, tried, bad = time.process_time(), 0, 0
        calls, drawn = walks(part, repository)
        for points in drawn:
            told = walk(points, repository)
            tried += 1
            if told.broken:
                bad += 1
                print(f"# {','.join(map(str, points))}: {told}", file=sys.stderr, flush=True)
        seconds = time.process_time() - begun
        print(f"{part}\t{calls}\t{tried}\t{bad}\t{seconds:.0f}", flush=True)


if __name__ == "__main__":
    main()
