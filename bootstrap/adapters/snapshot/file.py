"""A snapshot file where it lies: judged whole without any key, then opened with the root."""

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from bootstrap.adapters.age.identity import shown
from bootstrap.adapters.snapshot.container import Member, Sink, Source, members, part_of
from bootstrap.adapters.snapshot.errors import damaged
from bootstrap.adapters.snapshot.manifest import read_end, read_manifest
from bootstrap.adapters.snapshot.sealing import FileKey
from bootstrap.adapters.snapshot.values import SavedSecret, read_saved
from bootstrap.adapters.sops.data_key import speaks_age
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.snapshot import END, KEYS, LEDGER, MANIFEST, SECRETS, Manifest, Part, Signature
from bootstrap.ports import RootKey

READ: Final = 1 << 20  # bytes that a disk is asked for at once


class Seekable(Source, Protocol):
    """Content from its beginning, or from where it is sent to."""

    def seek(self, offset: int, /) -> object: ...


class Place(Protocol):
    """Where a snapshot file lies, and what it is called in an error. Each opening begins at its first byte."""

    @property
    def shown(self) -> str: ...
    def open(self) -> AbstractContextManager[Seekable]: ...


@dataclass(frozen=True, slots=True)
class OnDisk:
    """DefinitionError E_FILE_MISSING where it cannot be read."""

    path: Path

    @property
    def shown(self) -> str:
        return str(self.path)

    @contextmanager
    def open(self) -> Iterator[Seekable]:
        with self._reading():
            disk = self.path.open("rb", buffering=READ)
        with disk:
            yield _OfADisk(disk, self._reading)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DefinitionError(
                f"{self.path} cannot be read: {error.strerror}",
                code="E_FILE_MISSING",
                where=self.shown,
                hint="bootstrap snapshot list FOLDER",
            ) from None


class _OfADisk:
    """Its own errors alone are made ours: what is done with the content raises others."""

    def __init__(self, disk: BinaryIO, reading: Callable[[], AbstractContextManager[None]]) -> None:
        self._disk = disk
        self._reading = reading

    def read(self, size: int) -> bytes:
        with self._reading():
            return self._disk.read(size)

    def seek(self, offset: int) -> object:
        return self._disk.seek(offset)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotFile:
    """A file whose every byte is in its place and under the digests of its manifest. Its signature is not verified.

    ``sha256`` is of all its bytes, in hex; ``pieces`` are offset and size of what a sealed part lies in.
    """

    place: Place
    size: int
    sha256: str
    manifest: Manifest
    key_name: str
    key: bytes
    pieces: dict[str, tuple[tuple[int, int], ...]]
    signature: Signature | None

    @property
    def shown(self) -> str:
        return self.place.shown

    def opened(self, root: RootKey) -> "OpenedFile":
        """PreconditionError E_SNAPSHOT_ROOT names the keys that would do; EvidenceError E_SNAPSHOT_DAMAGED."""
        fits = self.key_name == (KEYS[0] if speaks_age(root.recipients) else KEYS[1])
        if not fits:
            raise self._foreign(root)
        try:
            text = root.unwrap(self.key, f"{self.shown} {self.key_name}")
        except DefinitionError:
            raise damaged(f"its {self.key_name} is not whole") from None
        except PreconditionError as error:
            if error.code != "E_NO_IDENTITY":
                raise
            raise self._foreign(root) from None
        return OpenedFile(self, FileKey.opened(text))

    def _foreign(self, root: RootKey) -> PreconditionError:
        mine = ", ".join(map(shown, root.recipients))
        wanted = " or ".join(map(shown, self.manifest.recipients))
        return PreconditionError(
            f"the root key {mine} does not open this snapshot; it needs the private key of {wanted}",
            code="E_SNAPSHOT_ROOT",
            where=self.shown,
            hint="bootstrap snapshot verify FILE --root file:PATH, with that key; a holder of the root has it",
        )


@dataclass(frozen=True, slots=True)
class OpenedFile:
    file: SnapshotFile
    key: FileKey

    def stream(self, part: str, sink: Sink) -> None:
        """The plaintext of a part, chunk by chunk. Errors of ours that the sink raises pass."""
        with self.file.place.open() as content:
            self.key.open(_Pieces(content, self.file.pieces[part]), sink, part)

    def bundle(self) -> bytes:
        """The ledger's bundle: value-free, and not verified yet."""
        return self._whole(LEDGER)

    def saved(self) -> dict[str, SavedSecret]:
        """The bootstrap secrets, by their names in the catalog."""
        return read_saved(Sensitive(self._whole(SECRETS), SECRETS))

    def _whole(self, part: str) -> bytes:
        held = io.BytesIO()
        self.stream(part, held)
        return held.getvalue()


class _Pieces:
    """A sealed part as one stream."""

    def __init__(self, content: Seekable, pieces: tuple[tuple[int, int], ...]) -> None:
        self._content = content
        self._left = list(reversed(pieces))
        self._held = memoryview(b"")

    def read(self, size: int) -> bytes:
        if not self._held and self._left:
            offset, length = self._left.pop()
            self._content.seek(offset)
            self._held = memoryview(self._content.read(length))
        data = bytes(self._held[:size])
        self._held = self._held[size:]
        return data


def read_snapshot(place: Place | Path) -> SnapshotFile:
    """One pass over the file, no key. The errors of its place; EvidenceError E_SNAPSHOT_FORMAT, E_SNAPSHOT_CUT,
    E_SNAPSHOT_DAMAGED, each with the file as its place."""
    found = OnDisk(place) if isinstance(place, Path) else place
    try:
        with found.open() as content:
            return _read(found, _Hashed(content))
    except BootstrapError as error:
        error.where = error.where or found.shown
        raise


def _read(place: Place, content: "_Hashed") -> SnapshotFile:
    seen = _Seen()
    for member in members(content):
        seen.take(member)
    manifest, end = read_manifest(seen.small[MANIFEST]), read_end(seen.small[END])
    if hashlib.sha256(seen.small[MANIFEST]).hexdigest() != end.manifest:
        raise damaged("its manifest is not the one that its end names")
    if seen.parts() != manifest.parts:
        changed = [name for name, part in seen.parts().items() if manifest.parts.get(name) != part]
        raise damaged(f"{', '.join(changed) or 'a part'} is not what its manifest names")
    name = next(name for name in KEYS if name in seen.small)
    return SnapshotFile(
        place=place,
        size=content.size,
        sha256=content.digest.hexdigest(),
        manifest=manifest,
        key_name=name,
        key=seen.small[name],
        pieces={part: tuple(at) for part, at in seen.pieces.items()},
        signature=end.signature,
    )


class _Hashed:
    """What was read of a source, counted and hashed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.digest = hashlib.sha256()
        self.size = 0

    def read(self, size: int) -> bytes:
        data = self._source.read(size)
        self.digest.update(data)
        self.size += len(data)
        return data


class _Seen:
    def __init__(self) -> None:
        self.small: dict[str, bytes] = {}
        self.pieces: dict[str, list[tuple[int, int]]] = {}
        self._digests: dict[str, hashlib._Hash] = {}
        self._sizes: dict[str, int] = {}

    def take(self, member: Member) -> None:
        part = part_of(member.name)
        if part == member.name:
            self.small[part] = member.content
        else:
            self.pieces.setdefault(part, []).append((member.offset, len(member.content)))
        if part in (MANIFEST, END):
            return
        self._digests.setdefault(part, hashlib.sha256()).update(member.content)
        self._sizes[part] = self._sizes.get(part, 0) + len(member.content)

    def parts(self) -> dict[str, Part]:
        return {n: Part(sha256=d.hexdigest(), size=self._sizes[n]) for n, d in self._digests.items()}
