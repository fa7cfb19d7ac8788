"""What a field of the catalog says about itself beside its type: where the YAML has it, and how the plan shows it.

The marks stand in ``Annotated``. Without any, a field has the same name in the model of ``intent/schema.py``,
and the plan shows it under that name in camelCase. ``intent/convert.py`` and ``engine/plan_catalog.py`` follow them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints


@dataclass(frozen=True, slots=True)
class InYaml:
    """``at``: the dotted attributes that lead to the value from its owner's model, such as ``seal.custody``."""

    at: str


@dataclass(frozen=True, slots=True)
class OfDocument:
    """Not in the entry's ``spec``: the loader passes it, from the document's header or place."""


@dataclass(frozen=True, slots=True)
class InPlan:
    """``name``: the key in the plan; ``note``: its description in the plan's JSON Schema.

    ``inline``: the value is an object whose keys stand among those of its owner.
    """

    name: str = ""
    note: str = ""
    inline: bool = False


@dataclass(frozen=True, slots=True)
class NotInPlan:
    why: str


@dataclass(frozen=True, slots=True)
class Declared:
    """One field: ``yaml`` is None where the loader passes it, ``plan`` is None where the plan does not show it."""

    name: str
    type: Any
    yaml: str | None
    plan: InPlan | None


def is_frozen(of: Any) -> bool:
    """Whether a field's type is itself one of the frozen types."""
    return is_dataclass(of)


@cache
def declared(of: type) -> tuple[Declared, ...]:
    """The fields of a frozen type of the catalog, in their order, which is that of the plan."""
    return tuple(_each(of))


def _each(of: type) -> Iterator[Declared]:
    hints = get_type_hints(of, include_extras=True)
    for field in fields(of):
        hint = hints[field.name]
        marks = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        yaml: str | None = field.name
        plan: InPlan | None = InPlan()
        for mark in marks:
            match mark:
                case InYaml(at=at):
                    yaml = at
                case OfDocument():
                    yaml = None
                case InPlan():
                    plan = mark
                case NotInPlan():
                    plan = None
                case _:
                    raise TypeError(f"{of.__name__}.{field.name}: {mark!r} is no mark of a field")
        kind = hint.__origin__ if marks else hint
        yield Declared(name=field.name, type=kind, yaml=yaml, plan=plan)
