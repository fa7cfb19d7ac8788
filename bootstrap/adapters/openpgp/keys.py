"""OpenPGP without an agent and without a home directory (S1, B4, RFC 9580), by pysequoia.

The library reports failures as RuntimeError with a stack trace in the text; none of it is passed on.
"""

import base64
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from bootstrap.adapters.local.key_source import not_opened
from bootstrap.adapters.local.programs import GIVE_ANOTHER
from bootstrap.adapters.openpgp import validity as openpgp_state
from bootstrap.adapters.openpgp.message import (
    HIDDEN,
    damaged,
    malformed_inside,
    normalised,
    old_cipher,
    recipients_of,
)
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    from pysequoia import Cert, PyDecryptor, Tsk

SECRET = b"-----BEGIN PGP PRIVATE KEY BLOCK-----"
PUBLIC = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
# A certificate whose features are those of RFC 4880. Its private half is never needed: see ``encrypt``.
BYSTANDER_ID = bytes.fromhex("dc761b5793965d32")
BYSTANDER = b"""-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEZZIAgBYJKwYBBAHaRw8BAQdAfYpmGQ1GKDeU3GooPsxb0doUaxnntwzFHeY9
bcjGOx60K2Jvb3RzdHJhcDogd3JpdGVzIGZvciBldmVyeSBPcGVuUEdQIHByb2dy
YW2IkAQTFggAOBYhBPyqXoLOHZOx0lwqFCO8rPPChqmKBQJlkgCAAhsBBQsJCAcC
BhUKCQgLAgQWAgMBAh4BAheAAAoJECO8rPPChqmKVRsA/jvm7FSXYzDfGfNDdfQM
gcRR/WxQdE3RVUnyJOe5WdVGAP9vVg7iCtXnrjlNKhB5g6gVNf/ptL3KEpOVlgj9
cZAdAbg4BGWSAIASCisGAQQBl1UBBQEBB0BxLJKKcWyYStP8q9SiquQjsyDHp2Py
LgQFe1SrfTiOXAMBCAeIeAQYFggAIBYhBPyqXoLOHZOx0lwqFCO8rPPChqmKBQJl
kgCAAhsMAAoJECO8rPPChqmKu1gBAMPhoKhyEmAu2MmOC4QBTqtaSfTCiANKPDH9
G60240LFAP4t+gIxQdywLGUvxS/tbxvZ11zjjXpjSmC2zXdrD6HJAw==
=IDhu
-----END PGP PUBLIC KEY BLOCK-----
"""
# First line of an exported root whose key is protected: what the child needs to open it again.
CARRIED = b"bootstrap-passphrase:"


class PgpKey:
    """An OpenPGP secret key in memory, with its passphrase if it has one.

    Raises PreconditionError E_KEY_KIND, E_KEY_PASS; E_PGP_STATE for a key that is revoked, expired or made
    for signatures only.
    """

    def __init__(self, secret: Sensitive, passphrase: Sensitive | None = None) -> None:
        self._secret = secret
        self._passphrase = passphrase
        self._certificate = _tsk(secret).extract_certificate()
        self.fingerprint = str(self._certificate.fingerprint).upper()  # as GnuPG and SOPS write it
        openpgp_state.check_alive(self._certificate, self.fingerprint)
        self._parts = openpgp_state.parts(secret.reveal(), self.fingerprint)
        self._decryptors = {p.key_id: _decryptor(p, passphrase) for p in self._parts if not p.why_not}
        if not self._decryptors:
            raise openpgp_state.no_part(self._parts, self.fingerprint)

    @property
    def certificate(self) -> bytes:
        """The public half, binary."""
        return bytes(self._certificate)

    @property
    def armored_certificate(self) -> bytes:
        return str(self._certificate).encode()

    def decrypt(self, message: bytes, what: str = "message") -> Sensitive:
        """Plaintext of one message, binary or armored.

        Raises PreconditionError E_NO_IDENTITY, E_PGP_STATE; DefinitionError E_CT_EMPTY, E_CT_DAMAGED,
        E_PGP_FORM, E_PGP_INTEGRITY.
        """
        data = normalised(message, what)
        wanted = recipients_of(data, what)
        keys = [d for key_id, d in self._decryptors.items() if key_id in wanted or HIDDEN in wanted]
        if not keys:
            raise self._not_ours(wanted, what)
        for decryptor in keys:
            found = _opened(data, decryptor, what)
            if found is not None:
                return Sensitive(found, what)
        if HIDDEN in wanted:
            raise self._not_for_us(what)
        raise damaged(what)

    def _not_for_us(self, what: str) -> PreconditionError:
        return PreconditionError(
            f"{what} hides whom it is for, and the root key {self.fingerprint} does not open it",
            code="E_NO_IDENTITY",
            where=what,
            hint=GIVE_ANOTHER,
        )

    def _not_ours(self, wanted: Sequence[str], what: str) -> PreconditionError:
        for part in self._parts:
            if part.key_id in wanted:
                why = f"does not open {what}: {part.why_not}"
                return openpgp_state.state(self.fingerprint, why, part.hint)
        return PreconditionError(
            f"{what} is not encrypted to the root key {self.fingerprint}; it needs the key "
            + " or ".join(wanted),
            code="E_NO_IDENTITY",
            where=what,
            hint=GIVE_ANOTHER,
        )

    def export(self) -> Sensitive:
        """The secret key, preceded by its passphrase if it has one, for a pipe to a child process only."""
        if self._passphrase is None:
            return self._secret
        carried = CARRIED + base64.b64encode(self._passphrase.reveal()) + b"\n"
        return Sensitive(carried + self._secret.reveal(), "OpenPGP secret key")


class PgpRoot(PgpKey):
    """``RootKey`` of an OpenPGP secret key."""

    @property
    def recipients(self) -> tuple[str, ...]:
        return (self.fingerprint,)

    def unwrap(self, ciphertext: bytes, what: str) -> Sensitive:
        return self.decrypt(ciphertext, what)


def _opened(data: bytes, decryptor: "PyDecryptor", what: str) -> bytes | None:
    from pysequoia import decrypt

    try:
        return decrypt(data, decryptor=decryptor).bytes
    except RuntimeError as error:
        rejected = str(error).startswith("Policy rejected symmetric")
        malformed = str(error).startswith("Malformed Message")
    if rejected:
        raise old_cipher(what)
    if malformed:
        raise malformed_inside(what)
    return None


def _tsk(secret: Sensitive) -> "Tsk":
    from pysequoia import Tsk

    found: Tsk | None = None
    future = False
    try:
        if _holds_secret(secret.reveal()):
            found = Tsk.from_bytes(secret.reveal())
    except RuntimeError as error:
        future = str(error).startswith("No binding signature at time")
    if future:
        raise openpgp_state.not_yet()
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


def _decryptor(part: openpgp_state.Part, passphrase: Sensitive | None) -> "PyDecryptor":
    from pysequoia import Tsk

    try:
        return Tsk.from_packets(part.packets).decryptor(passphrase.reveal().decode() if passphrase else None)
    except (RuntimeError, UnicodeDecodeError):
        instead = "hand over a key without one: --root cmd:COMMAND or fd:N"
        raise not_opened(passphrase, "the OpenPGP key", instead) from None


def locked(secret: Sensitive) -> bool:
    """True when the secret key asks for a passphrase. Raises as ``PgpKey`` does for a key that is none."""
    try:
        PgpKey(secret)
    except PreconditionError as error:
        if error.code != "E_KEY_PASS":
            raise
        return True
    return False


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


def names_of(certificate: "Cert") -> frozenset[str]:
    """The fingerprints and the ids of its keys, in upper case: what a message's recipient can be called by."""
    from pysequoia.packet import PacketPile

    packets = [p for p in PacketPile.from_bytes(bytes(certificate)) if p.key_id]
    return frozenset(str(name).upper() for p in packets for name in (p.key_id, p.fingerprint))


def secret_names(packets: bytes) -> tuple[str, ...]:
    """The fingerprints of the secret keys in binary packets, in upper case; none where these are no packets."""
    from pysequoia.packet import PacketPile, Tag

    found: list[str] = []
    with suppress(RuntimeError):  # what follows a key may be anything
        for packet in PacketPile.from_bytes(packets):
            if packet.tag in (Tag.SecretKey, Tag.SecretSubkey) and packet.fingerprint:
                found.append(str(packet.fingerprint).upper())
    return tuple(found)


def armored_blocks(text: str) -> list[str]:
    """Each armored block of a text on its own."""
    end = "-----END PGP PUBLIC KEY BLOCK-----"
    return [block + end + "\n" for block in text.split(end) if block.strip()]


def encrypt(recipients: Sequence[str], plaintext: Sensitive) -> bytes:
    """One armored message for all ``recipients``, each an armored certificate.

    To keys of version 4 in the form of RFC 4880, which every OpenPGP program reads. The library takes the
    newest form that all recipients know, so one who knows the old one only is there while it decides; what
    was encrypted for that one is dropped from the message.
    """
    from pysequoia import ArmorKind, Cert, armor
    from pysequoia import encrypt as pgp_encrypt
    from pysequoia.packet import PacketPile, Tag

    certs = [cert for recipient in recipients for cert in certificates(recipient)]
    if any(len(cert.fingerprint) != 40 for cert in certs):
        return bytes(pgp_encrypt(plaintext.reveal(), recipients=certs))
    bystander = Cert.from_bytes(BYSTANDER)
    message = pgp_encrypt(plaintext.reveal(), recipients=[*certs, bystander], armor=False)
    kept = [
        bytes(packet)
        for packet in PacketPile.from_bytes(message)
        if not (packet.tag == Tag.PKESK and packet.body[1:9] == BYSTANDER_ID)
    ]
    return armor(b"".join(kept), ArmorKind.Message).encode()


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
