"""``up --plan FILE``: the plan that was read and approved, and no other."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bootstrap.model.errors import DecisionNeeded, DefinitionError
from bootstrap.model.outside import json_value
from bootstrap.model.plan import Plan

SHOWN = 5
COMMIT = ("commit: ", "tree: ")  # differ whenever anything does


def check_pinned(path: Path, plan: Plan) -> None:
    """DecisionNeeded E_PLAN_OTHER, with the first differences, unless ``path`` (from ``plan -o json``) is ``plan``."""
    try:
        given: Any = json_value(path.read_bytes())["plan"]
    except OSError as error:
        raise DefinitionError(
            f"the plan cannot be read: {error.strerror}",
            code="E_PLAN_FILE",
            where=str(path),
            hint=f"`bootstrap plan -o json > {path}` writes one",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise DefinitionError(
            "not a plan", code="E_PLAN_FILE", where=str(path), hint="`bootstrap plan -o json` writes one"
        ) from None
    now = json.loads(plan.canonical())
    if given == now:
        return
    raise DecisionNeeded(
        f"the plan is another one now ({plan.digest}):{listed(given, now)}",
        code="E_PLAN_OTHER",
        where=str(path),
        hint="read `bootstrap plan` again, or name the commit that it was made for with --rev",
    )


def listed(given: Any, now: Any) -> str:
    """The first differences, a line each, and how many more; which commit it is only where all else is the same."""
    found = list(differences(given, now))
    found = [d for d in found if not d.startswith(COMMIT)] or found
    more = f"\n    and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "".join(f"\n    {d}" for d in found[:SHOWN]) + more


def differences(given: Any, now: Any, at: str = "") -> Iterator[str]:
    """``place: was X, is Y``, in document order; the plan holds no value of a secret, so it can be shown."""
    if isinstance(given, dict) and isinstance(now, dict):
        for key in sorted({*given, *now}):
            yield from differences(given.get(key), now.get(key), f"{at}.{key}" if at else key)
    elif (before := _by_name(given)) is not None and (after := _by_name(now)) is not None:
        yield from _entries(before, after, at)
    elif isinstance(given, list) and isinstance(now, list) and len(given) == len(now):
        for n, (one, other) in enumerate(zip(given, now, strict=True)):
            yield from differences(one, other, f"{at}[{n}]")
    elif given != now:
        yield f"{at}: was {_short(given)}, is {_short(now)}"


def _by_name(value: Any) -> dict[str, Any] | None:
    """The entries of a list by what names each; None for a list of something else."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return None
    named = {_name(item): item for item in value}
    return named if len(named) == len(value) and "" not in named else None


def _name(item: dict[str, Any]) -> str:
    """``id``, ``name`` or, in a namespace, ``kind/namespace/name``: what a human looks for, not a place in a list."""
    parts = ("kind", "namespace", "name") if "namespace" in item else ("name",)
    return str(item.get("id") or "/".join(str(item[part]) for part in parts if part in item))


def _entries(before: dict[str, Any], after: dict[str, Any], at: str) -> Iterator[str]:
    for name in [*after, *(name for name in before if name not in after)]:
        if name not in before:
            yield f"{at}.{name}: added"
        elif name not in after:
            yield f"{at}.{name}: removed"
        else:
            yield from differences(before[name], after[name], f"{at}.{name}")
    both = [name for name in before if name in after]
    if both != [name for name in after if name in before]:
        yield f"{at}: in another order"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."
