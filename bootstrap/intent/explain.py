"""Pydantic's errors in the words of the file's author: place, kind, and what was probably meant."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bootstrap.intent.findings import Finding
from bootstrap.intent.schema import API_VERSION, KINDS, LONGEST_NAMES, PATTERNS
from bootstrap.intent.yaml_source import Loc, Located
from bootstrap.model.suggest import closest

_VERSION = re.compile(r"bootstrap/v([0-9]{1,6})")
_EXPECTED = {  # pydantic's type errors: what belongs there
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {  # and of its bounds: what may be written
    "string_too_long": "at most {max_length} characters",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
}


def found_kind(value: object) -> str:
    """The kind of what was written, never the thing itself."""
    if value is None:
        return "nothing"
    names = {bool: "true or false", int: "a number", str: "text", list: "a list", dict: "a mapping"}
    return names.get(type(value), "something else")


def suggestion(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = closest(name, known)
    return f'did you mean "{close}"?' if close else "known here: " + ", ".join(known)


def header(document: Located, kinds: Sequence[str]) -> Finding | None:
    """What is wrong with a document's ``apiVersion`` and ``kind``, before its fields are looked at."""
    value = document.value
    if not isinstance(value, dict):
        message, hint = "a document is a mapping", f"begin it with apiVersion: {API_VERSION}"
        return _mistake(document, (), "E_TYPE", message, hint, expected="a mapping", found=value)
    api, kind = value.get("apiVersion"), value.get("kind")
    if isinstance(api, str) and api != API_VERSION:
        return _api_version(document, api)
    if not isinstance(kind, str):
        return _mistake(document, ("kind",), "E_KIND", "kind is missing", hint=f"one of {', '.join(kinds)}")
    if kind not in kinds:
        return _mistake(
            document, ("kind",), "E_KIND", f"kind {kind!r} is not known here", suggestion(kind, kinds)
        )
    return None


def _api_version(document: Located, api: str) -> Finding:
    match, ours = _VERSION.fullmatch(api), _VERSION.fullmatch(API_VERSION)
    assert ours is not None
    if match and int(match[1]) > int(ours[1]):
        message = f"written for {match[0]}, this bootstrap reads {API_VERSION}"
        return _mistake(document, ("apiVersion",), "E_SCHEMA_NEW", message, "install a newer bootstrap")
    message, hint = "apiVersion is not one of ours", f"write apiVersion: {API_VERSION}"
    return _mistake(document, ("apiVersion",), "E_VALUE", message, hint)


def explain(error: ValidationError, document: Located, kind: str) -> list[Finding]:
    """Every error of one document as a finding with ``file:line:column``."""
    return [_one(dict(item), document, KINDS[kind]) for item in error.errors(include_url=False)]


def _one(item: dict[str, Any], document: Located, model: type[BaseModel]) -> Finding:
    loc: Loc = tuple(part for part in item["loc"] if part != "[key]")
    name, kind, context = _spell(loc), str(item["type"]), item.get("ctx", {})
    if kind == "extra_forbidden":
        hint = suggestion(str(loc[-1]), _fields(model, loc[:-1]))
        return _mistake(document, loc, "E_FIELD", f"unknown field {name}", hint)
    if kind == "missing":
        return _mistake(document, loc, "E_MISSING", f"{name} is missing", _missing_hint(model, loc))
    if kind in _EXPECTED:
        return _wrong_kind(document, loc, _EXPECTED[kind], item["input"])
    if kind in ("enum", "literal_error"):
        return _not_listed(document, loc, str(context.get("expected", "")), item["input"])
    if kind in ("string_too_short", "too_short"):
        return _mistake(document, loc, "E_EMPTY", f"{name} is empty", "write it, or remove the line")
    if kind == "string_pattern_mismatch":
        code, expected, example = PATTERNS[str(context["pattern"])]
        hint = f"write it like {example}"
        return _mistake(document, loc, code, f"{name} is not {expected}", hint, expected=expected)
    if kind in _BOUNDS:
        code = "E_NAME" if context.get("max_length") in LONGEST_NAMES else "E_VALUE"
        bound = _BOUNDS[kind].format(**context)
        return _mistake(document, loc, code, f"{name} is out of bounds: {item['msg']}", f"write {bound}")
    return _mistake(document, loc, "E_VALUE", f"{name} is not valid", "see `bootstrap schema`")


def _wrong_kind(document: Located, loc: Loc, expected: str, value: object) -> Finding:
    message = f"{_spell(loc)} wants {expected}, found {found_kind(value)}"
    quoted = expected == "text" and isinstance(value, bool | int)
    hint = "write it in quotes" if quoted else f"write {expected} there, or remove the line"
    return _mistake(document, loc, "E_TYPE", message, hint, expected=expected, found=value)


def _not_listed(document: Located, loc: Loc, expected: str, value: object) -> Finding:
    if not isinstance(value, str):
        return _wrong_kind(document, loc, f"one of {expected}", value)
    hint = suggestion(value, re.findall(r"'([^']*)'", expected))
    return _mistake(document, loc, "E_VALUE", f"{_spell(loc)} is none of {expected}", hint, expected=expected)


def _mistake(
    document: Located,
    loc: Loc,
    code: str,
    message: str,
    hint: str = "",
    *,
    expected: str = "",
    found: object = "",
) -> Finding:
    line, column = document.position(loc)
    kind = found_kind(found) if found != "" else ""
    where = f"{document.path}:{line}:{column}"
    return Finding(id=code, where=where, message=message, hint=hint, expected=expected, found=kind)


def _spell(loc: Loc) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in loc)
    return text.removeprefix(".") or "the document"


def _missing_hint(model: type[BaseModel], loc: Loc) -> str:
    owner = _model_at(model, loc[:-1])
    found = [f for n, f in owner.model_fields.items() if (f.alias or n) == loc[-1]] if owner else []
    return found[0].description or "" if found else ""


def _fields(model: type[BaseModel], loc: Loc) -> list[str]:
    owner = _model_at(model, loc)
    return [info.alias or name for name, info in owner.model_fields.items()] if owner else []


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    found: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, int) or found is None:
            continue  # an item of a list: its model was found with the list
        types = [info.annotation for name, info in found.model_fields.items() if (info.alias or name) == part]
        found = _inner(types[0]) if types else None
    return found


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _inner(argument))), None)
