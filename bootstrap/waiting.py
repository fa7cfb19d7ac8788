"""The one way to look again: until a deadline, with pauses between the looks; and compare-and-swap on top of it.

Both sleep by the clock that they are given, so a signal whose handler raises ends a pause at once.
"""

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

from bootstrap.model.errors import BootstrapError, Transient, UnknownOutcome
from bootstrap.ports import Reason, Refused

S = TypeVar("S")
T = TypeVar("T")
LOST: Final = (UnknownOutcome, Transient)  # there was no clear answer: look
RACED: Final = (Reason.EXISTS, Reason.CONFLICT, Reason.NOT_FOUND)  # the object is not as it was read


class Ticks(Protocol):
    """What waiting needs of a clock. The port ``Clock`` has it, and so has the module ``time``."""

    def monotonic(self) -> float: ...
    def sleep(self, seconds: float, /) -> None: ...


class NotYet(Exception):  # noqa: N818  an answer, not an error: what is waited for is not there
    """Raised by a look that wants another one. Once time is up, ``otherwise`` is raised in its place (without it,
    this leaves ``retry`` itself). ``pause`` is how many seconds to wait, where the look knows better.
    """

    def __init__(self, otherwise: BootstrapError | None = None, *, pause: float | None = None) -> None:
        super().__init__("not yet")
        self.otherwise = otherwise
        self.pause = pause


def retry(
    look: Callable[[], T],
    *,
    clock: Ticks,
    seconds: float,
    pause: float,
    longest: float | None = None,
    tries: int | None = None,
    errors: tuple[type[BootstrapError], ...] = (Transient,),
    before_pause: Callable[[Exception, float], None] = lambda _error, _pause: None,
) -> T:
    """What ``look`` gives, once it raises neither NotYet nor one of ``errors``; any other error leaves at once.

    The last look is the one at ``seconds`` after the first began, or the one that was under way then; there are
    ``tries`` at most. Then the last error leaves. ``pause`` is in seconds; with ``longest`` each is twice the one
    before, up to that. ``before_pause`` is given the error and the pause that follows.
    """
    end, done = clock.monotonic() + seconds, 0
    again: tuple[type[Exception], ...] = (NotYet, *errors)
    while True:
        try:
            return look()
        except again as error:
            done += 1
            left = end - clock.monotonic()
            now = pause if not isinstance(error, NotYet) or error.pause is None else error.pause
            if done == tries or left <= 0:
                if isinstance(error, NotYet) and error.otherwise is not None:
                    raise error.otherwise from None
                raise
            now = min(now, left)
            before_pause(error, now)
        clock.sleep(now)
        pause = pause if longest is None else min(pause * 2, longest)


def swap(
    look: Callable[[], S],
    put: Callable[[S], T | Refused],
    *,
    clock: Ticks,
    refused: Callable[[Refused], BootstrapError],
    unsettled: Callable[[int], BootstrapError],
    seconds: float = 120,
    pause: float = 0.5,
    longest: float | None = 10,
    tries: int = 8,
) -> T:
    """Compare-and-swap: ``put`` is given what ``look`` read, and writes on the condition that it is still so.

    A lost race, or a lost answer (LOST), is looked at anew: ``put`` must recognise what it has written before.
    Raises ``refused`` for a write that was refused for another reason, and ``unsettled`` (of the number of looks)
    once the limits of ``retry`` are reached.
    """
    done = 0

    def once() -> T:
        nonlocal done
        done += 1
        answer = put(look())
        if not isinstance(answer, Refused):
            return answer
        if answer.reason in RACED:
            raise NotYet
        raise refused(answer)

    try:
        return retry(
            once, clock=clock, seconds=seconds, pause=pause, longest=longest, tries=tries, errors=LOST
        )
    except (NotYet, *LOST):
        raise unsettled(done) from None
