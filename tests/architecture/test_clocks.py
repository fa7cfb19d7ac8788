"""No test is timed: what a clock shows is how busy the machine is. Work is counted, by ``tests/support/work.py``."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLOCKS = {"monotonic", "perf_counter", "process_time", "thread_time", "time", "times"}
SHAPED = {"abs", "float", "int", "max", "min", "round"}
Function = ast.FunctionDef | ast.AsyncFunctionDef
WAITS = {  # why an assertion may read a clock, and the functions that have one
    "it lasts at least as long": {
        "tests/faults/test_scenarios.py::test_away__the_api_server_is_gone_for_a_minute_and_the_run_goes_on",
        "tests/lab/test_many.py::test_h2_a_throttled_vault_is_asked_more_slowly",
        "tests/programs/test_vault_scripts.py::test_it_asks_once_in_two_thirds_of_a_life",
    },
    "a moment that a script writes down lies between two that are read": {
        "tests/programs/test_vault_scripts.py::test_g7_a_renewer_puts_key_certificate_and_intermediate_into_one_file",
    },
    "the seconds within which a sealed Vault is to be unsealed (G4)": {
        "tests/lab/test_road_idle.py::test_g4_what_is_sealed_is_unsealed_within_seconds",
    },
}


def timed(source: str) -> set[str]:
    """The outermost functions, each behind its class, of which an assertion compares what a clock shows."""
    tree = ast.parse(source)
    clocks = set(_imported(tree))
    return {name for name, function in _functions(tree) if _compares(function, clocks)}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("time", "os"):
            yield from (each.asname or each.name for each in node.names if _of_clock(each.name))


def _functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from (
                (f"{node.name}.{each.name}", each) for each in node.body if isinstance(each, Function)
            )
        elif isinstance(node, Function):
            yield node.name, node


def _compares(function: Function, clocks: set[str]) -> bool:
    names: set[str] = set()
    while more := set(_taken(function, names, clocks)) - names:
        names |= more
    sides = [
        side
        for node in _outside_loops(function)
        if isinstance(node, ast.Assert)
        for each in ast.walk(node.test)
        if isinstance(each, ast.Compare)
        for side in (each.left, *each.comparators)
    ]
    return any(_is_time(side, names, clocks) for side in sides)


def _outside_loops(node: ast.AST) -> Iterator[ast.AST]:
    """A loop that waits has a deadline, and asserts in itself that it is not over."""
    yield node
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, ast.While):
            yield from _outside_loops(inner)


def _taken(function: Function, names: set[str], clocks: set[str]) -> Iterator[str]:
    """What holds a time by an assignment, as far as ``names`` are known to hold one."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            pairs = [pair for target in node.targets for pair in _pairs(target, node.value)]
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value:
            pairs = [(node.target, node.value)]
        else:
            continue
        yield from (t.id for t, v in pairs if isinstance(t, ast.Name) and _is_time(v, names, clocks))


def _pairs(target: ast.expr, value: ast.expr) -> list[tuple[ast.expr, ast.expr]]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=False))
    return [(target, value)]


def _is_time(node: ast.expr, names: set[str], clocks: set[str]) -> bool:
    match node:
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(attr="ru_utime" | "ru_stime"):
            return True
        case ast.BinOp(left=left, right=right):
            return _is_time(left, names, clocks) or _is_time(right, names, clocks)
        case ast.UnaryOp(operand=inner) | ast.Attribute(value=inner) | ast.Subscript(value=inner):
            return _is_time(inner, names, clocks)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="time" | "os"), attr=name)):
            return _of_clock(name)
        case ast.Call(func=ast.Name(id=name), args=given):
            return name in clocks or (name in SHAPED and any(_is_time(each, names, clocks) for each in given))
        case _:
            return False


def _of_clock(name: str) -> bool:
    return name.removesuffix("_ns") in CLOCKS


def test_no_assertion_is_on_speed() -> None:
    found = {
        f"{path.relative_to(ROOT)}::{name}"
        for path in (ROOT / "tests").rglob("*.py")
        for name in timed(path.read_text())
    }
    assert found == set().union(*WAITS.values())


@pytest.mark.parametrize(
    "body",
    [
        "begun = time.monotonic()\n    assert time.monotonic() - begun < 5",
        "begun = time.process_time_ns()\n    took = time.process_time_ns() - begun\n    assert 20 > took",
        "a, begun = 1, perf_counter()\n    seconds = round(perf_counter() - begun, 1)\n    assert seconds < a",
        "n = resource.getrusage(0).ru_utime\n    assert n and (resource.getrusage(0).ru_utime - n) < 1",
        "n = os.times()\n    assert os.times()[0] - n[0] < 1",
        "with x():\n        if (begun := time.time()):\n            assert abs(time.time() - begun) <= 1",
    ],
)
def test_one_that_is_timed_is_found(body: str) -> None:
    head = "import os, resource, time\nfrom time import perf_counter\n"
    assert timed(f"{head}def f():\n    {body}\n") == {"f"}
    assert timed(f"{head}class A:\n  def f(self):\n    {body}\n") == {"A.f"}


def test_other_assertions_are_not() -> None:
    waits = "over = time.monotonic() + 5\n    while n():\n        assert time.monotonic() < over"
    assert timed(f"import time\ndef f(n):\n    {waits}") == set()
    assert timed("def f():\n    a, n = time.time(), 1\n    print(time.time() - a)\n    assert n < 5") == set()
    assert timed("def f(clock):\n    a = clock.time()\n    assert clock.time() - a == 2") == set()
