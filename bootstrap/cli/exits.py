"""The one catch: an error becomes three lines on stderr and an exit code, never a traceback.

| code | meaning |
|---|---|
| 0 | done |
| 1 | failed |
| 2 | usage or definition |
| 3 | changes pending (`plan --detailed-exitcode`) |
| 4 | precondition |
| 5 | a human decision is needed |
| 6 | an invariant or evidence is broken |
| 7 | held by another run |
| 8 | done, but a retirement waits; of `verify`: a proof waits |
| 9 | proofs were left out (`verify`) |
| 129, 130, 143 | interrupted |
"""

import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final, TextIO

import typer

from bootstrap.cli import terminal
from bootstrap.cli.signals import HINT, swallowed
from bootstrap.model.errors import BootstrapError, Interrupted, PreconditionError

CHANGES_PENDING: Final = 3
BROKEN: Final = 6
RETIREMENT_WAITS: Final = 8
PROOFS_LEFT_OUT: Final = 9
INTERRUPTED: Final = 130
PACKAGE: Final = Path(__file__).resolve().parent.parent


def caught(command: Callable[[], int | None]) -> int:
    """Runs ``command`` and returns the exit code; what went wrong is reported on stderr."""
    try:
        code = command()
        sys.stdout.flush()
        if code == INTERRUPTED:  # what the command line library makes of a KeyboardInterrupt, without a word
            raise KeyboardInterrupt
        return code or 0
    except BootstrapError as error:
        shown = error if isinstance(error, Interrupted) else swallowed() or error
        _say(_coded(shown.message, shown.code), shown.where, shown.hint or shown.advice)
        return code_of(shown)
    except typer.TyperException as error:
        _refuse(error)
        return 2
    except (KeyboardInterrupt, typer.Abort):
        _say(_coded("interrupted", "E_INTERRUPTED"), "", HINT)
        return INTERRUPTED
    except BrokenPipeError:
        _silence()
        return 1
    except OSError as error:
        # A full disk, a folder that cannot be written: named by the system, without any content.
        _say(
            f"{error.strerror or 'this machine refused'} [E_LOCAL]",
            _named(error),
            "mend it, then run it again",
        )
        return PreconditionError.exit_code
    except Exception as error:  # noqa: BLE001  (the one catch: its text might hold a value, so it is not shown)
        if (signal := swallowed()) is not None:
            _say(_coded(signal.message, signal.code), "", signal.hint)
            return code_of(signal)
        _say(
            _coded(f"a fault in the program: {type(error).__name__}", "E_FAULT"),
            _place(error),
            "report the line that is named; a run goes on with bootstrap up",
        )
        return 1


def code_of(error: BootstrapError) -> int:
    return 128 + error.signal_number if isinstance(error, Interrupted) else error.exit_code


def _coded(message: str, code: str) -> str:
    """The message with the stable code at the end of its first line: what scripts and searches match on."""
    first, newline, more = message.partition("\n")
    return f"{first} [{code}]{newline}{more}"


def _say(message: str, where: str, hint: str) -> None:
    first, *more = message.split("\n")
    # What follows the first line stays indented, so that no text from outside looks like a line of ours.
    lines = [f"error: {first}", *(line if line.startswith("  ") else f"  {line}" for line in more)]
    lines += [f"  where: {where}"] if where else []
    lines += [f"  hint: {hint}"] if hint else []
    try:
        terminal.err(*lines)
    except OSError:  # without a reader: the pipe is closed, or the terminal went (SIGHUP)
        _silence()


def _refuse(error: typer.TyperException) -> None:
    """What the command line parser refused; its classes have no public name, so they are asked."""
    message = str(getattr(error, "format_message", error.__str__)())
    context = getattr(error, "ctx", None)
    if message.startswith("Usage: "):  # a group without a command: its help is the answer
        terminal.err(*message.rstrip().split("\n"))
    else:
        _say(_coded(message, "E_USAGE"), "", f"{context.command_path if context else 'bootstrap'} --help")


def _named(error: OSError) -> str:
    if error.filename is not None:
        return str(error.filename)
    return "standard output" if _stdout_refuses() else _place(error)


def _stdout_refuses() -> bool:
    """What could not be written is still buffered, so a second try fails as the first did."""
    try:
        sys.stdout.flush()
    except OSError:
        _silence(sys.stdout)
        return True
    return False


def _place(error: Exception) -> str:
    """The innermost line of ours: a module and a line, no text of the error and no locals."""
    frames = traceback.extract_tb(error.__traceback__, limit=-64)
    ours = [f for f in frames if Path(f.filename).is_relative_to(PACKAGE)] or frames
    return f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""


def _silence(*streams: TextIO) -> None:
    """The stream has no reader any more: what is still buffered goes nowhere, so that leaving makes no noise."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams or (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
