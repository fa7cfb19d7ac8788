"""Passphrases: asked for on the terminal, or read from a descriptor; never on a command line."""

import os
import sys

from bootstrap.cli import terminal
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.outside import decimal, one_line
from bootstrap.model.sensitive import Sensitive


def ask_passphrase(prompt: str) -> Sensitive | None:
    """A passphrase from the terminal, unechoed; None where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    import getpass

    try:
        return Sensitive(getpass.getpass(one_line(prompt), stream=sys.stderr).encode(), "passphrase")
    except KeyboardInterrupt:
        terminal.err("")  # the error begins a line of its own
        raise


def choose_passphrase(source: str, *, none: bool, ask: bool) -> Sensitive | None:
    """The passphrase for a new root: from ``fd:N``, or asked for twice on a terminal. None, with a warning, where none
    is wanted in so many words; a root is never left unprotected because nothing answered."""
    if source and none:
        raise DefinitionError(
            "--passphrase and --no-passphrase contradict each other",
            code="E_USAGE",
            where="--passphrase",
            hint="leave one of them out",
        )
    if source:
        return _from_fd(source)
    if none:
        terminal.err("warning: root.key without a passphrase: who reads it holds everything")
        return None
    first = ask_passphrase("Passphrase for root.key: ") if ask else None
    if first is None:
        raise PreconditionError(
            "no passphrase was given for root.key, and there is no terminal to ask for one",
            code="E_KEY_PASS",
            where="--passphrase",
            hint="--passphrase fd:3 3< file; or leave root.key unprotected: --no-passphrase",
        )
    return _confirmed(first)


def _confirmed(first: Sensitive) -> Sensitive:
    if not first:
        raise PreconditionError(
            "the passphrase is empty", code="E_KEY_PASS", hint="--no-passphrase leaves root.key unprotected"
        )
    if ask_passphrase("The same again: ") != first:
        raise PreconditionError("the two passphrases differ", code="E_KEY_PASS", hint="run it again")
    return first


def _from_fd(source: str) -> Sensitive:
    scheme, _, number = source.partition(":")
    try:
        if scheme != "fd":
            raise ValueError
        with os.fdopen(os.dup(int(number)), "rb") as file:
            found = file.read(4096).removesuffix(b"\n").removesuffix(b"\r")
    except (OSError, ValueError, OverflowError):
        # What names no descriptor may be the passphrase itself.
        shown = source if scheme == "fd" and decimal(number) is not None else "what was given"
        raise DefinitionError(
            f"no passphrase can be read from {shown}",
            code="E_KEY_PASS",
            where="--passphrase",
            hint="--passphrase fd:3 3< file",
        ) from None
    if any(byte < 0x20 or byte == 0x7F for byte in found):
        raise PreconditionError(
            "the passphrase is more than one line, or holds a control character",
            code="E_PASS_CHARS",
            where=source,
            hint="give one line of text: other tools would cut it off there",
        )
    return _checked(Sensitive(found, "passphrase"))


def _checked(passphrase: Sensitive) -> Sensitive:
    if not passphrase:
        raise PreconditionError("the passphrase is empty", code="E_KEY_PASS", hint="give one line of text")
    return passphrase
