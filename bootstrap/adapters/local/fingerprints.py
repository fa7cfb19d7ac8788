"""Is this the same value as that one? By HMAC under a key of this process alone: nothing to keep, nothing to guess by.

A value is looked for as the whole of a text, as a line, as what stands behind ``=`` or ``:`` in one, as a word
between quotes, spaces and the like, and as letters and digits between anything else. What is in base64, hexadecimal,
gzip, or escaped as JSON and addresses are, is opened first, layer by layer. It is not found inside what is encrypted,
nor where it is divided.
"""

import base64
import binascii
import hmac
import re
import secrets
import zlib
from collections.abc import Container, Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

from bootstrap.intent.private_keys import private_keys
from bootstrap.model.sensitive import Sensitive

SHORTEST = 8  # bytes: what is shorter is found by chance
LONGEST: Final = 64 * 1024  # bytes of a text of which each word is opened too
UNPACKED: Final = 16 * 1024 * 1024  # bytes of what is compressed
LAYERS: Final = 4  # such as JSON in gzip in base64 in base64
COMMON = frozenset(
    b"password changeme change-me postgres postgresql localhost disabled required internal production"
    b" 12345678 123456789 00000000 administrator external-secrets kubernetes".split()
)
_PUBLIC = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?(?:CERTIFICATE|PUBLIC KEY|RSA PUBLIC KEY)-----")
_WORD = re.compile(rb"[^\s\"'`,;<>()\[\]{}|&]+")
_BEHIND = re.compile(rb"[^\n:=]{1,200}[:=]\s*(.+)")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
_HEX = re.compile(rb"(?:[0-9a-fA-F]{2}){8,}")
_RUN = re.compile(rb"[A-Za-z0-9]{8,}")
_ESCAPE = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_PERCENT = re.compile(rb"%[0-9a-fA-F]{2}")
_GZIP: Final = b"\x1f\x8b"
_ADDRESS = re.compile(rb"[a-z][a-z0-9+.-]*://[A-Za-z0-9.:\[\]-]+/?")
_TOKENS = {
    "a Vault token": re.compile(rb"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
    "a GitHub token": re.compile(rb"\bgh[pousr]_[A-Za-z0-9]{30,}"),
    "a GitLab token": re.compile(rb"\bglpat-[A-Za-z0-9_-]{20,}"),
    "an AWS access key": re.compile(rb"\bAKIA[A-Z0-9]{16}\b"),
    "a JSON web token": re.compile(rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."),
    "a Slack token": re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{10,}"),
    "an address with a password in it": re.compile(rb"\b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/:@]{4,}@"),
}


class Fingerprints:
    """Digests that are equal where values are; those of two processes never are."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._lengths: set[int] = set()

    def of(self, value: Sensitive) -> bytes:
        """The digest of a value that is to be looked for; spaces and newlines around it do not count."""
        content = value.reveal().strip()
        self._lengths.add(len(content))
        return self._digest(content)

    def within(self, value: Sensitive) -> frozenset[bytes]:
        """The digests of all that could be a value in a field, of the lengths that are looked for."""
        lengths = self._lengths
        parts = {p for p in _parts(value.reveal(), lengths, LAYERS) if len(p) in lengths}
        return frozenset(map(self._digest, parts))

    def whole(self, value: Sensitive) -> bytes:
        """The digest of a field as it is."""
        return self._digest(value.reveal().strip())

    def _digest(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")


def is_weak(value: Sensitive) -> bool:
    """Short, common or public by its form: that it is met again says nothing. So is an address without a path."""
    content = value.reveal().strip()
    short = len(content) < SHORTEST or len(set(content)) < 3
    open_ = _PUBLIC.match(content) or _ADDRESS.fullmatch(content)
    return short or content.lower() in COMMON or open_ is not None


def key_line(value: Sensitive) -> Sensitive | None:
    """Of a private key in lines, the one that tells it from others, which stays when the others are indented."""
    if not secret_looking(value):
        return None
    lines = [line.strip() for line in value.reveal().splitlines()]
    inner = [line for line in lines if _BASE64.fullmatch(line)]
    longest = max((len(line) for line in inner), default=0)
    last = next((line for line in reversed(inner) if len(line) == longest), b"")
    return Sensitive(last, "a line of a private key") if len(last) >= 32 else None


def secret_looking(value: Sensitive) -> str:
    """What a value is by its form, such as "a private key"; empty where it looks like none."""
    content = value.reveal()
    if next(private_keys("", content), None) is not None:
        return "a private key"
    return next((what for what, pattern in _TOKENS.items() if pattern.search(content)), "")


def _parts(text: bytes, lengths: Container[int], layers: int) -> Iterator[bytes]:
    """Whatever in ``text`` could be a value; what is opened is a text again, for so many ``layers``."""
    whole = text.strip()
    yield whole
    for word in _words(whole):
        yield word
        if _is_near(len(word) * 3 // 4, lengths) or len(text) <= LONGEST:
            yield from _opened_words(word, lengths, layers)
    if layers:
        for inner in _opened(whole):
            yield from _parts(inner, lengths, layers - 1)


def _words(whole: bytes) -> Iterator[bytes]:
    yield from _RUN.findall(whole)
    for line in whole.splitlines():
        yield line.strip()
        if behind := _BEHIND.match(line):
            yield behind[1].strip().strip(b"\"'")
        for word in _WORD.findall(line):
            yield word
            yield from re.split(rb"[=:@/]", word)


def _opened_words(word: bytes, lengths: Container[int], layers: int) -> Iterator[bytes]:
    for plain in _decoded(word):
        yield plain
        if layers and plain.isascii() and plain != word:
            yield from _parts(plain, lengths, layers - 1)


def _is_near(length: int, lengths: Container[int]) -> bool:
    """Padding and a newline at the end may make it longer than the value."""
    return any(length - more in lengths for more in range(4))


def _decoded(word: bytes) -> Iterator[bytes]:
    if _HEX.fullmatch(word):
        yield bytes.fromhex(word.decode()).strip()
    if _BASE64.fullmatch(word):
        alphabet = b"-_" if b"-" in word or b"_" in word else None
        try:
            yield base64.b64decode(word + b"=" * (-len(word) % 4), altchars=alphabet).strip()
        except (binascii.Error, ValueError):
            return


def _opened(whole: bytes) -> Iterator[bytes]:
    """What a text as a whole is another form of."""
    joined = b"".join(whole.split())  # base64 in lines
    yield from _decoded(joined)
    if whole.startswith(_GZIP):
        yield from _unpacked(whole)
    if b"\\" in whole:
        yield _ESCAPE.sub(_unescaped, whole)
    if _PERCENT.search(whole):
        yield unquote_to_bytes(whole)


def _unpacked(whole: bytes) -> Iterator[bytes]:
    try:
        yield zlib.decompressobj(wbits=31).decompress(whole, UNPACKED)
    except zlib.error:
        return


def _unescaped(found: re.Match[bytes]) -> bytes:
    return bytes.fromhex(found[1].decode()) if found[1] else _ESCAPED.get(found[2], found[2])
