"""What is left of a Vault, by its nodes, claims and volumes: what nobody can say is taken for a store (INV4)."""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.ports import Object, Ref, SealStatus
from bootstrap.steps.context.names import labels
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.presence import (
    claims_of_vault,
    has_volume,
    is_alive,
    is_gone,
    may_hold,
    ordinals,
    pods_of_vault,
    since,
    volumes_of_vault,
)

EMPTY = SealStatus(initialized=False, sealed=True, version="1.21.1")
STORE = SealStatus(initialized=True, sealed=True, version="1.21.1")


def named(kind: str, name: str, **more: Any) -> Object:
    return {"kind": kind, "metadata": {"name": name, "namespace": "vault"}, **more}


def claim(number: int, status: Any = None, made: str = "") -> Object:
    found = named("PersistentVolumeClaim", f"data-vault-{number}", status=status)
    found["metadata"] |= {"creationTimestamp": made} if made else {}
    return found


def stateful(replicas: int, *, ours: bool = True, alone: bool = False, **more: Any) -> Object:
    template: Object = {"spec": {"initContainers": [{}]} if alone else {}}
    found = named("StatefulSet", "vault", spec={"replicas": replicas, "template": template, **more})
    found["metadata"] |= {"labels": labels("vault") if ours else {}}
    return found


def world(
    *objects: Object,
    answers: Iterable[SealStatus | None] = (),
    active: str | None = None,
    replicas: int = 3,
    lists: bool = True,
) -> World:
    """``answers`` of vault-0, vault-1, ...; the rest are silent."""
    held = {(each["kind"], each["metadata"]["name"]): each for each in objects}
    seen = {f"vault-{n}": each for n, each in enumerate(answers)}

    def get(ref: Ref) -> Object | None:
        return held.get((ref.kind, ref.name))

    def listed(*_: str) -> tuple[Object, ...]:
        assert lists, "it may not be listed"
        return tuple(each for each in objects if each["kind"] == "PersistentVolume")

    vault = SimpleNamespace(active=lambda pods: active)
    found = SimpleNamespace(
        cluster=SimpleNamespace(get=get, list=listed, missing=lambda wanted: () if lists else wanted),
        session=SimpleNamespace(seal_status=seen.get, vault=vault, pods=("vault-0", "vault-1", "vault-2")),
        intent=SimpleNamespace(
            platform=SimpleNamespace(vault=SimpleNamespace(namespace="vault", replicas=replicas))
        ),
    )
    return cast(World, found)


CLAIMS = tuple(map(claim, range(3)))


@pytest.mark.parametrize(
    ("seen", "gone"),
    [
        (world(), True),
        (world(claim(1)), False),
        (world(stateful(3, ours=False)), False),
        (world(stateful(3, ours=False), *CLAIMS, answers=[EMPTY] * 3), False),
        (world(stateful(3), *CLAIMS, answers=[EMPTY] * 3), True),
        (world(stateful(3), answers=[EMPTY] * 3), True),
        (world(stateful(3), *CLAIMS, answers=[EMPTY, EMPTY]), False),
        (world(stateful(3), *CLAIMS, answers=[EMPTY, STORE, EMPTY]), False),
        (world(stateful(2), *CLAIMS, answers=[EMPTY] * 3), False),
        (world(stateful(0)), False),
    ],
)
def test_inv4_only_what_says_so_itself_holds_nothing(seen: World, gone: bool) -> None:
    assert is_gone(seen) is gone


def test_inv4_a_node_may_hold_a_store_until_it_says_that_it_does_not() -> None:
    """One whose claim never got a volume holds nothing; one that lost it neither."""
    claims = (claim(0), claim(1), claim(2), claim(3, {"phase": "Pending"}), claim(4, {"phase": "Lost"}))
    assert may_hold(world(*claims, answers=[EMPTY, STORE])) == ("vault-1", "vault-2")


@pytest.mark.parametrize(
    ("status", "has"),
    [({"phase": "Bound"}, True), ({"phase": "Pending"}, False), ({"phase": "Lost"}, False), ({}, True)],
)
def test_inv4_a_claim_whose_phase_is_not_known_may_have_a_volume(status: Any, has: bool) -> None:
    assert has_volume(claim(0, status)) is has
    assert has_volume(claim(0, None))


ALONE, NEXT = stateful(1, alone=True), stateful(5)


@pytest.mark.parametrize(
    ("seen", "alive"),
    [
        (world(active="vault-0"), True),  # whatever is seen of the rest
        (world(), False),
        (world(stateful(3), *CLAIMS[:2]), True),  # two of three could serve
        (world(stateful(3), *CLAIMS[:1]), False),
        (world(stateful(3), *CLAIMS, answers=[EMPTY, EMPTY]), False),
        (world(*CLAIMS[:2]), True),  # without a StatefulSet, by what the commit wants
        (world(*CLAIMS[:1]), False),
        (world(stateful(1), *CLAIMS[:1]), True),  # the commit wants more than there were
        (world(NEXT, *CLAIMS[:2]), True),  # and fewer
        (world(ALONE, *CLAIMS[:1]), False),  # a recovery left it alone: its number says nothing
        (world(ALONE, *CLAIMS[:2]), True),
    ],
)
def test_inv4_so_many_that_would_serve_are_a_living_vault(seen: World, alive: bool) -> None:
    assert is_alive(seen) is alive


def test_the_pods_of_a_stateful_set_are_counted_from_where_it_begins() -> None:
    assert ordinals(stateful(3)) == range(3)
    assert ordinals(stateful(2, ordinals={"start": 1})) == range(1, 3)
    assert ordinals(stateful(2, ordinals=None)) == range(2)
    assert ordinals({"spec": {}}) == range(1)


def test_what_is_there_of_it_is_found_by_name() -> None:
    pod, more = named("Pod", "vault-1"), named("Pod", "vault-9")
    seen = world(pod, more, claim(4, made="2026-01-02"), claim(1, made="2026-01-01"), claim(9))
    assert pods_of_vault(seen) == (pod,)
    assert [each["metadata"]["name"] for each in claims_of_vault(seen)] == ["data-vault-1", "data-vault-4"]
    assert since(seen) == "2026-01-01"
    assert since(world()) == ""


def volume(name: str, spec: Any) -> Object:
    return {"kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def test_inv4_its_volumes_are_those_of_its_claims_by_their_namespace_too() -> None:
    ours = volume("ours", {"claimRef": {"namespace": "vault", "name": "data-vault-1"}})
    others = (
        volume("elsewhere", {"claimRef": {"namespace": "another", "name": "data-vault-1"}}),
        volume("another", {"claimRef": {"namespace": "vault", "name": "audit-vault-1"}}),
        volume("free", {"claimRef": None}),
        volume("new", {}),
        volume("odd", None),
    )
    assert volumes_of_vault(world(ours, *others)) == (ours,)
    assert volumes_of_vault(world(ours, lists=False)) == ()
