"""What the External Secrets Operator is asked to do, for each consumer and each internal entry (D2)."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.catalog import Consumer, Encoding, Intent, Source
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.external_secret_objects import external_secrets, look_ahead, published
from tests.support.small_intent import an_intent

READER = Consumer(namespace="reads", secret="copy")


def with_secret(**more: Any) -> Intent:
    intent = an_intent()
    secret = replace(intent.secrets[0], path="a", consumers=(READER,))
    return replace(intent, secrets=(replace(secret, **more),), internals=())


def spec(intent: Intent) -> dict[str, Any]:
    (made,) = external_secrets(intent)
    found: dict[str, Any] = made["spec"]
    return found


@pytest.mark.parametrize(
    ("source", "decoding"),
    [
        (None, "None"),
        (Source(file="f"), "None"),
        (Source(file="f", encoding=Encoding.BASE64), "Base64"),
    ],
)
def test_d2_every_field_is_read_as_the_source_wrote_it(source: Source | None, decoding: str) -> None:
    every = spec(with_secret(source=source))
    assert every["dataFrom"] == [{"extract": {"key": "a", "decodingStrategy": decoding}}]
    assert "data" not in every
    keyed = spec(with_secret(source=source, consumers=(replace(READER, keys={"P": "p", "K": "k"}),)))
    assert keyed["data"] == [
        {"secretKey": key, "remoteRef": {"key": "a", "property": name, "decodingStrategy": decoding}}
        for key, name in (("K", "k"), ("P", "p"))
    ]
    assert "dataFrom" not in keyed


def test_d2_what_vault_does_not_own_is_read_by_nobody() -> None:
    assert list(external_secrets(with_secret(path=None))) == []


@pytest.mark.parametrize(
    ("keys", "data"), [({}, {"username": "username"}), ({"U": "username"}, {"U": "username"})]
)
def test_d2_an_internal_entry_is_pushed_and_read(keys: dict[str, str], data: dict[str, str]) -> None:
    intent = an_intent()
    (entry,) = intent.internals
    entry = replace(entry, consumers=(replace(READER, keys=keys),))
    ((same, push, (reader,)),) = published(replace(intent, internals=(entry,)))
    assert same is entry
    (match,) = push["spec"]["data"]
    assert match["match"]["remoteRef"] == {"remoteKey": entry.path, "property": "username"}
    read = {each["secretKey"]: each["remoteRef"]["property"] for each in reader["spec"]["data"]}
    assert read == data
    assert {each["remoteRef"]["key"] for each in reader["spec"]["data"]} == {entry.path}


def test_namespaces_with_several_objects_are_listed_at_once() -> None:
    listed: list[tuple[str, ...]] = []
    cluster = SimpleNamespace(list=lambda *place: listed.append(place))
    intent = an_intent()  # both of its ExternalSecrets are in one namespace, its PushSecret is in another
    look_ahead(cast("World", SimpleNamespace(intent=intent, cluster=cluster)))
    assert listed == [("external-secrets.io/v1", "ExternalSecret", "demo")]
