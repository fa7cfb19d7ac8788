"""SSH keys as age identities: ssh-ed25519 and ssh-rsa, which are the two that age encrypts to (C2SP age)."""

import re
from typing import TYPE_CHECKING

from bootstrap.adapters.age_helpers import AskPassphrase
from bootstrap.model.errors import PreconditionError
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.ssh import SSHPrivateKeyTypes

OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"
PEM_RSA = b"-----BEGIN RSA PRIVATE KEY-----"


def is_ssh_key(data: bytes) -> bool:
    return data.startswith((OPENSSH, PEM_RSA))


def unlocked(data: bytes, ask: AskPassphrase) -> Sensitive:
    """The key in OpenSSH form without a passphrase, in memory. Raises PreconditionError E_KEY_KIND, E_KEY_PASS."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = _load(data, ask)
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return Sensitive(text, "SSH key")


def recipient(text: Sensitive) -> str:
    """``ssh-ed25519 AAAA...`` of an unlocked key, as ``age -r`` takes it."""
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_ssh_private_key,
    )

    public = load_ssh_private_key(text.reveal(), None).public_key()
    return public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _load(data: bytes, ask: AskPassphrase) -> "SSHPrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    try:
        key = _parse(data, None)
    except TypeError:
        key = _with_passphrase(data, ask)
    except (ValueError, UnsupportedAlgorithm):
        raise _kind("not a whole SSH key that is known") from None
    if not isinstance(key, Ed25519PrivateKey | RSAPrivateKey):
        raise _kind("an SSH key of a kind that age does not encrypt to")
    return key


def _with_passphrase(data: bytes, ask: AskPassphrase) -> "SSHPrivateKeyTypes":
    passphrase = ask("Passphrase of the SSH key: ")
    if passphrase is not None:
        try:
            return _parse(data, passphrase.reveal())
        except (ValueError, TypeError):
            pass
    raise PreconditionError(
        "the passphrase does not open the SSH key" if passphrase else "the SSH key has a passphrase",
        code="E_KEY_PASS",
        where="--root",
        hint="run it on a terminal, or make a root of its own: bootstrap keygen",
    )


def _parse(data: bytes, passphrase: bytes | None) -> "SSHPrivateKeyTypes":
    """TypeError for a key with a passphrase where none is given; ValueError for a wrong one and for damage."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key

    if data.startswith(OPENSSH):
        return load_ssh_private_key(data, passphrase)
    key = load_pem_private_key(data, passphrase)
    assert isinstance(key, RSAPrivateKey)  # the armor says so
    return key


def _kind(what: str) -> PreconditionError:
    return PreconditionError(
        f"the root key is {what}",
        code="E_KEY_KIND",
        where="--root",
        hint="ssh-keygen -t ed25519 makes one that can be used; so does bootstrap keygen",
    )


def is_recipient(text: str) -> bool:
    return re.match(r"ssh-(ed25519|rsa) [A-Za-z0-9+/]+=*(\s|$)", text) is not None
