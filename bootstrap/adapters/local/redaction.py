"""Keeps a server's words out of errors when the request carried a secret value (B1, B2).

A server quotes what it was sent, cut and encoded as it likes. So of its words about such a request only those get out
that are known beforehand; where only the token was secret, none that repeat a piece of it.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, quote_plus

from bootstrap.model.sensitive import Sensitive

WITHHELD = "(the server's words are withheld: the request carried a secret value)"
WINDOW = 8  # bytes of a value that are recognised wherever they stand
SHORTEST = 4  # of a value that is shorter than a window; less than that occurs in any sentence


def sensitive_leaves(node: Any) -> Iterator[Sensitive]:
    """Every ``Sensitive`` in a tree of mappings and sequences."""
    if isinstance(node, Sensitive):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from sensitive_leaves(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from sensitive_leaves(value)


def shown(words: str, sent: Any, *, instead: str = "", beside: Any = None) -> str:
    """What of a server's ``words`` may leave: of an answer to a secret value in ``sent`` nothing but what the caller
    has made ``instead``; else all, unless they repeat what went ``beside`` it (a token)."""
    if any(True for _ in sensitive_leaves(sent)):
        return instead or WITHHELD
    return WITHHELD if repeats(words, beside) else words


def repeats(words: str, sent: Any) -> bool:
    """True when ``words`` hold a piece of a value of ``sent``: as text, as JSON or Go quotes it, in a URL, in base64
    wherever it begins, or in hex."""
    pieces = {words[i : i + WINDOW] for i in range(len(words) - WINDOW + 1)}
    forms = (form for leaf in sensitive_leaves(sent) for form in dict.fromkeys(_forms(leaf.reveal())))
    return any(_met(form, words, pieces) for form in forms)


def _met(form: str, words: str, pieces: set[str]) -> bool:
    if len(form) < WINDOW:
        return len(form) >= SHORTEST and form in words
    return any(piece in form for piece in pieces)  # the words are short, a value need not be


def _forms(value: bytes) -> Iterator[str]:
    text = value.decode("utf-8", "replace")
    yield from (text, text.strip(), json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1])
    yield from (quote(value), quote_plus(value), value.hex(), value.hex().upper())
    for start in range(3):  # base64 of more than the value: three bytes become four characters
        encoded = base64.b64encode(value[start:]).decode().rstrip("=")
        yield from (encoded, encoded.replace("+", "-").replace("/", "_"))
