"""YAML and JSON as SOPS sees them: ordered maps, lists and typed scalars, nothing clever.

Plain scalars are resolved as go-yaml v3 does it (``resolve.go``), because the MAC of a SOPS file is over
the values that Go read. Duplicate keys, anchors, aliases, merge keys and tags are refused.
"""

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.resolver import Resolver

from bootstrap.adapters.sops.times import go_time
from bootstrap.model.errors import DefinitionError

MOST_BYTES = 16 << 20
MOST_NODES = (
    400_000  # keys and values: each takes hundreds of bytes of memory, and may be one byte of the file
)
MAX_DEPTH = 100
MOST_DIGITS = 100  # of an integer: one of 64 bits has 64 and a prefix at most, but for zeros in front


@dataclass(frozen=True, slots=True)
class Scalar:
    """``kind`` is str, int, float, bool, time or null; ``text`` the characters that SOPS hashes."""

    kind: str
    text: str


Node = Scalar | dict[str, "Node"] | list["Node"]


def parse_yaml(content: bytes, what: str) -> list[dict[str, Node]]:
    """Every document of a YAML file, each a mapping. Raises DefinitionError E_YAML, E_YAML_DUP, E_YAML_ALIAS,
    E_YAML_TAG, E_YAML_DOCS, E_DEPTH, E_TYPE; none shows a value."""
    if len(content) > MOST_BYTES:
        raise _too_large(what)
    try:
        documents = list(yaml.compose_all(content, _loader(libyaml=yaml.__with_libyaml__)))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        code = error.problem if str(error.problem).startswith("E_") else "E_YAML"
        raise DefinitionError(
            _PROBLEMS.get(str(code), f"{what} is not YAML that can be read"),
            code=str(code),
            where=f"{what}:{line}",
            hint="sops writes files that this reader takes: edit it with sops",
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise DefinitionError(
            f"{what} is not YAML that can be read", code="E_YAML", where=what, hint="see it with sops"
        ) from None
    except RecursionError:
        raise _too_deep(what) from None
    if not documents or not all(isinstance(each, yaml.MappingNode) for each in documents):
        raise DefinitionError(
            f"{what} must hold one YAML mapping, or several documents that are one each",
            code="E_YAML_DOCS",
            where=what,
            hint="sops encrypts mappings only: put a list below a key",
        )
    found = (_from_yaml(each, what, MAX_DEPTH) for each in documents)
    return [each for each in found if isinstance(each, dict)]


def _too_large(what: str) -> DefinitionError:
    return DefinitionError(
        f"{what} is larger than {MOST_BYTES >> 20} MiB, or has too many values",
        code="E_SIZE",
        where=what,
        hint="split it",
    )


def _too_deep(what: str) -> DefinitionError:
    return DefinitionError(
        f"{what} is nested deeper than {MAX_DEPTH} levels", code="E_DEPTH", where=what, hint="make it flatter"
    )


_PROBLEMS = {
    "E_SIZE": f"it has more than {MOST_NODES} keys and values",
    "E_YAML_ALIAS": "anchors and aliases are not taken in an encrypted file",
    "E_YAML_TAG": "tags are not taken in an encrypted file",
}


@cache
def _loader(*, libyaml: bool) -> type[Any]:
    """Composes nodes from libyaml's events, which go-yaml gives too (PyYAML's own where it is not built in)."""
    base = _libyaml() if libyaml else yaml.SafeLoader

    class Loader(base):  # type: ignore[valid-type,misc]  # one of two bases, chosen where it runs
        composed = 0

        def compose_node(self, parent: Any, index: Any) -> Any:
            event: Any = self.peek_event()
            self.composed += 1
            if self.composed > MOST_NODES:
                raise yaml.MarkedYAMLError(problem="E_SIZE", problem_mark=event.start_mark)
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise yaml.MarkedYAMLError(problem="E_YAML_ALIAS", problem_mark=event.start_mark)
            if getattr(event, "tag", None):
                raise yaml.MarkedYAMLError(problem="E_YAML_TAG", problem_mark=event.start_mark)
            return super().compose_node(parent, index)

    return Loader


def _libyaml() -> type[Any]:
    from yaml._yaml import CParser

    class Events(Composer, CParser, Resolver):
        def __init__(self, stream: bytes) -> None:
            CParser.__init__(self, stream)
            Composer.__init__(self)
            Resolver.__init__(self)

        def dispose(self) -> None:
            """Asked for by ``compose_all``; nothing is held."""

    return Events


def _from_yaml(node: yaml.Node, what: str, depth: int) -> Node:
    if depth < 0:
        raise _too_deep(what)
    if isinstance(node, yaml.SequenceNode):
        return [_from_yaml(item, what, depth - 1) for item in node.value]
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Node] = {}
        for key, value in node.value:
            where = f"{what}:{key.start_mark.line + 1}"
            name = resolve(key.value) if isinstance(key, yaml.ScalarNode) and not key.style else None
            if not isinstance(key, yaml.ScalarNode) or (name is not None and name.kind != "str"):
                raise DefinitionError(
                    "a key that is not text", code="E_TYPE", where=where, hint="put the key into quotes"
                )
            if key.value in found:
                raise DefinitionError(
                    f"the key {key.value!r} is there twice",
                    code="E_YAML_DUP",
                    where=where,
                    hint="remove one of them with sops",
                )
            found[key.value] = _from_yaml(value, what, depth - 1)
        return found
    assert isinstance(node, yaml.ScalarNode)  # nothing else is composed
    scalar = Scalar("str", node.value) if node.style else resolve(node.value)
    if scalar.kind == "unclear":
        raise DefinitionError(
            "a plain value that can be read in more than one way",
            code="E_TYPE",
            where=f"{what}:{node.start_mark.line + 1}",
            hint="put it into quotes with sops",
        )
    return scalar


_WORDS = {
    **dict.fromkeys(("true", "True", "TRUE"), Scalar("bool", "True")),
    **dict.fromkeys(("false", "False", "FALSE"), Scalar("bool", "False")),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), Scalar("null", "")),
    # NaN, the infinities, the merge key: no secret is one, and what is hashed for them varies.
    **dict.fromkeys((".nan", ".NaN", ".NAN", "<<"), Scalar("unclear", "")),
    **dict.fromkeys((s + w for s in ("", "+", "-") for w in (".inf", ".Inf", ".INF")), Scalar("unclear", "")),
}
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]*|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def resolve(text: str) -> Scalar:
    """A plain YAML scalar with the type that go-yaml v3 gives it; kind ``unclear`` is to be refused."""
    if text in _WORDS:
        return _WORDS[text]
    if not text or text[0] not in "+-.0123456789":
        return Scalar("str", text)
    if (moment := go_time(text)) is not None:
        return Scalar("time", moment)
    plain = text if text[0] == "." else text.replace("_", "")
    if text[0] != "." and _INTEGER.fullmatch(plain):
        return _integer(plain)
    if _FLOAT.fullmatch(plain):
        return go_float(float(plain))
    return Scalar("str", text)


def _integer(plain: str) -> Scalar:
    sign = -1 if plain.startswith("-") else 1
    digits = plain.lstrip("+-")
    if len(digits) > MOST_DIGITS:
        return Scalar("unclear", "")
    base = {"x": 16, "b": 2, "o": 8}.get(digits[1:2].lower(), 8 if digits[0] == "0" else 10)
    value = sign * int(digits[2:] if digits[1:2].isalpha() else digits, base)
    if not -(2**63) <= value < 2**63:
        return Scalar("unclear", plain)
    return Scalar("int", str(value))


def go_float(value: float) -> Scalar:
    """As Go's ``FormatFloat(v, 'f', -1, 64)``: the shortest digits, never an exponent."""
    if not math.isfinite(value):
        return Scalar("unclear", "")
    text = format(Decimal(repr(value)), "f")
    return Scalar("float", text.removesuffix(".0"))


def parse_json(content: bytes, what: str) -> dict[str, Node]:
    """The one object of a JSON file. Raises DefinitionError E_JSON, E_JSON_DUP, E_TYPE, E_DEPTH."""
    # Each value but the last of its list or mapping has a comma behind it, an encrypted one three more within.
    if len(content) > MOST_BYTES or content.count(b",") > 4 * MOST_NODES:
        raise _too_large(what)
    try:
        found = json.loads(
            content,
            object_pairs_hook=_unique,
            parse_int=_json_integer,
            parse_float=lambda text: go_float(float(text)),
            parse_constant=lambda text: Scalar("unclear", text),
        )
        node = _from_json(found, what, MAX_DEPTH)
    except _RepeatedKeyError as error:
        raise DefinitionError(
            f"the key {error.args[0]!r} is there twice", code="E_JSON_DUP", where=what, hint="remove one"
        ) from None
    except (ValueError, UnicodeDecodeError):
        raise DefinitionError(
            f"{what} is not JSON that can be read", code="E_JSON", where=what, hint="see it with sops"
        ) from None
    except RecursionError:
        raise _too_deep(what) from None
    if not isinstance(node, dict):
        raise DefinitionError(
            f"{what} must hold one JSON object", code="E_JSON", where=what, hint="see it with sops"
        )
    return node


class _RepeatedKeyError(Exception):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        counted = Counter(name for name, _ in pairs)
        raise _RepeatedKeyError(next(name for name, count in counted.items() if count > 1))
    return found


def _json_integer(text: str) -> Scalar:
    # sops before 3.13.2 read a JSON number as float64: beyond 2^53 two readings exist.
    return Scalar("int", text) if abs(int(text)) < 2**53 else Scalar("unclear", text)


def _from_json(value: Any, what: str, depth: int) -> Node:
    if depth < 0:
        raise _too_deep(what)
    if isinstance(value, dict):
        return {key: _from_json(item, what, depth - 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_from_json(item, what, depth - 1) for item in value]
    if isinstance(value, Scalar):
        if value.kind == "unclear":
            raise DefinitionError(
                "a number that can be read in more than one way", code="E_TYPE", where=what, hint="quote it"
            )
        return value
    if value is None:
        return Scalar("null", "")
    if isinstance(value, bool):
        return Scalar("bool", str(value))
    return Scalar("str", value)
