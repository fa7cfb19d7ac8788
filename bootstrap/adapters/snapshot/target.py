"""Where a snapshot file is written: under another name until it is whole, or with none at all."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from bootstrap.model.errors import DefinitionError

T = TypeVar("T")


class Target(Protocol):
    """Its name is taken in ``finish`` alone; ``abort``, which may follow on anything, leaves nothing.

    DefinitionError E_EXISTS in ``begin`` and ``finish`` where something of its name is there.
    """

    def begin(self) -> None: ...
    def write(self, data: bytes) -> None: ...
    def finish(self) -> None: ...
    def abort(self) -> None: ...


class LocalFile:
    """A file on a disk. DefinitionError E_OUT where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        self._disk: BinaryIO | None = None

    def begin(self) -> None:
        not_over_another(self.path.exists(), str(self.path))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._disk = self._trying(lambda: os.fdopen(os.open(self._part, flags, 0o600), "wb"))

    def write(self, data: bytes) -> None:
        self._trying(lambda: self._put(data))

    def finish(self) -> None:
        not_over_another(self.path.exists(), str(self.path))  # of a save that ran beside this one
        self._trying(self._name)

    def abort(self) -> None:
        try:
            if self._disk is not None:
                self._disk.close()
        except OSError:  # what is buffered does not fit either: the file goes away
            pass
        finally:
            self._part.unlink(missing_ok=True)

    def _put(self, data: bytes) -> None:
        assert self._disk is not None  # it was begun
        self._disk.write(data)

    def _name(self) -> None:
        assert self._disk is not None  # it was begun
        self._disk.flush()
        os.fsync(self._disk.fileno())
        self._part.rename(self.path)
        _sync_folder(self.path.parent)

    def _trying(self, act: Callable[[], T]) -> T:
        """The disk's errors as ours: a library between would make others of them."""
        try:
            return act()
        except OSError as error:
            raise DefinitionError(
                f"{self.path} cannot be written: {error.strerror}",
                code="E_OUT",
                where=str(self.path),
                hint="make room or name another folder with --out, then save again: nothing is left here",
            ) from None


def not_over_another(there: bool, name: str) -> None:
    """DefinitionError E_EXISTS."""
    if there:
        raise DefinitionError(
            f"{name} is there already; a snapshot is written once",
            code="E_EXISTS",
            where=name,
            hint="name another file with --out, or a folder",
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
