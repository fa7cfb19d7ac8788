"""OpenPGP without an agent and without a home directory (S1, B4, RFC 9580), by pysequoia.

The library reports failures as RuntimeError with a stack trace in the text; none of it is passed on.
"""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    from pysequoia import Cert, PyDecryptor, Tsk

SECRET = b"-----BEGIN PGP PRIVATE KEY BLOCK-----"
PUBLIC = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
MESSAGE = b"-----BEGIN PGP MESSAGE-----"
# First line of an exported root whose key is protected: what the child needs to open it again.
CARRIED = b"bootstrap-passphrase:"


class PgpKey:
    """An OpenPGP secret key in memory, with its passphrase if it has one."""

    def __init__(self, secret: Sensitive, passphrase: Sensitive | None = None) -> None:
        self._secret = secret
        self._passphrase = passphrase
        self._tsk = _tsk(secret)
        self._decryptor = _decryptor(self._tsk, passphrase)

    @property
    def certificate(self) -> bytes:
        """The public half, binary."""
        return bytes(self._tsk.extract_certificate())

    @property
    def armored_certificate(self) -> bytes:
        return str(self._tsk.extract_certificate()).encode()

    @property
    def fingerprint(self) -> str:
        """Hex, upper case, as GnuPG and SOPS write it."""
        return str(self._tsk.extract_certificate().fingerprint).upper()

    def decrypt(self, message: bytes, what: str = "message") -> Sensitive:
        """Plaintext of one message, binary or armored. Raises E_NO_IDENTITY, E_CT_EMPTY, E_CT_DAMAGED."""
        from pysequoia import decrypt

        data = _message(message, what)
        wanted = recipients_of(data, what)
        if not set(wanted) & self._key_ids():
            raise PreconditionError(
                f"{what} is not encrypted to the root key {self.fingerprint}; it needs the key "
                + " or ".join(wanted),
                code="E_NO_IDENTITY",
                where=what,
                hint="give the right root key: --root file:PATH",
            )
        try:
            plain = decrypt(data, decryptor=self._decryptor).bytes
        except RuntimeError:
            plain = None
        if not plain:
            # An empty answer without an error is how older tools report a broken message.
            raise damaged(what)
        return Sensitive(plain, what)

    def export(self) -> Sensitive:
        """The secret key, preceded by its passphrase if it has one, for a pipe to a child process only."""
        if self._passphrase is None:
            return self._secret
        carried = CARRIED + base64.b64encode(self._passphrase.reveal()) + b"\n"
        return Sensitive(carried + self._secret.reveal(), "OpenPGP secret key")

    def _key_ids(self) -> set[str]:
        """Ids of the primary key and of each subkey: 16 hex digits, the end of their fingerprints."""
        from pysequoia.packet import PacketPile

        ids = (packet.key_id for packet in PacketPile.from_bytes(self.certificate))
        return {str(key_id).upper() for key_id in ids if key_id}


class PgpRoot(PgpKey):
    """``RootKey`` of an OpenPGP secret key."""

    @property
    def recipients(self) -> tuple[str, ...]:
        return (self.fingerprint,)

    def unwrap(self, ciphertext: bytes, what: str) -> Sensitive:
        return self.decrypt(ciphertext, what)


def _tsk(secret: Sensitive) -> "Tsk":
    from pysequoia import Tsk

    found: Tsk | None = None
    try:
        if _holds_secret(secret.reveal()):
            found = Tsk.from_bytes(secret.reveal())
    except RuntimeError:
        found = None
    if found is None:
        raise PreconditionError(
            "this is not an OpenPGP secret key",
            code="E_KEY_KIND",
            hint="gpg --armor --export-secret-keys FINGERPRINT writes one",
        )
    return found


def _holds_secret(key: bytes) -> bool:
    from pysequoia.packet import PacketPile, Tag

    return any(packet.tag == Tag.SecretKey for packet in PacketPile.from_bytes(key))


def _decryptor(tsk: "Tsk", passphrase: Sensitive | None) -> "PyDecryptor":
    try:
        return tsk.decryptor(passphrase.reveal().decode() if passphrase else None)
    except (RuntimeError, UnicodeDecodeError):
        raise PreconditionError(
            "the passphrase does not open the OpenPGP key"
            if passphrase
            else "the OpenPGP key has a passphrase",
            code="E_KEY_PASS",
            hint="run it on a terminal, where the passphrase is asked for",
        ) from None


def locked(secret: Sensitive) -> bool:
    """True when the secret key asks for a passphrase."""
    try:
        _tsk(secret).decryptor()
    except RuntimeError:
        return True
    return False


def is_pgp(content: bytes) -> bool:
    return content.lstrip().startswith(MESSAGE) or (content[:1] >= b"\x80" and _has_pkesk(content))


def _has_pkesk(content: bytes) -> bool:
    return content[0] in (0xC1, 0x84, 0x85, 0x86)  # tag 1, new format; old format with 1, 2, 4 length bytes


def _message(message: bytes, what: str) -> bytes:
    stripped = message.lstrip(b" \t\r\n")
    if not stripped:
        raise DefinitionError(
            f"{what} is empty", code="E_CT_EMPTY", where=what, hint="encrypt the file again and commit it"
        )
    return stripped if stripped.startswith(b"-----BEGIN") else message


def damaged(what: str) -> BootstrapError:
    return DefinitionError(
        f"{what} is damaged: it is not a whole OpenPGP message",
        code="E_CT_DAMAGED",
        where=what,
        hint="take it from an older commit, or encrypt it again",
    )


def recipients_of(message: bytes, what: str) -> tuple[str, ...]:
    """Key ids (16 hex digits) that a message is encrypted to: the PKESK packets of RFC 9580 5.1."""
    from pysequoia.packet import PacketPile, Tag

    try:
        found = [p.body for p in PacketPile.from_bytes(message) if p.tag == Tag.PKESK]
    except RuntimeError:
        raise damaged(what) from None
    ids = tuple(_key_id(body) for body in found if body)
    if not ids:
        raise damaged(what)
    return ids


def _key_id(body: bytes) -> str:
    if body[0] == 3:
        return body[1:9].hex().upper()
    # Version 6: length, key version, fingerprint. The id ends a fingerprint of version 4, begins one of 6.
    fingerprint = body[3 : 2 + body[1]]
    return (fingerprint[-8:] if body[2] == 4 else fingerprint[:8]).hex().upper()


def generate(user_id: str) -> Sensitive:
    """A new armored secret key over Curve25519 (RFC 4880 packets, which GnuPG and Vault read)."""
    from pysequoia import Profile, Tsk

    return Sensitive(str(Tsk.generate(user_id, profile=Profile.RFC4880)).encode(), "OpenPGP secret key")


def certificates(armored: str) -> "list[Cert]":
    """The certificates in a text. Raises DefinitionError E_RECIPIENT."""
    from pysequoia import Cert

    blocks = [block.encode() for block in armored_blocks(armored)]
    try:
        found = [Cert.from_bytes(block) for block in blocks if not _holds_secret(block)]
    except RuntimeError:
        found = []
    if not found or len(found) != len(blocks):
        raise DefinitionError(
            "a recipient is not an OpenPGP public key",
            code="E_RECIPIENT",
            hint="gpg --armor --export FINGERPRINT writes one",
        )
    return found


def armored_blocks(text: str) -> list[str]:
    """Each armored block of a text on its own."""
    end = "-----END PGP PUBLIC KEY BLOCK-----"
    return [block + end + "\n" for block in text.split(end) if block.strip()]


def encrypt(recipients: Sequence[str], plaintext: Sensitive) -> bytes:
    """One armored message for all ``recipients``, each an armored certificate."""
    from pysequoia import encrypt as pgp_encrypt

    certs = [cert for recipient in recipients for cert in certificates(recipient)]
    return bytes(pgp_encrypt(plaintext.reveal(), recipients=certs))


def protect(secret: Sensitive, passphrase: Sensitive) -> bytes:
    """The secret key inside a message that a passphrase opens (``gpg -d`` reads it too)."""
    from pysequoia import encrypt as pgp_encrypt

    return bytes(pgp_encrypt(secret.reveal(), passwords=[passphrase.reveal().decode()]))


def open_protected(content: bytes, passphrase: Sensitive) -> bytes | None:
    """The secret key inside; None when the passphrase is wrong."""
    from pysequoia import decrypt

    try:
        return decrypt(content.lstrip(), passwords=[passphrase.reveal().decode()]).bytes
    except (RuntimeError, UnicodeDecodeError):
        return None
