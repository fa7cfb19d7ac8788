"""A Kubernetes API in memory, behind the ``Cluster`` port.

It keeps the rules that correctness rests on: resourceVersion compare-and-swap, create-only names, UID and
resourceVersion preconditions, finalizers, immutable objects, Terminating namespaces and their cascade, and
field ownership of server-side apply (mappings merge, lists are taken whole). What it answers is held to a real
API server by ``tests/contract``. Nothing runs by itself: give ``controllers`` a function to play a controller,
and ``admission`` one to refuse objects.

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

from bootstrap.adapters.kubernetes.secret_data import decoded, filled
from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Identity, Object, Permission, Reason, Ref, Refused, TokenIssuer
from bootstrap.steps.permissions import plural
from tests.simulator.selectors import selected
from tests.simulator.validity import invalid, invalid_change, is_builtin

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
        "ClusterExternalSecret",
        "ClusterPushSecret",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
)
OURS, OURS_WRITTEN = (
    "bootstrap",
    "bootstrap/update",
)  # the API server tells a manager's applies from its writes
CONTAINERS = (dict, list)
SERVER_SET = frozenset({"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "generation"})

ADMINISTRATOR = Identity("kubernetes-admin", ("kubeadm:cluster-admins", "system:authenticated"))


class SimulatedCluster:
    """One cluster. ``mutations`` are the applied changes, as (verb, Ref): what an audit log counts."""

    def __init__(self, *, version: str = "v1.34.4", identity: Identity = ADMINISTRATOR) -> None:
        self._objects: dict[Ref, Object] = {}
        self._owners: dict[Ref, dict[Path, set[str]]] = {}
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()
        self._version = version
        self._identity = identity
        self.mutations: list[tuple[str, Ref]] = []
        self.controllers: list[Controller] = []
        self.token_keys: tuple[str, ...] = ("the key of a simulated API server",)  # the first one signs
        self.renewers: dict[str, str] = {}  # pod to the log of its renewer
        self.admission: list[Admission] = []
        self.updates: list[Admission] = []
        self.denied: set[Permission] = set()
        self._groups: set[str] = set()  # API groups that a CustomResourceDefinition made
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

    def identity(self) -> Identity:
        return self._identity

    def missing(self, wanted: Sequence[Permission]) -> tuple[Permission, ...]:
        return tuple(permission for permission in wanted if permission in self.denied)

    def service_account_token(self, namespace: str, name: str, audience: str, seconds: int) -> Sensitive:
        if seconds < 600:
            raise WorldError("may not specify a duration less than 10 minutes", code="E_KUBE_REFUSED")
        if self.get(Ref("v1", "ServiceAccount", name, namespace)) is None:
            raise WorldError(f"no ServiceAccount {namespace}/{name}", code="E_NOT_FOUND")
        return Sensitive(f"token:{namespace}/{name}:{audience}".encode(), "service account token")

    def token_issuer(self) -> TokenIssuer:
        return TokenIssuer("https://kubernetes.default.svc.cluster.local", tuple(sorted(self.token_keys)))

    def pod_token(self, namespace: str, pod: str, audience: str) -> Sensitive:
        """What the kubelet mounts into a pod."""
        live = self.get(Ref("v1", "Pod", pod, namespace))
        assert live is not None
        account = live["spec"].get("serviceAccountName", "default")
        text = f"token:{namespace}/{account}:{audience}:{pod}:{self.token_keys[0]}"
        return Sensitive(text.encode(), "service account token")

    def logs(self, namespace: str, pod: str, container: str, lines: int = 50) -> str:
        """What an unsealer logs: the names of the keys that its pod mounts and that are there; and a renewer, of the
        audit log that is kept."""
        if container == "renewer":
            return self.renewers.get(pod, "")
        live = self.get(Ref("v1", "Pod", pod, namespace)) if container == "unsealer" else None
        volumes = live["spec"]["volumes"] if live else ()
        sources = (v["projected"]["sources"] for v in volumes if v["name"] == "unseal")
        names = [s["secret"]["name"] for each in sources for s in each]
        there = [n for n in names if self.peek(Ref("v1", "Secret", n, namespace)) is not None]
        return f"keys: {' '.join(there)}\n" if live else ""

    def refresh(self) -> None: ...

    # ------------------------------------------------------------ reads

    def get(self, ref: Ref) -> Object | None:
        with self._lock:
            live = self._objects.get(ref)
            return None if live is None else filled(copied(live))

    def peek(self, ref: Ref) -> Object | None:
        """The live object itself, for the simulators' own look-ups: not to be changed."""
        return self._objects.get(ref)

    def everything(self) -> dict[Ref, Object]:
        """Every object, copied."""
        return {ref: copied(obj) for ref, obj in self._objects.items()}

    def list(self, api: str, kind: str, namespace: str = "", labels: str = "") -> list[Object]:
        group = api.rpartition("/")[0]
        if Permission("list", group, plural(kind), namespace) in self.denied:
            raise WorldError(f"{kind} list: the API server answered 403", code="E_KUBE_DENIED")
        with self._lock:
            found = [
                obj
                for ref, obj in self._objects.items()
                if (ref.api, ref.kind) == (api, kind)
                and namespace in ("", ref.namespace)
                and selected(obj, labels)
            ]
            return [filled(copied(obj)) for obj in sorted(found, key=lambda o: str(ref_of(o)))]

    def differs(self, obj: Object, live: Object | None = None) -> bool:
        """``live`` says nothing here: who owns a field is not in the object."""
        with self._lock:
            obj, ref = copied(decoded(obj)), ref_of(obj)
            live = self._objects.get(ref)
            if live is None:
                return True
            owners, wanted = self._owners[ref], dict(leaves(obj))
            missed = (
                not agree(at(live, p), v, {OURS, OURS_WRITTEN} & owners.get(p, set()))
                for p, v in wanted.items()
            )
            return any(missed) or any(OURS in who and p not in wanted for p, who in owners.items())

    def refused_at_admission(self, obj: Object) -> str:
        with self._lock:
            refusal = self._not_creatable(copied(decoded(obj)), ref_of(obj))
        return refusal.detail if refusal and refusal.reason in (Reason.INVALID, Reason.FORBIDDEN) else ""

    def _refused_by_a_rule(self, obj: Object) -> str:
        return next((text for rule in self.admission if (text := rule(copied(obj)))), "")

    # ------------------------------------------------------------ writes

    def create(self, obj: Object) -> Object | Refused:
        return self._create(OURS_WRITTEN, obj)

    def _create(self, manager: str, obj: Object) -> Object | Refused:
        with self._lock:
            ref = ref_of(obj)
            live = self._objects.get(ref)
            if live is not None:
                gone = "deletionTimestamp" in live["metadata"]
                return Refused(Reason.TERMINATING if gone else Reason.EXISTS, str(ref))
            if refusal := self._not_creatable(obj, ref):
                return refusal
            new = copied(decoded(obj))
            new["metadata"] |= {"uid": f"uid-{next(self._numbers)}", "creationTimestamp": self._stamp()}
            self._owners[ref] = {path: {manager} for path, value in leaves(new) if value != {}}
            if ref.kind == "CustomResourceDefinition":
                self._groups.add(str((obj.get("spec") or {}).get("group")))
            return self._store("created", ref, new)

    def replace(self, obj: Object) -> Object | Refused:
        if not obj["metadata"].get("resourceVersion"):
            raise ValueError(f"replace of {ref_of(obj)} without resourceVersion overwrites silently")
        return self.update_as(OURS, obj)

    def update_as(self, manager: str, obj: Object) -> Object | Refused:
        """A plain replace under any field manager: what it changes is its own from then on."""
        with self._lock:
            ref = ref_of(obj)
            live = self._objects.get(ref)
            if live is None:
                return Refused(Reason.NOT_FOUND, str(ref))
            if not _same_object(obj, live):
                return Refused(Reason.CONFLICT, str(ref))
            new = copied(decoded(obj))
            before, owners = dict(leaves(live)), self._owners[ref]
            written = {
                path: owners.get(path, set())
                if path in before and before[path] == value
                else {f"{manager}/update"}
                for path, value in leaves(new)
                if value != {}
            }
            return self._change(ref, live, new, written)

    def apply(self, obj: Object, *, force: bool = False) -> Object | Refused:
        return self.apply_as(OURS, obj, force=force)

    def apply_as(self, manager: str, obj: Object, *, force: bool = False) -> Object | Refused:
        """Server-side apply under any field manager."""
        with self._lock:
            ref = ref_of(obj)
            live = self._objects.get(ref)
            if live is None and obj["metadata"].get("uid"):
                return Refused(Reason.CONFLICT, f"uid mismatch: {ref}")
            if live is None:
                return self._create(manager, obj)
            if not _same_object(obj, live):
                return Refused(Reason.CONFLICT, str(ref))
            owners = {path: set(who) for path, who in self._owners[ref].items()}
            wanted = dict(leaves(copied(decoded(obj))))
            taken = {
                p for p, v in wanted.items() if owners.get(p, set()) - {manager} and not agree(at(live, p), v)
            }
            if taken and not force:
                return Refused(Reason.FIELD_CONFLICT, _conflicts(taken, owners))
            new = copied(live)
            for path in [p for p, who in owners.items() if manager in who and p not in wanted]:
                owners[path].discard(manager)
                if not owners[path]:
                    remove(new, path)
                    del owners[path]
            for path, value in wanted.items():
                if value == {} and isinstance(at(live, path) or {}, dict):
                    continue  # an empty mapping speaks of no field
                owners[path] = {manager} if path in taken else owners.get(path, set()) | {manager}
                put(new, path, value)
            return self._change(ref, live, new, owners)

    def delete(self, ref: Ref, *, uid: str, resource_version: str = "") -> Object | Refused | None:
        with self._lock:
            if not uid:
                raise ValueError(f"{ref}: delete needs a UID")
            live = self._objects.get(ref)
            if live is None:
                return Refused(Reason.NOT_FOUND, str(ref))
            meta = live["metadata"]
            if meta["uid"] != uid or resource_version not in ("", meta["resourceVersion"]):
                return Refused(Reason.CONFLICT, str(ref))
            return self._end(ref, live)

    def _end(self, ref: Ref, live: Object) -> Object | None:
        """Gone, or terminating for as long as a finalizer, or what a namespace holds, keeps it."""
        held = bool(live["metadata"].get("finalizers")) or (
            ref.kind == "Namespace" and self._holds_kept(ref.name)
        )
        if not held:
            self._remove(ref)
            return None
        if "deletionTimestamp" not in live["metadata"]:
            live["metadata"]["deletionTimestamp"] = self._stamp()
            self._store("changed", ref, live)
        if ref.kind == "Namespace":
            for inner in [r for r in self._objects if r.namespace == ref.name]:
                if inner in self._objects:
                    self._end(inner, self._objects[inner])
        return copied(self._objects.get(ref, live))

    def _holds_kept(self, namespace: str) -> bool:
        return any(
            r.namespace == namespace and o["metadata"].get("finalizers") for r, o in self._objects.items()
        )

    def set_status(self, obj: Object, status: dict[str, Any]) -> None:
        """A controller's report; no change of anybody's intent, so it is not counted."""
        with self._lock:
            live = self._objects.get(ref_of(obj))
            if live is not None:
                live["status"] = status

    # ------------------------------------------------------------ inside

    def _not_creatable(self, obj: Object, ref: Ref) -> Refused | None:
        if not is_builtin(ref.api) and ref.api.partition("/")[0] not in self._groups:
            return Refused(Reason.NOT_FOUND, f"{ref.kind} of {ref.api} is not served")
        if ref.kind not in CLUSTER_SCOPED:
            home = self._objects.get(Ref("v1", "Namespace", ref.namespace))
            if home is None:
                return Refused(Reason.NOT_FOUND, f"namespace {ref.namespace!r}")
            if "deletionTimestamp" in home["metadata"]:
                return Refused(Reason.TERMINATING, f"namespace {ref.namespace!r}")
        if text := self._refused_by_a_rule(obj):
            return Refused(Reason.FORBIDDEN, text)
        text = invalid(obj)
        return Refused(Reason.INVALID, text) if text else None

    def _change(self, ref: Ref, live: Object, new: Object, owners: dict[Path, set[str]]) -> Object | Refused:
        for key in SERVER_SET & set(live["metadata"]):
            new["metadata"][key] = live["metadata"][key]
        if text := invalid(new) or invalid_change(live, new):
            return Refused(Reason.INVALID, text)
        if text := next((text for rule in self.updates if (text := rule(copied(new)))), ""):
            return Refused(Reason.FORBIDDEN, text)
        if new == live and owners == self._owners[ref]:
            return copied(
                live
            )  # the server does not move the resourceVersion for nothing; for a new owner it does
        self._owners[ref] = owners
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
        home = Ref("v1", "Namespace", ref.namespace)
        if "deletionTimestamp" in (self._objects.get(home) or {"metadata": {}})["metadata"]:
            self._end(home, self._objects[home])

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
    given: Any = value
    if type(value) is dict:
        return cast("T", {k: copied(v) if type(v) in CONTAINERS else v for k, v in given.items()})
    if type(value) is list:
        return cast("T", [copied(v) if type(v) in CONTAINERS else v for v in given])
    return value


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


def _same_object(obj: Object, live: Object) -> bool:
    """The UID and the version that a write names, if it names them, are those of the live object."""
    meta, have = obj["metadata"], live["metadata"]
    return all(meta.get(key) in (None, "", have[key]) for key in ("uid", "resourceVersion"))


def _conflicts(taken: set[Path], owners: dict[Path, set[str]]) -> str:
    who = sorted({owner.partition("/")[0] for path in taken for owner in owners[path]})
    fields = ", ".join(sorted(".".join(path) for path in taken))
    return f"conflict with {', '.join(who)}: {fields}"


def agree(have: Any, want: Any, ours: object = True) -> bool:
    """An empty mapping asks for no field; any other value must be there, and be ours."""
    if want == {}:
        return have is None or isinstance(have, dict)
    return bool(have == want and ours)


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
