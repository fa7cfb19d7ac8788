"""How far a long piece of work is: a line every two seconds, with its rate and the time that is left."""

from typing import Final

from bootstrap.ports import Clock, Narrator

EVERY: Final = 2.0  # seconds


class Progress:
    """``what`` is what is counted, in words. Nothing is shown of what takes less than two seconds."""

    def __init__(self, clock: Clock, narrator: Narrator, what: str, total: int) -> None:
        self._clock = clock
        self._narrator = narrator
        self._what = what
        self._total = total
        self._done = 0
        self._begun = self._shown_at = clock.monotonic()

    def one(self) -> None:
        """One more is done."""
        self.more(1)

    def more(self, count: int) -> None:
        self._done += count
        now = self._clock.monotonic()
        if now - self._shown_at < EVERY:
            return
        self._shown_at = now
        self._narrator.event(
            "progress",
            message=f"{self._done:,} of {self._total:,} {self._what}{self._pace(now - self._begun)}",
            done=self._done,
            total=self._total,
        )

    def _pace(self, seconds: float) -> str:
        """Nothing where nothing is done yet: how long the rest takes is not known then."""
        rate = self._done / seconds
        if not rate:
            return ""
        return f", {rate:.0f} a second, {(self._total - self._done) / rate:.0f} s left"
