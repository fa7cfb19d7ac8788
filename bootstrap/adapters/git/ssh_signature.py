"""SSH signatures as ``git`` makes them: PROTOCOL.sshsig of OpenSSH, namespace ``git``; keys of RFC 8332, 5656, 8709.

Nothing of a signature is believed but what was pinned: its key only says which of the pinned ones is to be tried.
"""

import binascii
import hashlib
from base64 import b64decode
from dataclasses import dataclass
from typing import Final

from bootstrap.adapters.git.allowed_signers import NAMESPACE, SshSigner, ssh_fingerprint
from bootstrap.adapters.ssh.wire import packed, take

BEGIN: Final = b"-----BEGIN SSH SIGNATURE-----"
END: Final = b"-----END SSH SIGNATURE-----"
MAGIC: Final = b"SSHSIG"
VERSION: Final = b"\0\0\0\1"
DIGESTS: Final = (b"sha256", b"sha512")


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSignature:
    """``key`` is the public key that it names; ``signed`` all that stands before the message's digest."""

    key: bytes
    namespace: bytes
    digest: bytes
    signed: bytes
    algorithm: bytes
    value: bytes

    @property
    def fingerprint(self) -> str:
        return ssh_fingerprint(self.key)


def parse(armored: bytes) -> SshSignature:
    """ValueError for anything but one whole signature."""
    lines = armored.strip().splitlines()
    if len(lines) < 3 or (lines[0], lines[-1]) != (BEGIN, END):
        raise ValueError("no SSH signature")
    try:
        blob = b64decode(b"".join(lines[1:-1]), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None
    if not blob.startswith(MAGIC + VERSION):
        raise ValueError("another version")
    key, rest = take(blob[len(MAGIC + VERSION) :])
    namespace, rest = take(rest)
    reserved, rest = take(rest)
    digest, rest = take(rest)
    signature, rest = take(rest)
    algorithm, inner = take(signature)
    value, left = take(inner)
    if rest or left or digest not in DIGESTS:
        raise ValueError("not a whole signature")
    signed = MAGIC + packed(namespace) + packed(reserved) + packed(digest)
    return SshSignature(
        key=key, namespace=namespace, digest=digest, signed=signed, algorithm=algorithm, value=value
    )


def holds(signature: SshSignature, signer: SshSigner, payload: bytes) -> bool:
    """True when ``signer`` signed just this, for Git."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    if signature.key != signer.blob or signature.namespace != NAMESPACE.encode():
        return False
    key = load_ssh_public_key(signer.kind.encode() + b" " + binascii.b2a_base64(signer.blob, newline=False))
    data = signature.signed + packed(hashlib.new(signature.digest.decode(), payload).digest())
    try:
        if isinstance(key, rsa.RSAPublicKey):
            digest = {b"rsa-sha2-256": SHA256(), b"rsa-sha2-512": SHA512()}.get(signature.algorithm)
            if digest is None:  # ssh-rsa would be SHA-1
                return False
            key.verify(signature.value, data, padding.PKCS1v15(), digest)
        elif signature.algorithm != signer.kind.encode():
            return False
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature.value, data)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            curve = {256: SHA256(), 384: SHA384(), 521: SHA512()}[key.curve.key_size]
            key.verify(_der(signature.value), data, ec.ECDSA(curve))
        else:
            return False
    except (InvalidSignature, ValueError):
        return False
    return True


def _der(value: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    r, rest = take(value)
    s, rest = take(rest)
    if rest:
        raise ValueError("more than two numbers")
    return encode_dss_signature(int.from_bytes(r), int.from_bytes(s))
