"""Each guard of the table is held: without it, a fast test is red.

By default some of them, others each day; ``--whole`` all.
"""

import json
import random
import re
import subprocess
import sys
from pathlib import Path

from tests.guards.every import GUARDS
from tests.guards.run import INTACT
from tests.guards.table import ROOT, Guard
from tests.simulator.sweep import SEED

SOME = 30
FAST = re.compile(r"tests/(unit|simulated)/")
SLOW = ("test_road_crashes.py", "test_authority_crashes.py")


def told(guards: tuple[Guard, ...], folder: Path) -> dict[str, str]:
    file = folder / "answers.json"
    names = [guard.name for guard in guards]
    run = subprocess.run(
        [sys.executable, "-m", "tests.guards.run", str(file), *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert file.is_file(), run.stdout[-2000:] + run.stderr[-2000:]
    found: dict[str, str] = json.loads(file.read_text())
    return found


def test_each_guard_is_held_by_its_test(tmp_path: Path, whole: bool) -> None:
    chosen = GUARDS if whole else tuple(random.Random(SEED).sample(GUARDS, SOME))
    answers = told(chosen, tmp_path)
    assert answers.pop(INTACT) == "", "the tests are green while the program is as it is"
    green = {g.name: answers[g.name] for g in chosen if answers[g.name].partition("[")[0] != g.node}
    print(f"{len(chosen)} of {len(GUARDS)} guards taken out, one at a time, seed {SEED}")
    assert green == {}


def test_the_table_follows_the_program() -> None:
    """A guard whose text is gone, or that is there twice, is in the table no longer."""
    for guard in GUARDS:
        compile(guard.removed(), str(guard.file), "exec")


def test_the_table_is_one() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS) >= 60
    for guard in GUARDS:
        assert FAST.match(guard.node), guard.name
        assert not any(name in guard.node for name in SLOW), guard.name


def test_a_guard_that_nothing_holds_is_told(tmp_path: Path) -> None:
    """The seed of this check: its own table, of which the first row has a test that has nothing to do with it."""
    loose = Guard(
        GUARDS[0].name, GUARDS[0].function, GUARDS[0].text, GUARDS[0].instead, "unit/test_suggest.py"
    )
    assert loose.removed() != loose.file.read_text()
