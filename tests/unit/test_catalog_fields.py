"""A field of the catalog is declared in ``schema.py`` and in ``model/catalog.py``, and reaches the plan by that alone.

Nothing here lists the fields: documents are made from the schema, with every field written; then each field in turn
gets another value, and that has to be seen in the frozen value and in the plan.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from bootstrap.engine.plan_catalog import keys, shown
from bootstrap.engine.plan_schema import model_of
from bootstrap.intent import convert, schema
from bootstrap.intent.explain import _inner
from bootstrap.model import catalog
from bootstrap.model.declared import NotInPlan, declared, is_frozen
from tests.support.small_intent import an_intent

Make = Callable[[Any], Any]
Show = Callable[[Any, catalog.Intent], Any]
Path = tuple[str | int, ...]

MAKES: dict[str, Make] = {
    "Platform": partial(convert.platform, where="file:1"),
    "Secret": partial(convert.secret, where="file:1"),
    "InternalSecret": partial(convert.internal, where="file:1"),
    "InternalConfig": partial(convert.internal, where="file:1"),
}
NOT_TAKEN = {  # fields that no frozen value has, and why
    "spec.vault.seal.type": "the loader refuses all but shamir",
    "spec.components.externalSecrets.deployment": "where adopt is written too, that is waited for",
}
STRICT = ConfigDict(strict=True)
WORDS = ["one", "two", "a/one", "a/two", "Kind/one", "Kind/two", "1m", "2m", "2027-01-01", "2027-01-02"]
VALUES: list[Any] = [
    *WORDS,
    *(False, True, 31, 33),
    *(["one"], ["two"], ["a/one"], ["a/two"], [{"one": "two"}], [{"two": "one"}]),
    *({"one": "username"}, {"two": "username"}),
]


def values(info: FieldInfo) -> list[Any]:
    """Two values that a field may have; one where there is but one."""
    one_of = [str(v) for v in get_args(info.annotation)] if get_origin(info.annotation) is Literal else []
    if isinstance(info.annotation, type) and issubclass(info.annotation, StrEnum):
        one_of = [item.value for item in info.annotation]
    annotated: Any = Annotated[(info.annotation, "", *info.metadata)]
    accepts: TypeAdapter[Any] = TypeAdapter(annotated, config=STRICT)
    return [value for value in one_of or VALUES if valid(accepts, value)][:2]


def valid(accepts: TypeAdapter[Any], value: object) -> bool:
    try:
        accepts.validate_python(value)
    except ValidationError:
        return False
    return True


Keep = Callable[[FieldInfo], bool]


def everything(_: FieldInfo) -> bool:
    return True


def needed(info: FieldInfo) -> bool:
    return info.is_required()


def needed_and_models(info: FieldInfo) -> bool:
    return info.is_required() or _inner(info.annotation) is not None


def example(model: type[BaseModel], keep: Keep = everything) -> dict[str, Any]:
    """A document that ``model`` takes, with the fields to keep."""
    return {
        info.alias or name: nested(info, inner, keep)
        if (inner := _inner(info.annotation))
        else values(info)[0]
        for name, info in model.model_fields.items()
        if keep(info)
    }


def nested(info: FieldInfo, inner: type[BaseModel], keep: Keep) -> Any:
    found = example(inner, keep)
    return [found] if get_origin(info.annotation) is list else found


def changes(model: type[BaseModel], at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every field that can have a second value, with that value."""
    for name, info in model.model_fields.items():
        here = (*at, info.alias or name)
        if inner := _inner(info.annotation):
            yield from changes(inner, (*here, 0) if get_origin(info.annotation) is list else here)
        elif len(two := values(info)) == 2:
            yield here, two[1]
        else:
            assert get_origin(info.annotation) is Literal, f"no two values for {here}: add some to VALUES"


def spelled(path: Path) -> str:
    return ".".join(str(part) for part in path if part != 0)


def changed(document: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    found = deepcopy(document)
    owner: Any = found
    for part in path[:-1]:
        owner = owner[part]
    assert owner[path[-1]] != value
    owner[path[-1]] = value
    return found


def silent(model: type[BaseModel], make: Make, show: Show = shown) -> tuple[list[str], list[str]]:
    """Fields that do not reach the frozen value, and those that reach it but not the plan, as nothing says."""
    lost, unseen = [], []
    document, intent = example(model), an_intent()
    before = make(model.model_validate(document))
    for path, value in changes(model):
        after = make(model.model_validate(changed(document, path, value)))
        if after == before:
            lost.append(spelled(path))
        elif show(after, intent) == show(before, intent) and for_the_plan(before, after):
            unseen.append(spelled(path))
    return lost, unseen


def for_the_plan(before: Any, after: Any) -> bool:
    """Whether a field differs that is not declared to be kept out of the plan."""
    if is_frozen(type(before)) and type(before) is type(after):
        kind: Any = type(before)
        names = [field.name for field in declared(kind) if field.plan is not None]
        return any(for_the_plan(getattr(before, name), getattr(after, name)) for name in names)
    if isinstance(before, tuple) and len(before) == len(after):
        return any(map(for_the_plan, before, after))
    return bool(before != after)


@pytest.mark.parametrize("kind", MAKES)
def test_every_field_that_may_be_written_reaches_the_plan(kind: str) -> None:
    lost, unseen = silent(schema.KINDS[kind], MAKES[kind])
    assert [name for name in lost if name not in NOT_TAKEN] == []
    assert unseen == []


def test_what_is_not_taken_is_still_there() -> None:
    assert {name for kind in MAKES for name in silent(schema.KINDS[kind], MAKES[kind])[0]} == set(NOT_TAKEN)


@pytest.mark.parametrize("kind", MAKES)
def test_the_plan_has_the_keys_of_its_schema(kind: str) -> None:
    value = MAKES[kind](schema.KINDS[kind].model_validate(example(schema.KINDS[kind])))
    document = shown(value, an_intent())
    for each in (value, *inner_values(value)):
        of: Any = type(each)
        names = [key.name for key in keys(of)]
        assert len(names) == len(set(names))
    whole: Any = type(value)
    model_of(whole).model_validate(document)  # closed, and every key is required
    with pytest.raises(ValidationError):
        model_of(whole).model_validate({**document, "note": ""})


def inner_values(value: Any) -> Iterator[Any]:
    """The frozen values inside a frozen value."""
    for field in fields(value):
        found = getattr(value, field.name)
        for item in found if isinstance(found, tuple) else (found,):
            if is_frozen(type(item)):
                yield item
                yield from inner_values(item)


def by_default(value: Any) -> Any:
    """A value of that type of which only what has to be given is given, and the values inside, which are judged each
    for itself."""
    needed = [
        f.name
        for f in fields(value)
        if (f.default is MISSING and f.default_factory is MISSING) or is_frozen(type(getattr(value, f.name)))
    ]
    return type(value)(**{name: getattr(value, name) for name in needed})


@pytest.mark.parametrize("kind", MAKES)
def test_what_is_not_written_is_the_same_in_both(kind: str) -> None:
    """A default stands in the schema, for the reader, and in the frozen type, for the code."""
    model, make = schema.KINDS[kind], MAKES[kind]
    bare = make(model.model_validate(example(model, needed)))
    assert bare == by_default(bare)
    inside = list(inner_values(make(model.model_validate(example(model, needed_and_models)))))
    assert len(inside) > 1
    assert inside == [by_default(value) for value in inside]


# ---------------------------------------------------------------- seeded: a field in one place only


class WiderModel(schema.Consumer):
    note: schema.Text


@dataclass(frozen=True, slots=True, kw_only=True)
class WiderValue(catalog.Consumer):
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptOut(catalog.Consumer):
    note: Annotated[str, NotInPlan("a test")] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MisspeltMark(catalog.Consumer):
    note: Annotated[str, "renewNote"] = ""


def test_seeded_in_both_places_a_field_reaches_the_plan() -> None:
    assert silent(WiderModel, partial(convert.frozen, WiderValue)) == ([], [])
    model = WiderModel.model_validate(example(WiderModel))
    assert shown(convert.frozen(WiderValue, model), an_intent())["note"] == "one"
    assert "note" in model_of(WiderValue).model_json_schema()["properties"]


def test_seeded_a_field_is_kept_out_of_the_plan_by_its_mark_only() -> None:
    make = partial(convert.frozen, KeptOut)
    assert silent(WiderModel, make) == ([], [])
    made = make(WiderModel.model_validate(example(WiderModel)))
    assert made.note == "one"
    assert "note" not in shown(made, an_intent())
    assert "note" not in model_of(KeptOut).model_json_schema()["properties"]


def test_seeded_in_the_schema_only_it_is_found() -> None:
    assert silent(WiderModel, partial(convert.frozen, catalog.Consumer)) == (["note"], [])


def test_seeded_in_the_frozen_type_only_it_is_found() -> None:
    with pytest.raises(AttributeError, match="note"):
        silent(schema.Consumer, partial(convert.frozen, WiderValue))


def test_seeded_a_plan_that_forgets_a_field_is_found() -> None:
    def forgets(value: Any, intent: catalog.Intent) -> Any:
        return {key: found for key, found in shown(value, intent).items() if key != "note"}

    assert silent(WiderModel, partial(convert.frozen, WiderValue), forgets) == ([], ["note"])


def test_seeded_a_mark_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match=r"MisspeltMark\.note"):
        declared(MisspeltMark)
