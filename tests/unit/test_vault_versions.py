"""What Vault says of a secret's versions, and which secrets have one (INV3, INV4)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.catalog import Secret
from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.versions import Held, counted, current_version, held, held_in, written_at
from bootstrap.steps.secrets.written import is_written, written
from tests.support.small_intent import an_intent

NONE = Answer(status=404, data={})
VALUE, MADE = Sensitive(b"v"), "2026-01-02T03:04:05.678901234Z"
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Vault:
    """Answers by METHOD PATH, 404 else; ``asked`` is what was asked."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def call(self, method: str, path: str) -> Answer:
        self.asked.append(f"{method} {path}")
        return self._answers.get(f"{method} {path}", NONE)

    def read(self, path: str) -> Answer:
        return self.call("GET", path)


def each(work: Callable[[Any], Any], items: Iterable[Any], _what: str) -> list[Any]:
    return [work(item) for item in items]


def world(vault: Vault) -> World:
    return cast("World", SimpleNamespace(session=vault, each=each))


def says(path: str, **data: Any) -> World:
    return world(Vault({path: Answer(status=200, data=data, request_id="r-1")}))


DATA, META = "GET secret/data/a", "GET secret/metadata/a"
FULL: dict[str, Any] = {
    "data": {"b": VALUE, "a": VALUE, "n": 1},
    "metadata": {"version": 2, "created_time": MADE},
}


def test_inv3_a_version_is_held_as_vault_gives_it_out() -> None:
    found = held(says(DATA, **FULL), "a")
    assert found == Held(2, {"a": VALUE, "b": VALUE}, THEN, others=("n",), read="r-1")
    assert held(says(f"{DATA}?version=2", **FULL), "a", 2) == found
    assert held(says(DATA, **FULL), "a", 2) is None, "another version is asked for"
    assert held(says(DATA, **FULL), "other") is None


@pytest.mark.parametrize(
    "data", [{}, {"data": None, "metadata": None}, {"data": {}, "metadata": {"version": None}}]
)
def test_inv3_one_of_which_nothing_is_said_is_empty(data: dict[str, Any]) -> None:
    assert held(says(DATA, **data), "a") == Held(0, {}, None, read="r-1")


def test_inv4_a_refusal_is_no_absent_version() -> None:
    refused = Answer(status=400, data={}, errors=("no",))
    with pytest.raises(WorldError):
        held_in(refused, "a")


def test_inv3_the_number_comes_with_the_value_where_that_is_there() -> None:
    vault = Vault({DATA: Answer(status=200, data=FULL)})
    assert (counted(world(vault), "a"), vault.asked) == (2, [DATA])
    deleted = Vault({META: Answer(status=200, data={"current_version": 3})})
    assert (counted(world(deleted), "a"), deleted.asked) == (3, [DATA, META])


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        (Answer(status=200, data={"current_version": 4}), 4),
        (Answer(status=200, data={"current_version": None}), 0),
        (Answer(status=200, data={}), 0),
        (Answer(status=400, data={"current_version": 4}), 0),
        (NONE, 0),
    ],
)
def test_inv3_the_current_version(answer: Answer, version: int) -> None:
    assert current_version(world(Vault({META: answer})), "a") == version
    secret = replace(an_intent().secrets[0], path="a")
    assert is_written(world(Vault({META: answer})), secret) is bool(version)


VERSIONS = {"1": {"created_time": "2025-01-01T00:00:00Z"}, "2": {"created_time": MADE}}


@pytest.mark.parametrize(
    ("answer", "when"),
    [
        (Answer(status=200, data={"current_version": 2, "versions": VERSIONS}), THEN),
        (Answer(status=200, data={"current_version": 3, "versions": VERSIONS}), None),
        (Answer(status=200, data={"current_version": 2, "versions": {"2": None}}), None),
        (Answer(status=200, data={"current_version": 2, "versions": {"2": {"created_time": "soon"}}}), None),
        (Answer(status=200, data={"versions": None}), None),
        (Answer(status=400, data={"current_version": 2, "versions": VERSIONS}), None),
        (NONE, None),
    ],
)
def test_inv4_when_the_current_version_was_written(answer: Answer, when: datetime | None) -> None:
    assert written_at(world(Vault({META: answer})), "a") == when


# ---------------------------------------------------------------- which have one


def secrets(*paths: str) -> tuple[Secret, ...]:
    some = an_intent().secrets[0]
    return tuple(replace(some, name=path, path=path) for path in paths)


def listing(folder: str, *names: str) -> dict[str, Answer]:
    return {f"LIST secret/metadata/{folder}": Answer(status=200, data={"keys": list(names)})}


def has(*paths: str, versions: int = 1) -> dict[str, Answer]:
    return {f"GET secret/metadata/{p}": Answer(status=200, data={"current_version": versions}) for p in paths}


@pytest.mark.parametrize(
    ("answers", "paths", "handed_over", "found", "asked"),
    [
        (has("x/a"), ("x/a", "y/b"), (), {"x/a"}, ["GET secret/metadata/x/a", "GET secret/metadata/y/b"]),
        (has("a"), ("a", "b"), (), {"a"}, ["GET secret/metadata/a", "GET secret/metadata/b"]),
        (listing("x", "a") | has("x/a"), ("x/a", "x/b"), (), {"x/a"},
         ["LIST secret/metadata/x", "GET secret/metadata/x/a"]),
        (listing("x", "a") | has("x/a", versions=0), ("x/a", "x/b"), (), set(),
         ["LIST secret/metadata/x", "GET secret/metadata/x/a"]),
        (listing("x", "a"), ("x/a", "x/b"), ("x/a", "x/b"), {"x/a"}, ["LIST secret/metadata/x"]),
        ({}, ("x/a", "x/b"), ("x/a",), set(), ["LIST secret/metadata/x"]),
        (has("x/a"), ("x/a",), ("x/a",), {"x/a"}, ["GET secret/metadata/x/a"]),
        (has("x/a", versions=0), ("x/a",), ("x/a",), set(), ["GET secret/metadata/x/a"]),
    ],
)  # fmt: skip
def test_inv1_by_a_folder_s_names_where_several_lie_in_one(
    answers: dict[str, Answer],
    paths: tuple[str, ...],
    handed_over: tuple[str, ...],
    found: set[str],
    asked: list[str],
) -> None:
    vault = Vault(answers)
    assert written(world(vault), secrets(*paths), handed_over) == found
    assert vault.asked == asked


def test_inv1_a_folder_that_may_not_be_listed_is_no_empty_one() -> None:
    refused = {"LIST secret/metadata/x": Answer(status=400, data={}, errors=("no",))}
    with pytest.raises(WorldError):
        written(world(Vault(refused)), secrets("x/a", "x/b"))
