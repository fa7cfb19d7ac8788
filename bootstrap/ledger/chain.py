"""The chain of envelopes: each names the SHA-256 of the one before, all of them have one Merkle root.

Pure; what is checked, and in which order, is numbered in ``opened`` and ``follow``.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from bootstrap.ledger import canonical, merkle, statement
from bootstrap.ledger.countersigning import Signed, refuse_open
from bootstrap.ledger.envelope import PublicKey, names_key, open_envelope, peek, seal
from bootstrap.ledger.record import TREE, ZERO, Fact, HeadName, Record, RecordType, Writer
from bootstrap.ledger.rules import Meaning, Rules
from bootstrap.model.errors import EvidenceError
from bootstrap.ports import Signer

Payload = Callable[[bytes, str, PublicKey | None], tuple[bytes, Signed]]
"""An envelope's payload, and which key signed it, where the key is Vault's that may: ``signed_by`` the ledger key, or
``shown``, for showing only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Where a chain stands: number of records, hash of the last envelope, frontier of the Merkle tree."""

    size: int = 0
    last: str = ZERO
    frontier: merkle.Frontier = ()

    @property
    def root(self) -> str:
        """Merkle root, hex."""
        return merkle.root(self.frontier).hex()

    def extended(self, envelope: bytes) -> "Chain":
        return Chain(
            size=self.size + 1,
            last=canonical.sha256(envelope),
            frontier=merkle.grow(self.frontier, self.size, merkle.leaf(envelope)),
        )


class Seen(Protocol):
    """What is known of a ledger once each record was seen, whether they are kept (``Ledger``) or not (``Walk``)."""

    @property
    def chain(self) -> Chain: ...
    @property
    def last(self) -> Record | None: ...
    @property
    def vault_cluster(self) -> str: ...

    """Vault's cluster id as the last record that names one has it; empty where none does."""

    @property
    def meaning(self) -> Meaning: ...
    @property
    def decided(self) -> frozenset[HeadName]: ...

    """The heads that records decided about."""

    def at(self, size: int) -> Chain: ...

    """Where the chain stood after its first ``size`` records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record and the canonical bytes of its signed envelope."""

    record: Record
    envelope: bytes
    signed: Signed = Signed.LEDGER


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """A whole, verified ledger."""

    entries: tuple[Entry, ...] = ()
    chain: Chain = field(default_factory=Chain)
    meaning: Meaning = field(default_factory=Meaning)

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(entry.record for entry in self.entries)

    @property
    def current(self) -> tuple[Record, ...]:
        """The records since a human last decided that Git's values count again: what was handed over before lay in a
        Vault that is lost."""
        records = self.records
        begun = [n for n, record in enumerate(records) if record.fact.type is RecordType.NEW_AUTHORITY]
        return records[begun[-1] :] if begun else records

    @property
    def last(self) -> Record | None:
        return self.entries[-1].record if self.entries else None

    @property
    def vault_cluster(self) -> str:
        named = (record.fact.vault_cluster for record in reversed(self.records))
        return next((each for each in named if each is not None), "")

    @property
    def decided(self) -> frozenset[HeadName]:
        return frozenset(head for record in self.records if (head := record.fact.decided) is not None)

    def extended(self, entries: Iterable[Entry]) -> "Ledger":
        """With new entries behind; EvidenceError E_CHAIN when place or meaning does not fit."""
        walk, added = Walk(self.chain, self.meaning), tuple(entries)
        for entry in added:
            walk.add(entry)
        return Ledger(entries=(*self.entries, *added), chain=walk.chain, meaning=walk.meaning)

    def at(self, size: int) -> Chain:
        if size == self.chain.size:
            return self.chain
        chain = Chain()
        for entry in self.entries[:size]:
            chain = chain.extended(entry.envelope)
        return chain

    def proof(self, seq: int) -> tuple[bytes, ...]:
        """Inclusion proof of one record under the present root (``merkle.included`` checks it)."""
        return merkle.prove([merkle.leaf(entry.envelope) for entry in self.entries], seq)


def write(facts: Iterable[Fact], *, after: Chain, run: Writer, time: str, signer: Signer) -> Iterator[Entry]:
    """Entries for ``facts`` at the places behind ``after``, each signed once it is asked for."""
    chain = after
    for fact in facts:
        record = Record(seq=chain.size, previous=chain.last, time=time, run=run, fact=fact)
        envelope = seal(statement.encode(record), signer)
        yield Entry(record=record, envelope=envelope)
        chain = chain.extended(envelope)


def countersigned(after: Ledger, *, run: Writer, time: str, signer: Signer) -> Entry:
    """Vault's entry behind ``after``; ``signer`` is the key that is announced there."""
    chain = after.chain
    fact = Fact(type=RecordType.COUNTERSIGNED, details={TREE: chain.root})
    record = Record(seq=chain.size, previous=chain.last, time=time, run=run, fact=fact)
    return Entry(record=record, envelope=seal(statement.encode(record), signer), signed=Signed.VAULT)


class Walk:
    """A pass over a ledger that keeps none of its records; it is a ``Seen`` of those that were added.

    ``at`` answers for the ``sizes`` that were named before, once they are reached.
    """

    def __init__(
        self, chain: Chain | None = None, meaning: Meaning | None = None, sizes: Iterable[int] = ()
    ) -> None:
        self.chain = chain or Chain()
        self.last: Record | None = None
        self.vault_cluster = ""
        self._rules = Rules(meaning or Meaning())
        self._decided: set[HeadName] = set()
        self._sizes, self._at = frozenset(sizes), {0: Chain()}

    @property
    def meaning(self) -> Meaning:
        return self._rules.meaning

    @property
    def countersigner(self) -> PublicKey | None:
        return self._rules.countersigner

    @property
    def decided(self) -> frozenset[HeadName]:
        return frozenset(self._decided)

    def end(self) -> None:
        """All records were added. EvidenceError E_COUNTERSIGN where the last ones lack Vault's signature."""
        refuse_open(self.meaning.countersigning, self.chain.size)

    def add(self, entry: Entry) -> None:
        """EvidenceError E_CHAIN when place or meaning does not fit what was added before."""
        record = entry.record
        _check_place(record, self.chain)
        self._rules.add(record, entry.signed)
        self.chain, self.last = self.chain.extended(entry.envelope), record
        if self.chain.size in self._sizes:
            self._at[self.chain.size] = self.chain
        if (named := record.fact.vault_cluster) is not None:
            self.vault_cluster = named
        if (decided := record.fact.decided) is not None:
            self._decided.add(decided)

    def at(self, size: int) -> Chain:
        return self._at[size]


def signed_by(key: PublicKey) -> Payload:
    def checked(data: bytes, what: str, vault: PublicKey | None) -> tuple[bytes, Signed]:
        if vault is not None and names_key(data, vault):
            return open_envelope(data, vault, what), Signed.VAULT
        return open_envelope(data, key, what), Signed.LEDGER

    return checked


def shown(data: bytes, what: str, vault: PublicKey | None) -> tuple[bytes, Signed]:
    """No signature is checked; the key is the one that the envelope names."""
    by_vault = vault is not None and names_key(data, vault)
    return peek(data, what), Signed.VAULT if by_vault else Signed.LEDGER


def read(envelopes: Iterable[bytes], key: PublicKey) -> Ledger:
    """The ledger of these envelopes, wholly verified; EvidenceError names the first record that fails."""
    walk = Walk()
    entries = tuple(follow(envelopes, signed_by(key), walk))
    walk.end()
    return Ledger(entries=entries, chain=walk.chain, meaning=walk.meaning)


def follow(envelopes: Iterable[bytes], payload: Payload, walk: Walk) -> Iterator[Entry]:
    """One entry after another, each once it was added to ``walk``; EvidenceError names the first record that fails."""
    for data in envelopes:
        entry = opened(data, payload, walk)
        # 3. each record is at its place and names the one before it (E_CHAIN)
        # 4. the key that signed it may sign its type (E_SIGNER), and Vault signed where it must (E_COUNTERSIGN)
        # 5. intent, commit and retirement follow each other (E_CHAIN)
        walk.add(entry)
        yield entry


def opened(data: bytes, payload: Payload, walk: Walk) -> Entry:
    """The next record; its place and meaning are ``Walk.add``'s to check."""
    what = f"record {walk.chain.size}"
    # 1. the envelope is canonical, has our payload type and one signature, which fits (E_SIG)
    content, signed = payload(data, what, walk.countersigner)
    # 2. the payload is one of our statements, byte for byte, subject digest included (E_RECORD)
    return Entry(record=statement.decode(content, what), envelope=data, signed=signed)


def _check_place(record: Record, chain: Chain) -> None:
    if record.seq == chain.size and record.previous == chain.last:
        _check_root(record, chain)
        return
    why = (
        f"record {record.seq} stands at position {chain.size}: one was removed, doubled or moved"
        if record.seq != chain.size
        else f"record {record.seq} does not follow the one before it"
    )
    raise EvidenceError(why, code="E_CHAIN", where=f"record {chain.size}")


def _check_root(record: Record, chain: Chain) -> None:
    if record.fact.type is RecordType.COUNTERSIGNED and record.fact.details[TREE] != chain.root:
        raise EvidenceError(
            f"record {record.seq} countersigns another tree than that of the {record.seq} records before it",
            code="E_CHAIN",
            where=f"record {record.seq}",
        )
