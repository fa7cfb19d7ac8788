"""The catalog's part of the plan: its keys and their values, as the fields of ``model/catalog.py`` say.

``plan_schema.py`` makes the JSON Schema of the same keys.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Any

from bootstrap.model import catalog
from bootstrap.model.catalog import Intent
from bootstrap.model.declared import Declared, declared, is_frozen


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an object in the plan: its value's type in Python, its description, and how its value is found."""

    name: str
    type: Any
    note: str
    value: Callable[[Any, Intent], Any]


COMPUTED: Mapping[type, tuple[str, Key]] = {  # what no field holds, and the key that it stands behind
    catalog.Source: (
        "file",
        Key("blob", str, "Git blob id of the encrypted file", lambda s, intent: intent.blobs.get(s.file, "")),
    ),
    catalog.Secret: (
        "path",
        Key(
            "handedOver",
            bool,
            "Whether Git introduces a value that Vault then owns",
            lambda s, _: s.handed_over,
        ),
    ),
}
PLAIN = frozenset({str, int, bool, type(None)})  # most values, which are plain JSON already
SNAKE_CASE = (catalog.Rotation,)  # its keys are those of Vault's metadata


def shown(value: Any, intent: Intent) -> Any:
    """A value of the catalog as plain JSON."""
    of: type = type(value)
    if of in PLAIN:
        return value
    if is_frozen(of):
        return {key.name: shown(key.value(value, intent), intent) for key in keys(of)}
    if isinstance(value, tuple):
        return [shown(item, intent) for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    return value.value if isinstance(value, StrEnum) else value


@cache
def keys(of: type) -> tuple[Key, ...]:
    """The keys of an object that a value of the frozen type ``of`` becomes, in order."""
    found = [key for field in declared(of) for key in _keys(of, field)]
    if of in COMPUTED:
        behind, key = COMPUTED[of]
        found.insert([key.name for key in found].index(behind) + 1, key)
    return tuple(found)


def _keys(of: type, field: Declared) -> Iterator[Key]:
    get = attrgetter(field.name)
    if field.plan is None:
        return
    if field.plan.inline:
        yield from (_inside(key, get) for key in keys(field.type))
        return
    name = field.plan.name or (field.name if of in SNAKE_CASE else camel(field.name))
    yield Key(name, field.type, field.plan.note, lambda owner, _: get(owner))


def _inside(key: Key, get: Callable[[Any], Any]) -> Key:
    return replace(key, value=lambda owner, intent: key.value(get(owner), intent))


def camel(name: str) -> str:
    first, *more = name.split("_")
    return first + "".join(map(str.capitalize, more))
