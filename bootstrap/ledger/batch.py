"""A batch: consecutive envelopes as one object, named by the position of its first record.

The last of them is Vault's own, once its key is announced (``countersigning.py``).

Its content is the canonical JSON array of the envelopes; the name is ``ledger-`` and eight digits.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bootstrap.ledger import canonical
from bootstrap.ledger.chain import Entry
from bootstrap.model.errors import EvidenceError

KEY = "batch.json"  # of the ConfigMap
LIMIT = 512 * 1024  # bytes of content
VAULTS = 4 * 1024  # of them for the record with which Vault countersigns the others


def name_at(seq: int) -> str:
    return f"ledger-{seq:08d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    name: str
    envelopes: tuple[bytes, ...]  # canonical bytes, in order

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "Batch":
        """A batch of at least one entry."""
        return cls(name=name_at(entries[0].record.seq), envelopes=tuple(each.envelope for each in entries))

    @classmethod
    def parse(cls, name: str, content: bytes) -> "Batch":
        """EvidenceError E_BATCH unless ``content`` is a canonical, non-empty array of objects."""
        return cls(name=name, envelopes=split(name, content))

    @property
    def content(self) -> bytes:
        return b"[" + b",".join(self.envelopes) + b"]"


def split(name: str, content: bytes) -> tuple[bytes, ...]:
    """The envelopes of a batch's content, each in canonical bytes; errors as ``Batch.parse``."""
    value = canonical.loads(content, name, code="E_BATCH")
    if not isinstance(value, list) or not value or not all(isinstance(each, dict) for each in value):
        raise EvidenceError(f"{name} is not a batch of records", code="E_BATCH", where=name)
    return tuple(canonical.dumps(each) for each in value)


def fitting(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """As many of the first entries as fit into one batch, at least one; asks for one more than these at most."""
    room, found = LIMIT - VAULTS, list[Entry]()
    for entry in entries:
        room -= len(entry.envelope) + 1
        if room < 0 and found:
            break
        found.append(entry)
    return tuple(found)
