"""One place sleeps: whoever waits, waits with a deadline, through ``bootstrap.waiting``."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
SLEEPS = {
    "bootstrap/waiting.py",
    "bootstrap/adapters/local/clock.py",
    "bootstrap/operations/drill/waits.py",  # a clock around that one
}


def sleeping(source: str) -> list[int]:
    """Lines that call something named ``sleep``, or take it in under this name."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = node.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name.lstrip("_") == "sleep":
                found.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and any(a.name == "sleep" for a in node.names):
            found.append(node.lineno)
    return found


def test_nothing_else_sleeps() -> None:
    files = {str(p.relative_to(ROOT)): sleeping(p.read_text()) for p in (ROOT / "bootstrap").rglob("*.py")}
    assert {name for name, lines in files.items() if lines} == SLEEPS


def test_a_sleep_is_found() -> None:
    assert sleeping("import time\ntime.sleep(1)") == [2]
    assert sleeping("from time import sleep") == [1]
    assert sleeping("class A:\n    def f(self):\n        self._clock.sleep(2)\n        self._sleep(2)") == [
        3,
        4,
    ]
    assert sleeping("name = 'sleep'") == []
