"""The words of HCL 1, in which Vault reads its policies; the HCL 2 of other programs is another language.

Source: github.com/hashicorp/hcl v1.0.1-vault-7, hcl/scanner.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bootstrap.model.errors import DefinitionError

MAX_DEPTH: Final = 32
PAIRS: Final = {"{": "}", "[": "]"}

_HEX = "[0-9A-Fa-f]"
_CODE = rf"x{_HEX}{{2}}|u(?![Dd][89A-Fa-f]){_HEX}{{4}}|U00(?:0[1-9A-Fa-f]|10){_HEX}{{4}}"
_ESCAPE = rf"""\\(?:[abfnrtv\\"]|[0-3][0-7]{{2}}|{_CODE})"""
_RAW = r"\$\{(?:[^{}\\]|\{[^{}\\]*\})*\}"  # in it a quote ends nothing
_TOKEN = re.compile(
    r"(?P<skip>[ \t\r\n]+|\#[^\n]*|//[^\n]*|/\*.*?\*/)"
    rf"""|(?P<text>"(?:{_RAW}|{_ESCAPE}|\$(?!\{{)|[^"\\\n$])*")"""
    r"|<<-?(?P<mark>\w+)\n(?P<heredoc>(?:[^\n]*\n)*?)[ \t\r\f\v]*(?P=mark)\r*\n"
    r"|(?P<number>-?(?:0[xX][0-9A-Fa-f]+|[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)|\.[0-9]+)"
    r"|(?P<word>[^\W\d][\w.-]*)|(?P<sign>[{}\[\],=])",
    re.DOTALL,
)
_PART = re.compile(rf"(?P<raw>{_RAW})|\\(?P<code>[0-7]{{3}}|{_CODE})|\\(?P<sign>.)", re.DOTALL)
_SIGNS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_HINT = "`vault policy fmt` shows what Vault makes of it"


@dataclass(frozen=True, slots=True)
class Token:
    """``text`` of the kinds text and heredoc is what they mean. ``line`` counts from 1."""

    kind: str  # text | heredoc | number | word | sign | end
    text: str
    line: int

    @property
    def shown(self) -> str:
        return "a text" if self.kind in ("text", "heredoc") else self.text[:40]

    def is_sign(self, sign: str) -> bool:
        return self.kind == "sign" and self.text == sign


def tokens(path: str, text: str) -> Iterator[Token]:
    """Balanced, and not deeper than MAX_DEPTH, so that a reader may descend. DefinitionError E_POLICY."""
    waiting: list[Token] = []
    for token in _tokens(path, text):
        if token.kind == "sign" and token.text in PAIRS:
            waiting.append(token)
        elif (token.is_sign("}") or token.is_sign("]")) and (
            not waiting or PAIRS[waiting.pop().text] != token.text
        ):
            raise refusal(path, token.line, f"found {token.text} that closes nothing")
        if len(waiting) > MAX_DEPTH:
            raise refusal(path, token.line, f"nested deeper than {MAX_DEPTH} levels")
        yield token
    if waiting:
        raise refusal(path, waiting[-1].line, f"{waiting[-1].text} is not closed")


def refusal(path: str, line: int, message: str) -> DefinitionError:
    """E_POLICY with ``file:line``."""
    return DefinitionError(message, code="E_POLICY", where=f"{path}:{line}", hint=_HINT)


def _tokens(path: str, text: str) -> Iterator[Token]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise refusal(path, line, "this is not HCL")
        kind = str(found.lastgroup)
        if kind == "text":
            yield Token(kind, _PART.sub(_meant, found.group()[1:-1]), line)
        elif kind != "skip":
            yield Token(kind, found[kind], line)
        line += found.group().count("\n")
        at = found.end()


def _meant(part: re.Match[str]) -> str:
    if part["raw"]:
        return part["raw"]
    if code := part["code"]:
        return chr(int(code, 8) if code[0].isdigit() else int(code[1:], 16))
    return _SIGNS.get(part["sign"], part["sign"])
