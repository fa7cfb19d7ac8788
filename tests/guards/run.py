"""Takes guards out of the program, one at a time, and runs their tests.

python -m tests.guards.run NAME...      # prints a JSON object: name to the test that failed, empty if none did
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.guards.forked import Forks, forked
from tests.guards.swap import loaded, swap
from tests.guards.table import GUARDS, Guard

INTACT = "intact"  # the answer for the program as it is


def answers(guards: Sequence[Guard], forks: Forks, items: dict[str, pytest.Item]) -> dict[str, str]:
    found = {INTACT: forks.after(lambda: None, list(items.values()))}
    for guard in guards:
        mine = [item for name, item in items.items() if name.startswith(guard.nodes)]
        found[guard.name] = forks.after(lambda guard=guard: remove(guard), mine)  # type: ignore[misc]
    return found


def remove(guard: Guard) -> None:
    file = str(guard.file)
    if not swap(loaded(file), compile(guard.removed(), file, "exec")):
        raise LookupError(f"{guard.name}: no function runs it")


def main(answer: str, names: Sequence[str]) -> int:
    guards = [guard for guard in GUARDS if guard.name in names]
    nodes = sorted({node for guard in guards for node in guard.nodes})

    def work(forks: Forks, items: dict[str, pytest.Item]) -> None:
        Path(answer).write_text(json.dumps(answers(guards, forks, items)))

    return forked(nodes, work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
