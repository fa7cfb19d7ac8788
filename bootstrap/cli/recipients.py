"""Holders as they are given on the command line: a public key, or a file with one."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bootstrap.model.errors import DefinitionError


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
