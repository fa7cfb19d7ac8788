"""Guards of the program, and for each the fast test that turns red without it."""

import ast
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Guard:
    """``text`` stands once in ``function``; ``instead`` is what the function says without the guard."""

    name: str
    function: str  # PATH below bootstrap/, a colon, its qualified name
    text: str
    instead: str
    tests: tuple[str, ...]  # below tests/

    @property
    def file(self) -> Path:
        return ROOT / "bootstrap" / self.function.partition(":")[0]

    def removed(self) -> str:
        """The module's text without it. LookupError where the function no longer says so."""
        source = self.file.read_text()
        start, end = _span(source, self.function.partition(":")[2])
        body = source[start:end]
        if body.count(self.text) != 1:
            raise LookupError(f"{self.function} says {body.count(self.text)} times: {self.text}")
        return source[:start] + body.replace(self.text, self.instead) + source[end:]


def _span(source: str, name: str) -> tuple[int, int]:
    node: ast.AST = ast.parse(source)
    for part in name.split("."):
        found = [n for n in ast.iter_child_nodes(node) if getattr(n, "name", "") == part]
        if len(found) != 1:
            raise LookupError(f"no {name}")
        node = found[0]
    assert isinstance(node, ast.FunctionDef)
    assert node.end_lineno is not None
    lines = source.splitlines(keepends=True)
    return sum(map(len, lines[: node.lineno - 1])), sum(map(len, lines[: node.end_lineno]))
