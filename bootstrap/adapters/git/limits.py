"""How much a server may send, and for how long: whatever it does, a run goes on or ends."""

import time
from collections.abc import Callable
from typing import Final

from bootstrap.adapters.git.pack import MOST_PACK, too_large
from bootstrap.model.errors import PreconditionError

SECONDS: Final = 300.0  # for all of it


class Meter:
    """Counts over every connection of one fetch."""

    def __init__(self, where: str, *, most: int = MOST_PACK, seconds: float = SECONDS) -> None:
        self._where = where
        self._most = most
        self._left = most
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds."""
        return max(0.0, self._end - time.monotonic())

    @property
    def late(self) -> bool:
        return self.left() == 0

    def count(self, size: int) -> None:
        """PreconditionError E_GIT_SIZE, E_GIT_TIMEOUT."""
        self._left -= size
        if self._left < 0:
            raise too_large(self._where, f"more than {self._most >> 20} MiB")
        if self.late:
            raise timed_out(self._where)

    def reads(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        def counted(size: int) -> bytes:
            data = read(size)
            self.count(len(data))
            return data

        return counted


def timed_out(where: str) -> PreconditionError:
    return PreconditionError(
        "the server did not answer in time",
        code="E_GIT_TIMEOUT",
        where=where,
        hint="try again, or give a clone of it",
    )
