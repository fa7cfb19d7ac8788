"""The whole outside world on one page.

Engine and steps know these Protocols only; ``adapters/`` implements them, ``cli/compose.py`` joins them.

Objects of Kubernetes are plain dicts. In an object of kind Secret the leaves of ``data`` are ``Sensitive``
(decoded bytes, never base64) both ways. Every call has a deadline. Every mutating call ends in one of
three ways: it returns (applied), it returns ``Refused`` (not applied, and why), or it raises
``UnknownOutcome`` (look, never repeat blindly). Reads raise ``Transient`` when the server is away.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from bootstrap.model.certificates import Certificate
from bootstrap.model.sensitive import Sensitive

Object = dict[str, Any]
Opened = Sensitive | dict[str, "Opened"]


# ---------------------------------------------------------------- Git and the root of trust


class IntentRepository(Protocol):
    """One commit of a Git repository, read from the object store; the work tree is never looked at."""

    @property
    def commit(self) -> str: ...  # 40 hex digits
    @property
    def tree(self) -> str: ...  # id of its Git tree, left aside records/: that is what runs write
    @property
    def location(self) -> str: ...  # as the user gave it
    def paths(self) -> Sequence[str]: ...  # regular files, sorted, '/' separated
    def read(self, path: str) -> bytes: ...  # DefinitionError E_FILE_MISSING
    def blob(self, path: str) -> str: ...  # Git blob id
    def unused_changes(self) -> Sequence[str]: ...  # paths of a dirty work tree, named as not used


class RootKey(Protocol):
    """The root of trust, opened in memory."""

    @property
    def recipients(self) -> tuple[str, ...]: ...  # public halves: age1..., or an OpenPGP fingerprint
    def unwrap(self, ciphertext: bytes, what: str) -> Sensitive:
        """Plaintext of one age file or one OpenPGP message (armored or binary); ``what`` names it in errors.

        PreconditionError E_NO_IDENTITY names the recipients that would do; DefinitionError E_CT_* for damage.
        """
        ...


class EncryptedFiles(Protocol):
    """Everything encrypted in one commit, opened in memory, on demand."""

    def open(self, path: str) -> Opened:
        """A raw ``.age``/``.gpg``/``.asc`` file gives its bytes; a SOPS file gives its tree (MAC checked)."""
        ...


class GuardedFiles(EncryptedFiles, Protocol):
    """The same, which also knows the keys that must not leave."""

    def keep_back(self, values: Mapping[str, Sensitive], where: str, hint: str) -> None:
        """DefinitionError E_ROOT_SOURCE where values from elsewhere carry a key under the root, or one that opens
        the commit."""
        ...


# ---------------------------------------------------------------- Kubernetes


@dataclass(frozen=True, slots=True)
class Ref:
    """An object's address. ``namespace`` is empty for cluster-scoped kinds."""

    api: str  # "v1", "apps/v1", "external-secrets.io/v1"
    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class Reason(StrEnum):
    EXISTS = "already exists"
    TERMINATING = "is being deleted"
    CONFLICT = "changed meanwhile"
    FIELD_CONFLICT = "owned by another field manager"
    NOT_FOUND = "not found"
    INVALID = "refused as invalid"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True, slots=True)
class Refused:
    """A mutating call that was not applied. ``detail`` comes from the server and holds no value."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Permission:
    """``resource`` may be a path of the API server's own instead, as of ``/version``."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    subresource: str = ""

    @property
    def is_path(self) -> bool:
        return self.resource.startswith("/")

    def __str__(self) -> str:
        name = f"{self.resource}/{self.subresource}" if self.subresource else self.resource
        full = f"{name}.{self.group}" if self.group else name
        return f"{self.verb} {full}" + (f" in {self.namespace}" if self.namespace else " (cluster-wide)")


@dataclass(frozen=True, slots=True)
class Identity:
    """As the API server knows us."""

    user: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Who signs the tokens of service accounts: the name that they carry, and the public keys (PEM, sorted) that the
    API server shows for them now."""

    name: str
    keys: tuple[str, ...]


class Cluster(Protocol):
    """Kubernetes by plain dicts; field manager ``bootstrap``."""

    @property
    def server(self) -> str: ...
    @property
    def context(self) -> str: ...
    def version(self) -> str: ...  # "v1.34.4"; PreconditionError E_UNREACHABLE
    def uid(self) -> str: ...  # UID of namespace kube-system: the cluster's identity
    def server_time(self) -> datetime: ...  # from the Date header, UTC
    def get(self, ref: Ref) -> Object | None: ...  # None: not found, or its kind is not served
    def list(self, api: str, kind: str, namespace: str = "", labels: str = "") -> list[Object]: ...
    def create(self, obj: Object) -> Object | Refused: ...
    def replace(self, obj: Object) -> Object | Refused: ...  # metadata.resourceVersion is required: CAS
    def apply(self, obj: Object, *, force: bool = False) -> Object | Refused: ...  # server-side apply
    def differs(self, obj: Object, live: Object | None = None) -> bool:
        """True when applying ``obj`` would change the live object (or it is missing). ``live``: as it was just read.

        A pure read: compares the applied fields with the live object, no dry run, so it does not count as a change
        in the audit log.
        """
        ...

    def delete(self, ref: Ref, *, uid: str, resource_version: str = "") -> Object | Refused | None: ...
    def refused_at_admission(self, obj: Object) -> str:
        """A dry-run create: the refusal's text, "" if admitted."""
        ...

    def missing(self, wanted: Sequence[Permission]) -> tuple[Permission, ...]: ...  # SelfSubjectAccessReview
    def service_account_token(self, namespace: str, name: str, audience: str, seconds: int) -> Sensitive: ...
    def token_issuer(self) -> TokenIssuer: ...  # PreconditionError E_NO_ISSUER where it is not shown
    def identity(self) -> Identity: ...  # SelfSubjectReview
    def logs(self, namespace: str, pod: str, container: str, lines: int = 50) -> str: ...
    def refresh(self) -> None: ...  # forget discovery: after CRDs were installed


# ---------------------------------------------------------------- Vault


@dataclass(frozen=True, slots=True)
class Answer:
    """Vault's answer. ``data`` is the JSON body's ``data`` (or the body itself where it has none).

    Strings below ``data.data`` of KV reads and ``auth.client_token`` are ``Sensitive``. 404 and 400 are
    answers, not exceptions: ``status`` says so and ``errors`` holds the server's words. 403 raises
    ``WorldError`` E_VAULT_DENIED; 5xx, resets and time-outs of a write raise ``UnknownOutcome``, of a read
    ``Transient``; 307 and 473 never leave the adapter as redirects followed to elsewhere.
    """

    status: int
    data: Mapping[str, Any]
    request_id: str = ""
    errors: tuple[str, ...] = ()
    auth: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class SealStatus:
    initialized: bool
    sealed: bool
    cluster_id: str = ""
    version: str = ""
    progress: int = 0
    leader: bool = False


class Vault(Protocol):
    """One Vault of several pods, each reached by an in-process port-forward, TLS to the pod's own name."""

    def seal_status(self, pod: str) -> SealStatus | None: ...  # None: the pod does not answer (yet)
    def initialise(self, pod: str, server_name: str, *, share_key: bytes, root_key: bytes) -> "InitAnswer":
        """POST sys/init, 1 share of 1, both PGP certificates binary.

        TLS is checked against ``server_name`` (the attempt's own certificate). Sent once, deadline 60 s, never
        repeated: UnknownOutcome for everything but a clean answer.
        """
        ...

    def unseal(self, pod: str, share: Sensitive) -> SealStatus: ...
    def active(self, pods: Sequence[str]) -> str | None: ...  # the pod that says it is the active node
    def call(
        self,
        method: str,  # GET LIST POST PUT DELETE
        path: str,  # below /v1/, checked: no '//', '..', leading '/'
        body: Mapping[str, Any] | None = None,  # leaves may be Sensitive
        *,
        pod: str,
        token: Sensitive | None,
        txn: str = "",  # goes out as the audited header X-Bootstrap-Txn
    ) -> Answer: ...
    def certificate(self, pod: str) -> bytes:
        """The leaf now served, DER: of our CA and for this pod, valid or expired."""
        ...

    def raft_snapshot(self, pod: str, token: Sensitive) -> AbstractContextManager[Iterator[bytes]]:
        """Vault's raft snapshot from the active node, in chunks as they come; left early, the stream is closed.

        Its end says nothing: a server that fails midway ends it like a whole one. Errors as of ``call``, of a read;
        Transient E_VAULT_AWAY too where the stream breaks.
        """
        ...

    def raft_restore(
        self, pod: str, token: Sensitive, send: Callable[[Callable[[bytes], object]], None]
    ) -> Answer:
        """POST sys/storage/raft/snapshot-force, whose body ``send`` writes in parts. Sent once.

        204 says that the file was taken, not that it is restored: the work begins after it. Which key opens the store
        says which one it is. Errors of ``send`` pass; UnknownOutcome for everything but a clean answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class InitAnswer:
    """Ciphertexts only: the unseal share and the root token, each an OpenPGP message (binary)."""

    share: bytes
    root_token: bytes


# ---------------------------------------------------------------- keys under the root, records, proof


class UnsealKey(Protocol):
    """The OpenPGP key to which Vault encrypts its share and root token (pysequoia, no agent)."""

    @property
    def certificate(self) -> bytes: ...  # binary public key, as sys/init wants it before base64
    @property
    def fingerprint(self) -> str: ...
    def decrypt(self, message: bytes) -> Sensitive: ...  # binary or armored


class Signer(Protocol):
    """The ledger key (ed25519)."""

    @property
    def key_id(self) -> str: ...
    def sign(self, data: bytes) -> bytes: ...


class Commitments(Protocol):
    """Keyed digests that prove equality and do not let anyone guess a weak value (H4)."""

    def commit(self, cluster_uid: str, name: str, field: str, value: Sensitive) -> str: ...  # hex


@dataclass(frozen=True, slots=True)
class Leaf:
    """A server certificate (PEM, with its chain) and its private key (PEM)."""

    certificate: bytes
    key: Sensitive


class CertificateAuthority(Protocol):
    """Vault's CA; its private half is root material. ``certificate`` is the public half, PEM."""

    @property
    def certificate(self) -> bytes: ...
    def issue(self, names: Sequence[str], addresses: Sequence[str], days: int) -> Leaf: ...
    def sign_intermediate(self, request: bytes, names: Sequence[str], seconds: int) -> bytes:
        """A CA that signs leaves alone, and for DNS ``names``, what is below them, and loopback alone (PEM, PEM)."""
        ...


class Certificates(Protocol):
    """Reading certificates: PEM, of which the first counts, or DER. EvidenceError E_CERTIFICATE."""

    def read(self, content: bytes | Sensitive) -> Certificate: ...
    def read_all(self, content: bytes | Sensitive) -> tuple[Certificate, ...]: ...  # of a PEM text
    def is_signed_by(self, content: bytes | Sensitive, authority: bytes) -> bool: ...  # PEM both


class RootMaterial(Protocol):
    """The keys under the root, opened on demand. PreconditionError E_ROOT_NEEDED without a root key."""

    def unseal_key(self) -> UnsealKey: ...
    def signer(self) -> Signer: ...
    def commitments(self) -> Commitments: ...
    def authority(self) -> CertificateAuthority: ...
    def random_text(self, length: int) -> Sensitive: ...  # letters and digits, from the system's CSPRNG
    def passing_key(
        self,
    ) -> UnsealKey: ...  # made for this moment, kept nowhere: of a store that is thrown away


class Records(Protocol):
    """``records/`` on the operator's side: written by ``up``, committed by people; value-free."""

    @property
    def folder(self) -> str: ...
    def read(self, cluster: str, name: str) -> bytes | None: ...
    def write(self, cluster: str, name: str, content: bytes) -> None: ...  # atomic, durable; no-op if equal
    def clusters(self) -> tuple[str, ...]: ...


class EscrowProof(Protocol):
    """A fresh process that reads only commit, root and the escrow outside the cluster."""

    def begin(self, cluster: str) -> None:
        """Starts that process early, where there is time to wait anyway: it is given nothing secret until ``prove``."""
        ...

    def prove(self, cluster: str) -> Mapping[str, str]:
        """Unseals (or proves the key against an unsealed Vault) and returns {vaultClusterId, method, generation}.

        EvidenceError E_ESCROW when the escrow does not open this Vault.
        """
        ...

    def prove_following(self, cluster: str) -> Mapping[str, str]:
        """{generation, commitment} of the next share, as the escrow gives it; Vault is not asked."""
        ...


@runtime_checkable
class Clock(Protocol):
    def now(self) -> datetime: ...  # UTC, annotation only: order never comes from it
    def monotonic(self) -> float: ...
    def sleep(self, seconds: float) -> None: ...


class Narrator(Protocol):
    """What happens, as typed events; the terminal, the plain log and tests are readers of this one stream."""

    def event(self, kind: str, step: str = "", message: str = "", **facts: str | int | float) -> None: ...
