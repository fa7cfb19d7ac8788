"""Vault policies, read as far as judging them needs: the blocks ``path "..." { capabilities = [...] }``.

Source: developer.hashicorp.com/vault/docs/concepts/policies. Nothing is evaluated; templates in a path
(``{{identity...}}``) stay the text they are.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.model.errors import DefinitionError

CAPABILITIES = frozenset(
    ("create", "read", "update", "patch", "delete", "list", "sudo", "deny", "subscribe", "recover")
)
_TOKEN = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*|//[^\n]*|/\*.*?\*/)|(?P<text>"(?:[^"\\\n]|\\.)*")|(?P<word>[A-Za-z0-9_.+-]+)|(?P<sign>[{}\[\],=])""",
    re.DOTALL,
)
_PAIRS = {"{": "}", "[": "]"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One ``path`` block. ``line`` counts from 1."""

    path: str
    capabilities: frozenset[str]
    line: int


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # text | word | sign
    text: str
    line: int


def read_policy(path: str, data: bytes) -> tuple[Grant, ...]:
    """Every grant of a policy file. DefinitionError E_POLICY with ``file:line``."""
    try:
        tokens = list(_tokens(path, data.decode("utf-8")))
    except UnicodeDecodeError:
        raise _refusal(path, 1, "found bytes that are not UTF-8") from None
    _balanced(path, tokens)
    return tuple(_grants(path, tokens))


def _tokens(path: str, text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _refusal(path, line, "this is not HCL")
        if found.lastgroup != "skip":
            word = found.group().strip('"') if found.lastgroup == "text" else found.group()
            yield _Token(str(found.lastgroup), word, line)
        line += found.group().count("\n")
        at = found.end()


def _balanced(path: str, tokens: list[_Token]) -> None:
    waiting: list[_Token] = []
    for token in tokens:
        if token.kind == "sign" and token.text in _PAIRS:
            waiting.append(token)
        elif (
            token.kind == "sign"
            and token.text in _PAIRS.values()
            and (not waiting or _PAIRS[waiting.pop().text] != token.text)
        ):
            raise _refusal(path, token.line, f"found {token.text} that closes nothing")
    if waiting:
        raise _refusal(path, waiting[-1].line, f"{waiting[-1].text} is not closed")


def _grants(path: str, tokens: list[_Token]) -> Iterator[Grant]:
    at = 0
    while at < len(tokens):
        head = tokens[at : at + 3]
        if (
            [t.kind for t in head] != ["word", "text", "sign"]
            or head[2].text != "{"
            or head[0].text != "path"
        ):
            raise _refusal(path, tokens[at].line, 'a policy holds blocks path "..." {...} and nothing else')
        end = _end(tokens, at + 2)
        yield Grant(
            path=head[1].text,
            capabilities=_capabilities(path, head[0].line, tokens[at + 3 : end]),
            line=head[0].line,
        )
        at = end + 1


def _end(tokens: list[_Token], start: int) -> int:
    """The bracket that closes the one at ``start``; they are balanced."""
    depth = 0
    for at in range(start, len(tokens)):
        if tokens[at].kind == "sign":
            depth += (tokens[at].text in _PAIRS) - (tokens[at].text in _PAIRS.values())
        if depth == 0:
            return at
    return len(tokens)


def _capabilities(path: str, line: int, body: list[_Token]) -> frozenset[str]:
    for at, token in enumerate(body):
        if token.kind == "word" and token.text == "capabilities":
            if [t.text for t in body[at + 1 : at + 3]] != ["=", "["]:
                raise _refusal(path, token.line, "capabilities is a list")
            given = [t for t in body[at + 3 : _end(body, at + 2)] if t.text != ","]
            for each in given:
                if each.kind != "text" or each.text not in CAPABILITIES:
                    known = ", ".join(sorted(CAPABILITIES))
                    raise _refusal(path, each.line, f"an unknown capability; known are {known}")
            return frozenset(t.text for t in given)
    raise _refusal(path, line, "a path without capabilities grants nothing")


def _refusal(path: str, line: int, message: str) -> DefinitionError:
    hint = "`vault policy fmt` shows what Vault makes of it"
    return DefinitionError(message, code="E_POLICY", where=f"{path}:{line}", hint=hint)
