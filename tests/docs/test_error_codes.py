"""Whoever meets a name of an error finds it in the reference: every one that the program can say."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT
from tests.docs.render import REFERENCE

CODE = re.compile(r"[EW]_[A-Z][A-Z0-9_]*")
IN_A_SENTENCE = re.compile(r"\[([EW]_[A-Z][A-Z0-9_]*)\]")  # where a text is put together, as for E_LOCAL
INTERNAL: dict[str, str] = {}  # a name that nobody ever reads, and why


def said(source: str) -> Iterator[str]:
    """Literals that are a name, whichever way they reach the error; names inside of docstrings are none."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if CODE.fullmatch(node.value):
                yield node.value
            yield from IN_A_SENTENCE.findall(node.value)


def codes() -> set[str]:
    return {code for path in (ROOT / "bootstrap").rglob("*.py") for code in said(path.read_text())}


def unexplained(found: set[str], text: str) -> list[str]:
    return sorted(code for code in found - set(INTERNAL) if f"`{code}`" not in text)


def reference() -> str:
    return "".join(page.read_text() for page in sorted(REFERENCE.glob("*.md")))


def test_every_code_is_on_a_page_of_the_reference() -> None:
    found = codes()
    assert len(found) > 150
    assert unexplained(found, reference()) == []


def test_what_is_excused_is_still_said_and_has_a_reason() -> None:
    assert set(INTERNAL) <= codes()
    assert all(INTERNAL.values())


def test_the_reference_names_no_code_that_is_gone() -> None:
    assert sorted(set(re.findall(r"`([EW]_[A-Z][A-Z0-9_]*)`", reference())) - codes()) == []


@pytest.mark.parametrize(
    "source",
    [
        'raise WorldError("x", code="E_NEW")',
        'Finding(id="E_NEW", where="a")',
        'LEAK = "E_NEW"',
        'refusal(secret, "E_NEW", f"{name}: no")',
        'say(f"{error} [E_NEW]", "")',
    ],
)
def test_a_code_that_no_page_has_would_be_found(source: str) -> None:
    assert unexplained(set(said(source)), "| `E_NEWER` | another one |") == ["E_NEW"]


def test_a_docstring_alone_is_no_code() -> None:
    assert list(said('def f():\n    """DefinitionError E_NEW, E_OLD."""')) == []
