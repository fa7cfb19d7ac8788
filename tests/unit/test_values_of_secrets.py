"""Where a secret's values come from, and what may not be published (B1, S1)."""

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.catalog import Encoding, Source
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.sources import opening_sources
from bootstrap.steps.secrets.values import copy_values, source_values, vault_values
from tests.support.small_intent import an_intent

TEXT = replace(an_intent().secrets[0], source=Source(file="f"))
BASED = replace(TEXT, source=Source(file="f", encoding=Encoding.BASE64))


class Files:
    """Opens every file alike, and keeps back what is named so."""

    def __init__(self) -> None:
        self.asked: list[tuple[Mapping[str, Any], str, str]] = []

    def open(self, path: str) -> Any:
        raise AssertionError(path)

    def keep_back(self, data: Mapping[str, Any], where: str, hint: str) -> None:
        self.asked.append((data, where, hint))
        if "root" in data:
            raise DefinitionError("no", code="E_ROOT_SOURCE", where=where, hint=hint)


def world(**more: Any) -> World:
    return cast(
        "World", SimpleNamespace(**({"files": Files(), "restore": None, "intent": an_intent()} | more))
    )


def test_b1_without_the_root_there_is_no_value() -> None:
    for asked in (source_values, vault_values, copy_values):
        with pytest.raises(PreconditionError) as caught:
            asked(world(files=None), TEXT)
        assert caught.value.code == "E_ROOT_NEEDED"


def test_b1_in_a_restore_the_value_that_vault_held_counts_and_git_s_where_there_is_none() -> None:
    restore = SimpleNamespace(saved={TEXT.name: {"a": Sensitive(b"dGV4dA==")}})
    assert copy_values(world(restore=restore), TEXT) == {"a": Sensitive(b"dGV4dA==")}
    assert copy_values(world(restore=restore), BASED) == {"a": Sensitive(b"text")}
    for none in (SimpleNamespace(saved={}), None):
        with pytest.raises(AssertionError, match="f"):  # the source is opened
            copy_values(world(restore=none), TEXT)


# ---------------------------------------------------------------- sources of internal entries


def cluster(live: Object | None) -> Any:
    return SimpleNamespace(get=lambda _: live)


@pytest.mark.parametrize("live", [{"data": {"user": "u"}}, {"data": {}}, {"data": None}, {}], ids=str)
def test_s1_what_is_published_is_looked_into(live: Object) -> None:
    files = Files()
    assert list(opening_sources(world(files=files, cluster=cluster({"metadata": {}, **live})))) == []
    ((seen, where, hint),) = files.asked
    assert (seen, where) == (live.get("data") or {}, "Secret postgres/made")
    assert "database (secrets/b.yaml:1)" in hint


def test_s1_a_source_that_holds_a_key_of_the_root_is_named() -> None:
    (error,) = opening_sources(world(cluster=cluster({"data": {"root": "k"}})))
    assert (error.code, error.where) == ("E_ROOT_SOURCE", "Secret postgres/made")


def test_s1_where_there_is_nothing_to_compare_nothing_is() -> None:
    files = Files()
    assert list(opening_sources(world(files=files, cluster=cluster(None)))) == []
    assert files.asked == []
    assert list(opening_sources(world(files=None, cluster=cluster({"data": {"root": "k"}})))) == []
