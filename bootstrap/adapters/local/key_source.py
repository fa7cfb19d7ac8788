"""Where the text of the root of trust, or of another key, comes from: a file, an open descriptor, a command (B2)."""

import errno
import os
import re
import shlex
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bootstrap.model.errors import PreconditionError
from bootstrap.model.outside import decimal
from bootstrap.model.sensitive import Sensitive

MOST_BYTES = 1 << 20
_KEY_ITSELF = re.compile(r"\n|PRIVATE KEY|AGE-SECRET-KEY|AGE-PLUGIN-", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is read, and the option that names where from: for the errors."""

    name: str = "the root key"
    option: str = "--root"
    make: str = "or make one: bootstrap keygen --out DIR"


ROOT = Wanted()


def refuse_key(spec: str, wanted: Wanted = ROOT) -> None:
    """PreconditionError E_KEY_KIND for an option that holds the key, and no place of one; it is not shown."""
    if _KEY_ITSELF.search(spec):
        raise PreconditionError(
            f"{wanted.name} itself does not belong on the command line, where other programs see it",
            code="E_KEY_KIND",
            where=wanted.option,
            hint=f"{wanted.option} file:PATH, or {wanted.option} fd:3 3< FILE; a key that was given so is known",
        )


def from_file(path: Path, wanted: Wanted = ROOT) -> Sensitive:
    """A regular file that its owner alone reads. Raises PreconditionError E_KEY_MISSING, E_KEY_MODE, E_KEY_KIND."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _mode(
                path, wanted, "is a symbolic link", f"give the file itself: readlink -f {path}"
            ) from None
        raise PreconditionError(
            f"{wanted.name} {path} cannot be read: {error.strerror}",
            code="E_KEY_MISSING",
            where=str(path),
            hint=f"give it with {wanted.option} file:PATH, {wanted.make}",
        ) from None
    status = os.fstat(fd)
    if stat.S_ISDIR(status.st_mode):
        os.close(fd)
        raise PreconditionError(
            f"{wanted.name} {path} is a folder, not a file",
            code="E_KEY_KIND",
            where=str(path),
            hint=f"name the file in it: {wanted.option} file:{path / ('root.key' if wanted is ROOT else 'FILE')}",
        )
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(status.st_mode):
            raise PreconditionError(
                f"{wanted.name} {path} is not a regular file",
                code="E_KEY_KIND",
                where=str(path),
                hint=f"a pipe is given as {wanted.option} fd:N",
            )
        mode = f"can be read by others (mode {stat.S_IMODE(status.st_mode):04o})"
        if status.st_mode & 0o077:
            raise _mode(path, wanted, mode, f"chmod 600 {path}")
        if status.st_uid != os.geteuid():
            why = "belongs to another user, who can change it"
            raise _mode(path, wanted, why, f"make a copy of your own of {path}")
        return Sensitive(file.read(MOST_BYTES), wanted.name.removeprefix("the "))


def _mode(path: Path, wanted: Wanted, why: str, hint: str) -> PreconditionError:
    return PreconditionError(f"{wanted.name} {path} {why}", code="E_KEY_MODE", where=str(path), hint=hint)


def not_opened(
    passphrase: Sensitive | None, what: str, instead: str, wanted: Wanted = ROOT
) -> PreconditionError:
    """E_KEY_PASS: questions are not allowed, nothing was typed, or another passphrase. ``instead``: a way without."""
    if passphrase is None:
        why, then = f"{what} has a passphrase", "run it on a terminal"
    elif not passphrase:
        why, then = f"the passphrase typed is empty, and {what} has one", "try again"
    else:
        why, then = f"the passphrase does not open {what}", "try again"
    return PreconditionError(why, code="E_KEY_PASS", where=wanted.option, hint=f"{then}, or {instead}")


def from_fd(number: str, wanted: Wanted = ROOT) -> Sensitive:
    try:
        with os.fdopen(os.dup(int(number)), "rb") as file:
            return Sensitive(file.read(MOST_BYTES), wanted.name.removeprefix("the "))
    except (OSError, ValueError, OverflowError):
        # What is no number may be the key, or its passphrase.
        shown = number if decimal(number) is not None else "of that name"
        raise PreconditionError(
            f"there is no open file descriptor {shown} to read {wanted.name} from",
            code="E_KEY_MISSING",
            where=wanted.option,
            hint=f"bootstrap ... {wanted.option} fd:3 3< {'root.key' if wanted is ROOT else 'FILE'}",
        ) from None


def from_command(command: str) -> Sensitive:
    # Only PATH, and a fixed one: what the operator's shell has exported does not reach the command.
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
    argv, why = _words(command), "it is not a command line"
    if argv:
        try:
            done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, check=True, timeout=300)  # noqa: S603  # named by the operator, no shell
            return Sensitive(done.stdout, "root key")
        except subprocess.CalledProcessError as error:
            why = f"exit {error.returncode}"
        except subprocess.TimeoutExpired:
            why = "no answer in 5 minutes"
        except (OSError, ValueError):
            why = "it cannot be started"
    raise PreconditionError(
        f"the command that prints the root key failed: {why}",
        code="E_KEY_MISSING",
        where=f"cmd:{argv[0] if argv else ''}",
        hint="run it by hand; its standard output must be the root key, nothing else",
    )


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quotation that does not end
        return []
