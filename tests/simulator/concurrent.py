"""Another run or writer in the middle of this one: a Lease that excludes nobody, and an act at a chosen call."""

from collections.abc import Callable
from itertools import count
from typing import Any

from tests.simulator.faults import Call, Fault, Killed, Schedule


class Granted:
    """A Lease that everybody gets, always."""

    def __init__(self, *_: Any) -> None: ...
    def acquire(self) -> None: ...
    def renew(self) -> None: ...
    def release(self) -> None: ...


class At(Schedule):
    """Somebody else does something at the first call that fits, before it is applied or after."""

    def __init__(self, fits: Callable[[Call], bool], what: Callable[[], Any], *, after: bool = False) -> None:
        super().__init__(Fault.SECOND_UP, 0)
        self._fits, self._what, self._after = fits, what, after

    def __call__(self, call: Call) -> Any:
        if self.fired or not self._fits(call):
            return call.apply()
        self.fired = True
        if not self._after:
            self._what()
        answer = call.apply()
        if self._after:
            self._what()
        return answer


class Dies(At):
    """The process is gone at the first call that fits, before or ``after`` it: nothing is closed, nothing let go of."""

    def __init__(self, fits: Callable[[Call], bool], *, after: bool = True) -> None:
        super().__init__(fits, self._die, after=after)

    def __call__(self, call: Call) -> Any:
        if self.dead:
            raise Killed(str(call))
        return super().__call__(call)

    def _die(self) -> None:
        self.dead = True
        raise Killed("here")


class Answered(At):
    """The first call that fits is not applied, and gets this answer."""

    def __init__(self, fits: Callable[[Call], bool], answer: Any) -> None:
        super().__init__(fits, lambda: None)
        self._answer = answer

    def __call__(self, call: Call) -> Any:
        if self.fired or not self._fits(call):
            return call.apply()
        self.fired = True
        return self._answer


def nth(at: int, fits: Callable[[Call], bool] = lambda _: True) -> Callable[[Call], bool]:
    """The ``at``-th call that fits, counted from 1."""
    number = count(1)
    return lambda call: fits(call) and next(number) == at


def path_of(call: Call) -> str:
    return str(call.args[1]) if call.system == "vault" and call.name == "call" else ""
