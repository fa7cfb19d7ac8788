"""Everything that can go wrong, with the exit code that a caller sees (docs/reference/exit-codes.md).

An error says what, where (``file:line`` or an object's name), why, and a ``hint`` with the next
command. It never carries a value: adapters raise ``from None`` where the original might.
"""

from typing import ClassVar


class BootstrapError(Exception):
    """Base of all errors that are ours; anything else is a bug.

    ``code`` is a stable identifier such as ``E_REPO_MISSING`` (scripts and tests match on it).
    ``advice`` is the hint of one that has none of its own.
    """

    exit_code: ClassVar[int] = 1
    advice: ClassVar[str] = "look at bootstrap status, then the same command again"
    retry: ClassVar[bool] = False

    def __init__(self, message: str, *, code: str = "E_FAILED", where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.where = where
        self.hint = hint


class DefinitionError(BootstrapError):
    """The command line, the intent repository, a phase file: exit 2, nothing was changed."""

    exit_code = 2
    advice = "correct it, then the same command again"


class PreconditionError(BootstrapError):
    """This machine, root key or cluster cannot run it: exit 4."""

    exit_code = 4
    advice = "bootstrap doctor names all that it sees to be missing"


class DecisionNeeded(BootstrapError):
    """Only a human can say how to go on: exit 5."""

    exit_code = 5
    advice = "docs/how-to/answer-exit-5.md says what each answer does"


class EvidenceError(BootstrapError):
    """An invariant, a record or a signature does not hold: exit 6."""

    exit_code = 6
    advice = "stop: find out who changed what before the next bootstrap up"


class HeldError(BootstrapError):
    """Another run holds the cluster: exit 7."""

    exit_code = 7
    advice = "wait for it; a dead run gives way after 15 seconds"


class WorldError(BootstrapError):
    """A remote system refused, for a reason that waiting does not remove: exit 1."""


class UnknownOutcome(WorldError):
    """A call may or may not have been applied: look, never repeat it blindly."""


class Transient(WorldError):
    """A remote system is away for the moment; reads may be repeated, within limits."""

    retry = True


class Interrupted(BootstrapError):
    """SIGINT (130), SIGTERM (143) or SIGHUP (129) at a step boundary or inside a wait."""

    exit_code = 130

    def __init__(self, message: str, *, signal_number: int, hint: str = "") -> None:
        super().__init__(message, code="E_INTERRUPTED", hint=hint)
        self.signal_number = signal_number
