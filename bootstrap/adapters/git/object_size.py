"""How large a Git object is, without unpacking it: so that a huge one is refused before it is read.

Formats: git-scm.com/docs/gitformat-pack (entry headers and deltas) and the header of a loose object.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from dulwich.object_store import BaseObjectStore, DiskObjectStore
    from dulwich.pack import Pack
    from dulwich.repo import BaseRepo

OFS_DELTA, REF_DELTA = 6, 7
_HEAD = 4096  # bytes that hold every header, and the tables that its first bytes are packed with
_PIECE = 64 << 10
_CHAIN = 4096  # deltas on deltas: Git makes 50, and takes this many
_ALTERNATES = 5  # stores that stores name, as deep as Git goes


def object_size(repo: "BaseRepo", sha: bytes) -> int:
    """Bytes of the object, as it claims; 0 where it is not found here or cannot be read (reading it then says so)."""
    from dulwich.objects import ObjectID

    stores = [*_stores(repo)]
    if not stores:  # in memory: judged when it was fetched
        return repo.object_store[ObjectID(sha)].raw_length() if ObjectID(sha) in repo.object_store else 0
    try:
        for store in stores:
            if (loose := _loose(store, sha)) is not None:
                with loose as file:
                    return _claimed(zlib.decompressobj().decompress(file.read(_HEAD), 64))
            for pack, at in _packs(store, sha):
                with Path(pack.data.path).open("rb") as file:
                    file.seek(at)
                    return _packed(file.read(_HEAD))
    except Exception:  # noqa: BLE001  # zlib, index and pack errors have no common base
        return 0
    return 0


def unpacks_within(repo: "BaseRepo", sha: bytes, most: int) -> bool:
    """False where reading the object would unpack more than ``most`` bytes at once: of itself, whatever it claims,
    or of what it is a delta of. True where it is not found, or damaged: that costs nothing to find out."""
    try:
        for store in _stores(repo):
            if (loose := _loose(store, sha)) is not None:
                with loose as file:
                    return _inflates(file, most + 64)
            for pack, at in _packs(store, sha):
                with Path(pack.data.path).open("rb") as file:
                    return _chain_fits(file, pack, at, most)
    except Exception:  # noqa: BLE001  # zlib, index and pack errors have no common base
        return True
    return True


def _stores(repo: "BaseRepo") -> "Iterator[DiskObjectStore]":
    """On disk: its own and its alternates', and theirs; none for a repository in memory."""
    from dulwich.object_store import DiskObjectStore

    waiting: list[tuple[BaseObjectStore, int]] = [(repo.object_store, _ALTERNATES)]
    while waiting:
        store, deep = waiting.pop(0)
        if isinstance(store, DiskObjectStore):
            yield store
            if deep:
                waiting += [(other, deep - 1) for other in store.alternates]


def _loose(store: "DiskObjectStore", sha: bytes) -> BinaryIO | None:
    name = sha.decode()
    try:
        return open(f"{store.path}/{name[:2]}/{name[2:]}", "rb")  # noqa: PTH123  # a Path costs as much as the file
    except FileNotFoundError:
        return None


def _packs(store: "DiskObjectStore", sha: bytes) -> "Iterator[tuple[Pack, int]]":
    from dulwich.objects import ObjectID

    for pack in store.packs:
        if ObjectID(sha) in pack:
            yield pack, pack.index.object_offset(ObjectID(sha))


def _claimed(head: bytes) -> int:
    return int(head.split(b"\0")[0].split()[1][:20])


def _inflates(file: BinaryIO, most: int) -> bool:
    """Whether what begins here unpacks to at most so many bytes."""
    stream, left = zlib.decompressobj(), most
    pending = b""
    while not stream.eof:
        pending = pending or file.read(_PIECE)
        if not pending:
            return True  # cut off
        left -= len(stream.decompress(pending, _PIECE))
        pending = stream.unconsumed_tail
        if left < 0:
            return False
    return True


def _chain_fits(file: BinaryIO, pack: "Pack", at: int, most: int) -> bool:
    from dulwich.objects import ObjectID

    for _ in range(_CHAIN):
        file.seek(at)
        head = file.read(_HEAD)
        kind, size, begin = entry_header(head, 0)
        file.seek(at + begin)
        if size > most or not _inflates(file, size):
            return False
        if kind not in (OFS_DELTA, REF_DELTA):
            return True
        delta = zlib.decompressobj().decompress(head[begin:], 32)
        base, start = varint(delta, 0)
        if base > most or varint(delta, start)[0] > most:
            return False
        if kind == OFS_DELTA:
            at -= _distance(head, begin)
        else:
            at = pack.index.object_offset(ObjectID(head[begin - 20 : begin].hex().encode()))
    return False


def _distance(head: bytes, begin: int) -> int:
    """How far before this entry its base begins: the bytes just before the content."""
    first = begin - 1
    while first > 0 and head[first - 1] & 0x80 and first > begin - 10:
        first -= 1
    # The entry's own size ends with a byte below 0x80, so what is above it belongs to the distance.
    found = head[first] & 0x7F
    for byte in head[first + 1 : begin]:
        found = ((found + 1) << 7) | (byte & 0x7F)
    return found


def _packed(head: bytes) -> int:
    kind, size, at = entry_header(head, 0)
    if kind not in (OFS_DELTA, REF_DELTA):
        return size
    delta = zlib.decompressobj().decompress(head[at:], 32)
    _, at = varint(delta, 0)
    return varint(delta, at)[0]


def entry_header(data: bytes | memoryview, at: int) -> tuple[int, int, int]:
    """Kind, claimed size and the place of the compressed content, of the entry that begins ``at``."""
    kind, size, more = (data[at] >> 4) & 7, data[at] & 15, data[at] & 0x80
    at, shift = at + 1, 4
    while more:
        size |= (data[at] & 0x7F) << shift
        shift, more, at = shift + 7, data[at] & 0x80, at + 1
    if kind == OFS_DELTA:
        while data[at] & 0x80:
            at += 1
        at += 1
    elif kind == REF_DELTA:
        at += 20
    return kind, size, at


def varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 0x80:
            return value, at
