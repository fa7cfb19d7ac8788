"""Strict YAML with positions: what a person wrote, and on which line (G5).

Nothing surprises: no duplicate keys, anchors, aliases, tags or merge keys; the only scalars that are not
text are plain ``true``, ``false``, decimal integers and ``null`` (or nothing). ``yes``, ``on``, ``010``,
``1.20`` and dates stay the text they look like. Independent of Git; the catalog and the phase files are both
read by it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, Final

import yaml

from bootstrap.model.errors import DefinitionError
from bootstrap.model.outside import first_unseen

Plain = str | int | bool | None | list[Any] | dict[str, Any]
Loc = tuple[str | int, ...]
MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 32

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it is built in: ten times faster
_WORDS: Final[Mapping[str, Plain]] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufeff\ufffe\uffff]|\r|^ *\t", re.MULTILINE)
_COMMON = bytes(range(0x20, 0x7F)) + b"\n"  # a file of nothing else needs no second look
_SYNTAX_HINT = "mend it there, or in the lines above: an indentation, a quote, a bracket"
_TEXT_HINT = "save the file as UTF-8 without a byte order mark, with LF line ends and spaces only"


Marks = Mapping[Loc, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """One document: plain values, and where each of them was written. Lines and columns count from 1."""

    path: str
    value: Plain
    start: tuple[int, int]
    marks: Callable[[], Marks]  # asked for only where something is wrong

    def position(self, loc: Loc = ()) -> tuple[int, int]:
        """(line, column) of the key or list item at ``loc``, or of its nearest parent that is written."""
        marks = self.marks() if loc else {}
        while loc and loc not in marks:
            loc = loc[:-1]
        return marks[loc] if loc else self.start

    def line_of(self, loc: Loc = ()) -> int:
        return self.position(loc)[0]

    def where(self, loc: Loc = ()) -> str:
        """``file:line``, the form that catalog values and findings carry."""
        return f"{self.path}:{self.line_of(loc)}"


def load_documents(path: str, data: bytes, *, written_by_us: bool = True) -> list[Located]:
    """Every document of a file that is not empty, in order; ``path`` is only for messages.

    Text that is not ``written_by_us`` (a SOPS file) may hold characters that are not seen, such as joiners.

    DefinitionError E_TEXT, E_SIZE, E_YAML (syntax), E_YAML_DUP, E_YAML_ALIAS, E_YAML_TAG, E_YAML_KEY or
    E_DEPTH, with ``where=file:line:column``. No message quotes a value.
    """
    text = _text(path, data)
    if written_by_us and not text.isascii() and (at := first_unseen(text)) >= 0:
        raise _bad_text(path, text[:at], _named(text[at]))
    try:
        return list(_Reader(path, text).documents())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or "not YAML")
        raise _refusal(path, mark, "E_YAML", f"this is not YAML: {problem}", _SYNTAX_HINT) from None


def _text(path: str, data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise DefinitionError(
            f"larger than {MAX_BYTES} bytes", code="E_SIZE", where=path, hint="split the file"
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _bad_text(path, "", "UTF-16")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _bad_text(path, data[: error.start].decode("utf-8"), "bytes that are not UTF-8") from None
    if data.translate(None, _COMMON) and (found := _FORBIDDEN.search(text)):
        character = found.group()[-1]
        raise _bad_text(path, text[: found.end() - 1], _named(character))
    return text


def _named(character: str) -> str:
    names = {"\t": "a tab in the indentation", "\r": "a CR line end", "\ufeff": "a byte order mark"}
    return names.get(character, f"character U+{ord(character):04X}, which is not seen")


def _bad_text(path: str, before: str, found: str) -> DefinitionError:
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return DefinitionError(f"found {found}", code="E_TEXT", where=f"{path}:{line}:{column}", hint=_TEXT_HINT)


def _refusal(path: str, mark: Any, code: str, message: str, hint: str = "") -> DefinitionError:
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else path
    return DefinitionError(message, code=code, where=where, hint=hint)


class _Reader:
    """The documents of one file from libyaml's events: values in one pass, places in another if asked for.

    The whole catalog goes through here: events are distinguished by their exact type, which is the cheapest.
    """

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._text = text
        self._places: list[Marks] | None = None

    def documents(self) -> Iterator[Located]:
        loader = _LOADER(self._text)
        self._get: Callable[[], Any] = loader.get_event
        number = 0
        try:
            while type(event := self._get()) is not yaml.StreamEndEvent:
                if type(event) is yaml.DocumentStartEvent:
                    event = self._get()
                    value = self._composed(event, 0)
                    if value is not None:
                        yield self._located(value, _place(event), number)
                    number += 1
        finally:
            loader.dispose()

    def _located(self, value: Plain, start: tuple[int, int], number: int) -> Located:
        return Located(path=self._path, value=value, start=start, marks=lambda: self._marks()[number])

    def _marks(self) -> list[Marks]:
        """Of all documents at once: where one is wrong, the next often is."""
        if self._places is None:
            self._places = list(_places(self._text))
        return self._places

    def _composed(self, event: Any, depth: int) -> Plain:
        """The value that begins with ``event``. ``depth`` is bounded, so this may descend."""
        if event.anchor is not None or event.tag is not None:  # an alias has an anchor too
            raise self._magic(event)
        if type(event) is yaml.ScalarEvent:
            return self._quoted(event) if event.style else _plain(event.value)
        if depth >= MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise _refusal(self._path, event.start_mark, "E_DEPTH", message, "write it flatter")
        return self._mapping(depth + 1) if type(event) is yaml.MappingStartEvent else self._list(depth + 1)

    def _mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        marks: list[Any] = []
        get: Callable[[], Any] = self._get
        scalar, end = yaml.ScalarEvent, yaml.MappingEndEvent
        while type(event := get()) is not end:
            if event.anchor is not None or event.tag is not None:
                raise self._magic(event)
            if type(event) is not scalar or (event.value == "<<" and not event.style):
                message = "a key is plain text: no list, no mapping, no merge"
                hint = "write the key and its value out"
                raise _refusal(self._path, event.start_mark, "E_YAML_KEY", message, hint)
            name = intern(self._quoted(event) if event.style else event.value)
            if name in found:
                first, again = marks[[*found].index(name)].line + 1, _place(event)[0]
                message = f"key {name!r} is written twice: first on line {first}, again on line {again}"
                raise _refusal(self._path, event.start_mark, "E_YAML_DUP", message, "keep one of the two")
            marks.append(event.start_mark)
            found[name] = self._composed(get(), depth)
        return found

    def _list(self, depth: int) -> list[Any]:
        found: list[Any] = []
        get, end = self._get, yaml.SequenceEndEvent
        while type(event := get()) is not end:
            found.append(self._composed(event, depth))
        return found

    def _quoted(self, event: Any) -> str:
        """In quotes or a block: text, whatever it looks like."""
        text: str = event.value
        if event.style == '"' and (at := first_unseen(text)) >= 0:
            # Only an escape can bring one in: the text itself was looked at as a whole.
            message = f"found character U+{ord(text[at]):04X}, written as an escape"
            raise _refusal(self._path, event.start_mark, "E_TEXT", message, "remove it")
        return text

    def _magic(self, event: Any) -> DefinitionError:
        if event.anchor is not None:
            message, hint = "anchors and aliases are not read", "write the value out in both places"
            return _refusal(self._path, event.start_mark, "E_YAML_ALIAS", message, hint)
        message, hint = "tags are not read", "write the plain value"
        return _refusal(self._path, event.start_mark, "E_YAML_TAG", message, hint)


def _plain(text: str) -> Plain:
    """What an unquoted scalar is: true, false, null, a decimal integer, and else the text it looks like."""
    if text in _WORDS:
        return _WORDS[text]
    if text[-1].isdigit() and _INTEGER.fullmatch(text):
        return int(text)
    return intern(text)  # names of teams, namespaces and workloads return by the thousand


def _places(text: str) -> Iterator[Marks]:
    """Where each key and list item of each document begins. ``text`` was read before, so nothing is refused."""
    loader = _LOADER(text)
    try:
        while type(event := loader.get_event()) is not yaml.StreamEndEvent:
            if type(event) is yaml.DocumentStartEvent:
                event = loader.get_event()
                marks: dict[Loc, tuple[int, int]] = {(): _place(event)}
                _walk(loader.get_event, event, (), marks)
                yield marks
    finally:
        loader.dispose()


def _walk(get: Callable[[], Any], event: Any, loc: Loc, marks: dict[Loc, tuple[int, int]]) -> None:
    if type(event) is yaml.MappingStartEvent:
        while type(key := get()) is not yaml.MappingEndEvent:
            inner: Loc = (*loc, key.value)
            marks[inner] = _place(key)
            _walk(get, get(), inner, marks)
    elif type(event) is yaml.SequenceStartEvent:
        number = 0
        while type(item := get()) is not yaml.SequenceEndEvent:
            marks[*loc, number] = _place(item)
            _walk(get, item, (*loc, number), marks)
            number += 1


def _place(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1
