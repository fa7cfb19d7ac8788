"""Which keys a value carries, in whatever form, armor or encoding they are written (S1, S3).

A private key is known by its public half, so two texts of one key are the same key. What was divided, compressed or
encrypted before it was put into the value is not seen.
"""

import base64
import binascii
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from bootstrap.adapters.age.bech32 import identity_of
from bootstrap.adapters.age.identity import identity
from bootstrap.adapters.local.programs import ask_never, callers
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.model.errors import PreconditionError
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

LEAST = 32  # bytes of the shortest key
DEPTH = 4  # an encoding within an encoding, and so on
_AGE = re.compile(rb"AGE-SECRET-KEY-(?:PQ-)?1[0-9A-Z]{50,}", re.IGNORECASE)
_BASE64 = (re.compile(rb"[A-Za-z0-9+/\s]{32,}={0,2}"), re.compile(rb"[A-Za-z0-9_\-\s]{32,}={0,2}"))
_HEX = re.compile(rb"(?:(?:0x|\\x)?[0-9a-fA-F]{2}[\s:,]{0,2}){32,}")  # and as programs write bytes
_NO_DIGIT = re.compile(rb"0x|\\x|[\s:,]")
_OPENSSH = b"openssh-key-v1\0"
# RFC 9580 4.2, 5.5.2 and 9.1: how a packet with a secret key, or a subkey, begins. Tag and length, in the old form and
# the new one; version and time; algorithm. Less exact, and in most texts there are places to be tried.
_PGP_SECRET = re.compile(
    rb"(?=(?:[\x94\x9c].|[\x95\x9d]..|[\x96\x9e].{4}|[\xc5\xc7](?:[\x00-\xbf\xe0-\xfe]|[\xc0-\xdf].|\xff.{4}))"
    rb"(?:\x03.{6}|[\x04-\x06].{4})[\x01-\x03\x10-\x13\x16\x19-\x24])",
    re.DOTALL,
)
_LONGEST = 1 << 13  # bytes of such a packet: RSA of 16384 bits has 7 KiB
_TRIED = 256  # places of one view where a scalar may begin
_SCALAR = 32  # bytes of a private key on a curve: as it is, or as DER has it, an OCTET STRING of that length
_IN_DER = b"\x04\x20"
_PUTTY = re.compile(rb"PuTTY-User-Key-File.*?Public-Lines: \d+\s+([A-Za-z0-9+/=\s]+?)\nPrivate-", re.DOTALL)
_BLOCK = 16  # bytes; of a text at least twice as long, less one, some such block of a view lies within it
_ESCAPED = re.compile(rb"\\([\\/\"nrt]|u00[0-7][0-9a-fA-F])")


def public_names(value: Sensitive) -> frozenset[str]:
    """What the private keys in ``value`` are called: an age recipient, OpenPGP fingerprints, else the public half."""
    return frozenset(name for view in views(value.reveal()) for name in _names(view))


def names_in(seen: Sequence[bytes]) -> frozenset[str]:
    """The same of a value's ``views``; and what their bytes would be called, where they are as long as a key and do
    not say what they are. That is for comparing alone: in any text are bytes that would be some key."""
    guessed = (name for view in seen for scalar in _scalars(view) for name in _of_scalar(scalar))
    return frozenset((*(name for view in seen for name in _names(view)), *guessed))


class Texts:
    """What the root material is, to be found in the ``views`` of a value whatever stands around it.

    A text of which no 16 bytes lie in a view, at a place that is a multiple of 16, is not in it. They are looked up by
    their hash, which is this process's own: the time tells no more than that half of a key is there.
    """

    def __init__(self, kept: Sequence[Sensitive]) -> None:
        texts = [value.reveal().strip() for value in kept]
        binary = [data for text in texts if _HEX.fullmatch(text) for data in _hexes(text)]
        self._texts = tuple(dict.fromkeys((*texts, *binary)))
        self._short = tuple(text for text in self._texts if len(text) < 2 * _BLOCK - 1)  # these are no keys
        self._blocks = frozenset(
            text[at : at + _BLOCK] for text in self._texts for at in range(len(text) - _BLOCK + 1)
        )

    def carried(self, seen: Sequence[bytes]) -> bool:
        """Every view is looked through, whatever is found."""
        parts = {part for view in seen for part in (view.strip(), *_hexes(view))}
        return any([self._within(part) for part in parts])  # noqa: C419  # every one

    def _within(self, part: bytes) -> bool:
        blocks = {part[at : at + _BLOCK] for at in range(0, len(part), _BLOCK)}
        likely = self._short if self._blocks.isdisjoint(blocks) else self._texts
        return any(text in part for text in likely)


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
    if b"\0" in data and (3 * data.count(b"\0") >= len(data) or _AGE.search(data.replace(b"\0", b""))):
        yield data.replace(b"\0", b"")  # UTF-16 and UTF-32
    if b"\\" in data:
        yield _ESCAPED.sub(_unescaped, data)
    for part in re.split(rb"[?&=\s]", data) if b"%" in data else ():
        yield unquote_to_bytes(part)
    yield from _hexes(data)
    for alphabet in _BASE64:
        for run in alphabet.finditer(data):
            yield from _unbased(run.group())


def _unescaped(escape: re.Match[bytes]) -> bytes:
    """Of JSON; each line end becomes one that armor has."""
    what = escape[1]
    found = bytes([int(what[1:], 16)]) if what[:1] == b"u" else what
    return b"\n" if found in (b"n", b"r", b"t", b"\n", b"\r", b"\t") else found


def _hexes(data: bytes) -> Iterator[bytes]:
    for run in _HEX.finditer(data):
        yield bytes.fromhex(_NO_DIGIT.sub(b"", run.group()).decode())


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
    for found in _PGP_SECRET.finditer(view):
        yield from openpgp.secret_names(_packet(view, found.start()))
    if putty := _PUTTY.search(view):
        with suppress(binascii.Error, struct.error):
            yield openssh_name(base64.b64decode(b"".join(putty[1].split()), validate=True))


def _packet(view: bytes, at: int) -> bytes:
    """The one that begins there, by its own length: what follows a key may be anything, and as much as there is."""
    first, one = view[at], view[at + 1]
    if not first & 0x40:  # the old form
        octets = 1 << (first & 3)
        header, length = 1 + octets, int.from_bytes(view[at + 1 : at + 1 + octets])
    elif one < 192:
        header, length = 2, one
    elif one < 224:
        header, length = 3, ((one - 192) << 8) + view[at + 2] + 192
    else:  # in parts, which no key has, or four octets
        header, length = 6, int.from_bytes(view[at + 2 : at + 6]) if one == 255 else 0
    return view[at : at + header + length] if length <= _LONGEST else b""


def _scalars(view: bytes) -> Iterator[bytes]:
    if len(view.strip()) in (_SCALAR, 2 * _SCALAR):  # of ed25519 the public half may follow
        yield view.strip()[:_SCALAR]
    if len(view) in (_SCALAR, 2 * _SCALAR):
        yield view[:_SCALAR]
    places = (found.end() for found in re.finditer(re.escape(_IN_DER), view))
    yield from (view[at : at + _SCALAR] for at in islice(places, _TRIED) if len(view) >= at + _SCALAR)


def _of_scalar(scalar: bytes) -> Iterator[str]:
    """What a key of each kind that is kept here would be called, if these bytes were one."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    yield from _age(identity_of(scalar))
    yield from _public(ed25519.Ed25519PrivateKey.from_private_bytes(scalar).public_key())
    with suppress(ValueError):  # zero, or above the order of the curve
        yield from _public(ec.derive_private_key(int.from_bytes(scalar, "big"), ec.SECP256R1()).public_key())


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
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    size = int.from_bytes(view[2:4], "big") + 4 if view[1:2] == b"\x82" else len(view)
    try:
        public = load_der_private_key(view[:size], None, unsafe_skip_rsa_key_validation=True).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return
    yield from _public(public)


def _public(public: "PublicKeyTypes") -> Iterator[str]:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    yield public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()
    try:
        yield public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    except (ValueError, UnsupportedAlgorithm):  # OpenSSH has no keys of this kind
        return
