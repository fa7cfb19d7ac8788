"""What a live object's spec says beyond what was applied: fields of another hand, which our own do not show."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from bootstrap.ports import Object
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.world import World

# What the API server and the operator's definitions fill in, and what an empty field means.
DEFAULTS: Final = frozenset(
    (
        "Default",
        "None",
        "Ignore",
        "Fetch",
        "Replace",
        "Retain",
        "Owner",
        "Periodic",
        "Equivalent",
        "v2",
        "*",
        "1h",
    )
)


def beyond(live: Object, wanted: Object) -> list[str]:
    """Dotted names below ``spec``, sorted."""
    return sorted(_more(live.get("spec") or {}, wanted.get("spec") or {}, ""))


def altered(world: World, objects: Iterable[Object]) -> list[str]:
    """Those that are not there as they were applied, or say more."""
    found = [(obj, world.cluster.get(ref_of(obj))) for obj in objects]
    return [
        str(ref_of(obj))
        for obj, live in found
        if live is None or beyond(live, obj) or world.cluster.differs(obj)
    ]


def _more(live: Any, wanted: Any, place: str) -> Iterator[str]:
    """Lists of other lengths differ by themselves."""
    if isinstance(live, Mapping) and isinstance(wanted, Mapping):
        for name, value in live.items():
            if name in wanted:
                yield from _more(value, wanted[name], f"{place}{name}.")
            elif _says_something(value):
                yield place + name
    elif isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        for one, other in zip(live, wanted, strict=True):
            yield from _more(one, other, place)


def _says_something(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_says_something, value.values()))
    return bool(value) and not (isinstance(value, str) and value in DEFAULTS)
