"""What a row of the table of guards is, and how its guard is taken out of the program's text."""

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Guard:
    """``text`` stands once in ``function``; ``instead`` is what stands there without the guard.

    ``function`` is a path below ``bootstrap/``, a colon, and a qualified name. ``test``, below ``tests/``, turns red.
    """

    name: str
    function: str
    text: str
    instead: str
    test: str

    @property
    def file(self) -> Path:
        return ROOT / "bootstrap" / self.function.partition(":")[0]

    @property
    def node(self) -> str:
        return f"tests/{self.test}"

    def removed(self) -> str:
        """The module's text without it. LookupError where its function does not say so, or says it twice."""
        source = self.file.read_text()
        start, end = _span(source, self.function.partition(":")[2])
        body = source[start:end]
        if body.count(self.text) != 1:
            raise LookupError(f"{self.function} says {body.count(self.text)} times: {self.text}")
        return source[:start] + body.replace(self.text, self.instead) + source[end:]


def unless(name: str, function: str, condition: str, test: str) -> Guard:
    """Without the ``if`` of this condition: what it guards against goes on."""
    return Guard(name, function, f"if {condition}:", "if False:", test)


def without(name: str, function: str, text: str, test: str) -> Guard:
    """Without a part of an expression."""
    return Guard(name, function, text, "", test)


def undone(name: str, function: str, call: str, test: str) -> Guard:
    """Without a call that stands alone."""
    return Guard(name, function, call, "pass", test)


def _span(source: str, name: str) -> tuple[int, int]:
    node: ast.AST = ast.parse(source)
    for part in name.split("."):
        found = [each for each in ast.iter_child_nodes(node) if getattr(each, "name", "") == part]
        if len(found) != 1:
            raise LookupError(f"there is no function {name}")
        node = found[0]
    assert isinstance(node, ast.FunctionDef)
    assert node.end_lineno is not None
    lines = source.splitlines(keepends=True)
    return sum(map(len, lines[: node.lineno - 1])), sum(map(len, lines[: node.end_lineno]))
