"""HCL 1, or JSON in its place, as Vault reads it: items, lists and literals, each with its line.

Source: github.com/hashicorp/hcl v1.0.1-vault-7, hcl/parser. Stricter in two things: an argument may not be set twice
by writing it once in quotes, and JSON has to be JSON, also where Vault's own reader is lenient.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from bootstrap.intent.hcl_tokens import MAX_DEPTH, PAIRS, Token, refusal, tokens

MAX_BYTES = 1024 * 1024
_MARK = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\]\n]', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Literal:
    """``text`` is that of a quoted text or a heredoc, None of what else there is: a number, true."""

    text: str | None
    line: int


@dataclass(frozen=True, slots=True)
class Item:
    """``key = value`` or ``key "label" {...}``."""

    keys: tuple[str, ...]
    value: "Value"
    line: int


Value: TypeAlias = Literal | list["Value"] | tuple[Item, ...]


def items(path: str, data: bytes) -> tuple[Item, ...]:
    """What a file holds. DefinitionError E_POLICY with ``file:line``."""
    if len(data) > MAX_BYTES:
        raise refusal(path, 1, f"larger than {MAX_BYTES} bytes")
    try:
        text = data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise refusal(path, 1, "found bytes that are not UTF-8") from None
    if "\0" in text:
        raise refusal(path, text.count("\n", 0, text.index("\0")) + 1, "this is not HCL")
    if text.lstrip().startswith("{"):
        return tuple(_from_json(path, text))
    return _Reader(path, tuple(tokens(path, text))).items("end")


class _Reader:
    """Goes through the tokens once. They are balanced and not deep."""

    def __init__(self, path: str, found: tuple[Token, ...]) -> None:
        end = Token("end", "the end", found[-1].line if found else 1)
        self._path, self._end, self._left = path, end, iter(found)
        self._next = next(self._left, end)

    def items(self, end: str) -> tuple[Item, ...]:
        """Up to ``end``, which is taken as well. One comma may follow each."""
        found: list[Item] = []
        seen: set[str] = set()
        while self._next.kind != "end" and not self._next.is_sign(end):
            item, is_set = self._item()
            if is_set and item.keys[0] in seen:
                raise refusal(self._path, item.line, f"{item.keys[0]} is set twice")
            seen |= {item.keys[0]} if is_set else set()
            found.append(item)
            self._skip(",")
        self._take()
        return tuple(found)

    def _item(self) -> tuple[Item, bool]:
        keys: list[str] = []
        line = self._next.line
        while self._next.kind == "text" or (self._next.kind == "word" and not _is_bool(self._next)):
            keys.append(self._take().text)
        sign = self._take()
        if keys and sign.is_sign("{"):
            return Item(tuple(keys), self.items("}"), line), False
        if len(keys) == 1 and sign.is_sign("="):
            return Item(tuple(keys), self._parsed(), line), True
        raise refusal(self._path, sign.line, f"found {sign.shown} where key = value or a block belongs")

    def _parsed(self) -> Value:
        token = self._take()
        if token.is_sign("{"):
            return self.items("}")
        if token.is_sign("["):
            return self._list()
        if token.kind in ("text", "heredoc"):
            return Literal(token.text, token.line)
        if token.kind != "number" and not _is_bool(token):
            raise refusal(self._path, token.line, f"found {token.shown} where a value belongs")
        return Literal(None, token.line)

    def _list(self) -> list[Value]:
        found: list[Value] = []
        while not self._skip("]"):
            if self._skip(","):
                continue  # Vault takes any number of them
            found.append(self._parsed())
            if not isinstance(found[-1], list) and not (self._skip(",") or self._next.is_sign("]")):
                raise refusal(self._path, self._next.line, "a comma is missing in a list")
        return found

    def _skip(self, sign: str) -> bool:
        return self._next.is_sign(sign) and bool(self._take())

    def _take(self) -> Token:
        token, self._next = self._next, next(self._left, self._end)
        return token


def _is_bool(token: Token) -> bool:
    return token.kind == "word" and token.text in ("true", "false")


def _from_json(path: str, text: str) -> Iterator[Item]:
    """In JSON the labels of a block are keys of a mapping; ``path`` is the one that has any."""
    lines = _lines(path, text)
    try:
        found = json.loads(text, object_pairs_hook=lambda pairs: _pairs(pairs, lines))
    except ValueError as error:
        raise refusal(path, getattr(error, "lineno", 1), "this is not JSON") from None
    for item in found:
        bodies = item.value if isinstance(item.value, list) else [item.value]
        named = [inner for body in bodies if isinstance(body, tuple) for inner in body]
        if item.keys == ("path",) and named and all(isinstance(inner.value, tuple) for inner in named):
            yield from (Item(("path", *inner.keys), inner.value, inner.line) for inner in named)
        else:
            yield item


def _lines(path: str, text: str) -> dict[str, int]:
    """The line on which each text is met first. Refuses what is nested so deeply that parsing it could fail."""
    depth, line, found = 0, 1, dict[str, int]()
    for mark in _MARK.finditer(text):
        sign = mark.group()
        if sign[0] == '"':
            found.setdefault(sign, line)
        line += sign.count("\n")
        depth += (sign in PAIRS) - (sign in PAIRS.values())
        if depth > MAX_DEPTH:
            raise refusal(path, line, f"nested deeper than {MAX_DEPTH} levels")
    return found


def _pairs(pairs: list[tuple[str, Any]], lines: dict[str, int]) -> tuple[Item, ...]:
    found = []
    for key, value in pairs:
        line = lines.get(f'"{key}"', 1)
        found.append(Item((key.encode("utf-8", "replace").decode(),), _of_json(value, line), line))
    return tuple(found)


def _of_json(value: Any, line: int) -> Value:
    if isinstance(value, list):
        return [_of_json(each, line) for each in value]
    if isinstance(value, tuple):
        return value  # a mapping, made already
    return Literal(value if isinstance(value, str) else None, line)
