"""Kubernetes' bindings by what they give, where, and to whom (INV6)."""

from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.intent.manifests import committed_objects
from bootstrap.model.errors import BootstrapError
from bootstrap.operations.verify.guarded import unguarded
from bootstrap.operations.verify.kubernetes_built_in import is_built_in
from bootstrap.operations.verify.kubernetes_powers import powers, rules_of, words
from bootstrap.operations.verify.kubernetes_stakes import stakes
from bootstrap.operations.verify.kubernetes_ways import READ_KEY, Stake
from bootstrap.operations.verify.proof import State, Verdict, claim, names
from bootstrap.operations.verify.webhooks import undeclared
from bootstrap.ports import Object
from bootstrap.steps.context.names import RUN_ACCOUNT, SYSTEM_NAMESPACE
from bootstrap.steps.context.world import World

RBAC = "rbac.authorization.k8s.io/v1"
Name = tuple[str, str, str]  # kind, namespace, name
# Roles that Kubernetes makes for people; a manifest that binds one says what it gives.
USER_ROLES = frozenset({("ClusterRole", "", name) for name in ("cluster-admin", "admin", "edit")})
HINT = "declare them in bootstrap.yaml (spec.operators, with a reason), or take the binding away"
UNSEEN = (
    "rights outside RBAC, who is in the group system:masters, who may approve certificates of users, make a Secret "
    "with the token of an account, or reach etcd, a node or a backup"
)


@claim(
    "kubernetes-writers",
    "INV6",
    "whoever can change a materialized Secret, read the unseal key, or become who can, is declared",
    reads="every Role and ClusterRole and their bindings, by each of [the ways](#the-ways); webhooks that change "
    "Secrets or what External Secrets reads; the guards of admission as they are applied",
    unseen=UNSEEN + "; who writes the Secret that an internal entry is taken from",
)
def kubernetes_writers(world: World) -> Verdict:
    found = _Bindings(world)
    strange: dict[str, list[str]] = {}
    equals: set[str] = set()
    for binding in found.all:
        if not (given := found.given(binding)):
            continue
        for subject in binding.get("subjects") or ():
            who = _subject(subject, binding)
            if READ_KEY in given and not found.built_in(who, binding, given):
                equals.add(who)
            if not found.declared(who, binding, given):
                kind, name = binding["kind"], binding["metadata"]["name"]
                strange.setdefault(who, []).append(f"{words(given)}, {kind} {name}")
    seen = f"declared: {', '.join(sorted(found.people))}"
    seen += f"; equal to root in Vault, by the unseal key: {', '.join(sorted(equals))}" if equals else ""
    others = (f"{who} ({'; '.join(how)})" for who, how in sorted(strange.items()))
    seen += f"; not declared: {', '.join(others)}" if strange else "; nobody else seen"
    unread = f"{', '.join(found.unread)} (no right to list them), " if found.unread else ""
    seen += f"; cannot be seen: {unread}{UNSEEN}"
    altering, open_ = [*undeclared(world, found.people)], unguarded(world)
    seen += f"; changed as they are written by{names(altering)}" if altering else ""
    seen += f"; admission is not as it should be{names(open_)}" if open_ else ""
    if strange or altering:
        return Verdict(State.BROKEN, seen, HINT)
    if open_:
        return Verdict(State.BROKEN, seen, "`bootstrap up` puts it back; find out who changed it")
    return Verdict(State.LEFT_OUT if found.unread else State.HOLDS, seen)


class _Bindings:
    """Roles and bindings of the cluster and of the commit, each read once; ``people`` are those that Git declares."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._stakes = stakes(world)
        self.unread: list[str] = []
        self._roles = {_name(role): role for kind in ("ClusterRole", "Role") for role in self._list(kind)}
        self._written = {_name(obj): obj for obj in _manifests(world.intent.manifests)}
        self.people = frozenset(_people(world))
        self.all = [b for kind in ("ClusterRoleBinding", "RoleBinding") for b in self._list(kind)]

    def _list(self, kind: str) -> list[Object]:
        try:
            return [{**obj, "kind": kind} for obj in self._world.cluster.list(RBAC, kind)]
        except BootstrapError as error:
            if error.retry:
                raise
            self.unread.append(f"each {kind}")
            return []

    def given(self, binding: Object) -> frozenset[str]:
        return self._powers(binding, self._roles.get(_role(binding)))

    def _powers(self, binding: Object, role: Object | None) -> frozenset[str]:
        place = binding["metadata"].get("namespace", "")
        stake = self._stakes.get(place, Stake())

        def leads(names: frozenset[str]) -> bool:
            """A role that is named is judged by what it gives, were it bound here."""
            places = (("ClusterRole", ""), ("Role", place))
            found = (self._roles.get((kind, where, name)) for kind, where in places for name in names)
            return any(powers(rules_of(each), stake, everywhere=not place) for each in found)

        return powers(rules_of(role), stake, everywhere=not place, leads=leads)

    def declared(self, who: str, binding: Object, given: frozenset[str]) -> bool:
        if who in self.people:
            return True
        return self._as_written(who, binding, given) or self.built_in(who, binding, given)

    def built_in(self, who: str, binding: Object, given: frozenset[str]) -> bool:
        cluster_wide = binding["kind"] == "ClusterRoleBinding"
        return cluster_wide and is_built_in(
            binding["metadata"]["name"], binding["roleRef"]["name"], who, given, self._stakes[""]
        )

    def _as_written(self, who: str, binding: Object, given: frozenset[str]) -> bool:
        """Whether a manifest of the commit binds this subject to this role, and the role gives no more than there."""
        written = self._written.get(_name(binding))
        if written is None or _role(written) != _role(binding):
            return False
        if who not in {_subject(s, written) for s in written.get("subjects") or ()}:
            return False
        role = self._written.get(_role(binding))
        if role is None:  # a role that is not in Git may be widened by its maker
            return _role(binding) in USER_ROLES
        return given <= self._powers(binding, role)


def _manifests(manifests: Mapping[str, bytes]) -> Iterator[Object]:
    """Roles and bindings that lie in Git, such as the operator's own."""
    for path, data in manifests.items():
        if RBAC.partition("/")[0].encode() in data and path.endswith((".yaml", ".yml", ".json")):
            yield from (
                obj for obj in committed_objects(path, data) if obj["kind"].endswith(("Role", "RoleBinding"))
            )


def _people(world: World) -> Iterator[str]:
    yield f"ServiceAccount {SYSTEM_NAMESPACE}/{RUN_ACCOUNT}"
    yield f"ServiceAccount {world.intent.platform.external_secrets.service_account}"
    for operator in world.intent.platform.operators:
        yield from (f"User {name}" for name in operator.users)
        yield from (f"Group {name}" for name in operator.groups)
        yield from (f"ServiceAccount {name}" for name in operator.service_accounts)


def _name(obj: Object) -> Name:
    return obj["kind"], obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _role(binding: Object) -> Name:
    ref = binding["roleRef"]
    return ref["kind"], binding["metadata"].get("namespace", "") if ref["kind"] == "Role" else "", ref["name"]


def _subject(subject: Mapping[str, Any], binding: Object) -> str:
    """As a report names it. A user that stands for a service account is that account."""
    kind, name = str(subject["kind"]), str(subject["name"])
    if kind == "ServiceAccount":
        return f"{kind} {subject.get('namespace') or binding['metadata'].get('namespace', '')}/{name}"
    if kind == "User" and name.startswith("system:serviceaccount:"):
        return "ServiceAccount " + name.removeprefix("system:serviceaccount:").replace(":", "/", 1)
    return f"{kind} {name}"
