"""An age root of trust (S1, C2SP age v1): X25519 identities, in memory, by pyrage."""

import base64
import re
from collections.abc import Sequence

from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive

ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
MAGIC = b"age-encryption.org/v1\n"
MOST_WORK = 22  # log2 N that a passphrase may cost; what age itself accepts


class AgeRoot:
    """``RootKey`` of one or more X25519 identities.

    ``declared`` are the recipients that the intent repository names in ``keys/root.txt``: an age header
    does not say whom it is for, so an error about a foreign file can only repeat them.
    """

    def __init__(self, identities: Sequence[str], declared: tuple[str, ...] = ()) -> None:
        from pyrage import IdentityError, x25519

        try:
            self._identities = [x25519.Identity.from_str(line) for line in identities]
        except IdentityError:
            raise PreconditionError(
                "the root key has a line that is not a whole age identity",
                code="E_KEY_KIND",
                hint="restore root.key from a holder's copy",
            ) from None
        self._text = Sensitive("\n".join([*identities, ""]).encode(), "age identities")
        self._declared = declared

    @property
    def recipients(self) -> tuple[str, ...]:
        return tuple(str(identity.to_public()) for identity in self._identities)

    def export(self) -> Sensitive:
        """The opened identities as text, for a pipe to a child process only."""
        return self._text

    def unwrap(self, ciphertext: bytes, what: str) -> Sensitive:
        """Plaintext of one age file. Raises E_NO_IDENTITY, E_CT_EMPTY, E_CT_DAMAGED, E_CT_VERSION."""
        from pyrage import DecryptError, decrypt

        data = normalised(ciphertext, what)
        kinds = stanzas(data, what)
        try:
            return Sensitive(decrypt(data, self._identities), what)
        except DecryptError as error:
            foreign = "No matching keys" in str(error)
        if foreign:
            raise self._no_identity(kinds, what)
        raise damaged(what)

    def _no_identity(self, kinds: Sequence[str], what: str) -> PreconditionError:
        declared = [r for r in self._declared if r not in self.recipients]
        if declared:
            wanted = "the private key of " + " or ".join(declared)
        else:
            wanted = f"another identity ({', '.join(kinds)})"
        return PreconditionError(
            f"{what} is not encrypted to this root key ({', '.join(self.recipients)}); it needs {wanted}",
            code="E_NO_IDENTITY",
            where=what,
            hint="give the right root key: --root file:PATH",
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


def is_age(content: bytes) -> bool:
    return content.lstrip().startswith(ARMOR) or content.startswith(b"age-encryption.org/")


def protected(content: bytes) -> bool:
    """True for an identity file that a passphrase opens."""
    return is_age(content) and stanzas(normalised(content, "root key"), "root key") == ("scrypt",)


def open_protected(content: bytes, passphrase: Sensitive) -> bytes | None:
    """The identity file inside; None when the passphrase is wrong. Raises E_CT_COST, E_CT_DAMAGED."""
    from pyrage import DecryptError
    from pyrage import passphrase as scrypt

    data = normalised(content, "root key")
    if _work(data) > MOST_WORK:
        raise PreconditionError(
            "the root key asks for more work than a machine can do",
            code="E_CT_COST",
            hint="protect it again: age -p -o root.key",
        )
    try:
        return bytes(scrypt.decrypt(data, passphrase.reveal().decode()))
    except (DecryptError, UnicodeDecodeError):
        return None


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
    """One armored age file for all ``recipients`` (``age1...``). Raises DefinitionError E_RECIPIENT."""
    from pyrage import RecipientError, x25519
    from pyrage import encrypt as age_encrypt

    try:
        keys = [x25519.Recipient.from_str(recipient) for recipient in recipients]
    except RecipientError:
        raise DefinitionError(
            "a recipient is not an age X25519 public key",
            code="E_RECIPIENT",
            hint="a recipient looks like age1..., one a line",
        ) from None
    return bytes(age_encrypt(plaintext.reveal(), keys, armored=True))
