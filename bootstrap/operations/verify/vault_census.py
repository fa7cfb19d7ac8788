"""Who there is in Vault, and with which policies: asked with the run's own rights (INV6)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from bootstrap.intent.hcl import Grant, read_policy
from bootstrap.model.errors import BootstrapError
from bootstrap.ports import Answer
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.login_kinds import ROOMS, kinds

GLOBS = "allowed_policies_glob"
POLICIES = ("token_policies", "policies", "identity_policies", "allowed_policies")


@dataclass(frozen=True, slots=True)
class Holder:
    """``kind``: role, user, entity, group or token; ``about`` is Vault's answer."""

    kind: str
    name: str
    policies: frozenset[str]
    about: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Census:
    """``unread`` names what the run has no right to look at, ``opaque`` logins whose grants are not looked for."""

    def __init__(self, world: World) -> None:
        self._session = world.session
        self.unread: list[str] = []
        self.opaque: list[str] = []
        self._mounts = granted(self._session.read("sys/auth"), "sys/auth").data
        self.logins = kinds(self._mounts)
        self.policies = {
            name: self._policy(name) for name in self._listed("sys/policies/acl") if name != "root"
        }
        self.holders = tuple(self._holders())

    def _listed(self, path: str) -> tuple[str, ...]:
        answer = self._asked("LIST", path)
        return tuple(str(k) for k in answer.get("keys") or ()) if answer else ()

    def _asked(self, method: str, path: str) -> Mapping[str, Any]:
        """Empty where there is nothing, or no right to look."""
        answer = self.read(path, method)
        return answer.data if answer is not None and answer.ok else {}

    def read(self, path: str, method: str = "GET") -> Answer | None:
        """None where there is no right to look."""
        try:
            return self._session.call(method, path)
        except BootstrapError as error:
            if error.retry:
                raise
            self.unread.append(path)
            return None

    def _policy(self, name: str) -> tuple[Grant, ...]:
        about = self._asked("GET", f"sys/policies/acl/{name}")
        try:
            return read_policy(f"policy {name}", str(about.get("policy") or "").encode())
        except BootstrapError:
            self.unread.append(f"policy {name}, whose text is not understood")
            return ()

    def _holders(self) -> Iterator[Holder]:
        for mount, kind in sorted(self.logins.items()):
            for room in ROOMS.get(kind, ()):
                for name in self._listed(f"auth/{mount}/{room}"):
                    about = self._asked("GET", f"auth/{mount}/{room}/{name}")
                    where = "" if mount == "kubernetes" else f"auth/{mount}/"
                    word = {"users": "user", "groups": "group"}.get(room, "role")
                    yield Holder(word, where + name, self._held(about), about)
            if kind not in ROOMS:
                self.opaque.append(f"login {mount}/ ({kind})")
        for kind in ("entity", "group"):
            for name in self._listed(f"identity/{kind}/name"):
                about = self._asked("GET", f"identity/{kind}/name/{name}")
                yield Holder(kind, name, self._held(about), about)
        for accessor, about in self._session.tokens():
            yield Holder("token", accessor, self._held(about), about)

    def _held(self, about: Mapping[str, Any]) -> frozenset[str]:
        """Policies by their names, and those that a token role's patterns fit."""
        named = {str(p) for key in POLICIES for p in about.get(key) or ()}
        globs = [str(g) for g in about.get(GLOBS) or ()]
        return frozenset(
            named | {p for p in (*self.policies, "root") if any(fnmatchcase(p, g) for g in globs)}
        )

    @property
    def groups(self) -> Mapping[str, set[str]]:
        """Id of an entity to the groups that it is in; a group in a group hands on what it has."""
        by_id = {str(h.about.get("id") or h.name): h for h in self.holders if h.kind == "group"}
        found: dict[str, set[str]] = {}
        for group in by_id.values():
            for entity in _members(group, by_id, frozenset()):
                found.setdefault(entity, set()).add(group.name)
        return found

    def accessor(self, mount: str) -> str:
        return str((self._mounts.get(f"{mount}/") or {}).get("accessor", ""))


def _members(group: Holder, groups: Mapping[str, Holder], seen: frozenset[str]) -> Iterator[str]:
    yield from map(str, group.about.get("member_entity_ids") or ())
    for inner in map(str, group.about.get("member_group_ids") or ()):
        if inner in groups and inner not in seen:
            yield from _members(groups[inner], groups, seen | {inner})
