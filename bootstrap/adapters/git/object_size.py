"""How large a Git object is, without unpacking it: so that a huge one is refused before it is read.

Formats: git-scm.com/docs/gitformat-pack (entry headers and deltas) and the header of a loose object.
"""

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dulwich.repo import BaseRepo

OFS_DELTA, REF_DELTA = 6, 7
_HEAD = 4096  # bytes that hold every header, and the tables that its first bytes are packed with


def object_size(repo: "BaseRepo", sha: bytes) -> int:
    """Bytes of the object; 0 where it is not found here (reading it then says so)."""
    from dulwich.object_store import DiskObjectStore
    from dulwich.objects import ObjectID

    name = sha.decode()
    if not isinstance(repo.object_store, DiskObjectStore):  # in memory: judged when it was fetched
        return repo.object_store[ObjectID(sha)].raw_length() if ObjectID(sha) in repo.object_store else 0
    loose = Path(repo.object_store.path) / name[:2] / name[2:]
    if loose.is_file():
        with loose.open("rb") as file:
            head = zlib.decompressobj().decompress(file.read(_HEAD), 64)
        return int(head.split(b"\0")[0].split()[1])
    for pack in repo.object_store.packs:
        if ObjectID(sha) in pack:
            with Path(pack.data.path).open("rb") as file:
                file.seek(pack.index.object_offset(ObjectID(sha)))
                return _packed(file.read(_HEAD))
    return 0


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
