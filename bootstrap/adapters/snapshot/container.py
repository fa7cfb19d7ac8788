"""The snapshot file as a tar archive in its one canonical form, written and read piece by piece.

Every header is the one that this module writes for that name and size, padding is zero, and nothing follows the two
closing blocks: no byte is free. A sealed part lies in pieces, since a member's size stands before its content and the
size of a stream is known at its end. Source: POSIX.1-1988 ustar.
"""

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from bootstrap.adapters.snapshot.errors import cut, damaged, no_snapshot
from bootstrap.model.snapshot import END, KEYS, MANIFEST, SEALED, Part

BLOCK = tarfile.BLOCKSIZE
PIECE = 1 << 20  # bytes of a sealed part in one member
LARGEST = 4 << 20  # bytes of a member that is no piece
CLOSING = bytes(2 * BLOCK)


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Member:
    """``offset`` is where its content begins in the file."""

    name: str
    content: bytes
    offset: int


def piece_name(part: str, number: int) -> str:
    return f"{part}/{number:08d}"


def part_of(name: str) -> str:
    """The sealed part that a member is a piece of; its own name otherwise."""
    return name.partition("/")[0]


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.USTAR_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


class Container:
    """Writes members in order; ``parts`` are the digests of what was written as parts."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.parts: dict[str, Part] = {}

    def member(self, name: str, content: bytes) -> None:
        self._sink.write(_header(name, len(content)))
        self._sink.write(content)
        self._sink.write(_padding(len(content)))

    def whole(self, name: str, content: bytes) -> None:
        """A member that the manifest names."""
        self.member(name, content)
        self.parts[name] = Part(sha256=hashlib.sha256(content).hexdigest(), size=len(content))

    def begin(self, part: str) -> "Pieces":
        return Pieces(self, part)

    def close(self) -> None:
        self._sink.write(CLOSING)


class Pieces:
    """A sealed part while it is written: what arrives in any sizes leaves in pieces of one size."""

    def __init__(self, container: Container, part: str) -> None:
        self._container = container
        self._part = part
        self._held = bytearray()
        self._count = 0
        self._size = 0
        self._digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        self._held += data
        self._digest.update(data)
        self._size += len(data)
        while len(self._held) >= PIECE:
            self._leave(PIECE)
        return len(data)

    def flush(self) -> None:
        """Nothing: pieces leave when they are full."""

    def close(self) -> None:
        if self._held:
            self._leave(len(self._held))
        self._container.parts[self._part] = Part(sha256=self._digest.hexdigest(), size=self._size)

    def _leave(self, size: int) -> None:
        self._container.member(piece_name(self._part, self._count), bytes(self._held[:size]))
        del self._held[:size]
        self._count += 1


def members(source: Source) -> Iterator[Member]:
    """Every member in order, to the end of the file.

    EvidenceError E_SNAPSHOT_FORMAT, E_SNAPSHOT_CUT, E_SNAPSHOT_DAMAGED for anything that ``Container`` does not write.
    """
    offset, before = 0, ""
    while True:
        block = source.read(BLOCK)
        if not before:
            _check_first(block)
        if len(block) < BLOCK:
            raise cut(f"it ends behind {before}")
        if block == bytes(BLOCK):
            break
        name, size = _named(block, before)
        content = _exactly(source, size, name)
        if _exactly(source, len(_padding(size)), name).strip(b"\0"):
            raise damaged(f"something stands behind {name}")
        yield Member(name, content, offset + BLOCK)
        offset += BLOCK + size + len(_padding(size))
        before = name
    _check_closed(source, before)


def _check_first(block: bytes) -> None:
    if not block:
        raise no_snapshot("it is empty")
    if block[: BLOCK // 8].rstrip(b"\0").decode("ascii", "replace") not in KEYS:
        raise no_snapshot("it does not begin with a sealed key")


def _check_closed(source: Source, last: str) -> None:
    if last != END:
        raise damaged(f"it is closed behind {last}")
    closing = source.read(BLOCK + 1)
    if len(closing) < BLOCK:
        raise cut("its last block is not there")
    if closing != bytes(BLOCK):
        raise damaged("something stands behind its end")


def _named(block: bytes, before: str) -> tuple[str, int]:
    """Name and size of a header that is canonical and stands in its place."""
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
        same = _header(info.name, info.size) == block
    except (tarfile.HeaderError, ValueError):
        same, info = False, tarfile.TarInfo()
    if not same:
        raise damaged(f"the header behind {before or 'nothing'} is another one")
    largest = PIECE if "/" in info.name else LARGEST
    if info.name not in _following(before) or not 0 < info.size <= largest:
        raise damaged(f"{info.name!r} of {info.size} bytes does not belong behind {before or 'nothing'}")
    return info.name, info.size


def _following(before: str) -> tuple[str, ...]:
    """What may stand behind a member: the next piece of its part, or the first of the next."""
    if not before:
        return KEYS
    if before in KEYS:
        return (piece_name(SEALED[0], 0),)
    if before == MANIFEST:
        return (END,)
    if before == END:
        return ()
    part, _, number = before.partition("/")
    at = SEALED.index(part) + 1
    after = piece_name(SEALED[at], 0) if at < len(SEALED) else MANIFEST
    return (piece_name(part, int(number) + 1), after)


def _exactly(source: Source, size: int, name: str) -> bytes:
    data = source.read(size)
    if len(data) < size:
        raise cut(f"it ends inside {name}")
    return data
