"""What a step kind says after looking at the world."""

from dataclasses import dataclass

from bootstrap.model.errors import BootstrapError


@dataclass(frozen=True, slots=True)
class Satisfied:
    """The whole post-condition holds. ``note`` is for the narration; ``pending`` names what may wait
    (an internal secret whose operator has not made it yet) without being a failure. ``rests_on`` are approvals
    without which it would be Blocked: the run record keeps them while the run is unfinished."""

    note: str = ""
    pending: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """Something is missing; ``summary`` says in one line what ``act`` will do, ``changes`` item by item."""

    summary: str
    changes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Blocked:
    """The run stops here with this error; nothing is changed."""

    error: BootstrapError


Decision = Satisfied | Act | Blocked
