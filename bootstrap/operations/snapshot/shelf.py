"""Where snapshots lie: a folder, or a bucket of an S3 server. A name is given once, to what is whole (INV1)."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from bootstrap.adapters.s3.bucket import S3Bucket
from bootstrap.adapters.s3.stored import Stored
from bootstrap.adapters.snapshot.file import SnapshotFile
from bootstrap.adapters.snapshot.target import LocalFile, Target
from bootstrap.model.errors import DefinitionError, EvidenceError, HeldError
from bootstrap.operations.snapshot.judge import judged
from bootstrap.operations.snapshot.names import ENDING, snapshots_in

LOCK: Final = ".lock"
SCHEME: Final = "s3://"  # how the name of a bucket begins


@dataclass(frozen=True, slots=True)
class Written:
    """A snapshot that was read back whole; ``name`` as it is called there."""

    file: SnapshotFile
    name: str


class Shelf(Protocol):
    """Names are sorted."""

    def alone(self) -> AbstractContextManager[None]: ...
    def target(self, name: str, cluster: str, time: str, /) -> Target: ...
    def back(self, name: str) -> Written: ...
    def names(self) -> Sequence[str]: ...
    def shown(self, name: str) -> str: ...
    def judged(self, name: str, environment: str = "") -> SnapshotFile:
        """The errors of ``judge.judged``."""
        ...

    def whose(self, name: str) -> tuple[str, str]:
        """Its cluster, and when it was saved. EvidenceError, DefinitionError, WorldError where that cannot be judged:
        it stays."""
        ...

    def delete(self, name: str) -> None:
        """DefinitionError, WorldError."""
        ...


class Folder:
    """``path`` is a folder that is there, or a file that is to be written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _at(self, name: str) -> Path:
        return self._path / name if self._path.is_dir() else self._path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """HeldError E_SNAPSHOT_HELD while another saves into it. What a killed one left half-written goes."""
        folder = self._path
        try:
            lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DefinitionError(
                f"{folder} cannot be written: {error.strerror}",
                code="E_OUT",
                where=str(folder),
                hint="name a folder that is there and writable with --out",
            ) from None
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise HeldError(
                    f"another snapshot is being saved into {folder}",
                    code="E_SNAPSHOT_HELD",
                    where=str(folder),
                    hint="wait until it is there: bootstrap snapshot list FOLDER",
                ) from None
            for part in folder.glob(f".*{ENDING}.*.part"):
                part.unlink(missing_ok=True)
            yield
        finally:
            os.close(lock)

    def target(self, name: str, _cluster: str, _time: str, /) -> Target:
        return LocalFile(self._at(name))

    def back(self, name: str) -> Written:
        return Written(self.judged(name), self._at(name).name)

    def names(self) -> Sequence[str]:
        return tuple(path.name for path in snapshots_in(self._path))

    def shown(self, name: str) -> str:
        return str(self._at(name))

    def judged(self, name: str, environment: str = "") -> SnapshotFile:
        return judged(self._at(name), environment)

    def whose(self, name: str) -> tuple[str, str]:
        manifest = self.judged(name).manifest
        return manifest.cluster, manifest.time

    def delete(self, name: str) -> None:
        try:
            self._at(name).unlink(missing_ok=True)
        except OSError as error:
            raise DefinitionError(
                f"{self._at(name)} cannot be deleted: {error.strerror}",
                code="E_OUT",
                where=self.shown(name),
                hint="the account that saves owns what it saves: look whose file that is",
            ) from None


class InBucket:
    """Each is judged by what it was uploaded with: reading all of them back at each save would be their whole size."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Two at once have two names; of one name the server takes the first."""
        self._bucket.end_forgotten(ENDING)
        yield

    def target(self, name: str, cluster: str, time: str, /) -> Target:
        return self._bucket.upload(name, cluster, time)

    def back(self, name: str) -> Written:
        return Written(self.judged(name), name)

    def names(self) -> Sequence[str]:
        return self._bucket.names(ENDING)

    def shown(self, name: str) -> str:
        return Stored(self._bucket, name).shown

    def judged(self, name: str, environment: str = "") -> SnapshotFile:
        return judged(Stored(self._bucket, name), environment)

    def whose(self, name: str) -> tuple[str, str]:
        about = self._bucket.about(name)
        if about is None:
            raise EvidenceError(f"{name} was not uploaded from here", code="E_SNAPSHOT_FORMAT", where=name)
        return about.cluster, about.time

    def delete(self, name: str) -> None:
        self._bucket.delete(name)
