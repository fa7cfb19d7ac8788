"""Each test is in the room that its machinery belongs to, and helpers are no tests."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MACHINERY = ("tests.lab", "tests.simulator")
PLUGIN = 'import_plugin("tests.lab.support.plugin")'


def modules() -> dict[str, Path]:
    found = {}
    for path in (ROOT / "tests").rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path
    return found


MODULES = modules()


def imported(module: str) -> Iterator[str]:
    """Modules of ours that this one imports, wherever in it."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        match node:
            case ast.Import():
                names = [each.name for each in node.names]
            case ast.ImportFrom(module=str(source)):
                names = [source, *(f"{source}.{each.name}" for each in node.names)]
            case _:
                continue
        yield from (name for name in names if name in MODULES)


def reached(module: str) -> set[str]:
    seen: set[str] = set()
    todo = [module]
    while todo:
        if (each := todo.pop()) not in seen:
            seen.add(each)
            todo += imported(each)
    return seen


UNIT = [*sorted(name for name in MODULES if name.startswith("tests.unit.")), "tests.conftest"]


def test_there_are_rooms() -> None:
    assert len(UNIT) > 15
    assert any(each.startswith(MACHINERY) for each in reached("tests.simulated.test_road"))


@pytest.mark.parametrize("module", UNIT)
def test_a_unit_test_reaches_no_lab_and_no_simulator(module: str) -> None:
    assert sorted(each for each in reached(module) if each.startswith(MACHINERY)) == []


def test_no_test_module_is_imported() -> None:
    wrong = {
        (module, other)
        for module in MODULES
        for other in imported(module)
        if other.rpartition(".")[2].startswith("test_")
    }
    assert wrong == set()


def test_a_test_on_a_lab_is_in_a_room_that_has_the_lab() -> None:
    lab = {path for path in MODULES.values() if re.search(r"\bmark\.lab\b", path.read_text())}
    assert lab
    for path in lab - {MODULES["tests.lab.support.plugin"]}:
        room = ROOT / "tests" / path.relative_to(ROOT / "tests").parts[0] / "conftest.py"
        assert room.is_file() and PLUGIN in room.read_text(), path
