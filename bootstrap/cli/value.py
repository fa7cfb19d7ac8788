"""A secret value as it is given to a command: on a descriptor, on standard input, or typed; never as an argument."""

import os
import sys
from typing import BinaryIO

from bootstrap.cli import terminal
from bootstrap.cli.prompt import ask_passphrase
from bootstrap.intent.values import MAX_BYTES
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive

OPTION = "--value"
HINT = "--value fd:3 3< FILE, or --value - with the value on standard input or typed"
STDIN = "-"


def read_value(source: str, name: str, *, ask: bool) -> Sensitive:
    """Every byte as it is given, a line end too; what is typed has none.

    ``source`` is ``fd:N`` or ``-``.
    """
    if source == STDIN:
        found = _typed(name, ask=ask) if sys.stdin.isatty() else _all_of(sys.stdin.buffer)
    else:
        found = _from_descriptor(source)
    if found.ends_in_stray_newline():
        terminal.err("note: the value ends in a line end, which is part of it (printf %s leaves it out)")
    return found


def refuse_argument(source: str) -> None:
    """DefinitionError E_VALUE for what names no place to read from: it may be the value itself, so it is not shown."""
    scheme, _, number = source.partition(":")
    if source != STDIN and not (scheme == "fd" and number.isdecimal()):
        raise DefinitionError(
            "a value is never given on a command line, where others read it: in the list of processes, in the "
            "shell's history. If that was one, it is to be changed",
            code="E_VALUE",
            where=OPTION,
            hint=HINT,
        )


def _typed(name: str, *, ask: bool) -> Sensitive:
    first = ask_passphrase(f"New value of {name}: ") if ask else None
    if first is None:
        raise PreconditionError(
            "the value is to be typed, and no question may be asked here",
            code="E_VALUE",
            where=OPTION,
            hint=HINT,
        )
    if ask_passphrase("The same again: ") != first:
        raise PreconditionError(
            "the two values typed differ; nothing was changed",
            code="E_VALUE",
            where=OPTION,
            hint="run it again",
        )
    return first.relabel("value")


def _from_descriptor(source: str) -> Sensitive:
    try:
        with os.fdopen(os.dup(int(source.removeprefix("fd:"))), "rb") as file:
            return _all_of(file)
    except (OSError, OverflowError):
        raise DefinitionError(
            "there is no open descriptor of that number to read the value from",
            code="E_VALUE",
            where=source,
            hint=HINT,
        ) from None


def _all_of(file: BinaryIO) -> Sensitive:
    """One byte more than a secret may have is enough to be refused."""
    return Sensitive(file.read(MAX_BYTES + 1), "value")
