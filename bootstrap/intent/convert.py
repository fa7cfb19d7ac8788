"""From the models of ``schema.py`` to the frozen values of ``model/catalog.py``.

One walker: each field of a frozen type is taken from where it says that the YAML has it (``model/declared.py``).
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache, partial
from operator import attrgetter
from types import MappingProxyType, NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel

from bootstrap.intent import schema
from bootstrap.model import catalog
from bootstrap.model.declared import declared, is_frozen

T = TypeVar("T")
Take = Callable[[Any], Any]


def platform(model: schema.Platform, where: str) -> catalog.Platform:
    return frozen(catalog.Platform, model.spec, name=model.metadata.name, where=where)


def secret(model: schema.Secret, where: str) -> catalog.Secret:
    return frozen(catalog.Secret, model.spec, name=model.metadata.name, where=where)


def internal(model: schema.InternalSecret | schema.InternalConfig, where: str) -> catalog.Internal:
    return frozen(catalog.Internal, model.spec, name=model.metadata.name, kind=model.kind, where=where)


def frozen(of: type[T], model: BaseModel, **given: object) -> T:
    """``of`` with what ``model`` has and what is ``given``; where the model has None, the field's default stands."""
    for name, take, make in _fields(of):  # type: ignore[arg-type]  # mypy sees no hash in type[T]
        value = take(model)
        if value is not None:
            given[name] = value if make is None else make(value)
    return of(**given)


@cache
def _fields(of: type) -> tuple[tuple[str, Take, Take | None], ...]:
    """Name, how the value is found from the model, and what makes the field's type of it."""
    return tuple(
        (field.name, _finder(field.yaml), _maker(field.type))
        for field in declared(of)
        if field.yaml is not None
    )


def _finder(at: str) -> Take:
    """From a model to the value at ``at``; None where a model on the way is not written."""
    first, _, rest = at.partition(".")
    if not rest:
        return attrgetter(first)
    owner, inner = attrgetter(first), _finder(rest)

    def find(model: Any) -> Any:
        found = owner(model)
        return None if found is None else inner(found)

    return find


def _maker(hint: Any) -> Take | None:
    """What makes a value of type ``hint`` of a model's; None where the model has it so."""
    hint = getattr(hint, "__supertype__", hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return _maker(next(argument for argument in arguments if argument is not NoneType))
    if origin is tuple:
        item = _maker(arguments[0])
        return tuple if item is None else lambda values: tuple([item(value) for value in values])
    if origin is Mapping:
        return lambda value: MappingProxyType(dict(value)) if value else catalog.EMPTY
    if is_frozen(hint):
        return partial(frozen, hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return lambda value: value if type(value) is hint else hint(value)
    return None
