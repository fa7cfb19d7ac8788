"""How much work something is: counted, never timed, so that a busy machine changes nothing about a test (G5)."""

import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

BEGINNING = 500_000  # calls: what is imported late comes first
PER_BYTE = 16  # calls: more than any reader here needs, and far less than bytes by bytes


class Work:
    """``calls``: of functions of Python and of C, on this thread. What one call of C does inside is not seen."""

    def __init__(self, most: int) -> None:
        self.calls, self._most = 0, most

    def check(self) -> None:
        if self.calls > self._most:
            pytest.fail(f"more than {self._most} calls")

    def profile(self, _frame: FrameType, event: str, _arg: object) -> None:
        if event in ("call", "c_call"):
            self.calls += 1
            self.check()


@contextmanager
def calls_at_most(most: int) -> Iterator[Work]:
    """The call too many is the last one: what would go on without end is red at once."""
    work, before = Work(most), sys.getprofile()
    sys.setprofile(work.profile)
    try:
        yield work
    finally:
        sys.setprofile(before)
    work.check()


def calls_as_long_as(data: bytes | str) -> int:
    """The calls that reading ``data`` may take where the work grows with its length alone."""
    return BEGINNING + PER_BYTE * len(data)


@contextmanager
def memory_at_most(most: int) -> Iterator[None]:
    """``most`` bytes of memory of Python at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
