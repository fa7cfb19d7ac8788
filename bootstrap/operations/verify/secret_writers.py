"""Every identity that is able to change a secret, as far as it can be seen from here (INV6).

Seen in Vault: who logs in, by which role, with which policies; what is granted under our own names is read, what
is granted under other names the run's policy may list and not read. Seen in Kubernetes: who is bound to a role
that writes Secrets where materialized ones lie, or reads the unseal key's.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from bootstrap.intent.hcl import Grant, read_policy
from bootstrap.intent.manifests import parse_manifests
from bootstrap.model.catalog import Custody, Internal, Secret
from bootstrap.model.errors import BootstrapError, WorldError
from bootstrap.ports import Object
from bootstrap.steps.context.names import (
    KV_MOUNT,
    READER_ROLE,
    RUN_ACCOUNT,
    RUN_POLICY,
    RUN_ROLE,
    SYSTEM_NAMESPACE,
)
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World

BUILT_IN = frozenset({"default", "root", RUN_POLICY})
WRITES = frozenset({"create", "update", "patch", "delete", "sudo"})
OF_A_LOGIN = "entity_"  # Vault makes one at a first login; it holds no policy of its own
RBAC = "rbac.authorization.k8s.io/v1"
OF_KUBERNETES = {"kubernetes.io/bootstrapping": "rbac-defaults"}  # what the API server itself keeps up


@dataclass(frozen=True, slots=True, kw_only=True)
class Writers:
    """Names of identities: those that Git declares, those that are a second authority, and whoever else is able to.

    ``unseen`` says what cannot be told from here.
    """

    declared: tuple[str, ...]
    broken: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    unseen: str


def in_vault(world: World) -> Writers:
    vault, intent = _Vault(world), world.intent
    pushers = {f"pusher-{name}" for name in intent.pushing_namespaces}
    known = BUILT_IN | pushers | {f"reader-{name}" for name in intent.reading_namespaces}
    paths = {s.path: s.name for s in intent.handovers if s.path}
    policies = vault.listed("sys/policies/acl")
    reached = {
        name: vault.reached(name, paths) for name in policies if name.startswith(("reader-", "pusher-"))
    }
    broken = (f"policy {name} writes {', '.join(names)}" for name, names in reached.items() if names)
    unseen = "what policies of other names grant, batch tokens, who holds the unseal key"
    return Writers(
        declared=(f"role {RUN_ROLE} (up)", *(f"policy {name} (PushSecret)" for name in sorted(pushers))),
        broken=tuple(broken),
        others=(*(f"policy {name}" for name in policies if name not in known), *_identities(vault, known)),
        unseen=", ".join((*vault.unread, unseen)),
    )


def _identities(vault: "_Vault", known: Collection[str]) -> Iterator[str]:
    """Ways in that `up` did not make, and live tokens with a policy that it does not know."""
    yield from (f"login {name}" for name in vault.logins() if name not in ("token/", "kubernetes/"))
    yield from (f"role {r}" for r in vault.listed("auth/kubernetes/role") if r not in (RUN_ROLE, READER_ROLE))
    entities = vault.listed("identity/entity/name")
    yield from (f"entity {e}" for e in entities if e not in vault.declared and not e.startswith(OF_A_LOGIN))
    yield from (f"a token with policy {name}" for name in sorted(vault.held() - set(known)))


class _Vault:
    """What the run may ask Vault about others; ``unread`` says what was denied."""

    def __init__(self, world: World) -> None:
        self._session = world.session
        self.unread: list[str] = []
        names = (*world.intent.reading_namespaces, *world.intent.pushing_namespaces)
        self.declared = {f"ns-{name}" for name in names}

    def listed(self, path: str) -> tuple[str, ...]:
        try:
            return tuple(self._session.call("LIST", path).data.get("keys") or ())
        except WorldError as error:
            if error.retry:
                raise
            self.unread.append(f"the list of {path} (denied)")
            return ()

    def logins(self) -> tuple[str, ...]:
        answer = granted(self._session.read("sys/auth"), "sys/auth")
        return tuple(name for name in answer.data if name.endswith("/"))

    def held(self) -> set[str]:
        return {policy for policies in self._session.accessors().values() for policy in policies}

    def reached(self, policy: str, paths: dict[str, str]) -> list[str]:
        """The handed-over secrets that a policy of our own naming lets its bearer write: none, as `up` writes it."""
        answer = granted(self._session.read(f"sys/policies/acl/{policy}"), f"policy {policy}")
        grants = [
            grant
            for grant in read_policy(f"policy {policy}", str(answer.data.get("policy") or "").encode())
            if grant.capabilities & WRITES
        ]
        return sorted(name for path, name in paths.items() if any(_covers(grant, path) for grant in grants))


def _covers(grant: Grant, path: str) -> bool:
    """Vault's ``+`` is one segment and ``*`` any ending; both read as "anything" err on the side of naming."""
    return fnmatchcase(f"{KV_MOUNT}/data/{path}", grant.path.replace("[", "[[]").replace("+", "*"))


# ---------------------------------------------------------------- Kubernetes


def in_kubernetes(world: World) -> Writers:
    rules = _Rules(world)
    written = _written(world.intent.manifests)
    declared, others = set(_declared(world)), set()
    for binding in rules.bindings():
        if (verbs := rules.on_secrets(binding)) and _name(binding) not in written:
            kind, name = binding["kind"], binding["metadata"]["name"]
            for subject in binding.get("subjects") or ():
                who = _subject(subject, binding)
                if who not in declared and not _of_kubernetes(binding, subject):
                    others.add(f"{who} ({'/'.join(sorted(verbs))}, {kind} {name})")
    unseen = "rights outside RBAC, who may run pods there or reach etcd, a node or a backup"
    if rules.unread:
        unseen = f"{', '.join(rules.unread)} (no right to list them), {unseen}"
    return Writers(declared=tuple(sorted(declared)), others=tuple(sorted(others)), unseen=unseen)


def _written(manifests: Mapping[str, bytes]) -> set[tuple[str, str, str]]:
    """The bindings that lie in Git as manifests, such as the operator's own."""
    found = set()
    for path, data in manifests.items():
        if b"RoleBinding" in data and path.endswith((".yaml", ".yml", ".json")):
            found |= {
                _name(obj) for obj in parse_manifests(path, data) if obj["kind"].endswith("RoleBinding")
            }
    return found


def _name(obj: Object) -> tuple[str, str, str]:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _declared(world: World) -> Iterator[str]:
    yield f"ServiceAccount {SYSTEM_NAMESPACE}/{RUN_ACCOUNT}"
    yield f"ServiceAccount {world.intent.platform.external_secrets.service_account}"


def _subject(subject: dict[str, Any], binding: Object) -> str:
    place = subject.get("namespace") or binding["metadata"].get("namespace", "")
    return f"{subject['kind']} {place + '/' if subject['kind'] == 'ServiceAccount' else ''}{subject['name']}"


def _of_kubernetes(binding: Object, subject: dict[str, Any]) -> bool:
    """The API server's own defaults: its controllers, and the group that its first certificate is in."""
    labels = binding["metadata"].get("labels") or {}
    own = subject.get("namespace") == "kube-system" or str(subject["name"]).startswith("system:")
    return OF_KUBERNETES.items() <= labels.items() and own


class _Rules:
    """Roles and bindings of the cluster, read once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._unseal = (
            world.intent.platform.vault.namespace
            if world.intent.platform.vault.custody is Custody.CLUSTER
            else ""
        )
        entries: list[Secret | Internal] = [*world.intent.secrets, *world.intent.internals]
        self._places = {c.namespace for entry in entries for c in entry.consumers} | {SYSTEM_NAMESPACE}
        self.unread: list[str] = []
        found = [*self._list("ClusterRole"), *self._list("Role")]
        self._roles = {_name(role): role for role in found}

    def bindings(self) -> list[Object]:
        return [*self._list("ClusterRoleBinding"), *self._list("RoleBinding")]

    def _list(self, kind: str) -> list[Object]:
        try:
            return [{**obj, "kind": kind} for obj in self._world.cluster.list(RBAC, kind)]
        except BootstrapError:
            self.unread.append(f"each {kind}")
            return []

    def on_secrets(self, binding: Object) -> set[str]:
        """What a binding grants on Secrets that count here: ``write``, or ``read`` of the unseal key."""
        place = binding["metadata"].get("namespace", "")
        ref = binding["roleRef"]
        role = self._roles.get((ref["kind"], place if ref["kind"] == "Role" else "", ref["name"]))
        verbs = _secret_verbs(role)
        writes = not place or place in self._places | {self._unseal}
        found = {"write"} if writes and verbs & {"*", "create", "update", "patch", "delete"} else set()
        reads = self._unseal and place in ("", self._unseal)
        return found | ({"read"} if reads and verbs & {"*", "get", "list", "watch"} else set())


def _secret_verbs(role: Object | None) -> set[str]:
    found: set[str] = set()
    for rule in (role or {}).get("rules") or ():
        groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
        if {"", "*"} & set(groups) and {"secrets", "*"} & set(resources):
            found |= set(rule.get("verbs") or ())
    return found
