"""SSH keys as age identities: ssh-ed25519 and ssh-rsa, which are the two that age encrypts to (C2SP age)."""

import re
from typing import TYPE_CHECKING

from bootstrap.adapters.local.key_source import ROOT, Wanted, not_opened
from bootstrap.adapters.local.programs import AskPassphrase
from bootstrap.model.errors import PreconditionError
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.ssh import SSHPrivateKeyTypes

OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
PEM = (  # of OpenSSL, and of ssh-keygen -m PEM or PKCS8
    b"-----BEGIN RSA PRIVATE KEY-----",
    b"-----BEGIN PRIVATE KEY-----",
    b"-----BEGIN ENCRYPTED PRIVATE KEY-----",
)


def is_ssh_key(data: bytes) -> bool:
    return data.startswith((OPENSSH, *PEM))


def unlocked(data: bytes, ask: AskPassphrase) -> Sensitive:
    """The key in OpenSSH form without a passphrase, in memory. Raises PreconditionError E_KEY_KIND, E_KEY_PASS."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    key = loaded(data, ask)
    if not isinstance(key, Ed25519PrivateKey | RSAPrivateKey):
        raise _kind("an SSH key of a kind that age does not encrypt to", ROOT)
    return in_the_clear(key)


def in_the_clear(key: "SSHPrivateKeyTypes") -> Sensitive:
    """The OpenSSH form without a passphrase."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return Sensitive(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), "SSH key")


def recipient(text: Sensitive) -> str:
    """``ssh-ed25519 AAAA...`` of an unlocked key, as ``age -r`` takes it."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_ssh_private_key,
    )

    public = load_ssh_private_key(text.reveal(), None).public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def loaded(data: bytes, ask: AskPassphrase, wanted: Wanted = ROOT) -> "SSHPrivateKeyTypes":
    """A key of any kind that is known. Raises PreconditionError E_KEY_KIND, E_KEY_PASS."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return _parse(data, None)
    except TypeError:
        return _with_passphrase(data, ask, wanted)
    except (ValueError, UnsupportedAlgorithm):
        raise _kind("not a whole SSH key that is known", wanted) from None


def _with_passphrase(data: bytes, ask: AskPassphrase, wanted: Wanted) -> "SSHPrivateKeyTypes":
    passphrase = ask("Passphrase of the SSH key: ")
    if passphrase is not None:
        try:
            return _parse(data, passphrase.reveal())
        except (ValueError, TypeError):
            pass
    other = "make a root of its own: bootstrap keygen" if wanted is ROOT else "hand the opened key over: fd:N"
    raise not_opened(passphrase, "the SSH key", other, wanted)


def _parse(data: bytes, passphrase: bytes | None) -> "SSHPrivateKeyTypes":
    """TypeError for a key with a passphrase where none is given; ValueError for a wrong one and for damage."""
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    if data.startswith(OPENSSH):
        return load_ssh_private_key(data, passphrase)
    key = load_pem_private_key(data, passphrase)
    known = (rsa.RSAPrivateKey, ed25519.Ed25519PrivateKey, ec.EllipticCurvePrivateKey, dsa.DSAPrivateKey)
    if not isinstance(key, known):
        raise ValueError("no kind of key that SSH knows")  # noqa: TRY004  # what the caller takes for no key
    return key


def _kind(what: str, wanted: Wanted) -> PreconditionError:
    return PreconditionError(
        f"{wanted.name} is {what}",
        code="E_KEY_KIND",
        where=wanted.option,
        hint="ssh-keygen -t ed25519 makes one that can be used"
        + ("; so does bootstrap keygen" if wanted is ROOT else ""),
    )


def is_recipient(text: str) -> bool:
    return re.match(r"ssh-(ed25519|rsa) [A-Za-z0-9+/]+=*(\s|$)", text) is not None
