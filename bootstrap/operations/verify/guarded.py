"""Whether admission's guards are as `up` applies them (S2, S3, INV6)."""

import re
from collections.abc import Iterator
from typing import Any, Final

from bootstrap.operations.verify.beyond import altered
from bootstrap.ports import Object
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.world import World
from bootstrap.steps.guards import RUN, guards

_NAME: Final = r"'(?:[^'\\]|\\.)*'"
_LIST: Final = re.compile(rf"\[(?:{_NAME}(?:, )?)*\]")
_MAY: Final = "request.userInfo"
_NAMES: Final = re.compile(_NAME)


def unguarded(world: World) -> list[str]:
    return altered(world, _wanted(world))


def _wanted(world: World) -> Iterator[Object]:
    """Of who may be the run, fewer than the commit declares are no harm: the next `up` lets the others in."""
    for obj in guards(world.intent.platform):
        live = world.cluster.get(ref_of(obj))
        wanted = obj["spec"].get("validations") if obj["metadata"]["name"] == RUN else None
        if live is not None and wanted and _lets_in_fewer(live["spec"].get("validations"), wanted):
            obj["spec"]["validations"] = live["spec"]["validations"]
        yield obj


def _lets_in_fewer(live: Any, wanted: list[dict[str, str]]) -> bool:
    if not isinstance(live, list) or len(live) != len(wanted):
        return False
    return all(_is_narrower(one, other) for one, other in zip(live, wanted, strict=True))


def _is_narrower(live: dict[str, str], wanted: dict[str, str]) -> bool:
    """The same, or but for names of who may that its expression does not list."""
    one, other = live.get("expression", ""), wanted["expression"]
    if one == other or _MAY not in other:
        return live == wanted
    if {**live, "expression": other} != wanted or _LIST.sub("[]", one) != _LIST.sub("[]", other):
        return False
    lists = zip(_LIST.findall(one), _LIST.findall(other), strict=True)
    return all({*_NAMES.findall(few)} <= {*_NAMES.findall(more)} for few, more in lists)
