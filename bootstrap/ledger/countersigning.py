"""Vault's own signature over the ledger: by which key, and which key may sign which record (H4, INV4).

The ledger key is in the hands of people; the key with which Vault countersigns never leaves Vault. A COUNTERSIGNER
record announces that key. From there on the last record of each batch is COUNTERSIGNED: signed by Vault's key alone,
it names the Merkle root of all records before it. So the ledger key alone does not make another history.

A record that decides about an authority (NEW-AUTHORITY, RESTORED, an accepted rollback) may be of a Vault that has
lost the key: it and what follows rest on the ledger key alone, until the next COUNTERSIGNER.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from bootstrap.ledger import canonical
from bootstrap.ledger.envelope import PublicKey, key_id
from bootstrap.ledger.record import KEY, MOUNT, PUBLIC_KEY, VAULT_CLUSTER, Fact, Record, RecordType
from bootstrap.model.errors import EvidenceError


class Signed(StrEnum):
    """By which key one envelope is signed."""

    LEDGER = "the ledger key"
    VAULT = "Vault's key"


class Rule(StrEnum):
    """Which key signs a record of one type."""

    BOTH = "the ledger key; Vault countersigns its batch"
    LEDGER_ALONE = "the ledger key alone"
    VAULT_ALONE = "Vault's key alone"


# A type that is not named here: by the ledger key, in a batch that Vault countersigns.
EXCEPTIONS: Final[Mapping[RecordType, Rule]] = MappingProxyType(
    {
        RecordType.NEW_AUTHORITY: Rule.LEDGER_ALONE,
        RecordType.RESTORED: Rule.LEDGER_ALONE,
        RecordType.COUNTERSIGNED: Rule.VAULT_ALONE,
    }
)


def rule_of(record_type: RecordType) -> Rule:
    return EXCEPTIONS.get(record_type, Rule.BOTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersigner:
    """A key in Vault's transit engine; ``vault_cluster`` is the Vault that made it."""

    key: PublicKey
    mount: str
    name: str
    vault_cluster: str

    def announcement(self) -> dict[str, str]:
        """The details of its COUNTERSIGNER record."""
        return {
            PUBLIC_KEY: self.text,
            MOUNT: self.mount,
            KEY: self.name,
            VAULT_CLUSTER: self.vault_cluster,
        }

    @property
    def text(self) -> str:
        """The public half's 32 bytes, as base64."""
        return canonical.encode(self.key.raw)

    def __str__(self) -> str:
        return f"{self.mount}/{self.name} ({self.key.key_id[:16]}) of Vault {self.vault_cluster}"


def public_key(text: str) -> PublicKey:
    """Of 32 bytes as base64; ValueError."""
    raw = canonical.decode(text)
    if len(raw) != 32:
        raise ValueError("not an ed25519 public key")
    return PublicKey(raw=raw, key_id=key_id(raw))


def announced(fact: Fact) -> Countersigner:
    """What a COUNTERSIGNER record names."""
    details = fact.details
    return Countersigner(
        key=public_key(details[PUBLIC_KEY]),
        mount=details[MOUNT],
        name=details[KEY],
        vault_cluster=details[VAULT_CLUSTER],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Countersigning:
    """What is known after some records. ``current`` countersigns, ``following`` does once ``current`` has signed
    behind its announcement.

    ``open`` records stand behind the last countersignature and need one. ``alone`` are first and last of the records
    that were written while no key was announced; ``signed`` counts COUNTERSIGNED records, ``keys`` are the ids of all
    keys that were announced.
    """

    current: Countersigner | None = None
    following: Countersigner | None = None
    open: int = 0
    signed: int = 0
    alone: tuple[tuple[int, int], ...] = ()
    keys: frozenset[str] = frozenset()


class Countersignatures:
    """Holds one record after another to the rules about which key signs it."""

    def __init__(self, known: Countersigning) -> None:
        self.current, self._following = known.current, known.following
        self._open, self._signed = known.open, known.signed
        self._alone, self._keys = list(known.alone), known.keys

    @property
    def state(self) -> Countersigning:
        return Countersigning(
            current=self.current,
            following=self._following,
            open=self._open,
            signed=self._signed,
            alone=tuple(self._alone),
            keys=self._keys,
        )

    def add(self, record: Record, signed: Signed) -> None:
        """EvidenceError E_SIGNER where this key may not sign a record of this type; E_COUNTERSIGN where a
        countersignature is missing before it."""
        fact = record.fact
        if (rule_of(fact.type) is Rule.VAULT_ALONE) != (signed is Signed.VAULT):
            raise _signer(record, signed)
        if signed is Signed.VAULT:
            self._countersigned()
            return
        if _may_have_lost_it(fact):
            refuse_open(self.state, record.seq)
            self.current = self._following = None
        elif fact.type is RecordType.COUNTERSIGNER:
            self._announce(announced(fact))
        if self.current is not None:
            self._open += 1
        else:
            self._rests_alone(record.seq)

    def _countersigned(self) -> None:
        self.current, self._following = self._following or self.current, None
        self._open, self._signed = 0, self._signed + 1

    def _announce(self, named: Countersigner) -> None:
        """The first one counts at once; another one only once the one before has signed it."""
        if self.current is None:
            self.current = named
        else:
            self._following = named
        self._keys |= {named.key.key_id}

    def _rests_alone(self, seq: int) -> None:
        if self._alone and self._alone[-1][1] == seq - 1:
            self._alone[-1] = (self._alone[-1][0], seq)
        else:
            self._alone.append((seq, seq))


def refuse_open(state: Countersigning, size: int) -> None:
    """EvidenceError E_COUNTERSIGN where the last of ``size`` records are not countersigned and must be."""
    if not state.open:
        return
    raise EvidenceError(
        f"records {size - state.open} to {size - 1} are not countersigned, and Vault's key {state.current} is announced"
        " before them: they were written with the ledger key alone, or what followed them was cut off",
        code="E_COUNTERSIGN",
        where=f"record {size - state.open}",
        hint="compare an older bundle, and Vault's copy: bootstrap ledger show; who has the ledger key is asked",
    )


def rests(state: Countersigning, size: int) -> Iterator[str]:
    """In words: which of ``size`` records rest on which key."""
    if not state.keys:
        yield f"all {size} records rest on the ledger key alone; none is countersigned by Vault"
        return
    for first, last in state.alone:
        which = f"record {first} was" if first == last else f"records {first} to {last} were"
        yield f"{which} written while no key of Vault was announced: what happened there rests on the ledger key alone"
    if state.current is None:
        yield "since the last decision about the authority nothing is countersigned by Vault"
        return
    times = "time" if state.signed == 1 else "times"
    yield (
        f"countersigned {state.signed} {times} by Vault; the present key is {state.current}: nothing before its last"
        " signature can be changed with the ledger key alone"
    )


def _may_have_lost_it(fact: Fact) -> bool:
    return rule_of(fact.type) is Rule.LEDGER_ALONE or fact.decided is not None


def _signer(record: Record, signed: Signed) -> EvidenceError:
    return EvidenceError(
        f"record {record.seq}: {record.fact.type} is signed by {signed}; such a record is signed by"
        f" {rule_of(record.fact.type)}",
        code="E_SIGNER",
        where=f"record {record.seq}",
    )
