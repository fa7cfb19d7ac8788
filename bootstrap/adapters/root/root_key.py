"""The root of trust: which kind it is, from what its text looks like (S1, B2).

``file:PATH``, ``fd:N``, ``cmd:COMMAND`` or ``gpg-agent:FINGERPRINT``; a bare PATH is a file. Nothing ambient
is looked at, but the GnuPG home of a user who names its agent.
"""

from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bootstrap.adapters.age import root as age
from bootstrap.adapters.age.identity import PLUGIN, QUANTUM, X25519
from bootstrap.adapters.age.root import AgeRoot
from bootstrap.adapters.local.key_source import from_command, from_fd, from_file, not_opened, refuse_key
from bootstrap.adapters.local.programs import AskPassphrase, Helpers, ask_never, callers
from bootstrap.adapters.openpgp import gpg_agent
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.openpgp import message as openpgp_message
from bootstrap.adapters.openpgp.gpg_agent import GpgAgentRoot, users_home
from bootstrap.adapters.openpgp.keys import PgpRoot
from bootstrap.adapters.ssh import key as ssh_key
from bootstrap.intent.encryption_forms import is_age
from bootstrap.model.errors import PreconditionError
from bootstrap.model.outside import json_value
from bootstrap.model.sensitive import Sensitive

Root = AgeRoot | PgpRoot | GpgAgentRoot


def open_root(
    spec: str,
    ask_passphrase: AskPassphrase,
    declared: tuple[str, ...] = (),
    *,
    interactive: bool = True,
) -> Root:
    """The root that ``spec`` names, opened in memory.

    ``declared`` are the recipients of ``keys/root.txt``, to name in E_NO_IDENTITY. ``interactive`` is
    false where questions are not allowed, those of a plugin or an agent included.
    Raises PreconditionError E_KEY_MISSING, E_KEY_MODE, E_KEY_KIND, E_KEY_PASS, E_KEY_ASKS, E_PGP_STATE,
    E_PLUGIN_NAME, E_PASS_CHARS, E_CT_COST.
    """
    refuse_key(spec)
    scheme, _, rest = spec.partition(":")
    if scheme == "gpg-agent":
        return GpgAgentRoot(rest, users_home(), interactive=interactive)
    if scheme == "fd":
        content = from_fd(rest)
    elif scheme == "cmd":
        content = from_command(rest)
    else:
        content = _from_file(Path(rest if scheme == "file" else spec))
    return parse_root(content, ask_passphrase, declared, callers(ask_passphrase, interactive=interactive))


def _from_file(path: Path) -> Sensitive:
    """What the file is comes before who may read it: a public key is read by everybody, and is no root key."""
    try:
        return from_file(path)
    except PreconditionError as error:
        if error.code == "E_KEY_MODE" and path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                lines = _lines(file.read(4096))
            if _PUBLIC in _kind(lines):
                raise _no_key(lines, str(path)) from None
        raise


def parse_root(
    content: Sensitive,
    ask_passphrase: AskPassphrase,
    declared: tuple[str, ...] = (),
    helpers: Helpers = age.ALONE,
) -> Root:
    """A root from the text of its file, or from what ``export()`` of an opened root gave."""
    data = content.reveal().lstrip(b"\xef\xbb\xbf \t\r\n")
    if data.startswith((openpgp.CARRIED, gpg_agent.CARRIED, age.CARRIED)):
        return _carried(data, declared, helpers)
    if is_age(data):
        return parse_root(_unlock(data, age.open_protected, ask_passphrase), ask_never, declared, helpers)
    if data.startswith(openpgp_message.MESSAGE):
        return parse_root(_unlock(data, openpgp.open_protected, ask_passphrase), ask_never, declared)
    if data.startswith(openpgp.SECRET):
        return _openpgp_root(Sensitive(data, "OpenPGP secret key"), ask_passphrase)
    if ssh_key.is_ssh_key(data):
        return AgeRoot([ssh_key.unlocked(data, ask_passphrase).reveal().decode()], declared)
    comments, identities = _identities(data)
    return AgeRoot(identities, declared, comments=comments, helpers=helpers)


def _carried(data: bytes, declared: tuple[str, ...], helpers: Helpers) -> Root:
    """What an opened root was exported as, to a child of this program. PreconditionError E_KEY_KIND for any other."""
    try:
        return _exported(data, declared, helpers)
    except (ValueError, TypeError):
        failed = True
    assert failed  # raised outside, for the other error holds the line
    raise PreconditionError(
        "the root key begins like one that this program hands to a child of its own, and is none",
        code="E_KEY_KIND",
        where="--root",
        hint="give the file that `bootstrap keygen` wrote: --root file:PATH",
    )


def _exported(data: bytes, declared: tuple[str, ...], helpers: Helpers) -> Root:
    first, _, rest = data.partition(b"\n")
    if first.startswith(openpgp.CARRIED):
        passphrase = Sensitive(b64decode(first[len(openpgp.CARRIED) :]), "passphrase")
        return PgpRoot(Sensitive(rest, "OpenPGP secret key"), passphrase)
    if first.startswith(gpg_agent.CARRIED):
        return GpgAgentRoot(**json_value(first[len(gpg_agent.CARRIED) :]))
    settings = json_value(first[len(age.CARRIED) :])
    return parse_root(Sensitive(rest, "root key"), ask_never, declared, replace(helpers, **settings))


def encrypt_to(recipients: Sequence[str], plaintext: Sensitive) -> bytes:
    """Armored ciphertext: age for recipients ``age1...``, OpenPGP for armored certificates."""
    if any(recipient.lstrip().startswith("-----BEGIN PGP") for recipient in recipients):
        return openpgp.encrypt(recipients, plaintext)
    return age.encrypt(recipients, plaintext)


def _unlock(
    data: bytes, opener: Callable[[bytes, Sensitive], bytes | None], ask_passphrase: AskPassphrase
) -> Sensitive:
    if is_age(data) and not age.protected(data):
        raise PreconditionError(
            "the root key is an age file for another identity, not one that a passphrase opens",
            code="E_KEY_KIND",
            where="--root",
            hint="open it first and hand it over: --root 'cmd:age -d -i IDENTITY root.key'",
        )
    passphrase = _typed(ask_passphrase("Passphrase of the root key: "))
    opened = opener(data, passphrase) if passphrase is not None else None
    if opened is None:
        instead = "hand the opened key over: --root cmd:COMMAND or fd:N"
        raise not_opened(passphrase, "the root key", instead)
    return Sensitive(opened, "root key")


def _openpgp_root(secret: Sensitive, ask_passphrase: AskPassphrase) -> PgpRoot:
    if not openpgp.locked(secret):
        return PgpRoot(secret)
    return PgpRoot(secret, _typed(ask_passphrase("Passphrase of the OpenPGP key: ")))


def _typed(passphrase: Sensitive | None) -> Sensitive | None:
    """A passphrase that a human can have typed. Raises PreconditionError E_PASS_CHARS (CVE-2019-6690)."""
    if passphrase is not None and any(byte in passphrase.reveal() for byte in b"\r\n\0"):
        raise PreconditionError(
            "the passphrase has a line break in it",
            code="E_PASS_CHARS",
            where="--root",
            hint="give one line of text",
        )
    return passphrase


def _identities(data: bytes) -> tuple[list[str], list[str]]:
    """Comments and identities of an identity file; what is something else says what it is."""
    stripped = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
    comments = [line for line in stripped if line.startswith("#")]
    lines = _lines(data)
    if lines and all(line.startswith((X25519, QUANTUM, PLUGIN)) for line in lines):
        return comments, lines
    raise _no_key(lines, "--root")


def _lines(data: bytes) -> list[str]:
    """Those that are no comments."""
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


_PUBLIC = "public key, not the private one"


def _no_key(lines: Sequence[str], where: str) -> PreconditionError:
    kind = _kind(lines)
    hint = "a root key is an age identity, an SSH key (ed25519, RSA) or an armored OpenPGP secret key"
    if _PUBLIC in kind:
        hint = "the private half: root.key or age-keygen's file; id_ed25519 without .pub; gpg --export-secret-keys"
    return PreconditionError(f"the root key is {kind}", code="E_KEY_KIND", where=where, hint=hint)


def _kind(lines: Sequence[str]) -> str:
    if not lines:
        return "empty"
    first = lines[0]
    kinds = {
        "age1": f"an age {_PUBLIC}",
        "-----BEGIN PGP PUBLIC": f"an OpenPGP {_PUBLIC}",
        "ssh-": f"an SSH {_PUBLIC}",
        "-----BEGIN": "a PEM key, not an age, SSH or OpenPGP one",
    }
    return next(
        (kind for prefix, kind in kinds.items() if first.startswith(prefix)), "not a key that is known"
    )
