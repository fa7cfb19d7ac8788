"""Canonical JSON (RFC 8785) and the strict way back: one value, one sequence of bytes.

Anything that is not exactly the canonical form of what it says is refused, so that no byte is free.

Of a text in ASCII without floats the encoder of the standard library gives that form too, in a fraction of the time.
RFC 8785 differs from it in the order of names outside ASCII, in floats, and in what it refuses.
"""

import base64
import hashlib
import json
from typing import Any, NoReturn

import rfc8785

from bootstrap.model.errors import EvidenceError

Json = Any  # a JSON value: None, bool, int, str, list, dict


LARGEST = 2**53 - 1  # the largest integer that has a form
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


def dumps(value: Json) -> bytes:
    """Canonical bytes of a value whose numbers are integers of at most ``LARGEST``; ValueError for lone surrogates."""
    text = _ENCODE(value)
    return text.encode() if text.isascii() else rfc8785.dumps(value)


def loads(data: bytes, what: str, *, code: str) -> Json:
    """The value of canonical bytes; EvidenceError ``code`` for everything else (duplicate keys, spaces,
    other number forms, floats, a byte order mark, trailing bytes, nesting without end)."""
    try:
        text = data.decode("utf-8")
        value, _ = decode_at(text, 0)
        # What follows the value, and a name that appears twice, is found here: the form has neither.
        same = dumps(value) == data
    except (ValueError, RecursionError):
        raise EvidenceError(f"{what} is not canonical JSON", code=code, where=what) from None
    if not same:
        raise EvidenceError(f"{what} differs from its canonical form (RFC 8785)", code=code, where=what)
    return value


def decode_at(text: str, at: int) -> tuple[Json, int]:
    """The JSON value that begins at ``at``, and where it ends; ValueError or RecursionError where none does."""
    return _DECODER.raw_decode(text, at)


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """Standard padded base64, only in its one canonical form; ValueError otherwise."""
    data = base64.b64decode(text, validate=True)
    if encode(data) != text:
        raise ValueError("base64 is not in canonical form")
    return data


def sha256(data: bytes) -> str:
    """Lower-case hex."""
    return hashlib.sha256(data).hexdigest()


def _integer(text: str) -> int:
    value = int(text)
    if not -LARGEST <= value <= LARGEST:
        raise ValueError(f"{text} is no number of ours")
    return value


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of ours")


_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_refuse, parse_constant=_refuse)
