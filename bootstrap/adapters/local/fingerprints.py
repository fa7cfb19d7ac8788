"""Is this the same value as that one? By HMAC under a key of this process alone: nothing to keep, nothing to guess by.

A value is looked for as the whole of a field, as a line, as what stands behind ``=`` or ``:`` in one, as a word
between quotes, spaces and the like, and as the base64 of each. It is not found inside what is compressed or encrypted,
nor where it is divided or escaped.
"""

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Iterator

from bootstrap.intent.private_keys import private_keys
from bootstrap.model.sensitive import Sensitive

SHORTEST = 8  # bytes: what is shorter is found by chance
LONGEST = 64 * 1024  # bytes of a text that is also looked at word by word
COMMON = frozenset(
    b"password changeme change-me postgres postgresql localhost disabled required internal production"
    b" 12345678 123456789 00000000 administrator external-secrets kubernetes".split()
)
_PUBLIC = re.compile(rb"-----BEGIN (?:TRUSTED |X509 )?(?:CERTIFICATE|PUBLIC KEY|RSA PUBLIC KEY)-----")
_WORD = re.compile(rb"[^\s\"'`,;<>()\[\]{}|&]+")
_BEHIND = re.compile(rb"[^\n:=]{1,200}[:=]\s*(.+)")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{8,}={0,2}")
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
        parts = _parts(value.reveal())
        return frozenset(self._digest(part) for part in parts if len(part) in self._lengths)

    def whole(self, value: Sensitive) -> bytes:
        """The digest of a field as it is."""
        return self._digest(value.reveal().strip())

    def _digest(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, "sha256")


def is_weak(value: Sensitive) -> bool:
    """Short, common or public by its form: that it is met again says nothing."""
    content = value.reveal().strip()
    short = len(content) < SHORTEST or len(set(content)) < 3
    return short or content.lower() in COMMON or _PUBLIC.match(content) is not None


def secret_looking(value: Sensitive) -> str:
    """What a value is by its form, such as "a private key"; empty where it looks like none."""
    content = value.reveal()
    if next(private_keys("", content), None) is not None:
        return "a private key"
    return next((what for what, pattern in _TOKENS.items() if pattern.search(content)), "")


def _parts(content: bytes) -> Iterator[bytes]:
    whole = content.strip()
    yield from _plain_and_opened(whole)
    if len(content) > LONGEST:
        return
    for line in whole.splitlines():
        yield line.strip()
        if behind := _BEHIND.match(line):
            yield behind[1].strip().strip(b"\"'")
        for word in _WORD.findall(line):
            yield from _plain_and_opened(word)
            for end in re.split(rb"[=:@/]", word):
                yield from _plain_and_opened(end)


def _plain_and_opened(part: bytes) -> Iterator[bytes]:
    yield part
    if _BASE64.fullmatch(part):
        try:
            yield base64.b64decode(
                part + b"=" * (-len(part) % 4), altchars=b"-_" if b"-" in part or b"_" in part else None
            ).strip()
        except (binascii.Error, ValueError):
            return
