"""Vault's raft snapshot while it streams: a gzip tar of four members whose sums hold, or it is none.

Vault's server ends a stream that failed midway like one that is whole, and ``snapshot-force`` looks at neither the end
of the gzip stream nor the sealed sums. So nothing here counts as whole before its last byte. Source:
github.com/hashicorp/raft-snapshot, archive.go and snapshot.go; tried on Vault 1.21.
"""

import hashlib
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bootstrap.model.errors import EvidenceError
from bootstrap.model.outside import json_value

META: Final = "meta.json"
STATE: Final = "state.bin"
SUMS: Final = "SHA256SUMS"
SEALED_SUMS: Final = "SHA256SUMS.sealed"
MEMBERS: Final = (META, STATE, SUMS, SEALED_SUMS)  # as Vault writes them
BLOCK: Final = tarfile.BLOCKSIZE
SMALL: Final = 1 << 20  # bytes of each member but the state
STEP: Final = 1 << 18  # bytes that are unpacked at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What a whole archive says; ``size`` and ``sha256`` are of the compressed bytes."""

    index: int
    term: int
    meta: bytes
    sums: bytes
    sealed_sums: bytes
    size: int
    sha256: str


class ArchiveReader:
    """``feed`` takes the compressed bytes as they come, ``close`` says that there are no more.

    ``state`` is given the content of ``state.bin``, which is not proven before ``close`` returns. EvidenceError
    E_RAFT_CUT, E_RAFT_FORM, E_RAFT_SUMS, E_RAFT_EMPTY.
    """

    def __init__(self, state: Callable[[bytes], None] = lambda _: None) -> None:
        self._gzip = zlib.decompressobj(wbits=31)
        self._state = state
        self._digest, self._size = hashlib.sha256(), 0
        self._held = bytearray()  # unpacked, and not yet enough for a step
        self._name, self._left, self._padding = "", 0, 0
        self._digests: dict[str, str] = {}
        self._running = hashlib.sha256()
        self._small: dict[str, bytearray] = {name: bytearray() for name in MEMBERS if name != STATE}
        self._closing = 0  # bytes of zero behind the last member

    def feed(self, data: bytes) -> None:
        self._digest.update(data)
        self._size += len(data)
        while data and not self._gzip.eof:
            try:
                unpacked = self._gzip.decompress(data, STEP)
            except zlib.error:
                raise form("its compression is broken") from None
            data = self._gzip.unconsumed_tail
            self._unpacked(unpacked)
        if data or self._gzip.unused_data:
            raise form("something stands behind its end")

    def close(self) -> Archive:
        missing = [name for name in MEMBERS if name not in self._digests]
        if missing and (missing != [SEALED_SUMS] or not self._gzip.eof):
            raise cut(f"it ends before {missing[0]}")
        if missing:
            raise sums("it has no sealed sums, so nothing ties it to a Vault")
        if not self._gzip.eof:
            raise cut("the end of its compression is not there")
        if self._held or self._closing < 2 * BLOCK:
            raise cut("the end of its archive is not there")
        self._check_sums()
        index, term = _meta(bytes(self._small[META]))
        return Archive(
            index=index,
            term=term,
            meta=bytes(self._small[META]),
            sums=bytes(self._small[SUMS]),
            sealed_sums=bytes(self._small[SEALED_SUMS]),
            size=self._size,
            sha256=self._digest.hexdigest(),
        )

    # ------------------------------------------------------------ tar

    def _unpacked(self, data: bytes) -> None:
        self._held += data
        while self._stepped():
            pass

    def _stepped(self) -> bool:
        """One step of the archive; False where more bytes are needed for it."""
        if self._left:
            return self._content()
        if self._padding:
            return self._skip_padding()
        if len(self._held) < BLOCK:
            return False
        block = bytes(self._held[:BLOCK])
        del self._held[:BLOCK]
        if self._closing or block == bytes(BLOCK):
            self._close_block(block)
        else:
            self._begin(block)
        return True

    def _begin(self, block: bytes) -> None:
        try:
            info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        except (tarfile.HeaderError, ValueError):
            raise form("it is no tar archive inside") from None
        at = len(self._digests)
        if at == len(MEMBERS) or info.name != MEMBERS[at] or not info.isreg():
            raise form(f"it has a member {info.name!r} that is not Vault's, or not in its place")
        if info.size > SMALL and info.name != STATE:
            raise form(f"its {info.name} is of {info.size} bytes")
        if info.size == 0:
            code = "E_RAFT_EMPTY" if info.name == STATE else "E_RAFT_FORM"
            raise EvidenceError(f"Vault's snapshot is empty: its {info.name} has no byte", code=code)
        self._name, self._left, self._padding = info.name, info.size, -info.size % BLOCK
        self._running = hashlib.sha256()

    def _content(self) -> bool:
        data = bytes(self._held[: self._left])
        if not data:
            return False
        del self._held[: len(data)]
        self._left -= len(data)
        self._running.update(data)
        if self._name == STATE:
            self._state(data)
        else:
            self._small[self._name] += data
        if not self._left:
            self._digests[self._name] = self._running.hexdigest()
        return True

    def _skip_padding(self) -> bool:
        data = bytes(self._held[: self._padding])
        del self._held[: len(data)]
        self._padding -= len(data)
        if data.strip(b"\0"):
            raise form(f"something stands behind {self._name}")
        return bool(data)

    def _close_block(self, block: bytes) -> None:
        if block != bytes(BLOCK):
            raise form("something stands behind its archive")
        self._closing += BLOCK

    # ------------------------------------------------------------ sums

    def _check_sums(self) -> None:
        named = parse_sums(bytes(self._small[SUMS]))
        if named != {name: self._digests[name] for name in (META, STATE)}:
            raise sums("its sums are not those of its content")


class Poured:
    """A function as the sink of a stream: a reader's ``feed``, say."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take = take

    def write(self, data: bytes) -> int:
        self._take(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def parse_sums(text: bytes) -> dict[str, str]:
    """File name to hex SHA-256; EvidenceError E_RAFT_SUMS for what ``sha256sum`` does not write."""
    found: dict[str, str] = {}
    for line in text.decode("ascii", "replace").splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or name in found:
            raise sums("its sums are not of the usual form")
        found[name] = digest
    return found


def _meta(data: bytes) -> tuple[int, int]:
    try:
        document = json_value(data)
        index, term = document["Index"], document["Term"]
    except (ValueError, KeyError, TypeError):
        index = term = None
    if type(index) is not int or type(term) is not int:
        raise form("its meta.json names no index and term")
    return index, term


def cut(why: str) -> EvidenceError:
    return EvidenceError(f"Vault's snapshot is cut: {why}", code="E_RAFT_CUT")


def form(why: str) -> EvidenceError:
    return EvidenceError(f"Vault's snapshot has another form: {why}", code="E_RAFT_FORM")


def sums(why: str) -> EvidenceError:
    return EvidenceError(f"Vault's snapshot does not hold: {why}", code="E_RAFT_SUMS")
