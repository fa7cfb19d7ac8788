"""A snapshot of the platform, as its manifest describes it (INV1): plain, value-free facts.

A snapshot file holds three sealed parts: Vault's own raft snapshot, the ledger's bundle, and the current values of the
secrets of class bootstrap. docs/reference/snapshot.md has the bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

RAFT: Final = "raft.age"
LEDGER: Final = "ledger.age"
SECRETS: Final = "secrets.age"
SEALED: Final = (RAFT, LEDGER, SECRETS)  # in the order in which they lie in the file
KEYS: Final = ("key.age", "key.asc")  # the file's key, sealed to the root: one of these two
MANIFEST: Final = "manifest.json"
END: Final = "end.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part as it lies in the file, which is ciphertext: hex SHA-256, and its size in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RaftFacts:
    """Vault's version, raft's index and term at which its store was copied, and what Vault sent, before it was sealed:
    hex SHA-256 and bytes. It is ciphertext of Vault's barrier, so a plain hash gives nothing away."""

    version: str
    index: int
    term: int
    sha256: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPoint:
    """How far the ledger in the file goes: its number of records, the hash of the last one, the Merkle root."""

    size: int
    last: str
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The unseal share that opens this snapshot: an OpenPGP message to the unseal key of that fingerprint.

    ``generation`` counts the shares of one Vault from 1; each rekey makes another.
    """

    generation: int
    unseal_key: str
    ciphertext: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Vault's over the manifest; ``key_id`` names the key, as an envelope of the ledger does."""

    key_id: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """``cluster`` is the UID of namespace kube-system; ``environment`` is empty where none was named.

    ``saver`` is the accessor of the token that read the snapshot: that token is alive in it. ``recipients`` are the
    holders of the root for whom the file is sealed: age or SSH public keys, or fingerprints. ``time`` is UTC, when
    saving began.
    """

    environment: str
    cluster: str
    vault_cluster: str
    raft: RaftFacts
    share: Share
    ledger: LedgerPoint
    saver: str
    recipients: tuple[str, ...]
    tool: str
    time: str
    parts: Mapping[str, Part]
