"""age plugins (``age-plugin-NAME``): hardware tokens and the like, by the plugin protocol that pyrage speaks."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bootstrap.adapters.local.programs import Helpers, program
from bootstrap.model.errors import PreconditionError
from bootstrap.model.outside import one_line

IDENTITY = re.compile(r"AGE-PLUGIN-(.+)-1[02-9AC-HJ-NP-Z]*", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9+._-]+")


def plugin_name(identity: str) -> str:
    """Raises PreconditionError E_PLUGIN_NAME: the name becomes part of a program's name."""
    found = IDENTITY.fullmatch(identity)
    name = found[1].lower() if found else ""
    if not _NAME.fullmatch(name) or ".." in name:
        raise PreconditionError(
            "an identity of a plugin whose name no program can have",
            code="E_PLUGIN_NAME",
            where="--root",
            hint="make the identity again with its plugin",
        )
    return name


def opener(identity: str, helpers: Helpers) -> Any:
    """pyrage's identity for one line. Raises PreconditionError E_KEY_KIND, E_KEY_ASKS, E_PLUGIN_NAME."""
    from pyrage import IdentityError, plugin

    name = plugin_name(identity)
    if not helpers.interactive:
        raise PreconditionError(
            f"age-plugin-{name} may have to ask somebody, and nobody may be asked",
            code="E_KEY_ASKS",
            where="--root",
            hint="run it on a terminal, without --non-interactive",
        )
    program(f"age-plugin-{name}", helpers, "the root key is an identity of an age plugin")
    try:
        with _path(helpers.path):
            return plugin.IdentityPluginV1(name, [plugin.Identity.from_str(identity)], _Human(helpers, name))
    except (IdentityError, RuntimeError, ValueError):
        raise PreconditionError(
            f"the identity of age-plugin-{name} is not whole",
            code="E_KEY_KIND",
            where="--root",
            hint=f"restore it, or make it again with age-plugin-{name}",
        ) from None


def recipient_of(name: str, comments: Sequence[str], declared: Sequence[str]) -> str:
    """The public half: plugins write it into a comment of the identity file; else it is one that Git declares."""
    begins = f"age1{name}1"
    written = [word for line in comments for word in line.split() if word.startswith(begins)]
    written += [recipient for recipient in declared if recipient.startswith(begins)]
    if not written:
        raise PreconditionError(
            f"the identity file of age-plugin-{name} does not say its recipient",
            code="E_KEY_KIND",
            where="--root",
            hint=f"keep the comment with the recipient ({begins}...) that the plugin wrote above the identity",
        )
    return written[0]


@contextmanager
def _path(path: str) -> Iterator[None]:
    """pyrage looks for a plugin on PATH alone; in a child of ours that is not the caller's."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = path
    try:
        yield
    finally:
        os.environ["PATH"] = before


class _Human:
    """pyrage's callbacks: what a plugin says and asks."""

    def __init__(self, helpers: Helpers, name: str) -> None:
        self._helpers = helpers
        self._name = name

    def display_message(self, message: str) -> None:
        sys.stderr.write(f"age-plugin-{self._name}: {one_line(message)}\n")

    def confirm(self, message: str, yes: str, no: str | None) -> bool | None:
        self.display_message(message)
        prompt = f"{yes or 'yes'}{f' / {no}' if no else ''}? [y/N] "
        answer = self._helpers.ask(prompt)
        return answer is not None and answer.reveal().strip().lower() in (b"y", b"yes")

    def request_public_string(self, description: str) -> str | None:
        return self.request_passphrase(description)

    def request_passphrase(self, description: str) -> str | None:
        answer = self._helpers.ask(f"age-plugin-{self._name}: {one_line(description)}: ")
        return None if answer is None else answer.reveal().decode()
