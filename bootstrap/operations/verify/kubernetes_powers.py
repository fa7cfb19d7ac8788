"""What a Role or ClusterRole gives over our secrets, by the ways of ``kubernetes_ways``; labels count for nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

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


def _none(_names: frozenset[str]) -> bool:
    return False


def powers(
    rules: Iterable[Mapping[str, Any]],
    stake: Stake,
    *,
    everywhere: bool,
    leads: Callable[[frozenset[str]], bool] = _none,
) -> frozenset[str]:
    """Each as "verb resource", such as "patch secrets" or "read the unseal key". ``everywhere``:
    by a ClusterRoleBinding. ``leads``: whether one of these roles, bound there, gives any."""
    return frozenset(p for rule in rules for p in _of_rule(rule, stake, leads, everywhere=everywhere))


def _of_rule(
    rule: Mapping[str, Any], stake: Stake, leads: Callable[[frozenset[str]], bool], *, everywhere: bool
) -> Iterator[str]:
    named = frozenset(rule.get("resourceNames") or ())
    for way in WAYS:
        if not stake.counts(way.where, everywhere=everywhere):
            continue
        for resource in way.resources:
            verbs = _verbs(rule, way.group, resource) & frozenset(way.verbs)
            if named and resource in ("roles", "clusterroles"):
                yield from _shown(way, resource, verbs if verbs and leads(named) else frozenset())
                continue
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
