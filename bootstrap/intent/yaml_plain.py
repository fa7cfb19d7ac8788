"""The plain part of YAML, line by line: what nearly every catalog is written in, read several times faster.

Block mappings and lists of ``key: value`` lines, one-line ``{...}`` and ``[...]``, quotes without escapes. Nothing
is refused here: whatever is not plainly of this form, right or wrong, is left to ``yaml_source``, where libyaml
decides. So this may know less than YAML, but never say anything else; a test holds the two against each other.
"""

import re
from collections.abc import Iterable, Mapping
from sys import intern
from typing import Any, Final

Plain = str | int | bool | None | list[Any] | dict[str, Any]
WORDS: Final[Mapping[str, Plain]] = {"true": True, "false": False, "null": None, "~": None, "": None}
INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
DEEPEST: Final = 12  # levels of blocks, and of flows inside the deepest: less than yaml_source allows

_KEY = r"[A-Za-z_][A-Za-z0-9_./-]{0,120}"
_QUOTED = r""""[^"\\\n]*"|'[^'\n]*'"""
_TEXT = r"[A-Za-z0-9/._][^\n:#]*(?::[^\n:# ][^\n:#]*)*(?<! )"  # its inner ':' and '#' separate nothing
_FLOW = r"[{\[][^\n#]*[}\]]"
_LINE = re.compile(
    rf"^( *)(- +)?(?:({_KEY}):(?= |$) *)?({_TEXT}|{_FLOW}|{_QUOTED}|)(?: +#.*| *)$|^ *#.*$|^(.+)$",
    re.MULTILINE,
)
_WORD = r"[A-Za-z0-9/._@+=()$~;-]"
_WORDS = rf"[A-Za-z0-9/._]{_WORD}*(?: +{_WORD}+)*"
_ATOM = rf"{_WORDS}|{_QUOTED}"
_FLAT = re.compile(rf"\{{{_KEY}: {_WORDS}(?:, {_KEY}: {_WORDS})*\}}")  # what most flows are
_TOKEN = re.compile(rf" *(?:({_KEY}): +)?({_ATOM}|[\[{{]) *([\]}},]?)| *([\]}},])|(.)")


class _NotPlainError(Exception):
    """Somebody else decides what this is."""


def read(text: str) -> tuple[dict[str, Any], int] | None:
    """The mapping of one document, and the number of its first line in ``text``, counted from 0.

    None when it is empty, or anything but plain. ``text`` holds no tab, no separator of documents, no line end
    but LF, and nothing that YAML forbids.
    """
    rows = _LINE.findall(text)
    try:
        found = _block(rows)
    except _NotPlainError:
        return None
    if not found:
        return None
    return found, 0 if rows[0][2] else next(number for number, row in enumerate(rows) if row[2])


def scalar(text: str) -> Plain:
    """What an unquoted scalar is: true, false, null, a decimal integer, and else the text it looks like."""
    if text in WORDS:
        return WORDS[text]
    if text[-1].isdigit() and INTEGER.fullmatch(text):
        return int(text)
    return intern(text)  # names of teams, namespaces and workloads return by the thousand


def _block(rows: Iterable[tuple[str, str, str, str, str]]) -> dict[str, Any]:
    """``top`` is open at column ``level``; ``waiting`` is the key of it that has no value so far."""
    root: dict[str, Any] = {}
    top: Any = root
    level, waiting = 0, ""
    stack: list[tuple[Any, int]] = []
    for indent, dash, key, value, other in rows:
        if not key and not dash:
            if value or other:
                raise _NotPlainError
            continue  # nothing, or a comment
        width = len(indent)
        while width < level:
            top, level = stack.pop()
            waiting = ""
        if width > level or (dash and type(top) is dict):
            if not waiting or len(stack) > DEEPEST:
                raise _NotPlainError
            stack.append((top, level))
            inner: Any = [] if dash else {}
            top[waiting] = inner
            top, level, waiting = inner, width, ""
        elif not dash and type(top) is list:  # a list may stand below its key without being indented
            top, level = stack.pop()
            if level != width:
                raise _NotPlainError
        if dash and key:
            stack.append((top, level))
            inner = {}
            top.append(inner)
            top, level = inner, width + len(dash)
        if key:
            if key in top:
                raise _NotPlainError
            top[key] = _value(value) if value else None
            waiting = "" if value else key
        elif value:
            top.append(_value(value))
        else:
            raise _NotPlainError
    return root


def _value(text: str) -> Plain:
    sign = text[0]
    if sign in "{[":
        return _flat(text) if _FLAT.fullmatch(text) else _flow(text)
    return text[1:-1] if sign in "\"'" else scalar(text)


def _flat(text: str) -> dict[str, Plain]:
    pairs = text[1:-1].split(", ")
    found = {}
    for pair in pairs:
        key, value = pair.split(": ")
        found[key] = scalar(value)
    if len(found) < len(pairs):
        raise _NotPlainError
    return found


def _flow(text: str) -> Plain:
    """A ``{...}`` or ``[...]``. ``ready`` is True where a value may follow."""
    root: list[Plain] = []
    top: Any = root
    ready = True
    stack: list[Any] = []
    for key, value, sign, closed, other in _TOKEN.findall(text):
        if value:
            if not ready or bool(key) is not (type(top) is dict) or (key and key in top):
                raise _NotPlainError
            opens = value in ("[", "{")
            made: Any = ([] if value == "[" else {}) if opens else _value(value)
            if key:
                top[key] = made
            else:
                top.append(made)
            ready = opens
            if opens:
                stack.append(top)
                top = made
                if len(stack) > DEEPEST:
                    raise _NotPlainError
        elif other:
            raise _NotPlainError
        end = sign or closed
        if end == ",":
            if ready:
                raise _NotPlainError
            ready = True
        elif end:
            if (ready and top) or (end == "]") is not (type(top) is list) or not stack:
                raise _NotPlainError
            top = stack.pop()
            ready = False
    if stack or len(root) != 1:
        raise _NotPlainError
    return root[0]
