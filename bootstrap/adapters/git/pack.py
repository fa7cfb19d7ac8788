"""A pack that a server sent: its sizes are judged before anything of it is unpacked, and all of it stays in memory.

A few bytes can stand for gigabytes, by compression and by deltas; what an entry claims to be is compared with
limits first, and an entry that is more than it claims is refused (git-scm.com/docs/gitformat-pack).
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from bootstrap.adapters.git.object_size import OFS_DELTA, REF_DELTA, entry_header, varint
from bootstrap.model.errors import PreconditionError

if TYPE_CHECKING:
    from dulwich.objects import ShaFile

MOST_PACK: Final = 128 << 20  # bytes on the way
MOST_OBJECT: Final = 64 << 20  # bytes of one object
MOST_UNPACKED: Final = 512 << 20  # bytes of all
MOST_OBJECTS: Final = 500_000
_PIECE: Final = 16 << 10
_TRAILER: Final = 20  # SHA-1 of the pack


def unpack(pack: bytes, where: str) -> Iterator["ShaFile"]:
    """Every object, its id computed from its bytes. PreconditionError E_GIT_SIZE, E_GIT_PROTOCOL."""
    from dulwich.object_format import DEFAULT_OBJECT_FORMAT
    from dulwich.pack import PackData, PackInflater

    try:
        check_sizes(pack, where)
        data = PackData.from_file(io.BytesIO(pack), DEFAULT_OBJECT_FORMAT, len(pack))
        data.check()  # the checksum over all of it
        yield from PackInflater.for_pack_data(data)
    except PreconditionError:
        raise
    except Exception:  # noqa: BLE001  # struct, zlib, pack and object errors have no common base
        raise broken(where) from None


def check_sizes(pack: bytes, where: str) -> None:
    """PreconditionError E_GIT_SIZE for what would be too large, E_GIT_PROTOCOL for an entry that lies."""
    magic, _, count = struct.unpack_from(">4sLL", pack)
    if magic != b"PACK" or count > MOST_OBJECTS:
        raise broken(where) if magic != b"PACK" else too_large(where, f"more than {MOST_OBJECTS} objects")
    total, at, view = 0, 12, memoryview(pack)[:-_TRAILER]
    for _ in range(count):
        kind, size, at = entry_header(view, at)
        if size > MOST_OBJECT:
            raise too_large(where, f"an object of more than {MOST_OBJECT >> 20} MiB")
        content, at = _inflated(view, at, size)
        if content is None:
            raise broken(where)
        if kind in (OFS_DELTA, REF_DELTA):
            _, start = varint(content, 0)
            size = varint(content, start)[0]
        total += size + len(content)
        if size > MOST_OBJECT or total > MOST_UNPACKED:
            raise too_large(where, f"more than {MOST_UNPACKED >> 20} MiB when unpacked")


def _inflated(pack: memoryview, at: int, size: int) -> tuple[bytes | None, int]:
    """The content that begins ``at``, and where the next entry does; None when it is not ``size`` bytes."""
    stream, out = zlib.decompressobj(), bytearray()
    while not stream.eof:
        piece = pack[at : at + _PIECE]
        out += stream.decompress(piece, size + 1 - len(out))
        at += len(piece) - len(stream.unconsumed_tail)
        if len(out) > size or not piece:
            return None, at
    return (bytes(out) if len(out) == size else None), at - len(stream.unused_data)


def too_large(where: str, what: str) -> PreconditionError:
    return PreconditionError(
        f"the remote repository sends {what}",
        code="E_GIT_SIZE",
        where=where,
        hint="an intent repository is small: give it one of its own, or clone it and give the folder",
    )


def broken(where: str) -> PreconditionError:
    return PreconditionError(
        "what the server sends is not a Git pack, or not a whole one",
        code="E_GIT_PROTOCOL",
        where=where,
        hint=f"git ls-remote {where} shows whether a Git server answers there",
    )
