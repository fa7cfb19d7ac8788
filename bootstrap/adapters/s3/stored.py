"""An object of a bucket as a place of a snapshot file: read piece by piece, and held nowhere whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from bootstrap.adapters.s3.bucket import AbsentError, S3Bucket, ThereError
from bootstrap.adapters.snapshot.errors import damaged
from bootstrap.adapters.snapshot.file import Seekable
from bootstrap.model.errors import DefinitionError

AT_ONCE: Final = 1 << 20  # bytes that are read at once
PASSED: Final = 1 << 16  # bytes that are read and dropped rather than asked for anew


class Stored:
    """A ``Place``. Whatever takes its name later is not read in its stead.

    DefinitionError E_FILE_MISSING; EvidenceError E_SNAPSHOT_DAMAGED where it changed meanwhile; those of the bucket.
    """

    def __init__(self, bucket: S3Bucket, name: str) -> None:
        self.bucket = bucket
        self._name = name
        self._etag = ""

    @property
    def shown(self) -> str:
        return f"{self.bucket.shown.rstrip('/')}/{self._name}"

    @contextmanager
    def open(self) -> Iterator[Seekable]:
        reading = _Reading(self)
        try:
            yield reading
        finally:
            reading.close()

    def body(self, offset: int) -> Any:
        try:
            body, self._etag = self.bucket.content(self._name, offset, self._etag)
        except AbsentError:
            raise DefinitionError(
                f"{self.shown} is not there",
                code="E_FILE_MISSING",
                where=self.shown,
                hint=f"bootstrap snapshot list {self.bucket.shown}",
            ) from None
        except ThereError:
            raise damaged("another object took its name while it was read") from None
        return body


class _Reading:
    def __init__(self, stored: Stored) -> None:
        self._stored = stored
        self._body: Any = None
        self._at = 0  # of the next byte that is given
        self._held = b""

    def read(self, size: int) -> bytes:
        if self._body is None:
            self._body = self._stored.body(self._at)
        with self._stored.bucket.calling("read"):
            while len(self._held) < size and (more := self._body.read(AT_ONCE)):
                self._held += more
        found, self._held = self._held[:size], self._held[size:]
        self._at += len(found)
        return found

    def seek(self, offset: int) -> None:
        if self._body is not None and 0 <= offset - self._at <= PASSED:
            self.read(offset - self._at)
            return
        self.close()
        self._at = offset

    def close(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body, self._held = None, b""
