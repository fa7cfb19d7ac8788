"""How large a Git object is, without unpacking it: so that a huge one is refused before it is read.

Formats: git-scm.com/docs/gitformat-pack (entry headers and deltas) and the header of a loose object.
"""

import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dulwich.repo import Repo

_OFS_DELTA, _REF_DELTA = 6, 7
_HEAD = 4096  # bytes that hold every header, and the tables that its first bytes are packed with


def object_size(repo: "Repo", sha: bytes) -> int:
    """Bytes of the object; 0 where it is not found here (reading it then says so)."""
    from dulwich.objects import ObjectID

    name = sha.decode()
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
    kind, size, at = (head[0] >> 4) & 7, head[0] & 15, 1
    shift, more = 4, head[0] & 0x80
    while more:
        size |= (head[at] & 0x7F) << shift
        shift, more, at = shift + 7, head[at] & 0x80, at + 1
    if kind == _OFS_DELTA:
        while head[at] & 0x80:
            at += 1
        at += 1
    elif kind == _REF_DELTA:
        at += 20
    else:
        return size
    delta = zlib.decompressobj().decompress(head[at:], 32)
    _, at = _varint(delta, 0)
    return _varint(delta, at)[0]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if not data[at - 1] & 0x80:
            return value, at
