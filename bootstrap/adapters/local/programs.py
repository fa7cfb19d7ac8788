"""What an age root may call on besides its own text: programs on the caller's PATH, and a human (B2).

PATH is the one thing of the caller's environment that is used, and only for identities that a library
cannot open: post-quantum ones (the program ``age`` 1.3 or newer) and those of plugins (``age-plugin-NAME``).
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bootstrap.model.errors import PreconditionError
from bootstrap.model.sensitive import Sensitive

AskPassphrase = Callable[[str], Sensitive | None]  # given a prompt; None: no answer can be had
# Where other tools look for keys is named in the hint and never looked at (G5).
GIVE_ANOTHER = (
    "give the right root key: --root file:PATH"
    " (SOPS_AGE_KEY_FILE, ~/.config/sops/age/keys.txt, ~/.ssh and GnuPG's key ring are not looked at)"
)
DEADLINE = 300.0  # seconds; a device may wait for a touch
MOST_IN_A_PIPE = 60_000  # bytes: what a pipe takes without a reader


def ask_never(_: str) -> None:
    """Questions are not allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Helpers:
    """``path`` as in PATH; ``interactive``: a plugin or an agent may wait for a human."""

    path: str = ""
    ask: AskPassphrase = ask_never
    interactive: bool = False


def callers(ask: AskPassphrase = ask_never, *, interactive: bool = False) -> Helpers:
    return Helpers(path=os.environ.get("PATH", ""), ask=ask, interactive=interactive)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a program ended; ``stderr`` is for looking at only, never to be shown."""

    out: bytes
    ok: bool
    stderr: str


def program(name: str, helpers: Helpers, why: str) -> str:
    """The full path of a program. Raises PreconditionError E_KEY_KIND, with ``why`` it is needed."""
    found = shutil.which(name, path=helpers.path) if helpers.path else None
    if found is None:
        raise PreconditionError(
            f"{why}: the program {name} is needed and is not on PATH",
            code="E_KEY_KIND",
            where="--root",
            hint=f"install {name}, or give a root key of another kind",
        )
    return found


def run(words: Sequence[str], given: Sensitive, helpers: Helpers, key: Sensitive | None = None) -> Done:
    """A program with ``given`` on its standard input; a ``key`` goes through a pipe, named ``{key}`` in words."""
    environment = {"PATH": helpers.path, "LC_ALL": "C.UTF-8"}
    reading = -1 if key is None else _pipe(key)
    try:
        argv = [word.replace("{key}", f"/dev/fd/{reading}") for word in words]
        done = subprocess.run(  # noqa: S603  # found on PATH by its name, no shell
            argv,
            input=given.reveal(),
            env=environment,
            capture_output=True,
            check=False,
            timeout=DEADLINE,
            pass_fds=(reading,) if reading >= 0 else (),
        )
        return Done(out=done.stdout, ok=done.returncode == 0, stderr=done.stderr.decode("utf-8", "replace"))
    except (OSError, subprocess.TimeoutExpired):
        return Done(out=b"", ok=False, stderr="")
    finally:
        if reading >= 0:
            os.close(reading)


def _pipe(key: Sensitive) -> int:
    """The reading end of a pipe that holds the key already: it is never in a file, not even for a moment."""
    if Sensitive.exceed([key], MOST_IN_A_PIPE):
        raise PreconditionError(
            "the identity file is too long", code="E_KEY_KIND", where="--root", hint="keep one identity in it"
        )
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(key.reveal())
    return reading
