"""A clock that stands still until somebody sleeps."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SimulatedClock:
    """``on_sleep`` functions run after each sleep: what the rest of the world did meanwhile. ``slept`` are its
    lengths in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self.on_sleep: list[Callable[[], None]] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self.slept.append(seconds)
        for function in self.on_sleep:
            function()
