"""Reads are repeated while the world is away, with growing pauses and an end; changes never are."""

from collections.abc import Callable
from typing import Final, TypeVar

from bootstrap.engine.interrupt import Interrupt
from bootstrap.model.errors import Transient
from bootstrap.ports import Clock, Narrator
from bootstrap.waiting import retry

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

        def look() -> T:
            try:
                found = read()
            except Transient:
                self._interrupt.check()
                raise
            self._interrupt.check()
            return found

        def tell(error: Exception, pause: float) -> None:
            self._narrator.event("retry", step, f"{error}; again in {pause:.0f} s")

        return retry(
            look, clock=self._clock, seconds=RETRY_FOR, pause=1.0, longest=LONGEST_PAUSE, before_pause=tell
        )
