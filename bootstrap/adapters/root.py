"""The root of trust: where it comes from and what kind it is (S1, B2).

``file:PATH``, ``fd:N`` or ``cmd:COMMAND``; a bare PATH is a file. Nothing ambient is looked at.
"""

import os
import shlex
import stat
import subprocess
from base64 import b64decode
from collections.abc import Callable, Sequence
from pathlib import Path

from bootstrap.adapters import age, openpgp, openpgp_message
from bootstrap.adapters.age import AgeRoot
from bootstrap.adapters.openpgp import PgpRoot
from bootstrap.model.errors import PreconditionError
from bootstrap.model.sensitive import Sensitive

MOST_BYTES = 1 << 20
AskPassphrase = Callable[[str], Sensitive | None]  # given a prompt; None: nobody is there to answer
Root = AgeRoot | PgpRoot


def open_root(spec: str, ask_passphrase: AskPassphrase, declared: tuple[str, ...] = ()) -> Root:
    """The root that ``spec`` names, opened in memory.

    ``declared`` are the recipients of ``keys/root.txt``, to name in E_NO_IDENTITY.
    Raises PreconditionError E_KEY_MISSING, E_KEY_MODE, E_KEY_KIND, E_KEY_PASS, E_CT_COST.
    """
    scheme, _, rest = spec.partition(":")
    if scheme == "fd":
        content = _from_fd(rest)
    elif scheme == "cmd":
        content = _from_command(rest)
    else:
        content = _from_file(Path(rest if scheme == "file" else spec))
    return parse_root(content, ask_passphrase, declared)


def parse_root(content: Sensitive, ask_passphrase: AskPassphrase, declared: tuple[str, ...] = ()) -> Root:
    """A root from the text of its file, or from what ``export()`` of an opened root gave."""
    data = content.reveal().lstrip(b"\xef\xbb\xbf \t\r\n")
    if data.startswith(openpgp.CARRIED):
        carried, _, secret = data.partition(b"\n")
        passphrase = Sensitive(b64decode(carried[len(openpgp.CARRIED) :]), "passphrase")
        return PgpRoot(Sensitive(secret, "OpenPGP secret key"), passphrase)
    if age.is_age(data):
        return parse_root(_unlock(data, age.open_protected, ask_passphrase), _nobody, declared)
    if data.startswith(openpgp_message.MESSAGE):
        return parse_root(_unlock(data, openpgp.open_protected, ask_passphrase), _nobody, declared)
    if data.startswith(openpgp.SECRET):
        return _openpgp_root(Sensitive(data, "OpenPGP secret key"), ask_passphrase)
    return AgeRoot(_identities(data), declared)


def encrypt_to(recipients: Sequence[str], plaintext: Sensitive) -> bytes:
    """Armored ciphertext: age for recipients ``age1...``, OpenPGP for armored certificates."""
    if any(recipient.lstrip().startswith("-----BEGIN PGP") for recipient in recipients):
        return openpgp.encrypt(recipients, plaintext)
    return age.encrypt(recipients, plaintext)


def _from_file(path: Path) -> Sensitive:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise PreconditionError(
            f"the root key {path} cannot be read: {error.strerror}",
            code="E_KEY_MISSING",
            where=str(path),
            hint="give it with --root file:PATH, or make one: bootstrap keygen --out DIR",
        ) from None
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if stat.S_ISREG(status.st_mode) and status.st_mode & 0o077:
            raise PreconditionError(
                f"the root key {path} can be read by others (mode {stat.S_IMODE(status.st_mode):04o})",
                code="E_KEY_MODE",
                where=str(path),
                hint=f"chmod 600 {path}",
            )
        if not stat.S_ISREG(status.st_mode):
            raise PreconditionError(
                f"the root key {path} is not a regular file",
                code="E_KEY_KIND",
                where=str(path),
                hint="a pipe is given as --root fd:N",
            )
        return Sensitive(file.read(MOST_BYTES), "root key")


def _from_fd(number: str) -> Sensitive:
    try:
        with os.fdopen(os.dup(int(number)), "rb") as file:
            return Sensitive(file.read(MOST_BYTES), "root key")
    except (OSError, ValueError):
        raise PreconditionError(
            f"there is no open file descriptor {number} to read the root key from",
            code="E_KEY_MISSING",
            where=f"fd:{number}",
            hint="bootstrap ... --root fd:3 3< root.key",
        ) from None


def _from_command(command: str) -> Sensitive:
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


def _unlock(
    data: bytes, opener: Callable[[bytes, Sensitive], bytes | None], ask_passphrase: AskPassphrase
) -> Sensitive:
    if age.is_age(data) and not age.protected(data):
        raise PreconditionError(
            "the root key is an age file for another identity, not one that a passphrase opens",
            code="E_KEY_KIND",
            hint="open it first and hand it over: --root 'cmd:age -d -i IDENTITY root.key'",
        )
    passphrase = ask_passphrase("Passphrase of the root key: ")
    opened = opener(data, passphrase) if passphrase is not None else None
    if opened is None:
        raise PreconditionError(
            "the passphrase does not open the root key" if passphrase else "the root key has a passphrase",
            code="E_KEY_PASS",
            hint="run it on a terminal, or hand the opened key over: --root cmd:COMMAND or fd:N",
        )
    return Sensitive(opened, "root key")


def _nobody(_: str) -> None:
    """Inside a protected file nothing is protected again."""


def _openpgp_root(secret: Sensitive, ask_passphrase: AskPassphrase) -> PgpRoot:
    if not openpgp.locked(secret):
        return PgpRoot(secret)
    return PgpRoot(secret, ask_passphrase("Passphrase of the OpenPGP key: "))


def _identities(data: bytes) -> list[str]:
    """The AGE-SECRET-KEY lines of an identity file; what is something else says what it is."""
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if lines and all(line.startswith("AGE-SECRET-KEY-1") for line in lines):
        return lines
    raise PreconditionError(
        f"the root key is {_kind(lines)}",
        code="E_KEY_KIND",
        hint="a root key holds a line AGE-SECRET-KEY-1..., or an armored OpenPGP secret key",
    )


def _kind(lines: Sequence[str]) -> str:
    if not lines:
        return "empty"
    first = lines[0]
    kinds = {
        "age1": "an age public key, not the private one",
        "-----BEGIN PGP PUBLIC": "an OpenPGP public key, not the private one",
        "-----BEGIN OPENSSH": "an SSH key",
        "ssh-": "an SSH public key",
        "AGE-SECRET-KEY-PQ-": "a post-quantum age identity, which this version cannot use",
        "AGE-PLUGIN-": "an age identity of a plugin, which this version cannot use",
        "-----BEGIN": "a PEM key, not an age or OpenPGP one",
    }
    return next(
        (kind for prefix, kind in kinds.items() if first.startswith(prefix)), "not a key that is known"
    )
