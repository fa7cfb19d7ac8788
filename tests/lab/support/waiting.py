"""What a cluster comes to by itself, waited for."""

import time
from collections.abc import Callable


def until(holds: Callable[[], object], seconds: float, what: str = "", *, pause: float = 1.0) -> float:
    """Seconds that it took. AssertionError with ``what`` after ``seconds``; it is looked at every ``pause``."""
    begun = time.monotonic()
    while not holds():
        assert time.monotonic() - begun < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(pause)
    return time.monotonic() - begun
