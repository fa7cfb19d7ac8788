"""What a Role or ClusterRole gives over our secrets, by the ways of ``kubernetes_ways``; labels count for nothing."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bootstrap.model.catalog import Custody, Internal, Secret
from bootstrap.operations.verify.kubernetes_ways import (
    EVERY_VERB,
    NAMELESS,
    READ_KEY,
    READS,
    WAYS,
    Stake,
    Way,
    Where,
)
from bootstrap.ports import Object
from bootstrap.steps.context.names import READER_ACCOUNT, RUN_ACCOUNT, SYSTEM_NAMESPACE, VAULT_ACCOUNT
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.serving_secrets import unseal_ref


def stakes(world: World) -> dict[str, Stake]:
    """By namespace; ``""`` is all of them together."""
    intent = world.intent
    operator = intent.platform.external_secrets.service_account.partition("/")[0]
    found: dict[str, Stake] = {
        SYSTEM_NAMESPACE: Stake(accounts=frozenset({RUN_ACCOUNT}), pods=True),
        operator: Stake(pods=True),
    }

    def put(namespace: str, stake: Stake) -> None:
        found[namespace] = found.get(namespace, Stake()) | stake

    put(intent.platform.vault.namespace, Stake(accounts=frozenset({VAULT_ACCOUNT}), pods=True))
    entries: list[Secret | Internal] = [*intent.secrets, *intent.internals]
    for consumer in (c for entry in entries for c in entry.consumers):
        put(consumer.namespace, Stake(secrets=frozenset({consumer.secret})))
    for name in intent.pushing_namespaces:
        put(name, Stake(accounts=frozenset({READER_ACCOUNT}), pushes=True, pods=True))
    if intent.platform.vault.custody is Custody.CLUSTER:
        ref = unseal_ref(world)
        put(ref.namespace, Stake(unseal=ref.name))
    everything = Stake()
    for each in found.values():
        everything |= each
    return {**found, "": everything}


def powers(rules: Iterable[Mapping[str, Any]], stake: Stake, *, everywhere: bool) -> frozenset[str]:
    """Each as "verb resource", such as "patch secrets" or "read the unseal key". ``everywhere``:
    by a ClusterRoleBinding."""
    return frozenset(power for rule in rules for power in _of_rule(rule, stake, everywhere=everywhere))


def _of_rule(rule: Mapping[str, Any], stake: Stake, *, everywhere: bool) -> Iterator[str]:
    named = frozenset(rule.get("resourceNames") or ())
    for way in WAYS:
        if not stake.counts(way.where, everywhere=everywhere):
            continue
        for resource in way.resources:
            verbs = _verbs(rule, way.group, resource) & frozenset(way.verbs)
            yield from _shown(way, resource, _narrowed(verbs, named, stake.names(way.where), resource))


def _shown(way: Way, resource: str, verbs: frozenset[str]) -> Iterator[str]:
    if way.where is Where.UNSEAL and way.verbs == READS:
        yield from (READ_KEY,) if verbs else ()
    else:
        yield from (f"{verb} {resource}" for verb in verbs)


def _narrowed(
    verbs: frozenset[str], named: frozenset[str], ours: frozenset[str] | None, resource: str
) -> frozenset[str]:
    """What is left of ``verbs`` where a rule speaks of some names only."""
    if not named:
        return verbs
    if ours is not None and not named & ours:
        return frozenset()
    if resource in ("roles", "clusterroles"):
        return frozenset()  # a role that is named is judged by what it gives, where it is bound
    return verbs if "/" in resource else verbs - NAMELESS


def _verbs(rule: Mapping[str, Any], group: str, resource: str) -> frozenset[str]:
    groups, resources = set(rule.get("apiGroups") or ()), set(rule.get("resources") or ())
    _, _, sub = resource.partition("/")
    if not groups & {group, "*"} or not resources & {resource, "*", f"*/{sub}" if sub else "*"}:
        return frozenset()
    verbs = frozenset(str(v) for v in rule.get("verbs") or ())
    return EVERY_VERB if "*" in verbs else verbs


def words(found: Iterable[str]) -> str:
    """``create/patch secrets, read the unseal key``."""
    verbs: dict[str, list[str]] = {}
    for power in sorted(found):
        verb, _, resource = power.partition(" ")
        verbs.setdefault(resource, []).append(verb)
    return ", ".join(f"{'/'.join(each)} {resource}" for resource, each in verbs.items())


def rules_of(role: Object | None) -> tuple[Mapping[str, Any], ...]:
    return tuple((role or {}).get("rules") or ())
