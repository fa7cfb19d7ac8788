"""One record of the ledger: what happened to one secret, or to the cluster, as a frozen value (H4).

A record never holds a value, its length or an unkeyed hash of it: ``commitments`` are HMACs under the
commitment key, a Git blob id is the id of ciphertext. ``statement.py`` puts a record into bytes and back.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from bootstrap.ledger.canonical import LARGEST
from bootstrap.model.catalog import Renew, RetireMode, SecretClass

ZERO = "0" * 64  # ``previous`` of the first record
MISSING: Literal["missing"] = "missing"  # an audit line proven gone (B6)
VAULT_CLUSTER = "vaultClusterId"  # a detail of notes that know it
NONCE = "restore"  # a detail of RESTORED: which restore it is of
CLUSTER, SIZE, ROOT = "headCluster", "headSize", "headRoot"  # details of a record that decides about a head
PUBLIC_KEY, MOUNT, KEY = "publicKey", "mount", "key"  # details of COUNTERSIGNER, beside Vault's cluster id
TREE = "root"  # a detail of COUNTERSIGNED: the Merkle root of all records before it

HeadName = tuple[str, str, str]  # cluster, size and root of a head

_HEX64 = re.compile(r"[0-9a-f]{64}")
_KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")  # base64 of 32 bytes, in its one form
_HEX40 = re.compile(r"[0-9a-f]{40}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_NOTHING: Mapping[str, str] = MappingProxyType({})


class RecordType(StrEnum):
    """The first three are about one secret, all others are notes about the cluster."""

    INTENT = "INTENT"
    COMMIT = "COMMIT"
    RETIRED = "RETIRED"
    CLAIMED = "CLAIMED"
    VOIDED = "VOIDED"
    VAULT_INITIALISED = "VAULT-INITIALISED"
    ESCROW = "ESCROW"
    VERIFIED = "VERIFIED"
    ROOT_REVOKED = "ROOT-REVOKED"
    CONFIGURING = "CONFIGURING"
    CONFIGURED = "CONFIGURED"
    COUNTERSIGNER = "COUNTERSIGNER"
    COUNTERSIGNED = "COUNTERSIGNED"
    REKEYED = "REKEYED"
    REBUILT = "REBUILT"
    RESTORED = "RESTORED"
    NEW_AUTHORITY = "NEW-AUTHORITY"
    ACCEPTED = "ACCEPTED"
    ABANDONED = "ABANDONED"
    AUDIT_LOG = "AUDIT-LOG"

    @property
    def about_secret(self) -> bool:
        return self in _ABOUT_SECRET


_ABOUT_SECRET = frozenset({RecordType.INTENT, RecordType.COMMIT, RecordType.RETIRED})
_DECIDES = frozenset({RecordType.NEW_AUTHORITY, RecordType.RESTORED, RecordType.ACCEPTED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """Where a value came from: commit (40 hex digits), path, and blob id of the ciphertext there."""

    commit: str
    path: str = ""
    blob: str = ""

    def __post_init__(self) -> None:
        _require(_HEX40, self.commit, "git.commit")
        if self.blob:
            _require(_HEX40, self.blob, "git.blob")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretName:
    """A secret as the catalog names it."""

    name: str
    secret_class: SecretClass
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceObject:
    """The bootstrap copy in the cluster that was copied or retired."""

    namespace: str
    name: str
    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """Where the value went: ``cluster`` is Vault's cluster id, ``path`` lies below the KV v2 ``mount``."""

    cluster: str
    path: str
    mount: str = "secret"
    version: int = 1

    @property
    def subject(self) -> str:
        return f"vault:{self.cluster}/{self.mount}/{self.path}#v{self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """``txn`` went out as an audited header; the request ids are ``request.id`` in Vault's audit log (B6)."""

    txn: str
    write_request_id: str = ""
    read_request_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is recorded; ``LedgerStore.append`` adds position, time and run.

    ``commitments`` maps a field to its keyed commitment, ``residuals`` name places where the old value may
    still be (``git-history``, ``etcd-history``, ``backups``), ``details`` are plain, value-free facts.
    ValueError for a combination that means nothing.
    """

    type: RecordType
    git: Git | None = None
    secret: SecretName | None = None
    source: SourceObject | None = None
    destination: Destination | None = None
    commitments: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    audit: Audit | Literal["missing"] | None = None
    renew: Renew | None = None
    retire: RetireMode | None = None
    residuals: tuple[str, ...] = ()
    details: Mapping[str, str] = field(default_factory=lambda: _NOTHING)

    def __post_init__(self) -> None:
        for name, value in self.commitments.items():
            _require(_HEX64, value, f"commitments.{name}")
        if self.type in (RecordType.CONFIGURING, RecordType.CONFIGURED) and not isinstance(self.audit, Audit):
            raise ValueError(f"{self.type} names its change, as audit.txn")
        self._names_its_key()
        if not self.type.about_secret:
            return
        if self.git is None or self.secret is None or self.destination is None:
            raise ValueError(f"{self.type} names git, secret and destination")
        if self.type is not RecordType.RETIRED and not self.commitments:
            raise ValueError(f"{self.type} has a commitment for each field")
        if self.type is RecordType.COMMIT and self.audit is None:
            raise ValueError("COMMIT names its audit lines, or says that they are missing")
        if self.type is RecordType.RETIRED and self.retire is None:
            raise ValueError("RETIRED says how the bootstrap copy was retired")

    def _names_its_key(self) -> None:
        if self.type is RecordType.COUNTERSIGNED:
            _require(_HEX64, self.details.get(TREE, ""), f"details.{TREE}")
        if self.type is RecordType.COUNTERSIGNER:
            _require(_KEY, self.details.get(PUBLIC_KEY, ""), f"details.{PUBLIC_KEY}")
            if not all(self.details.get(name) for name in (MOUNT, KEY, VAULT_CLUSTER)):
                raise ValueError("COUNTERSIGNER names mount, key and Vault")

    @property
    def subject(self) -> str:
        """``vault:<cluster id>/<mount>/<path>#v<n>`` of a record about a secret, else empty."""
        return self.destination.subject if self.destination and self.type.about_secret else ""

    @property
    def of_handover(self) -> bool:
        """Whether it is about a secret's first version: the one that its handover writes."""
        return self.type.about_secret and self.destination is not None and self.destination.version == 1

    @property
    def vault_cluster(self) -> str | None:
        """Vault's cluster id, where this names one."""
        return self.destination.cluster if self.destination else self.details.get(VAULT_CLUSTER)

    @property
    def decided(self) -> "HeadName | None":
        """The head that this record decides about: from then on that one witnesses no longer."""
        if self.type not in _DECIDES or not {CLUSTER, SIZE, ROOT} <= self.details.keys():
            return None
        return self.details[CLUSTER], self.details[SIZE], self.details[ROOT]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes: the same for all records of a run. ``cluster`` is the UID of namespace kube-system."""

    cluster: str
    run_id: str
    epoch: int
    tool: str
    plan_digest: str
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A fact at its place in the chain; ``seq`` counts from 0, ``time`` is UTC, an annotation only."""

    seq: int
    previous: str
    time: str
    run: Writer
    fact: Fact

    def __post_init__(self) -> None:
        _require(_HEX64, self.previous, "previous")
        _require(_TIME, self.time, "time")
        version = self.fact.destination.version if self.fact.destination else 0
        if not all(0 <= number <= LARGEST for number in (self.seq, self.run.epoch, version)):
            raise ValueError("seq, epoch and version count from 0, and have a form in JSON")

    @property
    def subject(self) -> str:
        return self.fact.subject or f"cluster:{self.run.cluster}/{self.fact.type.value.lower()}"


def _require(pattern: re.Pattern[str], value: str, name: str) -> None:
    if not pattern.fullmatch(value):
        raise ValueError(f"{name} has the wrong form")
