"""What each node of Vault shows of itself, without a token; and who votes, by raft's own word (S4)."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.errors import Transient, WorldError
from bootstrap.model.quorum import Node, Seen
from bootstrap.ports import Answer, Object, Ref, SealStatus
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import quorum
from bootstrap.steps.vault.quorum import HEALTH, INDEX, nodes, voters

EMPTY = SealStatus(initialized=False, sealed=True, version="1")
SEALED = SealStatus(initialized=True, sealed=True, version="1")
LEADS = SealStatus(initialized=True, sealed=False, version="1", leader=True)
STANDBY = SealStatus(initialized=True, sealed=False, version="1", leader=False)


def claim(number: int, phase: str = "Bound") -> Object:
    meta = {"name": f"data-vault-{number}", "uid": f"uid-{number}"}
    return {"kind": "PersistentVolumeClaim", "metadata": meta, "status": {"phase": phase}}


def world(
    *claims: Object,
    replicas: int | None = None,
    answers: Mapping[str, SealStatus] | None = None,
    told: Mapping[str, Mapping[str, Any] | Transient] | None = None,
) -> World:
    held = {str(each["metadata"]["name"]): each for each in claims}
    if replicas is not None:
        held["vault"] = {"spec": {"replicas": replicas}}

    def get(ref: Ref) -> Object | None:
        return held.get(ref.name)

    def call(method: str, path: str, *, pod: str, token: None) -> Answer:
        assert (method, token) == ("GET", None)
        found = (told or {})[path]
        if isinstance(found, Transient):
            raise found
        return Answer(200, found)

    session = SimpleNamespace(seal_status=(answers or {}).get, vault=SimpleNamespace(call=call))
    intent = SimpleNamespace(platform=SimpleNamespace(vault=SimpleNamespace(namespace="vault")))
    return cast(World, SimpleNamespace(cluster=SimpleNamespace(get=get), session=session, intent=intent))


def test_s4_a_node_is_one_that_is_wanted_or_whose_claim_is_there() -> None:
    found = nodes(world(claim(0), claim(4, "Lost"), replicas=2))
    assert found == (
        Node(pod="vault-0", claim="uid-0", seen=Seen.SILENT),
        Node(pod="vault-1", claim="", seen=Seen.LOST),
        Node(pod="vault-4", claim="uid-4", seen=Seen.LOST),
    )
    assert [node.pod for node in nodes(world(claim(1)))] == ["vault-1"]


@pytest.mark.parametrize(
    ("status", "seen"), [(EMPTY, Seen.EMPTY), (SEALED, Seen.SEALED), (LEADS, Seen.LEADS)]
)
def test_s4_a_node_that_answers_says_what_it_is(status: SealStatus, seen: Seen) -> None:
    (node,) = nodes(world(claim(0), answers={"vault-0": status}))
    assert node == Node(pod="vault-0", claim="uid-0", seen=seen)


@pytest.mark.parametrize(
    ("health", "raft", "seen", "index"),
    [
        ({"ha_connection_healthy": True}, {INDEX: 41}, Seen.FOLLOWS, 41),
        ({"ha_connection_healthy": False}, {INDEX: 41}, Seen.WAITS, 41),
        ({"ha_connection_healthy": "true"}, {INDEX: 0}, Seen.WAITS, None),
        ({}, {INDEX: "41"}, Seen.WAITS, None),
        ({}, {}, Seen.WAITS, None),
    ],
)
def test_s4_a_standby_says_whether_it_follows_and_how_far_it_is(
    health: Mapping[str, Any], raft: Mapping[str, Any], seen: Seen, index: int | None
) -> None:
    (node,) = nodes(world(claim(0), answers={"vault-0": STANDBY}, told={HEALTH: health, "sys/leader": raft}))
    assert node == Node(pod="vault-0", claim="uid-0", seen=seen, index=index)


def test_s4_a_standby_that_falls_silent_meanwhile_is_silent() -> None:
    told: Mapping[str, Any] = {HEALTH: {}, "sys/leader": Transient("away", code="E_VAULT_AWAY")}
    (node,) = nodes(world(claim(0), answers={"vault-0": STANDBY}, told=told))
    assert node.seen is Seen.SILENT


def test_s4_only_a_voter_votes_and_a_refusal_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    servers = [
        {"node_id": "vault-2", "voter": True},
        {"node_id": "vault-1", "voter": False},
        {"node_id": "vault-0", "voter": True},
    ]
    answer = Answer(200, {"config": {"servers": servers}})

    def reading(*asked: str) -> Answer:
        assert asked == ("GET", "sys/storage/raft/configuration")
        return answer

    monkeypatch.setattr(quorum, "RootSession", lambda _: SimpleNamespace(reading=reading))
    assert voters(world()) == ("vault-0", "vault-2")
    answer = Answer(400, {})
    with pytest.raises(WorldError) as stopped:
        voters(world())
    assert stopped.value.code == "E_VAULT_REFUSED"
