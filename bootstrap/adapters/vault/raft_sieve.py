"""What of a raft snapshot a restore sends to Vault: no token of before, and no lease of one (INV1, B5).

The names of ``state.bin`` lie in the clear, so what must not live again is left out by its name; size and sums are
made anew, and the sealed sums, which no longer fit, stay away (``snapshot-force`` does not look at them). Tried on
Vault 1.21; the layout of another version is not guessed: then everything is sent as it is, and the record names that.
"""

import hashlib
import json
import tarfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bootstrap.adapters.vault.barrier import Entries
from bootstrap.adapters.vault.census import TOKENS
from bootstrap.adapters.vault.raft_archive import BLOCK, META, STATE, SUMS, ArchiveReader, Poured
from bootstrap.model.outside import json_value

KNOWN: Final = ("1.21.",)  # releases whose layout was tried
DROPPED: Final = {  # how names begin, and what they are in words
    TOKENS: "tokens",
    "sys/token/accessor/": "accessors",
    "sys/token/parent/": "children of tokens",
    "sys/expire/id/auth/": "leases of tokens",
    "sys/expire/id/sys/": "leases of tokens",
}
LEASES: Final = "sys/expire/id/"  # what is left of them belongs to dynamic secrets
DYNAMIC: Final = "leases of dynamic secrets"
COMPRESSION: Final = 6

Write = Callable[[bytes], object]


Stream = Callable[[Poured], object]
"""Gives the archive, as Vault wrote it, to a sink; the same bytes each time."""


@dataclass(slots=True)
class _Passing:
    """One pass over the state: what stays is given on. ``known``: what must not live again is left out; with
    ``rehearsed`` leases of dynamic secrets, too."""

    write: Write
    known: bool
    rehearsed: bool
    dropped: Counter[str] = field(default_factory=Counter)
    leases: int = 0

    def message(self, name: str, data: bytes) -> None:
        what = next((what for start, what in DROPPED.items() if name.startswith(start)), "")
        if not what and self.rehearsed and name.startswith(LEASES):
            what = DYNAMIC
        if what and self.known:
            self.dropped[what] += 1
            return
        self.leases += name.startswith(LEASES) and not what
        self.write(data)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sieved:
    """``dropped`` says of what kind how many entries are left out, empty where ``known`` is False: then all of the
    archive is sent. ``leases`` are those of dynamic secrets, which stay unless it is ``rehearsed``. ``state_sha256`` is
    of the ``state.bin`` that is sent, ``size`` its bytes."""

    known: bool
    rehearsed: bool
    dropped: Mapping[str, int]
    leases: int
    state_sha256: str
    size: int
    meta: bytes
    stream: Stream

    def send(self, write: Write) -> None:
        """The archive, compressed, in parts."""
        if not self.known:
            self.stream(Poured(write))
            return
        packing = _Packing(write)
        packing.member(META, self.meta)
        packing.begin(STATE, self.size)
        _pass(self.stream, packing.content, known=self.known, rehearsed=self.rehearsed)
        packing.end(self.size)
        packing.member(SUMS, _sums({META: hashlib.sha256(self.meta).hexdigest(), STATE: self.state_sha256}))
        packing.close()


def sieved(stream: Stream, version: str, *, rehearsed: bool = False) -> Sieved:
    """What would be sent of the snapshot of a Vault of that release; goes through it once, and changes nothing. Vault
    revokes an expired lease at its maker as soon as it is unsealed, so where it is ``rehearsed`` none is sent.

    EvidenceError E_RAFT_* where it is not whole.
    """
    known = version.startswith(KNOWN)
    digest, size = hashlib.sha256(), 0

    def count(data: bytes) -> None:
        nonlocal size
        digest.update(data)
        size += len(data)

    passing, meta = _pass(stream, count, known=known, rehearsed=rehearsed)
    return Sieved(
        known=known,
        rehearsed=rehearsed,
        dropped=dict(passing.dropped),
        leases=passing.leases,
        state_sha256=digest.hexdigest(),
        size=size,
        meta=json.dumps({**json_value(meta), "Size": size}).encode() + b"\n",
        stream=stream,
    )


def _pass(stream: Stream, write: Write, *, known: bool, rehearsed: bool) -> tuple[_Passing, bytes]:
    passing = _Passing(write, known, rehearsed)
    entries = Entries(lambda *_: None, passing.message)
    reader = ArchiveReader(entries.feed)
    stream(Poured(reader.feed))
    archive = reader.close()
    entries.close()
    return passing, archive.meta


def _sums(digests: Mapping[str, str]) -> bytes:
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items()).encode()


class _Packing:
    """A gzip tar archive of few members while it is written; the same content gives the same bytes."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._gzip = zlib.compressobj(COMPRESSION, zlib.DEFLATED, 31)

    def member(self, name: str, content: bytes) -> None:
        self.begin(name, len(content))
        self.content(content)
        self.end(len(content))

    def begin(self, name: str, size: int) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o600
        self.content(info.tobuf(tarfile.USTAR_FORMAT))

    def content(self, data: bytes) -> None:
        if packed := self._gzip.compress(data):
            self._write(packed)

    def end(self, size: int) -> None:
        self.content(bytes(-size % BLOCK))

    def close(self) -> None:
        self.content(bytes(2 * BLOCK))
        self._write(self._gzip.flush())
