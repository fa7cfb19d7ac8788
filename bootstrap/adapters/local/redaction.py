"""Keeps a server's words out of errors when they repeat a value that was sent (B1, B2)."""

import base64
import json
from collections.abc import Iterator
from typing import Any

from bootstrap.model.sensitive import Sensitive

WITHHELD = "(the server's words are withheld: they repeat a secret value)"
# Shorter pieces occur in any sentence ("a", "no"); a sender of those gains nothing from an error text.
SHORTEST = 4


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


def repeats(words: str, sent: Any) -> bool:
    """True when ``words`` hold a value of ``sent``: as text, as JSON or Go would quote it, or in base64."""
    return any(form in words for leaf in sensitive_leaves(sent) for form in _forms(leaf.reveal()))


def without_values(words: str, sent: Any) -> str:
    """``words``, or a sentence of ours in their place when they repeat a value of ``sent``."""
    return WITHHELD if repeats(words, sent) else words


def _forms(value: bytes) -> Iterator[str]:
    text = value.decode("utf-8", "replace")
    candidates = [
        text,
        text.strip(),
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        base64.b64encode(value).decode(),
        base64.urlsafe_b64encode(value).decode().rstrip("="),
        value.hex(),
    ]
    return (form for form in candidates if len(form) >= SHORTEST)
