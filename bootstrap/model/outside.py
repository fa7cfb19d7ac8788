"""Text that came from outside: on its way to a terminal, a log or a report, and as numbers and JSON (S3).

A name, a time or a note of a file, a server or a repository may hold an escape sequence, a line break or a mark that
turns writing around. What does so is written as JSON writes it, so a document of JSON stays what it was.
"""

import json
import re
import unicodedata
from typing import Any

# Control, format (bidi overrides, zero width, tags), surrogate; line and paragraph separator.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


# Letters and marks that are drawn as nothing (Unicode's Default_Ignorable_Code_Point, without the variation selectors
# that pictures have).
_FILLERS = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0]")


def unseen(character: str) -> bool:
    """True for what a reader does not see, and a terminal may obey."""
    return unicodedata.category(character) in UNSEEN or _FILLERS.match(character) is not None


def _is_plain(text: str) -> bool:
    return text.isprintable() and (text.isascii() or _FILLERS.search(text) is None)


def one_line(text: str) -> str:
    """The text as one line: nothing in it moves a cursor, begins a line or changes the direction of writing."""
    return text if _is_plain(text) else "".join(_shown(c) if unseen(c) else c for c in text)


def whole(text: str) -> str:
    """The same for a document, whose line breaks are its own."""
    return "\n".join(map(one_line, text.split("\n")))


def decimal(text: str) -> int | None:
    """What up to 18 decimal digits of ASCII say; None for all else. ``int`` raises for thousands of digits, and
    ``isdigit`` is true of some that it does not take."""
    return int(text) if len(text) <= 18 and text.isascii() and text.isdigit() else None


def json_value(data: bytes | str) -> Any:
    """What JSON says. ValueError for what is none, and for what is nested too deeply to be read."""
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def first_unseen(text: str) -> int:
    """Where the first such character stands that is no line break and no tab; -1 where there is none."""
    begin = 0
    for line in text.split("\n"):
        if not _is_plain(line):
            at = next((i for i, c in enumerate(line) if c != "\t" and unseen(c)), -1)
            if at >= 0:
                return begin + at
        begin += len(line) + 1
    return -1


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _shown(character: str) -> str:
    number = ord(character)
    if number < 0x10000:
        return _SHORT.get(character) or f"\\u{number:04x}"
    high, low = divmod(number - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"
