"""The chain of envelopes: each names the SHA-256 of the one before, all of them have one Merkle root.

Pure; what is checked, and in which order, is numbered in ``read``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bootstrap.ledger import canonical, merkle, statement
from bootstrap.ledger.envelope import PublicKey, open_envelope, peek, seal
from bootstrap.ledger.record import ZERO, Fact, Record, RecordType, Writer
from bootstrap.ledger.rules import Meaning
from bootstrap.model.errors import EvidenceError
from bootstrap.ports import Signer


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record and the canonical bytes of its signed envelope."""

    record: Record
    envelope: bytes


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

    def extended(self, entries: Sequence[Entry]) -> "Ledger":
        """With new entries behind; EvidenceError E_CHAIN when place or meaning does not fit."""
        chain = self.chain
        for entry in entries:
            _check_place(entry.record, chain)
            chain = chain.extended(entry.envelope)
        meaning = self.meaning.extended(entry.record for entry in entries)
        return Ledger(entries=(*self.entries, *entries), chain=chain, meaning=meaning)

    def at(self, size: int) -> Chain:
        """Where the chain stood after its first ``size`` records."""
        chain = Chain()
        for entry in self.entries[:size]:
            chain = chain.extended(entry.envelope)
        return chain

    def proof(self, seq: int) -> tuple[bytes, ...]:
        """Inclusion proof of one record under the present root (``merkle.included`` checks it)."""
        return merkle.prove([merkle.leaf(entry.envelope) for entry in self.entries], seq)


def write(
    facts: Iterable[Fact], *, after: Chain, run: Writer, time: str, signer: Signer
) -> tuple[Entry, ...]:
    """Signed entries for ``facts`` at the places behind ``after``."""
    entries: list[Entry] = []
    chain = after
    for fact in facts:
        record = Record(seq=chain.size, previous=chain.last, time=time, run=run, fact=fact)
        envelope = seal(statement.encode(record), signer)
        entries.append(Entry(record=record, envelope=envelope))
        chain = chain.extended(envelope)
    return tuple(entries)


def read(envelopes: Iterable[bytes], key: PublicKey) -> Ledger:
    """The ledger of these envelopes, wholly verified; EvidenceError names the first record that fails."""
    entries = []
    for seq, data in enumerate(envelopes):
        what = f"record {seq}"
        # 1. the envelope is canonical, has our payload type and one signature, which fits (E_SIG)
        payload = open_envelope(data, key, what)
        # 2. the payload is one of our statements, byte for byte, subject digest included (E_RECORD)
        entries.append(Entry(record=statement.decode(payload, what), envelope=data))
    # 3. each record is at its place and names the one before it (E_CHAIN)
    # 4. intent, commit and retirement follow each other (E_CHAIN)
    return Ledger().extended(entries)


def glance(envelopes: Iterable[bytes]) -> Ledger:
    """Like ``read`` where no key is at hand: everything but the signatures is checked. For showing only."""
    entries = []
    for seq, data in enumerate(envelopes):
        payload = peek(data, f"record {seq}")
        entries.append(Entry(record=statement.decode(payload, f"record {seq}"), envelope=data))
    return Ledger().extended(entries)


def _check_place(record: Record, chain: Chain) -> None:
    if record.seq == chain.size and record.previous == chain.last:
        return
    why = (
        f"record {record.seq} stands at position {chain.size}: one was removed, doubled or moved"
        if record.seq != chain.size
        else f"record {record.seq} does not follow the one before it"
    )
    raise EvidenceError(why, code="E_CHAIN", where=f"record {chain.size}")
