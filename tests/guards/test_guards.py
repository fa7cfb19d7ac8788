"""Each guard of the table is held: without it, a fast test is red.

By default some of them, others each day; ``--whole`` all.
"""

import json
import random
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tests.guards.every import GUARDS
from tests.guards.run import INTACT
from tests.guards.table import ROOT, Guard
from tests.simulator.sweep import SEED

SOME = 16
FAST = re.compile(r"tests/(unit|simulated|wire)/")
SLOW = ("test_road_crashes.py", "test_authority_crashes.py")


def green(guards: Sequence[Guard], folder: Path) -> dict[str, str]:
    """Those whose own test was not red without them, with what came of it."""
    given, answer = folder / "guards.json", folder / "answers.json"
    given.write_text(json.dumps([asdict(guard) for guard in guards]))
    command = [sys.executable, "-m", "tests.guards.run", str(given), str(answer)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout[-2000:] + run.stderr[-2000:]
    found: dict[str, str] = json.loads(answer.read_text())
    assert found[INTACT] == "", "the tests are green while the program is as it is"
    return {g.name: found[g.name] for g in guards if found[g.name].partition("[")[0] != g.node}


def test_each_guard_is_held_by_its_test(tmp_path: Path, whole: bool) -> None:
    chosen = GUARDS if whole else random.Random(SEED).sample(GUARDS, SOME)
    print(f"{len(chosen)} of {len(GUARDS)} guards taken out, one at a time, seed {SEED}")
    assert green(chosen, tmp_path) == {}


def test_a_guard_that_its_test_does_not_hold_is_found(tmp_path: Path) -> None:
    """The seed of this check: a row whose test knows nothing of its guard, and one whose guard is not there."""
    test = "unit/test_heads.py::test_the_newest_head_counts"
    rules = "model/handover.py:next_step"
    loose = Guard("loose", rules, "if not state.announced:", "if False:", test)
    absent = Guard("absent", rules, "if state.was_never_there:", "if False:", test)
    found = green((loose, absent), tmp_path)
    assert set(found) == {"loose", "absent"}
    assert found["loose"] == ""
    assert "says 0 times" in found["absent"]


def test_the_table_follows_the_program() -> None:
    """A guard whose text is gone, or that is there twice, is in the table no longer; nor one whose test is gone."""
    for guard in GUARDS:
        compile(guard.removed(), str(guard.file), "exec")
        file, _, name = guard.node.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(), guard.name


def test_the_table_is_large_and_its_tests_are_fast_ones() -> None:
    assert len({guard.name for guard in GUARDS}) == len(GUARDS) >= 100
    for guard in GUARDS:
        assert FAST.match(guard.node), guard.name
        assert not any(name in guard.node for name in SLOW), guard.name
