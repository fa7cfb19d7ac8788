"""A lock is an open folder: it goes with the process that holds it, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.model.errors import HeldError


@contextmanager
def locked(folder: Path, *, wait: bool) -> Iterator[Path]:
    """Hold ``folder`` (made when missing). ``HeldError`` when another process holds it and ``wait`` is false."""
    handle = _acquire(folder, wait=wait)
    try:
        yield folder
    finally:
        os.close(handle)


def _acquire(folder: Path, *, wait: bool) -> int:
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if _is_still(folder, handle):
                return handle
            os.close(handle)  # removed while we waited for it: hold the one that is there now
        except BlockingIOError:
            os.close(handle)
            raise HeldError(
                f"another process works on {folder}",
                code="E_LAB_HELD",
                where=str(folder),
                hint="wait until it is done, then say it again",
            ) from None
        except BaseException:
            os.close(handle)
            raise


def _is_still(folder: Path, handle: int) -> bool:
    try:
        return os.path.samestat(folder.stat(), os.fstat(handle))
    except FileNotFoundError:
        return False
