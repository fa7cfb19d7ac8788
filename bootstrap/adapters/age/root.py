"""An age root of trust (S1, C2SP age v1): opened in memory, by pyrage where it can, else by ``age`` itself."""

import base64
import json
import re
from collections.abc import Sequence
from typing import Any

from bootstrap.adapters.age.identity import (
    NATIVE_KINDS,
    PLUGIN,
    QUANTUM,
    QUANTUM_KIND,
    X25519,
    identity,
    open_with_program,
    shown,
)
from bootstrap.adapters.local.programs import GIVE_ANOTHER, Helpers, callers, program, run
from bootstrap.adapters.ssh import key as ssh_key
from bootstrap.intent.encryption_forms import is_age
from bootstrap.model import layout
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive

ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
MAGIC = b"age-encryption.org/v1\n"
CARRIED = b"#bootstrap-helpers "  # first line of an exported root that needs programs
ALONE = Helpers()  # no program, no way to ask
MOST_WORK = 22  # log2 N that a passphrase may cost; what age itself accepts
TOO_COSTLY = "Excessive work"  # pyrage measures the machine before it opens: a busy one passes for a slow one
MEASURES = 8  # looks at this machine's speed before a passphrase's cost is called too high for it


class AgeRoot:
    """``RootKey`` of one or more identities: X25519, SSH, post-quantum, or those of plugins.

    ``declared`` are the recipients that the intent repository names in ``keys/root.txt``: an age header
    does not say whom it is for, so an error about a foreign file can only repeat them. ``comments`` are
    those of the identity file, where plugins write their recipients.
    """

    def __init__(
        self,
        identities: Sequence[str],
        declared: tuple[str, ...] = (),
        *,
        comments: Sequence[str] = (),
        helpers: Helpers = ALONE,
    ) -> None:
        self._identities = [identity(text, comments, declared, helpers) for text in identities]
        self._helpers = helpers
        self._declared = declared
        self._native = [i.opener for i in self._identities if i.kind in (X25519, "ssh")]
        self._plugins = [i.opener for i in self._identities if i.kind == PLUGIN]
        quantum = [text for text in identities if text.startswith(QUANTUM)]
        self._quantum = _lines(quantum) if quantum else None
        self._text = _lines([*comments, *identities])
        self.recipients = tuple(i.recipient for i in self._identities)

    def export(self) -> Sensitive:
        """The opened identities as text, for a pipe to a child process only.

        In front of identities that need a program stands where it is: the child's PATH is another one.
        """
        if not self._plugins and self._quantum is None:
            return self._text
        settings = {"path": self._helpers.path, "interactive": self._helpers.interactive}
        return Sensitive(
            CARRIED + json.dumps(settings).encode() + b"\n" + self._text.reveal(), "age identities"
        )

    def unwrap(self, ciphertext: bytes, what: str) -> Sensitive:
        """Plaintext of one age file.

        Raises PreconditionError E_NO_IDENTITY, E_DEVICE; DefinitionError E_AGE_FORM, E_CT_EMPTY, E_CT_DAMAGED,
        E_CT_VERSION.
        """
        data = normalised(ciphertext, what)
        found, foreign = _opened(data, self._native)
        if found is None and foreign:
            found = self._with_programs(data, what)
        if found is None:
            raise damaged(what)
        return Sensitive(found, what)

    def _with_programs(self, data: bytes, what: str) -> bytes | None:
        kinds = stanzas(data, what)
        if self._quantum is not None and QUANTUM_KIND in kinds:
            done = open_with_program(data, self._quantum, self._helpers)
            if done.ok:
                return done.out
            if "no identity matched" not in done.stderr:
                return None
        if self._plugins and set(kinds) - NATIVE_KINDS - {QUANTUM_KIND}:
            found, foreign = _opened(data, self._plugins)
            if found is not None:
                return found
            if not foreign:
                raise _device(what)
        raise self._locked(what) if kinds == ("scrypt",) else self._no_identity(kinds, what)

    def _locked(self, what: str) -> DefinitionError:
        to = " ".join(f"--recipient {recipient}" for recipient in self.recipients)
        return DefinitionError(
            f"{what}: only a passphrase opens it, and no root key",
            code="E_AGE_FORM",
            where=what,
            hint=f"age --decrypt {what} | age --encrypt --armor {to}, and commit that",
        )

    def _no_identity(self, kinds: Sequence[str], what: str) -> PreconditionError:
        declared = [shown(r) for r in self._declared if r not in self.recipients]
        other = f"another identity ({', '.join(kinds)})"
        wanted = "the private key of " + " or ".join(declared) if declared else other
        mine = ", ".join(map(shown, self.recipients))
        return PreconditionError(
            f"{what} is not encrypted to this root key ({mine}); it needs {wanted}",
            code="E_NO_IDENTITY",
            where=what,
            hint=GIVE_ANOTHER,
        )


def _lines(lines: Sequence[str]) -> Sensitive:
    return Sensitive("\n".join([*lines, ""]).encode(), "age identities")


def _opened(data: bytes, openers: Sequence[Any]) -> tuple[bytes | None, bool]:
    """The plaintext, or None; then True when the file is whole and for another key."""
    from pyrage import DecryptError, decrypt

    if not openers:
        return None, True
    try:
        return bytes(decrypt(data, openers)), False
    except DecryptError as error:
        return None, "No matching keys" in str(error)


def _device(what: str) -> PreconditionError:
    return PreconditionError(
        f"the plugin did not open {what}",
        code="E_DEVICE",
        where=what,
        hint="is the device there and unlocked? try it by hand: age -d -i root.key FILE",
    )


def normalised(ciphertext: bytes, what: str) -> bytes:
    """The file without blank lines before its armor. Raises E_CT_EMPTY, E_CT_DAMAGED, E_CT_VERSION."""
    stripped = ciphertext.lstrip(b" \t\r\n")
    if not stripped:
        raise DefinitionError(
            f"{what} is empty", code="E_CT_EMPTY", where=what, hint="encrypt the file again and commit it"
        )
    if stripped.startswith(ARMOR):
        return stripped
    if not ciphertext.startswith(MAGIC):
        if ciphertext.startswith(b"age-encryption.org/"):
            raise DefinitionError(
                f"{what} is of a version of age that is not known",
                code="E_CT_VERSION",
                where=what,
                hint="encrypt it with age 1",
            )
        raise damaged(what)
    return ciphertext


def damaged(what: str) -> BootstrapError:
    return DefinitionError(
        f"{what} is damaged: it is not a whole age file",
        code="E_CT_DAMAGED",
        where=what,
        hint="take it from an older commit, or encrypt it again",
    )


def stanzas(data: bytes, what: str) -> tuple[str, ...]:
    """Kinds of the recipients in the header of an age file (``X25519``, ``scrypt``, ``ssh-ed25519``)."""
    header = data[: 64 * 1024]
    if data.startswith(ARMOR):
        body = b"".join(header.split(b"-----")[2].split())
        try:
            header = base64.b64decode(body[: len(body) // 4 * 4])
        except ValueError:
            raise damaged(what) from None
    if not header.startswith(MAGIC):
        raise damaged(what)
    lines = header.split(b"\n---", 1)[0].split(b"\n")
    return tuple(line.split()[1].decode("ascii", "replace") for line in lines if re.match(rb"-> \S", line))


def protected(content: bytes) -> bool:
    """True for an identity file that a passphrase opens."""
    return is_age(content) and stanzas(normalised(content, "root key"), "root key") == ("scrypt",)


def open_protected(content: bytes, passphrase: Sensitive) -> bytes | None:
    """The identity file inside; None when the passphrase is wrong. Raises E_CT_COST, E_CT_DAMAGED."""
    from pyrage import DecryptError
    from pyrage import passphrase as scrypt

    data = normalised(content, "root key")
    if _work(data) > MOST_WORK:
        raise _too_costly("the root key asks for more work than a machine can do")
    for _ in range(MEASURES):
        try:
            return bytes(scrypt.decrypt(data, passphrase.reveal().decode()))
        except UnicodeDecodeError:
            return None
        except DecryptError as error:
            if TOO_COSTLY not in str(error):
                return None
    raise _too_costly("the root key asks for more work than this machine can do")


def _too_costly(what: str) -> PreconditionError:
    return PreconditionError(
        what, code="E_CT_COST", where="--root", hint="protect it again: age -p -o root.key"
    )


def _work(data: bytes) -> int:
    header = data
    if data.startswith(ARMOR):
        header = base64.b64decode(b"".join(data.split(b"-----")[2].split())[:400])
    found = re.search(rb"-> scrypt \S+ (\d+)", header[:400])
    return int(found.group(1)) if found else 0


def protect(identities: Sensitive, passphrase: Sensitive) -> bytes:
    """The identity file, armored, behind a passphrase (scrypt)."""
    from pyrage import passphrase as scrypt

    return bytes(scrypt.encrypt(identities.reveal(), passphrase.reveal().decode(), armored=True))


def generate() -> AgeRoot:
    from pyrage import x25519

    return AgeRoot([str(x25519.Identity.generate())])


def encrypt(recipients: Sequence[str], plaintext: Sensitive) -> bytes:
    """One armored age file for all ``recipients``: ``age1...``, ``ssh-ed25519 ...``, ``ssh-rsa ...``.

    Post-quantum ones and those of plugins are written by the program ``age`` on PATH. Raises
    DefinitionError E_RECIPIENT; PreconditionError E_KEY_KIND without that program.
    """
    from pyrage import RecipientError, ssh, x25519
    from pyrage import encrypt as age_encrypt

    if any(_foreign(recipient) for recipient in recipients):
        return _encrypt_with_program(recipients, plaintext)
    try:
        keys = [
            (ssh if ssh_key.is_recipient(recipient) else x25519).Recipient.from_str(recipient)
            for recipient in recipients
        ]
    except RecipientError:
        raise _no_recipient("a recipient is not an age or SSH public key") from None
    return bytes(age_encrypt(plaintext.reveal(), keys, armored=True))


def _foreign(recipient: str) -> bool:
    """``age1pq1...``, or ``age1NAME1...`` of a plugin: the data of an X25519 key holds no 1."""
    return recipient.startswith("age1") and recipient.count("1") > 1


def _encrypt_with_program(recipients: Sequence[str], plaintext: Sensitive) -> bytes:
    helpers = callers()
    age = program("age", helpers, "a recipient is post-quantum or of a plugin")
    flags = [word for recipient in recipients for word in ("-r", recipient)]
    done = run([age, "--armor", *flags], plaintext, helpers)
    if not done.ok:
        mixed = len({recipient.startswith("age1pq1") for recipient in recipients}) == 2
        raise _no_recipient(
            "post-quantum recipients and others cannot share a file"
            if mixed
            else f"{age} does not encrypt to one of the recipients"
        )
    return done.out


def _no_recipient(why: str) -> DefinitionError:
    return DefinitionError(
        why,
        code="E_RECIPIENT",
        where=layout.ROOT_AGE,
        hint="a recipient looks like age1... or ssh-ed25519 AAAA..., one a line",
    )
