"""Takes guards out of the program, one at a time, and runs their tests, in a process of its own.

python -m tests.guards.run GUARDS ANSWERS   # two JSON files: a list of rows; name to the test that failed
"""

import json
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from tests.guards.forked import Forks, Items, forked
from tests.guards.swap import loaded, swap
from tests.guards.table import Guard

INTACT = "intact"  # the answer for the program as it is


def answers(guards: Sequence[Guard], forks: Forks, items: Items) -> Iterator[tuple[str, str]]:
    for guard in guards:
        mine = [item for name, item in items.items() if name.partition("[")[0] == guard.node]
        yield guard.name, forks.after(partial(remove, guard), mine)
    yield INTACT, forks.after(lambda: None, list(items.values()))


def remove(guard: Guard) -> None:
    changed = swap(loaded(guard.file), compile(guard.removed(), str(guard.file), "exec"))
    if guard.function.partition(":")[2] not in changed:
        raise LookupError("no function runs it")


def main(given: Path, answer: Path) -> int:
    guards = [Guard(**each) for each in json.loads(given.read_text())]

    def work(forks: Forks, items: Items) -> None:
        found = {}
        for name, failed in answers(guards, forks, items):
            found[name] = failed
            answer.write_text(json.dumps(found))

    return forked(sorted({guard.node for guard in guards}), work)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
