"""Signals outside a run: three lines and an exit code, instead of a silent end.

Inside a run ``engine/interrupt.py`` takes over; what is acted on then is journalled.
"""

import signal
from types import FrameType
from typing import Final, NoReturn

from bootstrap.model.errors import Interrupted

HINT = "nothing is half-made; run it again"
_came: list[int] = []


STOPPING: Final = (signal.SIGTERM, signal.SIGHUP)


def listen() -> None:
    for number in STOPPING:
        signal.signal(number, _stop)
    signal.signal(signal.SIGINT, _interrupt)


def swallowed() -> Interrupted | None:
    """The signal that came, where a library has made another error of what was raised in it."""
    return _interrupted(_came[-1]) if _came else None


def _stop(number: int, _: FrameType | None) -> NoReturn:
    _came.append(number)
    raise _interrupted(number)


def _interrupt(number: int, _: FrameType | None) -> NoReturn:
    _came.append(number)
    raise KeyboardInterrupt  # what prompts, and the library of the command line, know


def _interrupted(number: int) -> Interrupted:
    return Interrupted(f"stopped by {signal.Signals(number).name}", signal_number=number, hint=HINT)
