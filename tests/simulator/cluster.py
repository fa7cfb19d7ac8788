"""A Kubernetes API in memory, behind the ``Cluster`` port.

It keeps the rules that correctness rests on: resourceVersion compare-and-swap, create-only names, UID and
resourceVersion preconditions, finalizers, immutable objects, Terminating namespaces and their cascade, and
field ownership of server-side apply (mappings merge, lists are taken whole). Nothing runs by itself: give
``controllers`` a function to play a controller, and ``admission`` one to refuse objects.

    cluster = SimulatedCluster()
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
    cluster.admission.append(lambda obj: "no" if obj["kind"] == "Pod" else "")
    cluster.apply_as("argocd", {...})            # somebody else's fields
"""

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Permission, Reason, Ref, Refused

T = TypeVar("T")
Path = tuple[str, ...]
Controller = Callable[
    ["SimulatedCluster", str, Object], None
]  # (cluster, "created" | "changed" | "deleted", obj)
Admission = Callable[[Object], str]  # the refusal's text, "" to admit

CLUSTER_SCOPED = frozenset(
    {
        "Namespace",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "StorageClass",
        "Node",
        "PersistentVolume",
        "ClusterSecretStore",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)
SERVER_SET = frozenset({"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "generation"})


class SimulatedCluster:
    """One cluster. ``mutations`` are the applied changes, as (verb, Ref): what an audit log counts."""

    def __init__(self, *, version: str = "v1.34.4", identity: str = "kubernetes-admin") -> None:
        self._objects: dict[Ref, Object] = {}
        self._owners: dict[Ref, dict[Path, str]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._version = version
        self._identity = identity
        self.mutations: list[tuple[str, Ref]] = []
        self.controllers: list[Controller] = []
        self.admission: list[Admission] = []
        self.denied: set[Permission] = set()
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        for name in ("kube-system", "default"):
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.mutations.clear()

    # ------------------------------------------------------------ facts about the server

    @property
    def server(self) -> str:
        return "https://simulator.invalid:6443"

    @property
    def context(self) -> str:
        return "simulator"

    def version(self) -> str:
        return self._version

    def uid(self) -> str:
        return str(self._objects[Ref("v1", "Namespace", "kube-system")]["metadata"]["uid"])

    def server_time(self) -> datetime:
        return self.now

    def whoami(self) -> str:
        return self._identity

    def missing(self, wanted: Sequence[Permission]) -> tuple[Permission, ...]:
        return tuple(permission for permission in wanted if permission in self.denied)

    def service_account_token(self, namespace: str, name: str, audience: str, seconds: int) -> Sensitive:
        return Sensitive(f"token:{namespace}/{name}:{audience}".encode(), "service account token")

    def logs(self, namespace: str, pod: str, container: str, lines: int = 50) -> str:
        return ""

    def refresh(self) -> None: ...

    # ------------------------------------------------------------ reads

    def get(self, ref: Ref) -> Object | None:
        with self._lock:
            return copied(self._objects.get(ref))

    def peek(self, ref: Ref) -> Object | None:
        """The live object itself, for the simulators' own look-ups: not to be changed."""
        return self._objects.get(ref)

    def everything(self) -> dict[Ref, Object]:
        """Every object, copied."""
        return {ref: copied(obj) for ref, obj in self._objects.items()}

    def list(self, api: str, kind: str, namespace: str = "", labels: str = "") -> list[Object]:
        with self._lock:
            found = [
                obj
                for ref, obj in self._objects.items()
                if (ref.api, ref.kind) == (api, kind)
                and namespace in ("", ref.namespace)
                and selected(obj, labels)
            ]
            return [copied(obj) for obj in sorted(found, key=lambda o: str(ref_of(o)))]

    def differs(self, obj: Object) -> bool:
        live = self.get(ref_of(obj))
        return live is None or any(at(live, path) != value for path, value in leaves(obj))

    def refused_at_admission(self, obj: Object) -> str:
        return next((text for rule in self.admission if (text := rule(copied(obj)))), "")

    # ------------------------------------------------------------ writes

    def create(self, obj: Object) -> Object | Refused:
        with self._lock:
            ref = ref_of(obj)
            live = self._objects.get(ref)
            if live is not None:
                gone = "deletionTimestamp" in live["metadata"]
                return Refused(Reason.TERMINATING if gone else Reason.EXISTS, str(ref))
            if refusal := self._not_creatable(obj, ref):
                return refusal
            new = copied(obj)
            new["metadata"] |= {"uid": f"uid-{next(self._numbers)}", "creationTimestamp": self._stamp()}
            self._owners[ref] = {path: "bootstrap" for path, _ in leaves(obj)}
            return self._store("created", ref, new)

    def replace(self, obj: Object) -> Object | Refused:
        with self._lock:
            ref = ref_of(obj)
            version = obj["metadata"].get("resourceVersion")
            if not version:
                raise AssertionError(f"replace of {ref} without resourceVersion overwrites silently")
            live = self._objects.get(ref)
            if live is None:
                return Refused(Reason.NOT_FOUND, str(ref))
            if live["metadata"]["resourceVersion"] != version:
                return Refused(Reason.CONFLICT, str(ref))
            return self._change(ref, live, copied(obj))

    def apply(self, obj: Object, *, force: bool = False) -> Object | Refused:
        return self.apply_as("bootstrap", obj, force=force)

    def apply_as(self, manager: str, obj: Object, *, force: bool = False) -> Object | Refused:
        """Server-side apply under any field manager."""
        with self._lock:
            ref = ref_of(obj)
            live = self._objects.get(ref)
            if live is None:
                created = self.create(obj)
                if not isinstance(created, Refused):
                    self._owners[ref] = {path: manager for path, _ in leaves(obj)}
                return created
            owners = self._owners[ref]
            wanted = dict(leaves(obj))
            taken = [p for p, v in wanted.items() if owners.get(p, manager) != manager and at(live, p) != v]
            if taken and not force:
                return Refused(Reason.FIELD_CONFLICT, ", ".join(".".join(path) for path in taken))
            new = copied(live)
            for path in [p for p, owner in owners.items() if owner == manager and p not in wanted]:
                remove(new, path)
                del owners[path]
            for path, value in wanted.items():
                put(new, path, value)
                owners[path] = manager
            return self._change(ref, live, new)

    def delete(self, ref: Ref, *, uid: str, resource_version: str = "") -> Object | Refused | None:
        with self._lock:
            live = self._objects.get(ref)
            if live is None:
                return Refused(Reason.NOT_FOUND, str(ref))
            meta = live["metadata"]
            if meta["uid"] != uid or resource_version not in ("", meta["resourceVersion"]):
                return Refused(Reason.CONFLICT, str(ref))
            if meta.get("finalizers"):
                meta["deletionTimestamp"] = self._stamp()
                return self._store("changed", ref, live)
            self._remove(ref)
            return None

    def set_status(self, obj: Object, status: dict[str, Any]) -> None:
        """A controller's report; no change of anybody's intent, so it is not counted."""
        with self._lock:
            live = self._objects.get(ref_of(obj))
            if live is not None:
                live["status"] = status

    # ------------------------------------------------------------ inside

    def _not_creatable(self, obj: Object, ref: Ref) -> Refused | None:
        if ref.kind not in CLUSTER_SCOPED:
            home = self._objects.get(Ref("v1", "Namespace", ref.namespace))
            if home is None:
                return Refused(Reason.NOT_FOUND, f"namespace {ref.namespace!r}")
            if "deletionTimestamp" in home["metadata"]:
                return Refused(Reason.TERMINATING, f"namespace {ref.namespace!r}")
        text = self.refused_at_admission(obj)
        return Refused(Reason.FORBIDDEN, text) if text else None

    def _change(self, ref: Ref, live: Object, new: Object) -> Object | Refused:
        for key in SERVER_SET & set(live["metadata"]):
            new["metadata"][key] = live["metadata"][key]
        if new == live:
            return copied(live)  # the server does not move the resourceVersion for nothing
        if live.get("immutable") and (new.get("data") != live.get("data") or not new.get("immutable")):
            return Refused(Reason.INVALID, f"{ref} is immutable")
        if "deletionTimestamp" in live["metadata"] and not new["metadata"].get("finalizers"):
            self._remove(ref)
            return new
        return self._store("changed", ref, new)

    def _store(self, verb: str, ref: Ref, obj: Object) -> Object:
        obj["metadata"]["resourceVersion"] = str(next(self._numbers))
        self._objects[ref] = obj
        self.mutations.append((verb, ref))
        self._tell(verb, obj)
        return copied(self._objects.get(ref, obj))

    def _remove(self, ref: Ref) -> None:
        obj = self._objects.pop(ref)
        self._owners.pop(ref, None)
        self.mutations.append(("deleted", ref))
        if ref.kind == "Namespace":
            for inner in [r for r in self._objects if r.namespace == ref.name]:
                self._remove(inner)
        self._tell("deleted", obj)

    def _tell(self, verb: str, obj: Object) -> None:
        for controller in self.controllers:
            controller(self, verb, copied(obj))

    def _stamp(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")


def ref_of(obj: Object) -> Ref:
    meta = obj["metadata"]
    return Ref(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace", ""))


def copied(value: T) -> T:
    """A deep copy in which a ``Sensitive`` is shared: it refuses to be copied, and cannot be changed."""
    if isinstance(value, dict):
        return cast("T", {key: copied(item) for key, item in value.items()})
    if isinstance(value, list):
        return cast("T", [copied(item) for item in value])
    return value


def selected(obj: Object, labels: str) -> bool:
    found = obj["metadata"].get("labels") or {}
    wanted = [part.split("=", 1) for part in labels.split(",") if part]
    return all(found.get(key) == value for key, value in wanted)


def leaves(value: Object, at_path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field that an applied object speaks of, without its address."""
    for key, item in value.items():
        path = (*at_path, key)
        if path in (("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")):
            continue
        if isinstance(item, dict) and item:
            yield from leaves(item, path)
        elif path[:1] != ("metadata",) or key not in SERVER_SET:
            yield path, item


def at(obj: Any, path: Path) -> Any:
    for part in path:
        obj = obj.get(part) if isinstance(obj, dict) else None
    return obj


def put(obj: Object, path: Path, value: Any) -> None:
    for part in path[:-1]:
        obj = obj.setdefault(part, {})
    obj[path[-1]] = copied(value)


def remove(obj: Object, path: Path) -> None:
    for part in path[:-1]:
        obj = obj.get(part, {})
    obj.pop(path[-1], None)
