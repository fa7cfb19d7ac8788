"""Vault's configuration, leaf by leaf: what each must be, whether it is so, and how it is written (B6, D2, D6, S3).

A leaf is read by the run's own identity, and written by a token that may: the initial root token for what makes the
run's identity, a configuring token (``configuring.py``) for everything from then on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from bootstrap.model.catalog import Intent
from bootstrap.ports import Answer
from bootstrap.steps.context.names import (
    AUDIT_DEVICE,
    AUDIT_FILE,
    KV_MOUNT,
    READER_ACCOUNT,
    READER_ROLE,
    RUN_ACCOUNT,
    RUN_POLICY,
    RUN_ROLE,
    SYSTEM_NAMESPACE,
    TXN_HEADER,
)
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.session import TOKEN_SECONDS
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.policies import RUN, pusher, reader
from bootstrap.steps.vault.root_session import Call

_HEADERS: Final = "sys/config/auditing/request-headers"


class Leaf(Protocol):
    @property
    def change(self) -> str: ...  # in the words of a plan
    def holds(self, call: Call) -> bool: ...
    def write(self, world: World, call: Call) -> None: ...


@dataclass(frozen=True, slots=True)
class Fields:
    """A path and the fields that it must have."""

    path: str
    body: dict[str, Any]

    @property
    def change(self) -> str:
        return f"write {self.path}"

    def holds(self, call: Call) -> bool:
        answer = call("GET", self.path)
        return answer.ok and all(_plain(answer.data.get(n)) == _plain(v) for n, v in self.body.items())

    def write(self, world: World, call: Call) -> None:
        granted(call("POST", self.path, self.body), self.path)


@dataclass(frozen=True, slots=True)
class Enabled:
    """A mount, a login or an audit device: listed at its folder, made below it."""

    folder: str
    name: str
    body: dict[str, Any]
    change: str

    def holds(self, call: Call) -> bool:
        return f"{self.name}/" in granted(call("GET", self.folder), self.folder).data

    def write(self, world: World, call: Call) -> None:
        path = f"{self.folder}/{self.name}"
        granted(call("POST", path, self.body), path)
        # A node that lags may not know it yet.
        world.wait(f"{path} is listed", lambda: self.holds(call), seconds=60)


@dataclass(frozen=True, slots=True)
class AuditedHeader:
    change: str = f"audit the header {TXN_HEADER}"

    def holds(self, call: Call) -> bool:
        listed = granted(call("GET", _HEADERS), "audited headers").data.get("headers") or {}
        return TXN_HEADER.lower() in {name.lower() for name in listed}

    def write(self, world: World, call: Call) -> None:
        path = f"{_HEADERS}/{TXN_HEADER}"
        granted(call("PUT", path, {"hmac": False}), path)


@dataclass(frozen=True, slots=True)
class Alias:
    """One role serves every namespace; what a namespace may do comes from its own entity, by this alias."""

    namespace: str

    @property
    def change(self) -> str:
        return f"alias {self._name}"

    @property
    def _name(self) -> str:
        return f"{self.namespace}/{READER_ACCOUNT}"

    def holds(self, call: Call) -> bool:
        answer = self._entity(call)
        aliases = (answer.data.get("aliases") or ()) if answer.ok else ()
        return any(alias.get("name") == self._name for alias in aliases)

    def write(self, world: World, call: Call) -> None:
        entity = granted(self._entity(call), f"entity ns-{self.namespace}").data["id"]
        accessor = world.wait("login kubernetes/ is listed", lambda: _accessor(call), seconds=60)
        body = {"name": self._name, "canonical_id": entity, "mount_accessor": accessor}
        granted(call("POST", "identity/entity-alias", body), self.change)

    def _entity(self, call: Call) -> Answer:
        return call("GET", f"identity/entity/name/ns-{self.namespace}")


AUDITING: Final[tuple[Leaf, ...]] = (
    Enabled(
        "sys/audit",
        AUDIT_DEVICE,
        {"type": "file", "options": {"file_path": AUDIT_FILE}},
        f"enable audit device {AUDIT_DEVICE}/ at {AUDIT_FILE}",
    ),
    AuditedHeader(),
)
_LOGIN: Final = {
    "audience": "vault",
    "token_ttl": TOKEN_SECONDS,
    "token_no_default_policy": True,
    "token_type": "service",
}
RUN_IDENTITY: Final[tuple[Leaf, ...]] = (
    Enabled("sys/auth", "kubernetes", {"type": "kubernetes"}, "enable login kubernetes/"),
    # No reviewer token is given: Vault reviews with its own, so it never goes stale with a pod.
    Fields("auth/kubernetes/config", {"kubernetes_host": "https://kubernetes.default.svc"}),
    Fields(f"sys/policies/acl/{RUN_POLICY}", {"policy": RUN}),
    Fields(
        f"auth/kubernetes/role/{RUN_ROLE}",
        {
            **_LOGIN,
            "bound_service_account_names": [RUN_ACCOUNT],
            "bound_service_account_namespaces": [SYSTEM_NAMESPACE],
            "token_policies": [RUN_POLICY],
            "token_explicit_max_ttl": TOKEN_SECONDS,
        },
    ),
)
KV: Final = Enabled(
    "sys/mounts", KV_MOUNT, {"type": "kv", "options": {"version": "2"}}, f"mount KV v2 at {KV_MOUNT}/"
)


def every_leaf(intent: Intent) -> tuple[Leaf, ...]:
    """In the order in which they are written."""
    return (*AUDITING, *RUN_IDENTITY, KV, *_of_namespaces(intent))


def _of_namespaces(intent: Intent) -> Iterator[Leaf]:
    reading, pushing = intent.reading_namespaces, intent.pushing_namespaces
    for ns, paths in reading.items():
        yield Fields(f"sys/policies/acl/reader-{ns}", {"policy": reader(paths)})
    for ns, paths in pushing.items():
        yield Fields(f"sys/policies/acl/pusher-{ns}", {"policy": pusher(paths)})
    namespaces = sorted({*reading, *pushing})
    for ns in namespaces:
        policies = [f"reader-{ns}"] * (ns in reading) + [f"pusher-{ns}"] * (ns in pushing)
        yield Fields(f"identity/entity/name/ns-{ns}", {"policies": policies})
    if namespaces:
        yield Fields(f"auth/kubernetes/role/{READER_ROLE}", _reader_role(namespaces))
    yield from map(Alias, namespaces)


def _reader_role(namespaces: list[str]) -> dict[str, Any]:
    return {
        **_LOGIN,
        "bound_service_account_names": [READER_ACCOUNT],
        "bound_service_account_namespaces": namespaces,
        "alias_name_source": "serviceaccount_name",
        "token_explicit_max_ttl": 3600,
    }


def _accessor(call: Call) -> str:
    mounted = granted(call("GET", "sys/auth"), "sys/auth").data
    return str(mounted.get("kubernetes/", {}).get("accessor", ""))


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple) else value
