"""Which of the known words was meant; the caller words the message."""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str], *, alike: float = 0.6) -> str:
    """The nearest word of ``known``, in whatever order they come; empty where none is ``alike`` (0 to 1) enough."""
    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=alike)), "")
