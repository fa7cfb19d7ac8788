"""SOPS' expressions: read as Go reads them, and none of them hangs (INV1, G5)."""

import inspect
import json
from pathlib import Path

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from bootstrap.intent.selection import expression, selection
from bootstrap.model.errors import DefinitionError

VECTORS = Path(__file__).parents[1] / "vectors" / "go-regexp.json"
GO_ALONE = {r"\p{Letter}"}  # names that Go has since 1.25, and RE2 has not: refused, never read otherwise


def test_inv1_an_expression_is_read_as_go_reads_it() -> None:
    """``go-regexp.json``: expression, whether Go 1.26 takes it, and which of the keys it finds."""
    recorded = json.loads(VECTORS.read_text())
    keys = recorded["keys"]
    wrong = []
    for text, taken, found in recorded["expressions"]:
        matches = expression(text)
        if text in GO_ALONE:
            assert matches is None
        elif taken is not (matches is not None) or (
            matches is not None and [matches(key) for key in keys] != found
        ):
            wrong.append((text, taken))
    assert len(recorded["expressions"]) > 100
    assert wrong == []


@pytest.mark.parametrize(
    "text", [r"^(([a-z])+.)+[A-Z]([a-z])+$", "(a+)+$", "(a|a)*$", "(.*)*x", "((a{1,30}){1,30}){1,2}$"]
)
def test_g5_no_expression_hangs(text: str) -> None:
    """RE2 takes a key's length times the program's, at most: it is RE2, and its programs are short."""
    matches = expression(text)
    if matches is not None:
        engine = inspect.getclosurevars(matches).nonlocals["pattern"]
        assert isinstance(engine, type(re2.compile("")))
        assert engine.programsize < 20_000
        assert matches("a" * 50_000 + "!") in (True, False)


def test_g5_an_expression_that_is_too_large_is_refused() -> None:
    with pytest.raises(DefinitionError) as refused:
        selection({"encrypted_regex": "((((a{100}){100}){100}){100})"}, "x.yaml")
    assert refused.value.code == "E_SOPS_FORM"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_any_text_is_an_expression_or_none(text: str, key: str) -> None:
    matches = expression(text)
    assert matches is None or matches(key) in (True, False)
