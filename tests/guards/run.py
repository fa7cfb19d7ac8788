"""Takes guards out of the program, one at a time, and runs their tests. Not a test: its process is given to that.

python -m tests.guards.run FILE NAME...     # FILE gets a JSON object: name to the test that failed
"""

import json
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from tests.guards.every import GUARDS
from tests.guards.forked import Forks, Items, forked
from tests.guards.swap import loaded, swap
from tests.guards.table import Guard

INTACT = "intact"  # the answer for the program as it is


def answers(guards: Sequence[Guard], forks: Forks, items: Items) -> dict[str, str]:
    found = {INTACT: forks.after(lambda: None, list(items.values()))}
    for guard in guards:
        mine = [item for name, item in items.items() if name.partition("[")[0] == guard.node]
        found[guard.name] = forks.after(partial(remove, guard), mine)
    return found


def remove(guard: Guard) -> None:
    file = str(guard.file)
    if not swap(loaded(file), compile(guard.removed(), file, "exec")):
        raise LookupError("no function runs it")


def main(file: str, names: Sequence[str]) -> int:
    guards = [guard for guard in GUARDS if guard.name in names]

    def work(forks: Forks, items: Items) -> None:
        Path(file).write_text(json.dumps(answers(guards, forks, items)))

    return forked(sorted({guard.node for guard in guards}), work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
