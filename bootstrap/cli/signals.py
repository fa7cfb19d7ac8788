"""SIGTERM and SIGHUP outside a run: the same three lines and exit code as Ctrl-C, instead of a silent end.

Inside a run ``engine/interrupt.py`` takes over; what is acted on then is journalled.
"""

import signal
from types import FrameType
from typing import NoReturn

from bootstrap.model.errors import Interrupted


def listen() -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise Interrupted(
        f"stopped by {signal.Signals(number).name}",
        signal_number=number,
        hint="nothing is half-made; run it again",
    )
