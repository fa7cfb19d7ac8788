"""Each test that the threat model names is there: a claim without a test is a wish."""

import ast
import re

from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "explanation" / "threat-model.md"
NAMED = re.compile(r"`(tests/[a-z0-9_/]+\.py)::([A-Za-z0-9_]+)`")


def absent(text: str) -> list[str]:
    found = []
    for file, name in NAMED.findall(text):
        path = ROOT / file
        defined = (
            {n.name for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef)}
            if path.is_file()
            else set()
        )
        if name not in defined or not name.startswith("test_"):
            found.append(f"{file}::{name}")
    return found


def test_every_test_that_the_page_names_is_there() -> None:
    text = PAGE.read_text()
    assert len(NAMED.findall(text)) > 20
    assert text.count("::") == len(NAMED.findall(text))
    assert absent(text) == []


def test_one_that_is_not_there_is_found() -> None:
    gone = "`tests/docs/test_threat_model.py::test_gone`, `tests/docs/test_gone.py::test_x`"
    assert len(absent(gone)) == 2
    assert absent("`tests/docs/test_threat_model.py::test_one_that_is_not_there_is_found`") == []
