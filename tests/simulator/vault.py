"""A Vault of several pods in memory, behind the ``Vault`` port, on a simulated cluster's pods and volumes.

A store lives as long as its volume (by the claim's UID), a seal as long as its pod. What it answers to the
calls that `up` makes follows what Vault 1.21.1 does (``tests/contract`` holds it to that); a path of a mount that
is there and that nobody has taught it is an error. It enforces no policy: any live token may do everything.

    vault = SimulatedVault(cluster)
    vault.lose_next_answer = True        # the next write is applied and its answer lost
    vault.restart("vault-0")             # sealed, until an unsealer or somebody with the share comes
"""

import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from bootstrap.model.certificates import each_of
from bootstrap.model.errors import Transient, UnknownOutcome, WorldError
from bootstrap.model.names import POD_LOGIN, TRANSIT_KEY, TRANSIT_MOUNT
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, InitAnswer, Object, Ref, SealStatus
from tests.simulator import kv, logins, pki, snapshots, transit
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.forms import der, ends, is_certificate, is_policy, names_of, takes_messages
from tests.simulator.generate_root import GenerateRoot
from tests.simulator.pki import Pki
from tests.simulator.rekey import Rekey

NAMESPACE = "vault"
VERSION = "1.21.1"
HEADERS = ("correlation-id", "user-agent", "x-correlation-id")  # what the server audits by itself


@dataclass(frozen=True)
class Line:
    """One line of the audit log. ``policies`` are those of the token that asked."""

    request: str
    method: str
    path: str
    txn: str
    policies: tuple[str, ...]


@dataclass
class Token:
    accessor: str
    policies: tuple[str, ...]
    identity: tuple[str, ...] = ()  # policies of its entity
    path: str = "auth/token/create"
    expires: str = ""


@dataclass
class Secret:
    metadata: dict[str, Any] = field(default_factory=dict)
    versions: list[dict[str, Any]] = field(default_factory=list)
    deleted: set[int] = field(default_factory=set)  # numbers of versions
    destroyed: set[int] = field(default_factory=set)


@dataclass
class Store:
    """One raft cluster's content."""

    share: str
    cluster_id: str
    tokens: dict[str, Token] = field(default_factory=dict)
    mounts: dict[str, Any] = field(
        default_factory=lambda: {m: {} for m in ("sys/", "identity/", "cubbyhole/")}
    )
    auth: dict[str, Any] = field(default_factory=lambda: {"token/": {}})
    audit: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, Any] = field(default_factory=lambda: {name: {"hmac": False} for name in HEADERS})
    plain: dict[str, dict[str, Any]] = field(default_factory=dict)  # policies, roles, config, entities
    secrets: dict[str, Secret] = field(default_factory=dict)
    transit_keys: dict[str, transit.Key] = field(default_factory=dict)  # of the mount bootstrap-transit/
    rekey: Rekey = field(default_factory=Rekey)
    generate_root: GenerateRoot = field(default_factory=GenerateRoot)
    pki: Pki = field(default_factory=Pki)
    log: list[Line] = field(default_factory=list)
    barrier_term: int = 1
    voters: set[str] = field(default_factory=set)  # nodes by raft's word, whether they run or not
    learners: set[str] = field(default_factory=set)  # nodes that have all and do not vote
    led: str = ""  # the last leader

    @property
    def data(self) -> bool:
        """Something that is lost when this store is."""
        return bool(self.secrets) or "secret/" in self.mounts


class SimulatedVault:
    """``mutations`` are the applied writes, as (method, path): what its audit log counts."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.cluster = cluster
        self.stores: dict[str, Store] = {}  # by the UID of the data claim
        self.unsealed: set[str] = set()  # UIDs of pods
        self.spoilt: set[str] = set()  # UIDs of data claims whose raft was begun by an init that then failed
        self.mutations: list[tuple[str, str]] = []
        self.lose_next_answer = False
        self.forced: dict[str, snapshots.Forced] = {}  # by the UID of the data claim
        self.snapshot_ends: int | None = None  # where the next snapshots end, as if they were whole
        self.renewed: dict[str, bytes] = {}  # UID of a pod to what its renewer has got, DER
        self.trusted = b""  # the CAs (PEM) that the caller trusts; without any, it is not looked at
        self.told: dict[str, bytes] = {}  # UID of a pod to the CA in Vault that its renewer was told of then
        self.renewing = True  # whether renewers do
        self.expiring = False  # whether certificates that have ended are looked for
        self.immortal: set[str] = set()  # accessors whose revocation is answered and not done
        self.lags: dict[str, int] = {}  # UID of a data claim to the entries of raft that it had not received
        self.recovered: set[tuple[str, str]] = (
            set()
        )  # a data claim's UID, and the recovery that wrote into it
        self.denied: set[str] = set()  # "METHOD path" that no policy grants; a * at its end is any ending
        self.watchers: list[Callable[[Store, Line], None]] = []  # told before a write is applied
        self._requests = itertools.count(1)

    # ------------------------------------------------------------ pods

    def _pod(self, pod: str) -> Object | None:
        return self.cluster.peek(Ref("v1", "Pod", pod, NAMESPACE))

    def _store(self, pod: str) -> Store | None:
        uid = self._volume(pod)
        if uid and uid not in self.stores and self._joins(pod):
            peers = (self.stores.get(self._volume(f"vault-{n}")) for n in range(5))
            joined = next((store for store in peers if store is not None), None)
            if joined is not None and self._leader(joined):
                self.stores[uid] = joined
        return self.stores.get(uid)

    def _volume(self, pod: str) -> str:
        claim = self.cluster.peek(Ref("v1", "PersistentVolumeClaim", f"data-{pod}", NAMESPACE))
        return str(claim["metadata"]["uid"]) if claim else ""

    def live(self) -> Store:
        """The store of the volume that vault-0 has now."""
        store = self._store("vault-0")
        assert store is not None
        return store

    def _joins(self, pod: str) -> bool:
        config = self.cluster.peek(Ref("v1", "ConfigMap", "vault-config", NAMESPACE))
        return "retry_join" in ((config or {}).get("data") or {}).get(f"{pod}.json", "")

    def _sealed(self, pod: str, live: Object, store: Store) -> bool:
        for volume in live["spec"]["volumes"]:
            if volume["name"] == "unseal":
                for source in volume["projected"]["sources"]:
                    key = self.cluster.peek(Ref("v1", "Secret", source["secret"]["name"], NAMESPACE))
                    if key is not None and key["data"]["key"].reveal().decode() == store.share:
                        self._open(pod, live, store)
        return live["metadata"]["uid"] not in self.unsealed

    def _open(self, pod: str, live: Object, store: Store) -> None:
        """At unsealing raft reads who its voters are, where that was written beside it before Vault ran."""
        if live["metadata"]["uid"] in self.unsealed:
            return
        self.unsealed.add(live["metadata"]["uid"])
        for container in live["spec"].get("initContainers", ()):
            given = {each["name"]: each.get("value", "") for each in container["env"]}
            mark = (self._volume(pod), given["RECOVERY"])
            if given["SURVIVOR"] == pod and mark not in self.recovered:
                self.recovered.add(mark)
                store.voters = {pod}

    def seal_status(self, pod: str) -> SealStatus | None:
        live = self._pod(pod)
        if live is None or live.get("status", {}).get("phase") != "Running":
            return None
        if self._has_expired(pod):
            return None
        if self.trusted:
            self.certificate(pod)
        self._settle_forced(pod)
        store = self._store(pod)
        if store is None:
            return SealStatus(initialized=False, sealed=True, version=VERSION)
        sealed = self._sealed(pod, live, store)
        return SealStatus(
            initialized=True,
            sealed=sealed,
            cluster_id="" if sealed else store.cluster_id,
            version=VERSION,
            leader=not sealed and self._leader(store) == pod,
        )

    def _leader(self, store: Store) -> str:
        """The first voter that is unsealed, while most voters are."""
        there = self._open_nodes(store)
        voting = [pod for pod in there if pod in store.voters]
        if 2 * len(voting) <= len(store.voters):
            return ""
        store.led = voting[0]
        return store.led

    def _open_nodes(self, store: Store) -> list[str]:
        return [pod for pod in (f"vault-{n}" for n in range(5)) if self._is_open(pod, store)]

    def voters(self, store: Store) -> list[str]:
        """By the time that raft is asked for them, every unsealed node has been stable for long enough to vote."""
        store.voters.update(self._open_nodes(store))
        return sorted(store.voters)

    def _is_open(self, pod: str, store: Store) -> bool:
        if self.stores.get(self._volume(pod)) is not store:
            return False
        live = self._pod(pod)
        running = live is not None and (live.get("status") or {}).get("phase") == "Running"
        return live is not None and running and not self._sealed(pod, live, store)

    def active(self, pods: Sequence[str]) -> str | None:
        return next((p for p in pods if (s := self.seal_status(p)) and s.leader), None)

    def restart(self, pod: str) -> None:
        """The pod dies; its StatefulSet makes it again, and the new one starts sealed. A rekey that was begun is in the
        memory of the active node alone."""
        store = self._store(pod)
        if store is not None and self._leader(store) == pod:
            store.rekey = Rekey()
        live = self._pod(pod)
        if live is not None:
            self.cluster.delete(Ref("v1", "Pod", pod, NAMESPACE), uid=live["metadata"]["uid"])

    def certificate(self, pod: str) -> bytes:
        """The one that its pod started with, or the one that its renewer has got since: once, and again where it is
        told of another CA in Vault. E_VAULT_TLS where it is of no CA that the commit trusts."""
        leaf = self.served(pod)
        if self.trusted and not self.is_taken_by(pod, self.trusted):
            raise WorldError("of no CA that is trusted", code="E_VAULT_TLS", where=pod)
        return leaf

    def is_taken_by(self, pod: str, authorities: bytes) -> bool:
        """Whether a client that trusts these CAs (PEM) takes what the pod serves."""
        store = self._store(pod)
        made = tuple(i.certificate.encode() for i in store.pki.issuers.values()) if store else ()
        return pki.is_trusted(self.served(pod), made, each_of(authorities))

    def first_is_taken_by(self, pod: str, authorities: bytes) -> bool:
        """The same of what it serves when it starts."""
        live = self._pod(pod)
        return live is None or pki.is_trusted(self._first(pod, live), (), each_of(authorities))

    def served(self, pod: str) -> bytes:
        """The same, for whom trusts anything."""
        live, store = self._pod(pod), self._store(pod)
        if live is None or live.get("status", {}).get("phase") != "Running":
            raise Transient("no connection", code="E_VAULT_AWAY")
        uid = live["metadata"]["uid"]
        renews = any(c["name"] == "renewer" for c in live["spec"].get("containers", ()))
        asked = self._told(live)
        due = uid not in self.renewed or asked != self.told.get(uid, b"")
        if due and renews and store is not None and not self._sealed(pod, live, store):
            leaf = pki.renewed(store, pod, self.cluster) if self.renewing else None
            if leaf is not None:
                self.renewed[uid], self.told[uid] = leaf, asked
        return self.renewed.get(uid) or self._first(pod, live)

    def _told(self, live: Object) -> bytes:
        """By the Secret that its renewer mounts."""
        tls = next(v["secret"]["secretName"] for v in live["spec"]["volumes"] if v["name"] == "tls")
        secret = self.cluster.peek(Ref("v1", "Secret", tls, NAMESPACE))
        told = (secret["data"] if secret else {}).get("issuer")
        return told.reveal() if told is not None else b""

    def _first(self, pod: str, live: Object) -> bytes:
        tls = next(v["secret"]["secretName"] for v in live["spec"]["volumes"] if v["name"] == "tls")
        secret = self.cluster.peek(Ref("v1", "Secret", tls, NAMESPACE))
        assert secret is not None
        return der(secret["data"][f"{pod}.crt"].reveal())

    def _has_expired(self, pod: str) -> bool:
        live = self._pod(pod) if self.expiring else None
        return live is not None and ends(self.certificate(pod)) <= self.cluster.now

    # ------------------------------------------------------------ init and unseal

    def initialise(self, pod: str, server_name: str, *, share_key: bytes, root_key: bytes) -> InitAnswer:
        from pysequoia import Cert, encrypt

        live = self._pod(pod)
        if live is None:
            raise Transient("no connection", code="E_VAULT_AWAY")
        tls = next(v["secret"]["secretName"] for v in live["spec"]["volumes"] if v["name"] == "tls")
        names = self.cluster.peek(Ref("v1", "Secret", tls, NAMESPACE))
        assert names is not None
        if server_name not in names_of(names["data"][f"{pod}.crt"].reveal()):
            raise WorldError("not this attempt's certificate", code="E_VAULT_TLS", where=pod)
        claim = self.cluster.peek(Ref("v1", "PersistentVolumeClaim", f"data-{pod}", NAMESPACE))
        assert claim is not None
        if claim["metadata"]["uid"] in self.stores:
            raise UnknownOutcome("Vault is already initialized", code="E_UNKNOWN_OUTCOME")
        if claim["metadata"]["uid"] in self.spoilt:
            raise UnknownOutcome("cluster already has state", code="E_UNKNOWN_OUTCOME")
        if not takes_messages(share_key):
            if is_certificate(
                share_key
            ):  # found out only after raft was begun: never to be initialised again
                self.spoilt.add(claim["metadata"]["uid"])
            raise UnknownOutcome("error parsing PGP key", code="E_UNKNOWN_OUTCOME")
        root = "hvs." + secrets.token_hex(12)
        store = Store(share=secrets.token_hex(32), cluster_id=secrets.token_hex(8), voters={pod})
        store.tokens[root] = Token("root-accessor", ("root",))
        self.stores[claim["metadata"]["uid"]] = store
        self._applied("POST", "sys/init")
        if not takes_messages(root_key):  # the real one finds out only now, and the keys are gone
            raise UnknownOutcome("error encrypting the root token", code="E_UNKNOWN_OUTCOME")
        share, token = (
            bytes(encrypt(text.encode(), recipients=[Cert.from_bytes(key)], armor=False))
            for text, key in ((store.share, share_key), (root, root_key))
        )
        return InitAnswer(share=share, root_token=token)

    def unseal(self, pod: str, share: Sensitive) -> SealStatus:
        live, store = self._pod(pod), self._store(pod)
        if live is None:
            raise Transient("no connection", code="E_VAULT_AWAY")
        if store is None:
            raise WorldError("Vault is not initialized", code="E_VAULT_UNSEAL")
        if self._sealed(pod, live, store) and share.reveal().decode() != store.share:
            raise WorldError("does not take this share", code="E_VAULT_UNSEAL")
        self._open(pod, live, store)
        return SealStatus(initialized=True, sealed=False, cluster_id=store.cluster_id, version=VERSION)

    # ------------------------------------------------------------ the API

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        pod: str,
        token: Sensitive | None,
        txn: str = "",
    ) -> Answer:
        status, store = self.seal_status(pod), self._store(pod)
        if status is None:
            raise Transient("Vault does not answer", code="E_VAULT_AWAY")
        if store is None or status.sealed:
            raise Transient("Vault is sealed", code="E_VAULT_SEALED")
        if method == "GET" and path.partition("?")[0] in ("sys/leader", "sys/health"):
            return self._of_itself(path.partition("?")[0], pod, store)
        if not status.leader:
            raise Transient(f"{pod} is not the active node", code="E_VAULT_STANDBY")
        given = token.reveal().decode() if token else ""
        if given not in store.tokens and path not in OPEN:
            raise WorldError(f"{method} {path}: Vault answered 403", code="E_VAULT_DENIED", where=path)
        if any(fnmatchcase(f"{method} {path}", rule) for rule in self.denied):
            raise WorldError(f"{method} {path}: Vault answered 403", code="E_VAULT_DENIED", where=path)
        call = Call(self, store, method, path, body or {}, given, f"request-{next(self._requests)}")
        policies = store.tokens[given].policies if given in store.tokens else ()
        line = Line(call.request, method, call.path, txn, policies)
        asks = method in ("GET", "LIST") or path in QUESTIONS
        if not asks:
            for watcher in self.watchers:
                watcher(store, line)
        answer = call.answer()
        if store.audit:
            store.log.append(line)
        if not asks and answer.ok:
            self._applied(method, path)
        return answer

    def _of_itself(self, path: str, pod: str, store: Store) -> Answer:
        """What each node says, standby or not. The address of a leader that is gone stays; the heartbeat to it ends."""
        leader = self._leader(store)
        if path == "sys/health":
            beats = {} if leader == pod else {"ha_connection_healthy": bool(leader)}
            return Answer(status=200, data={"standby": leader != pod, **beats})
        address = "" if pod == store.led != leader else f"https://{store.led}.vault-internal:8200"
        index = len(store.log) + 1 - self.lags.get(self._volume(pod), 0)
        raft = {"raft_committed_index": index, "raft_applied_index": index}
        return Answer(status=200, data={"is_self": leader == pod, "leader_address": address, **raft})

    @contextmanager
    def raft_snapshot(self, pod: str, token: Sensitive) -> Iterator[Iterator[bytes]]:
        """A copy of the store, entries by their paths; ``snapshot_ends`` cuts it as a server's fault does."""
        self.call("GET", "sys/storage/raft/snapshot", pod=pod, token=token)
        data = snapshots.archived(self.live())[: self.snapshot_ends]
        yield (data[at : at + 1000] for at in range(0, len(data), 1000))

    def raft_restore(
        self, pod: str, token: Sensitive, send: Callable[[Callable[[bytes], object]], None]
    ) -> Answer:
        """204 once the file was looked at; the store is another one some looks later, and sealed (``snapshots``)."""
        path = "sys/storage/raft/snapshot-force"
        self.call("GET", "sys/storage/raft/snapshot", pod=pod, token=token)
        held = bytearray()
        send(held.extend)
        found = snapshots.opened(bytes(held))
        if found is None:
            raise UnknownOutcome(f"POST {path}: Vault answered 500", code="E_UNKNOWN_OUTCOME")
        live = self._pod(pod)
        assert live is not None
        self.forced[self._volume(pod)] = snapshots.Forced(found, live["metadata"]["uid"])
        self._applied("POST", path)
        return Answer(status=204, data={})

    def _settle_forced(self, pod: str) -> None:
        """What was forced takes the store's place while it is looked at; not where its process has ended before."""
        volume, live = self._volume(pod), self._pod(pod)
        forced = self.forced.get(volume)
        if forced is None or live is None:
            return
        if forced.process != live["metadata"]["uid"]:
            del self.forced[volume]
        elif forced.is_done():
            del self.forced[volume]
            if self.stores[volume].share != forced.store.share:  # under the same keys it is not sealed
                self.unsealed.discard(forced.process)
            forced.store.voters = {pod}
            self.stores[volume] = forced.store

    def _applied(self, method: str, path: str) -> None:
        self.mutations.append((method, path))
        if self.lose_next_answer:
            self.lose_next_answer = False
            raise UnknownOutcome(f"{method} {path}: the answer was lost", code="E_UNKNOWN_OUTCOME")


# Policies that each Vault has, and how they begin (1.21.1); root is no text.
BUILT_IN = {
    "root": "",
    "default": """
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
path "sys/capabilities-self" { capabilities = ["update"] }
path "identity/entity/id/{{identity.entity.id}}" { capabilities = ["read"] }
path "identity/entity/name/{{identity.entity.name}}" { capabilities = ["read"] }
path "sys/internal/ui/resultant-acl" { capabilities = ["read"] }
path "sys/renew" { capabilities = ["update"] }
path "sys/leases/renew" { capabilities = ["update"] }
path "sys/leases/lookup" { capabilities = ["update"] }
path "cubbyhole/*" { capabilities = ["create", "read", "update", "delete", "list"] }
path "sys/wrapping/wrap" { capabilities = ["update"] }
path "sys/wrapping/lookup" { capabilities = ["update"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
path "sys/tools/hash" { capabilities = ["update"] }
path "sys/tools/hash/*" { capabilities = ["update"] }
path "sys/control-group/request" { capabilities = ["update"] }
path "identity/oidc/provider/+/authorize" { capabilities = ["read", "update"] }
""",
}

QUESTIONS = frozenset(
    {
        "auth/kubernetes/login",
        f"auth/{POD_LOGIN}/login",
        "auth/token/lookup-accessor",
        "auth/token/revoke-accessor",
        "auth/token/revoke-self",
        "sys/capabilities-self",
        f"{TRANSIT_MOUNT}/sign/{TRANSIT_KEY}",
        "sys/rekey/init",
        "sys/rekey/update",
    }
)
# These take no token on 1.21.
OPEN = frozenset(
    {
        "vault-pki/issuer/default/json",
        "auth/kubernetes/login",
        f"auth/{POD_LOGIN}/login",
        *(f"sys/rekey/{what}" for what in ("init", "update", "verify")),
        *(f"sys/generate-root/{what}" for what in ("attempt", "update")),
    }
)


class Call:
    """One request to an unsealed node under a live token."""

    def __init__(
        self,
        vault: SimulatedVault,
        store: Store,
        method: str,
        path: str,
        body: Mapping[str, Any],
        token: str,
        request: str,
    ) -> None:
        self.vault, self.store, self.method, self.body, self.token = vault, store, method, body, token
        self.path, _, self.query = path.partition("?")
        self.request = request

    @property
    def reads(self) -> bool:
        return self.method in ("GET", "LIST")

    def answer(self) -> Answer:
        for start, handler in HANDLERS.items():
            if self.path == start or (start.endswith("/") and self.path.startswith(start)):
                return handler(self)
        if f"{self.path.split('/')[0]}/" not in {*self.store.mounts, "auth/"}:
            return self.no(404, f'no handler for route "{self.path}". route entry not found.')
        raise AssertionError(f"the simulator was not taught {self.method} {self.path}")

    def ok(self, data: Mapping[str, Any] | None = None, **more: Any) -> Answer:
        return Answer(status=200, data=data or {}, request_id=self.request, **more)

    def done(self) -> Answer:
        return Answer(status=204, data={})

    def no(self, status: int, why: str = "", data: Mapping[str, Any] | None = None) -> Answer:
        named = self.request if data else ""  # an answer of errors carries no id
        return Answer(status=status, data=data or {}, request_id=named, errors=(why,) if why else ())

    @property
    def last(self) -> str:
        return self.path.rsplit("/", 1)[1]

    def named_set(self, made: dict[str, Any], used: str) -> Answer:
        """sys/audit, sys/auth, sys/mounts: listed at the folder, made below it, 400 on a used path."""
        if self.path.count("/") == 1:
            return self.ok({n: {"accessor": f"accessor-{n}", **made[n]} for n in sorted(made)})
        if self.method == "DELETE":
            made.pop(f"{self.last}/", None)
            return self.done()
        if f"{self.last}/" in made:
            return self.no(400, used.format(f"{self.last}/"))
        made[f"{self.last}/"] = dict(self.body)
        return self.done()

    def audit(self) -> Answer:
        return self.named_set(self.store.audit, "path already in use")

    def auth(self) -> Answer:
        return self.named_set(self.store.auth, "path is already in use at {}")

    def mounts(self) -> Answer:
        return self.named_set(self.store.mounts, "path is already in use at {}")

    def headers(self) -> Answer:
        if self.reads:
            return self.ok({"headers": self.store.headers})
        self.store.headers[self.last.lower()] = dict(self.body)
        return self.done()

    def plain(self) -> Answer:
        """Leaves that are written and read back as they are."""
        if self.method == "LIST":
            start = f"{self.path.removesuffix('/')}/"
            return self.ok(
                {"keys": sorted(p.removeprefix(start) for p in self.store.plain if p.startswith(start))}
            )
        if self.method == "DELETE":
            self.store.plain.pop(self.path, None)
            return self.done()
        if not self.reads:
            self.store.plain[self.path] = {**self.store.plain.get(self.path, {}), **self.body}
            return self.done()
        found = self.store.plain.get(self.path)
        return self.ok(found) if found is not None else self.no(404)

    def taken_whole(self) -> Answer:
        """What a write does not name has its default again."""
        if not self.reads:
            self.store.plain[self.path] = {}
        return self.plain()

    def policy(self) -> Answer:
        if not self.reads and self.method != "DELETE" and not is_policy(self.body["policy"]):
            return self.no(400, "failed to parse policy")
        answer = self.plain()
        if self.method == "LIST":
            return self.ok({"keys": sorted({*answer.data["keys"], "default", "root"})})
        if self.method == "GET" and answer.status == 404 and self.last in BUILT_IN:
            return self.ok({"name": self.last, "policy": BUILT_IN[self.last]})
        return answer

    def named(self) -> Answer:
        """Roles, users, groups of a login, and identity's: listed only where there are any."""
        answer = self.plain()
        return self.no(404) if self.method == "LIST" and not answer.data["keys"] else answer

    def entity(self) -> Answer:
        answer = self.plain()
        if self.reads and answer.ok:
            aliases = [
                a
                for p, a in self.store.plain.items()
                if p.startswith("alias ") and a["canonical_id"] == self.path
            ]
            return self.ok({**answer.data, "id": self.path, "aliases": aliases})
        return answer

    def alias(self) -> Answer:
        self.store.plain[f"alias {self.body['name']}"] = dict(self.body)
        return self.ok()

    def capabilities(self) -> Answer:
        return self.ok({p: ["create", "update", "read", "list"] for p in self.body["paths"]})

    def raft(self) -> Answer:
        servers = [{"node_id": pod, "voter": True} for pod in self.vault.voters(self.store)]
        servers += [{"node_id": pod, "voter": False} for pod in sorted(self.store.learners)]
        return self.ok({"config": {"servers": servers}})

    def rotate(self) -> Answer:
        self.store.barrier_term += 1
        return self.done()

    def key_status(self) -> Answer:
        return self.ok({"term": self.store.barrier_term})

    def rekey(self) -> Answer:
        return self.store.rekey.answer(self)

    def generate_root(self) -> Answer:
        return self.store.generate_root.answer(self)


HANDLERS: dict[str, Callable[[Call], Answer]] = {
    "sys/audit": Call.audit,
    "sys/audit/": Call.audit,
    "sys/config/auditing/request-headers": Call.headers,
    "sys/config/auditing/request-headers/": Call.headers,
    "sys/auth": Call.auth,
    "sys/auth/": Call.auth,
    "sys/mounts": Call.mounts,
    "sys/mounts/": Call.mounts,
    "sys/policies/acl": Call.policy,
    "sys/policies/acl/": Call.policy,
    "sys/capabilities-self": Call.capabilities,
    "sys/storage/raft/configuration": Call.raft,
    "sys/storage/raft/snapshot": Call.ok,  # its content goes another way
    "sys/rekey/": Call.rekey,
    "sys/rotate": Call.rotate,
    "sys/key-status": Call.key_status,
    "sys/generate-root/": Call.generate_root,
    "auth/kubernetes/login": logins.login,
    "auth/kubernetes/config": Call.plain,
    "auth/kubernetes/role": Call.plain,
    "auth/kubernetes/role/": Call.plain,
    f"auth/{POD_LOGIN}/login": logins.pod_login,
    f"auth/{POD_LOGIN}/config": Call.taken_whole,
    "auth/token/roles": Call.named,
    "auth/token/roles/": Call.named,
    "auth/token/": logins.tokens,
    "identity/group/name": Call.named,
    "identity/group/name/": Call.named,
    "identity/entity/name": Call.plain,
    "identity/entity/name/": Call.entity,
    "identity/entity-alias": Call.alias,
    "auth/": Call.named,  # logins that others made
    "bootstrap-transit/": transit.answer,
    "vault-pki/": pki.answer,
    "secret/config": kv.config,
    "secret/metadata": kv.metadata,
    "secret/metadata/": kv.metadata,
    "secret/data/": kv.data,
    "secret/undelete/": kv.undelete,
    "secret/destroy/": kv.destroy,
}
