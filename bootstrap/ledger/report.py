"""What a ledger says, for people and programs: one line a secret, then what it all rests on (OK3).

``tally.py`` makes it of the records.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bootstrap.ledger.completeness import Completeness


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """A version behind the one that was handed over: ``how`` is ``set`` or ``adopted``, ``actor`` who began it."""

    version: int
    time: str
    actor: str
    how: str
    reason: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretLine:
    """One secret: provenance, what happened when, who is the authority now, what of it remains elsewhere."""

    name: str
    secret_class: str
    owner: str
    commit: str
    file: str
    blob: str
    destination: str
    authority: str  # Git | Vault | lost
    intent: str  # time, as the others; empty: did not happen
    committed: str
    retired: str
    actor: str
    txn: str
    audit: str  # request id of the write, "missing", or empty
    renew: str
    retire: str
    residuals: tuple[str, ...]
    note: str
    seqs: tuple[int, ...]  # its records
    versions: tuple[VersionLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLine:
    seq: int
    time: str
    phase: str
    actor: str
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``verified`` is False when no key was at hand, so that no signature was checked. ``completeness`` is None where
    nothing asked whether these are all records. ``countersigner`` is Vault's present key in words, empty for none."""

    verified: bool
    completeness: Completeness | None
    cluster: str
    environment: str
    vault_cluster: str
    size: int
    last: str
    root: str
    time: str
    counts: Mapping[str, int]
    secrets: tuple[SecretLine, ...]
    notes: tuple[NoteLine, ...]
    countersigner: str
    rests_on: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Plain JSON values, in a stable order."""
        return asdict(self)
