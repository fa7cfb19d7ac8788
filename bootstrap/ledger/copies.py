"""The copy of the ledger besides the cluster's: Vault's (H4).

Copies that disagree show a restored snapshot: the one that is behind was put back in time. Copies of
which neither continues the other are a fork, and only a human can say which is true.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bootstrap.ledger.batch import Batch, name_at
from bootstrap.ledger.chain import Ledger
from bootstrap.model.errors import EvidenceError


class VaultCopy(Protocol):
    """Batches by name, below ``secret/bootstrap/ledger/``."""

    def read(self, name: str) -> bytes | None: ...
    def write_once(self, name: str, content: bytes) -> None: ...

    """Returns when ``name`` holds ``content``; EvidenceError E_FORK when it holds something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """``size`` is that of the longest copy; ``behind`` maps a shorter one to how many it lacks."""

    size: int
    behind: Mapping[str, int]

    @property
    def agree(self) -> bool:
        return not self.behind


def publish(batches: Sequence[Batch], copy: VaultCopy) -> None:
    """Write what the copy lacks, in order. Reads only when nothing is missing.

    EvidenceError E_FORK when the copy holds another batch under one of the names.
    """
    for each in batches:
        present = copy.read(each.name)
        if present is None:
            copy.write_once(each.name, each.content)
        elif present != each.content:
            raise _fork(each.name)


def fetch(copy: VaultCopy, known: Sequence[Batch] = ()) -> tuple[Batch, ...]:
    """The copy's batches, in order, up to the first place where there is none; not verified.

    ``known`` are those of another copy: what is the same there needs no reading twice.
    """
    return tuple(_walk(copy, {each.name: each for each in known}))


def compare(copies: Mapping[str, Ledger]) -> Comparison:
    """Which copies are behind; EvidenceError E_FORK names two that do not continue each other."""
    longest = max(copies, key=lambda name: copies[name].chain.size)
    whole = copies[longest]
    for name, ledger in copies.items():
        if whole.entries[: ledger.chain.size] != ledger.entries:
            raise _fork(f"{name} and {longest}", _first_difference(whole, ledger))
    top = whole.chain.size
    sizes = {name: each.chain.size for name, each in copies.items()}
    return Comparison(size=top, behind={name: top - size for name, size in sizes.items() if size < top})


def _walk(copy: VaultCopy, known: Mapping[str, Batch]) -> Iterator[Batch]:
    seq = 0
    while (content := copy.read(name_at(seq))) is not None:
        found = known.get(name_at(seq))
        if found is None or found.content != content:
            found = Batch.parse(name_at(seq), content)
        yield found
        seq += len(found.envelopes)


def _first_difference(one: Ledger, other: Ledger) -> str:
    pairs = zip(one.entries, other.entries, strict=False)
    return f" at record {next(seq for seq, (a, b) in enumerate(pairs) if a != b)}"


def _fork(what: str, place: str = "") -> EvidenceError:
    return EvidenceError(
        f"two histories: {what} differ{place}, neither continues the other",
        code="E_FORK",
        where=what,
        hint="find which copy was restored or written by another hand: bootstrap ledger show for each",
    )
