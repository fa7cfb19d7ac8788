"""SIGINT, SIGTERM and SIGHUP end a run at once, at a place that the next run can go on from (any place is one).

The handler raises, so that waits end; it also keeps a flag, since a library may swallow what is raised
inside it. A second signal ends the process the hard way.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

from bootstrap.model.errors import BootstrapError, Interrupted

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupt:
    def __init__(self) -> None:
        self._received: int | None = None

    def check(self) -> None:
        """Raises Interrupted when a signal has come, even if its exception was lost on the way."""
        if self._received is not None:
            name = signal.Signals(self._received).name
            raise Interrupted(f"interrupted by {name}", signal_number=self._received)

    def handle(self, number: int, _frame: FrameType | None) -> None:
        self._received = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self.check()


@contextmanager
def interruptible(interrupt: Interrupt) -> Iterator[None]:
    """Each of the signals raises Interrupted in the main thread until the block ends."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, interrupt.handle) for number in SIGNALS}
    try:
        yield
    except BootstrapError:
        raise
    except Exception:
        interrupt.check()  # a library may have made another error of what was raised inside it
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
