"""``bootstrap keygen``: make the root of trust and the keys under it, once, offline (S1)."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive

Gpg = Annotated[bool, typer.Option("--gpg", help="An OpenPGP root instead of an age one.")]
Recipient = Annotated[
    list[str] | None,
    typer.Option(
        "--recipient", help="Public key of a second holder: age1..., ssh-ed25519 ..., or a file with it."
    ),
]
To = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        help="A holder who has a key already: age1..., ssh-ed25519 ..., or a file with the public half."
        " No root.key is made.",
    ),
]
NoPassphrase = Annotated[bool, typer.Option("--no-passphrase", help="Leave root.key unprotected.")]
PassphraseFrom = Annotated[str, typer.Option("--passphrase", help="Where the passphrase comes from: fd:N.")]
NonInteractive = Annotated[bool, typer.Option("--non-interactive", help="Never ask.")]


def keygen(
    out: Annotated[Path, typer.Option("--out", help="Folder to write root.key, keys/ and encrypted/ to.")],
    gpg: Gpg = False,
    recipient: Recipient = None,
    to: To = None,
    no_passphrase: NoPassphrase = False,
    passphrase: PassphraseFrom = "",
    non_interactive: NonInteractive = False,
) -> None:
    """Make the root of trust and the keys under it."""
    if to:
        if gpg or no_passphrase or passphrase:
            raise DefinitionError(
                "--to makes no root.key, so there is no kind and no passphrase to choose",
                code="E_USAGE",
                where="--to",
                hint="leave out --gpg, --no-passphrase and --passphrase; or leave out --to for a new root",
            )
        for path in keys_for(out, (*to, *(recipient or ()))):
            typer.echo(path)
        typer.echo("the root is the key of each holder: try it with bootstrap check --root", err=True)
        return
    chosen = choose_passphrase(passphrase, ask=not (no_passphrase or non_interactive))
    for path in make_keys(out, gpg=gpg, others=recipient or (), passphrase=chosen):
        typer.echo(path)
    typer.echo(f"keep {out / 'root.key'} offline, in two places; nothing can be rebuilt without it", err=True)


def make_keys(
    out: Path, *, gpg: bool, others: list[str] | tuple[str, ...], passphrase: Sensitive | None
) -> tuple[Path, ...]:
    """Writes a whole set of keys below ``out``; DefinitionError E_EXISTS, E_RECIPIENT."""
    from bootstrap.adapters.keyset import holders, new_root, write_keyset

    root = new_root(gpg=gpg)
    with given_as("--recipient"):
        holding = holders(root, [public_text(other) for other in others])
    return write_keyset(out, root, holding, passphrase)


def keys_for(out: Path, to: Sequence[str]) -> tuple[Path, ...]:
    """As ``make_keys``, for holders who have their keys: the public halves are all that is needed."""
    from bootstrap.adapters.keyset import holders, write_keyset

    with given_as("--to"):
        holding = holders(None, [public_text(each) for each in to])
    return write_keyset(out, None, holding, None)


@contextmanager
def given_as(option: str) -> Iterator[None]:
    """A recipient that is refused was given with ``option``: no file names it yet."""
    try:
        yield
    except DefinitionError as error:
        if error.code == "E_RECIPIENT":
            error.where = option
        raise


_PRIVATE = re.compile("PRIVATE KEY|^AGE-", re.MULTILINE)


def public_text(given: str) -> str:
    """A recipient: as it was given, or from the file that was named."""
    text = given if given.startswith(("age1", "ssh-")) else _read(given)
    if text.startswith("ssh-"):
        return " ".join(text.split()[:2])  # without whose key it is
    return text.split()[0] if text.startswith("age1") else text


def _read(given: str) -> str:
    if _PRIVATE.search(given):
        raise _private("what was given is")
    try:
        text = Path(given).read_text().lstrip()
        if _PRIVATE.search(text):
            raise _private(f"{given} holds")
        return text
    except (OSError, ValueError):
        raise DefinitionError(
            f"{given} is neither an age or SSH public key nor a file with one",
            code="E_RECIPIENT",
            where="--recipient",
            hint="a recipient is age1..., ssh-ed25519 ..., or a file with one: holder.asc, id_ed25519.pub",
        ) from None


def _private(what: str) -> DefinitionError:
    return DefinitionError(
        f"{what} a private key, which is needed by nobody else",
        code="E_RECIPIENT",
        where="--recipient",
        hint="give the public half: age-keygen -y, the .pub file, or gpg --armor --export",
    )


# ---------------------------------------------------------------- passphrases


def ask_passphrase(prompt: str) -> Sensitive | None:
    """A passphrase from the terminal, unechoed; None where there is none."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    import getpass

    return Sensitive(getpass.getpass(prompt, stream=sys.stderr).encode(), "passphrase")


def choose_passphrase(source: str, *, ask: bool) -> Sensitive | None:
    """The passphrase for a new root: from ``fd:N``, asked for twice on a terminal, or none with a warning."""
    if source:
        return _from_fd(source)
    if ask:
        first = ask_passphrase("Passphrase for root.key: ")
        if first is not None:
            return _confirmed(first)
    typer.echo("warning: root.key is written without a passphrase: who reads it holds everything", err=True)
    return None


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
    except (OSError, ValueError):
        raise DefinitionError(
            f"no passphrase can be read from {source}",
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
