"""Canonical JSON (RFC 8785) and the strict way back: one value, one sequence of bytes.

Anything that is not exactly the canonical form of what it says is refused, so that no byte is free.
"""

import base64
import hashlib
import json
from typing import Any, NoReturn

import rfc8785

from bootstrap.model.errors import EvidenceError

Json = Any  # a JSON value: None, bool, int, str, list, dict


def dumps(value: Json) -> bytes:
    """Canonical bytes. ValueError where RFC 8785 has no form (2^53 and above, lone surrogates)."""
    return rfc8785.dumps(value)


def loads(data: bytes, what: str, *, code: str) -> Json:
    """The value of canonical bytes; EvidenceError ``code`` for everything else (duplicate keys, spaces,
    other number forms, floats, a byte order mark, trailing bytes, nesting without end)."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_no_duplicates,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
        same = dumps(value) == data
    except (ValueError, RecursionError):
        raise EvidenceError(f"{what} is not canonical JSON", code=code, where=what) from None
    if not same:
        raise EvidenceError(f"{what} differs from its canonical form (RFC 8785)", code=code, where=what)
    return value


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


def _no_duplicates(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    return found


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of ours")
