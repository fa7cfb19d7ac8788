"""What a Role or ClusterRole gives over our secrets, by verb, resource and namespace; labels count for nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.model.catalog import Custody, Internal, Secret
from bootstrap.ports import Object
from bootstrap.steps.context.names import READER_ACCOUNT, RUN_ACCOUNT, SYSTEM_NAMESPACE
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.serving_secrets import unseal_ref

SECRETS = frozenset({"create", "update", "patch", "delete", "deletecollection"})
NAMELESS = frozenset({"create", "deletecollection", "list", "watch"})  # not narrowed by resourceNames
READS = frozenset({"get", "list", "watch"})
RBAC_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Stake:
    """What counts in one namespace, or ("") in the whole cluster.

    ``secrets``: names of materialized Secrets; ``unseal``: the Secret with the unseal key, if it lies there;
    ``accounts``: service accounts whose login may write in Vault; ``pushes``: whether PushSecrets here reach it.
    """

    secrets: frozenset[str] = frozenset()
    unseal: str = ""
    accounts: frozenset[str] = frozenset()
    pushes: bool = False

    def __or__(self, other: "Stake") -> "Stake":
        return Stake(
            self.secrets | other.secrets,
            self.unseal or other.unseal,
            self.accounts | other.accounts,
            self.pushes or other.pushes,
        )


def stakes(world: World) -> dict[str, Stake]:
    """By namespace; ``""`` is all of them together."""
    intent = world.intent
    found: dict[str, Stake] = {SYSTEM_NAMESPACE: Stake(accounts=frozenset({RUN_ACCOUNT}))}
    entries: list[Secret | Internal] = [*intent.secrets, *intent.internals]
    for consumer in (c for entry in entries for c in entry.consumers):
        mine = Stake(secrets=frozenset({consumer.secret}))
        found[consumer.namespace] = found.get(consumer.namespace, Stake()) | mine
    for name in intent.pushing_namespaces:
        mine = Stake(accounts=frozenset({READER_ACCOUNT}), pushes=True)
        found[name] = found.get(name, Stake()) | mine
    if intent.platform.vault.custody is Custody.CLUSTER:
        ref = unseal_ref(world)
        found[ref.namespace] = found.get(ref.namespace, Stake()) | Stake(unseal=ref.name)
    everything = Stake()
    for each in found.values():
        everything |= each
    return {**found, "": everything}


def powers(rules: Iterable[Mapping[str, Any]], stake: Stake, *, everywhere: bool) -> frozenset[str]:
    """Each as "verb resource", such as "patch secrets" or "read the unseal key". ``everywhere``:"
    " by a ClusterRoleBinding."""
    return frozenset(power for rule in rules for power in _of_rule(rule, stake, everywhere=everywhere))


def _of_rule(rule: Mapping[str, Any], stake: Stake, *, everywhere: bool) -> Iterator[str]:
    names = frozenset(rule.get("resourceNames") or ())
    if verbs := _verbs(rule, "", "secrets"):
        if stake.secrets or everywhere:
            yield from (f"{v} secrets" for v in _narrowed(verbs & SECRETS, names, stake.secrets))
        elif stake.unseal:
            yield from (f"{v} secrets" for v in _narrowed(verbs & SECRETS, names, {stake.unseal}))
        if stake.unseal and _narrowed(verbs & READS, names, {stake.unseal}):
            yield "read the unseal key"
    if (
        stake.accounts
        and "create" in _verbs(rule, "", "serviceaccounts/token")
        and (not names or names & stake.accounts)
    ):
        yield "create serviceaccounts/token"
    if stake.pushes:
        verbs = _verbs(rule, "external-secrets.io", "pushsecrets") & {"create", "update", "patch"}
        yield from (f"{v} pushsecrets" for v in (verbs - NAMELESS if names else verbs))
    for resource in ("users", "groups", "serviceaccounts"):
        if "impersonate" in _verbs(rule, "", resource) and (everywhere or resource == "serviceaccounts"):
            yield f"impersonate {resource}"
    for resource in ("roles", "clusterroles"):
        verbs = _verbs(rule, RBAC_GROUP, resource) & {"bind", "escalate"}
        if everywhere or resource == "roles":
            yield from (f"{v} {resource}" for v in verbs if not names)


def _narrowed(verbs: frozenset[str], names: frozenset[str], ours: Iterable[str]) -> frozenset[str]:
    """What is left of ``verbs`` where a rule speaks of some names only."""
    if not names:
        return verbs
    return verbs - NAMELESS if names & frozenset(ours) else frozenset()


def _verbs(rule: Mapping[str, Any], group: str, resource: str) -> frozenset[str]:
    groups, resources = set(rule.get("apiGroups") or ()), set(rule.get("resources") or ())
    _, _, sub = resource.partition("/")
    if not groups & {group, "*"} or not resources & {resource, "*", f"*/{sub}" if sub else "*"}:
        return frozenset()
    verbs = frozenset(str(v) for v in rule.get("verbs") or ())
    every = SECRETS | READS | {"impersonate", "bind", "escalate"}
    return every if "*" in verbs else verbs


def words(found: Iterable[str]) -> str:
    """``create/patch secrets, read the unseal key``."""
    verbs: dict[str, list[str]] = {}
    for power in sorted(found):
        verb, _, resource = power.partition(" ")
        verbs.setdefault(resource, []).append(verb)
    return ", ".join(f"{'/'.join(each)} {resource}" for resource, each in verbs.items())


def rules_of(role: Object | None) -> tuple[Mapping[str, Any], ...]:
    return tuple((role or {}).get("rules") or ())
