"""The mutants themselves: what is taken out, under which name, and what becomes of those that survive."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model import heads
from bootstrap.model.catalog import Secret
from bootstrap.model.declared import declared
from bootstrap.model.heads import Found, Standing, judge
from tests.guards.forked import forget
from tests.guards.holders import held_by, modules
from tests.guards.mutants import Mutant, mutants
from tests.guards.mutate import SURVIVORS, listed, told
from tests.guards.reach import Watch
from tests.guards.swap import functions_of, swap
from tests.guards.table import ROOT
from tests.simulator import platform

PROGRAM = """
class Door:
    def opens(self, key, doors):
        if not key or key in self.lost:
            raise ValueError(key)
        self.last = key
        self.narrator.event("opening")
        found = [door for door in doors if door.fits(key)]
        if self.open:
            return None
        return self.cluster.delete(found[0], uid=key)

    def shut(self, key):
        return "shut" if key else self.shut(key is None)

    def lost(self, key):
        return key == self.last
"""


@pytest.fixture
def of_a_door(tmp_path: Path) -> list[Mutant]:
    file = tmp_path / "door.py"
    file.write_text(PROGRAM)
    return list(mutants(file, "door.py"))


def test_one_thing_at_a_time_is_taken_out(of_a_door: list[Mutant]) -> None:
    opens = [m for m in of_a_door if m.function == "Door.opens"]
    assert sorted((m.what, m.after) for m in opens) == [
        ("always", "if True: return None"),
        ("any", "self.cluster.delete(found[0], uid='')"),
        ("gone", "pass"),
        ("gone", "pass"),
        ("never", "if False: raise ValueError(key)"),
        ("never", "if False: return None"),
        ("unfiltered", "[door for door in doors]"),
        ("without part 1", "key in self.lost"),
        ("without part 2", "not key"),
    ]
    assert {m.function for m in of_a_door} == {"Door.opens", "Door.shut", "Door.lost"}
    assert len({m.name for m in of_a_door}) == len(of_a_door)


def test_what_is_chosen_or_answered_by_a_condition_goes_both_ways(of_a_door: list[Mutant]) -> None:
    others = [m for m in of_a_door if m.function != "Door.opens"]
    assert sorted((m.what, m.after) for m in others) == [
        ("always", "'shut' if True else self.shut(key is None)"),
        ("false", "return False"),
        ("never", "'shut' if False else self.shut(key is None)"),
        ("true", "return True"),
    ]


def test_a_mutant_keeps_its_name_while_its_text_stays(of_a_door: list[Mutant], tmp_path: Path) -> None:
    moved = tmp_path / "moved.py"
    moved.write_text("import os\n\n" + PROGRAM)
    assert [m.name for m in mutants(moved, "door.py")] == [m.name for m in of_a_door]


def test_other_code_runs_in_what_is_loaded_already(tmp_path: Path) -> None:
    file = tmp_path / "said.py"
    file.write_text("def said():\n    return 1\n")
    space: dict[str, object] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    said = space["said"]
    assert swap(functions_of(str(file)), compile("def said():\n    return 2\n", str(file), "exec")) == {
        "said"
    }
    assert callable(said)
    assert said() == 2
    assert swap(functions_of(str(file)), compile("def other():\n    return 2\n", str(file), "exec")) == set()


def test_a_call_of_the_class_above_is_taken_out_and_its_closure_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "above.py"
    file.write_text("class Told(Exception):\n    def said(self):\n        super().add_note('x')\n")
    (mutant,) = mutants(file, "above.py")
    space: dict[str, Any] = {}
    exec(compile(file.read_text(), str(file), "exec"), space)
    assert swap(functions_of(str(file)), compile(mutant.tree, str(file), "exec")) == {"Told.said"}
    told = space["Told"]()
    told.said()
    assert not hasattr(told, "__notes__")


def test_a_survivor_that_is_not_listed_is_wrong_and_so_is_a_listed_one_that_does_not_survive(
    of_a_door: list[Mutant],
) -> None:
    one, other = of_a_door[:2]
    known = listed(f"# why\n{other.name} | {other} | it cannot be told apart\n")
    assert told({other.name: other}, known, {one.name, other.name}) == []
    new, gone = told({one.name: one}, known, {one.name, other.name})
    assert new.startswith(f"{one.name} | door.py:Door.opens | ")
    assert "does not survive" in gone
    for line in ("0123456789 | door.py:f | gone: x", "0123456789 | door.py:f | gone: x | "):
        with pytest.raises(ValueError, match="no reason"):
            listed(line)


def test_each_survivor_has_its_reason() -> None:
    assert "REASON?" not in SURVIVORS.read_text()
    listed(SURVIVORS.read_text())


def test_each_module_has_tests_that_are_meant_to_hold_it() -> None:
    for module in modules():
        for path in held_by(module):
            assert (ROOT / path.partition("::")[0]).exists(), (module, path)


def test_what_a_test_runs_is_seen_and_what_its_file_sets_up_counts_for_all() -> None:
    watch, file = Watch(), Path("test_it.py")
    items = [cast("pytest.Item", SimpleNamespace(nodeid=name, path=file)) for name in ("one", "two")]

    def run(item: pytest.Item) -> None:
        if item.nodeid == "one":
            Found().of(Standing.NONE)
            watch.is_set_up(item)
            judge(Found())
        else:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(lambda: Found().newest).result()

    runs = watch.runs(items, run)
    found = {
        name: {what for path, what in run.functions if path == heads.__file__} for name, run in runs.items()
    }
    assert found == {
        "one": {"Found.of", "judge", "_without_vault", "Found.newest"},
        "two": {"Found.of", "Found.newest"},
    }


def test_two_functions_of_the_same_text_at_the_same_line_are_two() -> None:
    """Their code is equal."""
    item = cast("pytest.Item", SimpleNamespace(nodeid="one", path=Path("test_it.py")))
    files = ("/bootstrap/one.py", "/bootstrap/other.py")

    def run(_: pytest.Item) -> None:
        for file in files:
            made: dict[str, Any] = {}
            exec(compile("def each(): return None", file, "exec"), made)
            made["each"]()

    functions = Watch().runs([item], run)["one"].functions
    assert {(file, "each") for file in files} <= functions


def test_what_the_program_remembers_is_forgotten_before_a_test_is_asked() -> None:
    declared(Secret)
    assert declared.cache_info().currsize
    made = platform.made_once.cache_info().currsize
    forget()
    assert declared.cache_info().currsize == 0
    assert platform.made_once.cache_info().currsize == made
