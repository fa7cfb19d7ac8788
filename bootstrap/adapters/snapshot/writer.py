"""A snapshot file while it is written: under another name until it is whole, and in clear nowhere."""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType

from bootstrap.adapters.root.holders import Holders
from bootstrap.adapters.snapshot.container import Container, Source
from bootstrap.adapters.snapshot.manifest import End, end_bytes, manifest_bytes, signed_content
from bootstrap.adapters.snapshot.sealing import FileKey
from bootstrap.adapters.snapshot.target import LocalFile, Target
from bootstrap.adapters.snapshot.values import SavedSecret, saved_bytes
from bootstrap.adapters.vault.raft_archive import Archive, ArchiveReader
from bootstrap.model.snapshot import END, KEYS, LEDGER, MANIFEST, RAFT, SECRETS, Manifest, Part, Signature


class SnapshotWriter:
    """``recipients`` are the public halves of the root. The parts are given in the order of the methods; ``finish``
    gives the file its name, and without it nothing is left.

    Raises the errors of its target: E_EXISTS, and where it cannot be written E_OUT or E_S3_*.
    """

    def __init__(self, target: Target | Path, recipients: tuple[str, ...]) -> None:
        self._target = LocalFile(target) if isinstance(target, Path) else target
        self.holders = Holders(recipients=recipients)
        self._key = FileKey.new()

    def __enter__(self) -> "SnapshotWriter":
        self._target.begin()
        self._container = Container(self._target)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._target.abort()

    def begin(self) -> None:
        """The file's key, sealed to the root."""
        name = KEYS[1] if self.holders.pgp else KEYS[0]
        self._container.whole(name, self._key.sealed_to(self.holders.recipients))

    def raft(self, chunks: Iterator[bytes]) -> Archive:
        """Vault's snapshot as it streams; EvidenceError E_RAFT_* where it does not end whole."""
        self.begin()
        stream = _Watched(chunks)
        self._seal(RAFT, stream)
        return stream.archive()

    def ledger(self, bundle: bytes) -> None:
        self._seal(LEDGER, io.BytesIO(bundle))

    def values(self, saved: Mapping[str, SavedSecret]) -> None:
        self._seal(SECRETS, io.BytesIO(saved_bytes(saved).reveal()))

    def manifest(
        self, manifest: Callable[[Mapping[str, Part]], Manifest], sign: Callable[[bytes], Signature]
    ) -> None:
        """``manifest`` gets the parts, ``sign`` the bytes that Vault signs."""
        content = manifest_bytes(manifest(self._container.parts))
        digest = hashlib.sha256(content).hexdigest()
        self._container.member(MANIFEST, content)
        self._container.member(END, end_bytes(End(manifest=digest, signature=sign(signed_content(content)))))
        self._container.close()

    def finish(self) -> None:
        """Its name is given to it."""
        self._target.finish()

    def _seal(self, part: str, source: Source) -> None:
        pieces = self._container.begin(part)
        self._key.seal(source, pieces)
        pieces.close()


class _Watched:
    """Chunks from the server as a source, judged while they pass."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._held = memoryview(b"")
        self._reader = ArchiveReader()
        self._archive: Archive | None = None

    def read(self, size: int) -> bytes:
        while not self._held and self._archive is None:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._archive = self._reader.close()
            else:
                self._reader.feed(chunk)
                self._held = memoryview(chunk)
        data = bytes(self._held[:size])
        self._held = self._held[size:]
        return data

    def archive(self) -> Archive:
        assert self._archive is not None  # it was read to its end
        return self._archive
