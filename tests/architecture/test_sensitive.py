"""A secret value cannot be shown, stored or sent by accident, and only adapters take it out (B1, B2)."""

import ast
import copy
import io
import json
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.model.sensitive import Sensitive

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "bootstrap"
CANARY = "canary-7bd31f"
ALLOWED = ("adapters/", "model/sensitive.py")


@pytest.fixture
def value() -> Sensitive:
    return Sensitive(CANARY.encode(), "label-to-show")


SHOWN: dict[str, Callable[[Sensitive], object]] = {
    "str": str,
    "repr": repr,
    "format": lambda v: f"{v} {v!r} {v!s} {v:>40}",
    "percent": lambda v: "%s %r" % (v, v),  # noqa: UP031  (the operator is what is tried)
    "in a list": lambda v: str([v]),
    "in a dict": lambda v: str({"a": v}),
    "in an exception": lambda v: "".join(traceback.format_exception_only(ValueError(v))),
    "dir": dir,
}


@pytest.mark.parametrize("how", SHOWN)
def test_b2_it_is_never_shown(value: Sensitive, how: str) -> None:
    assert CANARY not in str(SHOWN[how](value))


def test_b2_a_log_line_shows_its_label_only(value: Sensitive) -> None:
    stream = io.StringIO()
    logger = logging.Logger("probe")
    logger.addHandler(logging.StreamHandler(stream))
    logger.error("value %s", value)
    assert stream.getvalue() == "value <sensitive label-to-show>\n"


REFUSED: dict[str, Callable[[Any], object]] = {
    "pickle": pickle.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "json": json.dumps,
    "yaml": yaml.safe_dump,
    "bytes": bytes,
    "hash": hash,
    "len": len,
    "iterate": list,
    "join": lambda v: "".join([v]),
    "concatenate": lambda v: "x" + v,
    "compare": lambda v: v < v,
    "add an attribute": lambda v: setattr(v, "shown", 1),
    "variables": vars,
}


@pytest.mark.parametrize("how", REFUSED)
def test_b2_it_is_not_stored_or_sent(value: Sensitive, how: str) -> None:
    with pytest.raises((TypeError, AttributeError, yaml.YAMLError)) as caught:
        REFUSED[how](value)
    assert CANARY not in str(caught.value)


def test_it_cannot_be_subclassed_into_something_that_shows_it() -> None:
    assert getattr(Sensitive, "__final__", False)


def test_equality_is_of_values_and_says_nothing_else(value: Sensitive) -> None:
    assert value == Sensitive(CANARY.encode(), "another label")
    assert value != Sensitive(b"another", "label-to-show")
    assert value != CANARY


@pytest.mark.parametrize(
    "value", [b"password", b"\x00\xff", b"-----BEGIN PRIVATE KEY-----", b"\x84", b"\xc1\x05x"]
)
def test_the_ways_out_for_ciphertext_and_records_are_no_second_reveal(value: bytes) -> None:
    sensitive = Sensitive(value)
    for way in (sensitive.ciphertext, sensitive.record):
        with pytest.raises(TypeError):
            way()


def reveals(path: Path) -> Iterator[int]:
    """Lines that call, or pass on, `.reveal`, or reach for the hidden attribute."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in ("reveal", "_value"):
            yield node.lineno
        if isinstance(node, ast.Constant) and node.value in ("reveal", "_value"):
            yield node.lineno


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_b1_only_adapters_reveal() -> None:
    found = {str(p.relative_to(PACKAGE)): list(reveals(p)) for p in sources()}
    calls = {path: lines for path, lines in found.items() if lines}
    assert len(calls) > 3, "the search finds nothing: is it still the right one?"
    assert {p: lines for p, lines in calls.items() if not p.startswith(ALLOWED)} == {}


def test_a_reveal_elsewhere_would_be_found(tmp_path: Path) -> None:
    path = tmp_path / "step.py"
    for text in ("value.reveal()", "way = value.reveal", "getattr(value, 'reveal')()", "value._value"):
        path.write_text(text)
        assert list(reveals(path)) == [1], text


def test_b2_no_value_is_handed_to_a_child_by_environment_or_command_line() -> None:
    """`.reveal()` never stands inside the arguments of a call that starts a process."""
    found = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _starts_a_process(node.func):
                words: list[Any] = [
                    *node.args[:1],
                    *(k.value for k in node.keywords if k.arg in ("env", "args")),
                ]
                inside = [n for w in words for n in ast.walk(w) if isinstance(n, ast.Attribute)]
                found += [f"{path}:{n.lineno}" for n in inside if n.attr == "reveal"]
    assert found == []


def _starts_a_process(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("run", "Popen", "check_call", "check_output", "call", "execv", "execve", "system")
