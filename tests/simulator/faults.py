"""Faults at the n-th call of a port, counted over every method: nothing is listed by hand, so it cannot rot.

faulty = Faulty(cluster, at=3, fault=Fault.KILL_AFTER)
...                                       # the third call is applied, then the process is dead
faulty.fired                              # False once n is past the end: the loop is done
"""

from enum import StrEnum
from typing import Any

from bootstrap.model.errors import Transient, UnknownOutcome

READS = frozenset(
    {"version", "uid", "server_time", "get", "list", "differs", "refused_at_admission", "missing", "whoami"}
)
NOT_CALLS = frozenset({"server", "context"})


class Killed(BaseException):
    """The process is gone: no handler of ours may survive it."""


class Fault(StrEnum):
    KILL_BEFORE = "killed before the call"
    KILL_AFTER = "killed after the call was applied"
    LOST_ANSWER = "applied, and the answer is lost"
    LOST_REQUEST = "not applied, and nobody knows"


class Faulty:
    """A port with one fault in it. After a kill every further call is dead too."""

    def __init__(self, target: Any, at: int, fault: Fault) -> None:
        self._target = target
        self._at = at
        self._fault = fault
        self._calls = 0
        self._dead = False
        self.fired = False

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if name in NOT_CALLS or not callable(value):
            return value
        return lambda *args, **kwargs: self._call(name, value, args, kwargs)

    def _call(self, name: str, method: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._dead:
            raise Killed(name)
        self._calls += 1
        if self._calls != self._at:
            return method(*args, **kwargs)
        self.fired = True
        self._dead = self._fault in (Fault.KILL_BEFORE, Fault.KILL_AFTER)
        if self._fault in (Fault.KILL_AFTER, Fault.LOST_ANSWER):
            method(*args, **kwargs)
        if self._dead:
            raise Killed(name)
        raise (Transient if name in READS else UnknownOutcome)(f"{name}: {self._fault}")
