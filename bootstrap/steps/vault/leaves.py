"""Vault's configuration, leaf by leaf: what each must be, whether it is so, and how it is written (B6, D2, D6, S3).

A leaf is read by the run's own identity, and written by a token that may: the initial root token for what makes the
run's identity, a configuring token (``configuring.py``) for everything from then on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from bootstrap.model.catalog import Intent
from bootstrap.model.errors import WorldError
from bootstrap.ports import Answer
from bootstrap.steps.context.names import (
    AUDIT_DEVICE,
    AUDIT_FILE,
    AUDIT_STREAM,
    JOB_ACCOUNT,
    JOB_POLICY,
    JOB_ROLE,
    KV_MOUNT,
    PKI_MOUNT,
    POD_LOGIN,
    READER_ACCOUNT,
    READER_ROLE,
    RUN_ACCOUNT,
    RUN_POLICY,
    RUN_ROLE,
    SNAPSHOT_ACCOUNT,
    SNAPSHOT_POLICY,
    SNAPSHOT_ROLE,
    SYSTEM_NAMESPACE,
    TRANSIT_MOUNT,
    TXN_HEADER,
    renewer,
)
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.session import TOKEN_SECONDS
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.intermediate import Intermediate, issuing
from bootstrap.steps.vault.objects import pod_names
from bootstrap.steps.vault.pod_login import IssuerKeys, pod_role
from bootstrap.steps.vault.policies import RUN, job, pusher, reader, renewing, saver
from bootstrap.steps.vault.presence import MOST
from bootstrap.steps.vault.root_session import Call
from bootstrap.steps.vault.transit import KEYS, MADE, live_key

SAVING_SECONDS: Final = 3600  # that a snapshot may take: its token ends itself when it is saved
_DENIED: Final = 403
_DEVICES: Final = "sys/audit"
HEADERS: Final = "sys/config/auditing/request-headers"


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
        return agrees(_read(call, self.path), self.body)

    def write(self, world: World, call: Call) -> None:
        granted(call("POST", self.path, self.body), self.path)


@dataclass(frozen=True, slots=True)
class Absent:
    """A path of ours that is no longer declared."""

    path: str

    @property
    def change(self) -> str:
        return f"delete {self.path}"

    def holds(self, call: Call) -> bool:
        return _read(call, self.path).status not in (200, _DENIED)

    def write(self, world: World, call: Call) -> None:
        granted(call("DELETE", self.path), self.path)


@dataclass(frozen=True, slots=True)
class Enabled:
    """A mount or a login: listed at its folder, made below it."""

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
class AuditDevice:
    """A file device, and where it writes. One of its name that writes elsewhere is taken away first."""

    name: str
    place: str

    @property
    def change(self) -> str:
        return f"enable audit device {self.name}/ at {self.place}"

    def holds(self, call: Call) -> bool:
        return self._live(call) == self.place

    def write(self, world: World, call: Call) -> None:
        path = f"{_DEVICES}/{self.name}"
        if self._live(call) is not None:
            granted(call("DELETE", path), path)
        granted(call("POST", path, {"type": "file", "options": {"file_path": self.place}}), path)
        # A node that lags may not know it yet.
        world.wait(f"{path} is listed", lambda: self.holds(call), seconds=60)

    def _live(self, call: Call) -> str | None:
        found = granted(call("GET", _DEVICES), _DEVICES).data.get(f"{self.name}/")
        return None if found is None else str((found.get("options") or {}).get("file_path", ""))


@dataclass(frozen=True, slots=True)
class AuditedHeader:
    change: str = f"audit the header {TXN_HEADER}"

    def holds(self, call: Call) -> bool:
        listed = granted(call("GET", HEADERS), "audited headers").data.get("headers") or {}
        return TXN_HEADER.lower() in {name.lower() for name in listed}

    def write(self, world: World, call: Call) -> None:
        path = f"{HEADERS}/{TXN_HEADER}"
        granted(call("PUT", path, {"hmac": False}), path)


@dataclass(frozen=True, slots=True)
class TransitKey:
    """Made once: one that is there is never made anew, and one that was changed is an error of the look."""

    change: str = f"make the key {KEYS}"

    def holds(self, call: Call) -> bool:
        return live_key(call) is not None

    def write(self, world: World, call: Call) -> None:
        granted(call("POST", KEYS, MADE), KEYS)


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


# While one of the two can be written, Vault answers: a full volume stops nothing.
AUDITING: Final[tuple[Leaf, ...]] = (
    AuditDevice(AUDIT_DEVICE, AUDIT_FILE),
    AuditDevice(AUDIT_STREAM, "stdout"),
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
# No certificate of a mount outlives what it is given here; the CA's own life is what it was signed for.
PKI: Final = Enabled(
    "sys/mounts",
    PKI_MOUNT,
    {"type": "pki", "config": {"max_lease_ttl": "87600h"}},
    f"mount PKI at {PKI_MOUNT}/",
)
PODS: Final = Enabled("sys/auth", POD_LOGIN, {"type": "jwt"}, f"enable login {POD_LOGIN}/")
KV: Final = Enabled(
    "sys/mounts", KV_MOUNT, {"type": "kv", "options": {"version": "2"}}, f"mount KV v2 at {KV_MOUNT}/"
)


TRANSIT: Final = Enabled(
    "sys/mounts", TRANSIT_MOUNT, {"type": "transit"}, f"mount the transit engine at {TRANSIT_MOUNT}/"
)


def every_leaf(world: World) -> tuple[Leaf, ...]:
    """In the order in which they are written."""
    intent = world.intent
    return (
        *AUDITING,
        *RUN_IDENTITY,
        KV,
        TRANSIT,
        TransitKey(),
        *_of_certificates(world),
        *_of_savers(intent),
        *_of_namespaces(intent),
    )


def _of_certificates(world: World) -> Iterator[Leaf]:
    """The CA in Vault, and for each pod: the names of its certificate, and who may ask for it."""
    spec = world.intent.platform.vault
    yield PKI
    yield Intermediate(world)
    yield PODS
    yield IssuerKeys(world)
    for pod in pod_names(spec.replicas):
        yield Fields(f"{PKI_MOUNT}/roles/{pod}", issuing(spec, pod))
        yield Fields(f"sys/policies/acl/{renewer(pod)}", {"policy": renewing(pod)})
        yield Fields(f"auth/{POD_LOGIN}/role/{renewer(pod)}", pod_role(spec, pod))
    for pod in pod_names(MOST):  # of earlier versions: it let each pod in
        yield Absent(f"auth/kubernetes/role/{renewer(pod)}")


def _of_savers(intent: Intent) -> Iterator[Leaf]:
    yield Fields(f"sys/policies/acl/{SNAPSHOT_POLICY}", {"policy": saver(intent.saved_paths)})
    yield Fields(
        f"auth/kubernetes/role/{SNAPSHOT_ROLE}",
        _saving_role(SNAPSHOT_ACCOUNT, SNAPSHOT_POLICY),
    )
    policy, role = f"sys/policies/acl/{JOB_POLICY}", f"auth/kubernetes/role/{JOB_ROLE}"
    if intent.platform.snapshots is None:
        yield from (Absent(role), Absent(policy))
    else:
        yield Fields(policy, {"policy": job(intent.job_paths)})
        yield Fields(role, _saving_role(JOB_ACCOUNT, JOB_POLICY))


def _saving_role(account: str, policy: str) -> dict[str, Any]:
    return {
        **_LOGIN,
        "bound_service_account_names": [account],
        "bound_service_account_namespaces": [SYSTEM_NAMESPACE],
        "token_policies": [policy],
        "token_ttl": SAVING_SECONDS,
        "token_explicit_max_ttl": SAVING_SECONDS,
    }


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


def _read(call: Call, path: str) -> Answer:
    """Nothing where the run's policy is of an earlier version, which had no such leaf."""
    try:
        return call("GET", path)
    except WorldError as error:
        if error.code != "E_VAULT_DENIED":
            raise
        return Answer(status=_DENIED, data={})


def agrees(found: Answer, body: Mapping[str, Any]) -> bool:
    """Whether what was read has these fields, whatever else it has; a list in any order."""
    return found.ok and all(_plain(found.data.get(n)) == _plain(v) for n, v in body.items())


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, list | tuple) else value
