"""How a remote repository is reached: only by what was named on the command line (G5).

Key and token come from a file that its owner alone reads or from an open descriptor, are held in memory, and go to
a child of this program through pipes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bootstrap.adapters.local.key_source import Wanted, from_fd, from_file, refuse_key
from bootstrap.adapters.local.programs import AskPassphrase
from bootstrap.adapters.ssh import key as ssh_key
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive

KEY = Wanted(name="the SSH key", option="--git-key", make="or as fd:N")
TOKEN = Wanted(name="the token", option="--git-token", make="or as fd:N")


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAccess:
    """``key`` is an SSH key in OpenSSH form without a passphrase; files are not read yet."""

    key: Sensitive | None = None
    token: Sensitive | None = None
    known_hosts: Path | None = None
    ca: Path | None = None
    proxy: str = ""

    def arguments(self) -> Sequence[str]:
        """The options of a child; its key and token are in ``secrets``."""
        files = (("--git-known-hosts", self.known_hosts), ("--git-ca", self.ca))
        given = [word for name, path in files if path for word in (name, str(path.absolute()))]
        return [*given, *(("--proxy", self.proxy) if self.proxy else ())]

    def secrets(self) -> Mapping[str, Sensitive]:
        """Option to value."""
        both = {KEY.option: self.key, TOKEN.option: self.token}
        return {option: value for option, value in both.items() if value is not None}


def open_key(spec: str, ask: AskPassphrase) -> Sensitive:
    """An SSH key from ``PATH``, ``file:PATH`` or ``fd:N``. PreconditionError E_KEY_MISSING, _MODE, _KIND, _PASS."""
    data = _read(spec, KEY).reveal()
    if not ssh_key.is_ssh_key(data):
        raise PreconditionError(
            f"{KEY.name} is not a private key of OpenSSH",
            code="E_KEY_KIND",
            where=KEY.option,
            hint="ssh-keygen -t ed25519 makes one; the public half goes to the server",
        )
    return ssh_key.in_the_clear(ssh_key.loaded(data, ask, KEY))


def open_token(spec: str) -> Sensitive:
    """One line from ``file:PATH`` or ``fd:N``. DefinitionError E_GIT_TOKEN for anything else."""
    if not spec.startswith(("file:", "fd:")):
        raise DefinitionError(
            "the token itself does not belong on the command line, where other programs see it",
            code="E_GIT_TOKEN",
            where=TOKEN.option,
            hint="--git-token file:PATH, or --git-token fd:3 3< FILE",
        )
    token = _read(spec, TOKEN).reveal().strip(b"\r\n")
    if not token or any(byte < 0x20 or byte > 0x7E for byte in token):
        raise DefinitionError(
            "the token is not one line of plain text",
            code="E_GIT_TOKEN",
            where=TOKEN.option,
            hint="the file holds the token and nothing else",
        )
    return Sensitive(token, TOKEN.name)


def _read(spec: str, wanted: Wanted) -> Sensitive:
    refuse_key(spec, wanted)
    if spec.startswith("fd:"):
        return from_fd(spec.removeprefix("fd:"), wanted)
    return from_file(Path(spec.removeprefix("file:")), wanted)
