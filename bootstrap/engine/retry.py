"""Reads are repeated while the world is away, with growing pauses and an end; changes never are."""

from collections.abc import Callable
from typing import Final, TypeVar

from bootstrap.engine.interrupt import Interrupt
from bootstrap.model.errors import Transient
from bootstrap.ports import Clock, Narrator

T = TypeVar("T")
RETRY_FOR: Final = 120.0  # seconds that the world may stay away
LONGEST_PAUSE: Final = 10.0  # seconds between two attempts


class Patience:
    def __init__(self, clock: Clock, narrator: Narrator, interrupt: Interrupt) -> None:
        self._clock = clock
        self._narrator = narrator
        self._interrupt = interrupt

    def read(self, read: Callable[[], T], step: str = "") -> T:
        """What ``read`` gives; its Transient once RETRY_FOR seconds are over."""
        end, pause = self._clock.monotonic() + RETRY_FOR, 1.0
        while True:
            try:
                found = read()
            except Transient as error:
                self._interrupt.check()
                if self._clock.monotonic() + pause > end:
                    raise
                self._narrator.event("retry", step, f"{error.message}; again in {pause:.0f} s")
                self._clock.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            else:
                self._interrupt.check()
                return found
