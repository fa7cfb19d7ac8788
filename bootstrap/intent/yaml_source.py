"""Strict YAML with positions: what a person wrote, and on which line (G5).

Nothing surprises: no duplicate keys, anchors, aliases, tags or merge keys; the only scalars that are not
text are plain ``true``, ``false``, decimal integers and ``null`` (or nothing). ``yes``, ``on``, ``010``,
``1.20`` and dates stay the text they look like. Independent of Git; the catalog and the phase files are both
read by it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from bootstrap.intent import yaml_plain
from bootstrap.intent.yaml_plain import Plain
from bootstrap.model.errors import DefinitionError

Loc = tuple[str | int, ...]
MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 32

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml where it is built in: ten times faster
_FORBIDDEN = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufeff\ufffe\uffff]|\r|^ *\t", re.MULTILINE)
_COMMON = bytes(range(0x20, 0x7F)) + b"\n"  # a file of nothing else needs no second look
_SEPARATOR = "\n---\n"
_UNCOMMON = ("\n...", "\n%", "\t", "\u2028", "\u2029")  # further separators of documents, words and lines
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
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


def load_documents(path: str, data: bytes) -> list[Located]:
    """Every document of a file that is not empty, in order; ``path`` is only for messages.

    DefinitionError E_TEXT, E_SIZE, E_YAML (syntax), E_YAML_DUP, E_YAML_ALIAS, E_YAML_TAG, E_YAML_KEY or
    E_DEPTH, with ``where=file:line:column``. No message quotes a value.
    """
    text = _text(path, data)
    try:
        try:
            return [found for part, above in _parts(text) for found in _part(path, part, above)]
        except (_UncommonError, yaml.YAMLError, DefinitionError):
            return _documents(path, text)  # what is wrong is said of the file as a whole
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or "not YAML")
        raise _refusal(path, mark, "E_YAML", f"this is not YAML: {problem}", _SYNTAX_HINT) from None


class _UncommonError(Exception):
    """Where one document ends and the next begins is not plain to see."""


def _parts(text: str) -> Iterator[tuple[str, int]]:
    """The text of each document, and the number of lines above it."""
    whole = f"\n{text}"
    parts = whole.split(_SEPARATOR)
    if whole.count("\n---") >= len(parts) or any(sign in whole for sign in _UNCOMMON):
        raise _UncommonError
    above = -1
    for part in parts[:-1]:
        yield f"{part}\n", above  # the end of its last line went with the separator; a block scalar wants it
        above += part.count("\n") + 2
    yield parts[-1], above


def _part(path: str, text: str, above: int) -> list[Located]:
    """A document that is written plainly, as nearly all are, is read without libyaml; its places are not."""
    plain = yaml_plain.read(text)
    if plain is None:
        return _documents(path, text, above)
    value, first = plain
    start = (above + first + 1, 1)
    return [Located(path=path, value=value, start=start, marks=_Later(path, text, above))]


class _Later:
    """The places in a document, looked for when the first of them is asked for."""

    __slots__ = ("_found", "_source")

    def __init__(self, path: str, text: str, above: int) -> None:
        self._source = (path, text, above)
        self._found: Marks | None = None

    def __call__(self) -> Marks:
        if self._found is None:
            self._found = _documents(*self._source)[0].marks()
        return self._found


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
        name = {"\t": "a tab in the indentation", "\r": "a CR line end", "\ufeff": "a byte order mark"}
        what = name.get(character, f"character U+{ord(character):04X}")
        raise _bad_text(path, text[: found.end() - 1], what)
    return text


def _bad_text(path: str, before: str, found: str) -> DefinitionError:
    line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    return DefinitionError(f"found {found}", code="E_TEXT", where=f"{path}:{line}:{column}", hint=_TEXT_HINT)


def _refusal(path: str, mark: Any, code: str, message: str, hint: str = "") -> DefinitionError:
    where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark is not None else path
    return DefinitionError(message, code=code, where=where, hint=hint)


@dataclass(slots=True)
class _Builder:
    """One document from parser events, with a stack of its own: no depth can end the process.

    ``top`` is the mapping or list that is open, ``loc`` its place, ``key`` the key that waits for its value.
    The whole catalog goes through here: events are told apart by their exact type, which is the cheapest.
    """

    path: str
    above: int  # lines before the text that is read
    marks: dict[Loc, tuple[int, int]] = field(default_factory=dict)
    stack: list[tuple[Any, Loc, str | None]] = field(default_factory=list)
    top: Any = None
    loc: Loc = ()
    key: str | None = None
    root: Plain = None

    def read(self, get: Callable[[], Any]) -> Located:
        """Takes events up to the end of the document."""
        while (kind := type(event := get())) is not yaml.DocumentEndEvent:
            if kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self.top, self.loc, self.key = self.stack.pop()
                continue
            if event.anchor is not None or event.tag is not None:  # an alias has an anchor too
                self._refuse_magic(event)
            scalar = kind is yaml.ScalarEvent
            if scalar and event.style == '"' and (found := _CONTROL.search(event.value)):
                # Only an escape can bring one in: the text itself was looked at as a whole.
                message = f"found character U+{ord(found.group()):04X}, written as an escape"
                raise _refusal(self.path, event.start_mark, "E_TEXT", message, "remove it")
            if self.key is None and type(self.top) is dict:
                self._key(event, scalar=scalar)
            elif scalar:
                self._add(_scalar(event), self._place(event.start_mark))
            else:
                self._open({} if kind is yaml.MappingStartEvent else [], event.start_mark)
        return Located(
            path=self.path, value=self.root, start=self.marks.get((), (1, 1)), marks=lambda: self.marks
        )

    def _refuse_magic(self, event: Any) -> None:
        if event.anchor is not None:
            message, hint = "anchors and aliases are not read", "write the value out in both places"
            raise _refusal(self.path, event.start_mark, "E_YAML_ALIAS", message, hint)
        message, hint = "tags are not read", "write the plain value"
        raise _refusal(self.path, event.start_mark, "E_YAML_TAG", message, hint)

    def _key(self, event: Any, *, scalar: bool) -> None:
        mark = event.start_mark
        if not scalar or (event.value == "<<" and not event.style):
            message = "a key is plain text: no list, no mapping, no merge"
            raise _refusal(self.path, mark, "E_YAML_KEY", message, "write the key and its value out")
        name: str = event.value
        loc = (*self.loc, name)
        if loc in self.marks:
            first, again = self.marks[loc][0], mark.line + 1
            message = f"key {name!r} is written twice: first on line {first}, again on line {again}"
            raise _refusal(self.path, mark, "E_YAML_DUP", message, "keep one of the two")
        self.marks[loc] = (self.above + mark.line + 1, mark.column + 1)
        self.key = name

    def _place(self, mark: Any) -> Loc:
        """The loc of the value that begins here. A mapping's entry keeps the mark of its key."""
        if self.key is not None:
            return (*self.loc, self.key)
        loc: Loc = () if self.top is None else (*self.loc, len(self.top))
        self.marks[loc] = (self.above + mark.line + 1, mark.column + 1)
        return loc

    def _add(self, value: Plain, _: Loc) -> None:
        if self.key is not None:
            self.top[self.key] = value
            self.key = None
        elif self.top is None:
            self.root = value
        else:
            self.top.append(value)

    def _open(self, container: dict[str, Any] | list[Any], mark: Any) -> None:
        loc = self._place(mark)
        self._add(container, loc)
        if len(self.stack) >= MAX_DEPTH:
            message = f"nested deeper than {MAX_DEPTH} levels"
            raise _refusal(self.path, mark, "E_DEPTH", message, "write it flatter")
        self.stack.append((self.top, self.loc, self.key))
        self.top, self.loc = container, loc


def _documents(path: str, text: str, above: int = 0) -> list[Located]:
    loader = _LOADER(text)
    found = []
    try:
        while not loader.check_event(yaml.StreamEndEvent):
            if type(loader.get_event()) is yaml.DocumentStartEvent:
                found.append(_Builder(path, above).read(loader.get_event))
    finally:
        loader.dispose()
    return [document for document in found if document.value is not None]


def _scalar(event: Any) -> Plain:
    text: str = event.value
    return text if event.style else yaml_plain.scalar(text)  # quoted or block: text, whatever it looks like
