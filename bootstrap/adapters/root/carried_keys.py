"""Which keys a value carries, in whatever form, armor or encoding they are written (S1, S3).

A private key is known by its public half, so two texts of one key are the same key. What was divided, compressed or
encrypted before it was put into the value is not seen.
"""

import base64
import binascii
import hmac
import re
import struct
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from bootstrap.adapters.age.identity import identity
from bootstrap.adapters.local.programs import ask_never, callers
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.model.errors import PreconditionError
from bootstrap.model.sensitive import Sensitive

LEAST = 32  # bytes of the shortest key
DEPTH = 4  # an encoding within an encoding, and so on
_AGE = re.compile(rb"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{50,}", re.IGNORECASE)
_BASE64 = (re.compile(rb"[A-Za-z0-9+/\s]{32,}={0,2}"), re.compile(rb"[A-Za-z0-9_\-\s]{32,}={0,2}"))
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}[\s:]?){32,}")
_OPENSSH = b"openssh-key-v1\0"
_PGP_SECRET = (0xC5, 0x94, 0x95, 0x96, 0x97)  # RFC 9580 4.2: how a packet with a secret key begins
_ESCAPED = re.compile(rb"\\([\\/nrt]|u000[aAdD9])")


def public_names(value: Sensitive) -> frozenset[str]:
    """What the private keys in ``value`` are called: an age recipient, OpenPGP fingerprints, else the public half."""
    return frozenset(name for view in views(value.reveal()) for name in _names(view))


def carries(value: Sensitive, kept: Sensitive) -> bool:
    """Whether ``kept`` is written in ``value``, in any of the encodings; compared in constant time."""
    wanted = kept.reveal().strip()
    forms = [wanted, *(_hexes(wanted) if _HEX.fullmatch(wanted) else ())]
    found = [part for view in views(value.reveal()) for part in (view.strip(), *_hexes(view))]
    return any(hmac.compare_digest(form, part) for form in forms for part in found)


def openssh_name(blob: bytes) -> str:
    """The public half of an OpenSSH key, as ``ssh-ed25519 AAAA...``."""
    (length,) = struct.unpack(">I", blob[:4])
    return f"{blob[4 : 4 + length].decode('ascii', 'replace')} {base64.b64encode(blob).decode()}"


def views(data: bytes, depth: int = DEPTH) -> Iterator[bytes]:
    """The bytes themselves, and what they are once an encoding is taken off."""
    yield data
    if depth == 0 or len(data) < LEAST:
        return
    for inner in dict.fromkeys(_decoded(data)):
        if len(inner) >= LEAST and inner != data:
            yield from views(inner, depth - 1)


def _decoded(data: bytes) -> Iterator[bytes]:
    if b"\0" in data and _AGE.search(plain := data.replace(b"\0", b"")):
        yield plain  # UTF-16 and UTF-32
    if b"\\" in data:
        yield _ESCAPED.sub(lambda m: m[1] if m[1] in b"\\/" else b"\n", data)
    for part in re.split(rb"[?&=\s]", data) if b"%" in data else ():
        yield unquote_to_bytes(part)
    yield from _hexes(data)
    for alphabet in _BASE64:
        for run in alphabet.finditer(data):
            yield from _unbased(run.group())


def _hexes(data: bytes) -> Iterator[bytes]:
    for run in _HEX.finditer(data):
        yield bytes.fromhex(re.sub(rb"[\s:]", b"", run.group()).decode())


def _unbased(run: bytes) -> Iterator[bytes]:
    """Words may stand in front, and the text may begin within a word."""
    words = run.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/")).split()
    first = next((i for i, word in enumerate(words) if len(word) >= 24), 0)
    for text in {b"".join(words), b"".join(words[first:]), *(w for w in words if len(w) >= 40)}:
        for offset in range(4):
            part = text[offset:]
            part = part[: len(part) - (len(part) % 4 == 1)]
            try:
                yield base64.b64decode(part + b"=" * (-len(part) % 4))
            except binascii.Error:
                continue


# ---------------------------------------------------------------- what a key is called


def _names(view: bytes) -> Iterator[str]:
    for found in _AGE.finditer(view):
        yield from _age(found.group().decode().upper())
    if (start := view.find(_OPENSSH)) >= 0:
        yield from _openssh(view[start + len(_OPENSSH) :])
    if view[:1] == b"\x30":
        yield from _der(view)
    if view[:1] and view[0] in _PGP_SECRET:
        yield from openpgp.secret_names(view)


def _age(text: str) -> Iterator[str]:
    """Nothing for what is no whole identity, and for a post-quantum one where no program knows the kind."""
    try:
        yield identity(text, (), (), callers(ask_never, interactive=False)).recipient
    except PreconditionError:
        return


def _openssh(body: bytes) -> Iterator[str]:
    """PROTOCOL.key of OpenSSH: cipher, kdf, its options, a count, and the public half in the clear."""
    try:
        for _ in range(3):
            (length,) = struct.unpack(">I", body[:4])
            body = body[4 + length :]
        (length,) = struct.unpack(">I", body[4:8])
        yield openssh_name(body[8 : 8 + length])
    except struct.error:
        return


def _der(view: bytes) -> Iterator[str]:
    """PKCS8, SEC1 and PKCS1 without a passphrase."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        PublicFormat,
        load_der_private_key,
    )

    size = int.from_bytes(view[2:4], "big") + 4 if view[1:2] == b"\x82" else len(view)
    try:
        public = load_der_private_key(view[:size], None, unsafe_skip_rsa_key_validation=True).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return
    yield public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()
    try:
        yield public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    except (ValueError, UnsupportedAlgorithm):  # OpenSSH has no keys of this kind
        return
