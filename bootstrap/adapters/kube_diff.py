"""Would server-side apply change this live object? Answered by looking, without asking the server to try.

Two questions, both for the fields that we speak of only, so that defaults, status and what other managers
own never count: is each field of the wanted object in the live one with an equal value; and does the live
object still hold fields that we applied once and want no longer (the API server remembers them as the
``managedFields`` of our field manager)? That record also says how a list merges: by key, as a set, whole.

Source: kubernetes.io/docs/reference/using-api/server-side-apply, structured-merge-diff fieldpath v1.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from bootstrap.adapters.kube_values import decoded
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object

MANAGER = "bootstrap"
# Answered by the server, or fixed by the address of the object.
NOT_OURS = {"apiVersion", "kind", "status"}
META_NOT_OURS = {
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "managedFields",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
}
QUANTITIES = {"limits", "requests", "hard", "capacity", "sizeLimit"}
BINARY = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}
DECIMAL = {
    "n": "1e-9",
    "u": "1e-6",
    "m": "1e-3",
    "k": "1e3",
    "M": "1e6",
    "G": "1e9",
    "T": "1e12",
    "P": "1e15",
    "E": "1e18",
}

# fieldsV1: {"f:name": {...}, 'k:{"key":"value"}': {...}, 'v:"item"': {}, ".": {}}
Fields = dict[str, Any]


def apply_would_change(wanted: Object, live: Object) -> bool:
    """True when applying ``wanted`` as field manager ``bootstrap`` would change ``live``."""
    want, have = _comparable(wanted), _comparable(live)
    applied, known = _owned(live, "Apply"), _owned(live)
    if known is None:
        return True  # never touched by us: applying would at least make us a manager
    return not _holds(want, have, known, ()) or (applied is not None and _leftover(want, have, applied))


def _comparable(obj: Object) -> Object:
    kept = {key: value for key, value in decoded(obj).items() if key not in NOT_OURS}
    meta = {key: value for key, value in (obj.get("metadata") or {}).items() if key not in META_NOT_OURS}
    return {**kept, "metadata": meta}


def _owned(live: Object, operation: str = "") -> Fields | None:
    """Our manager's fields, all entries joined; the entries of ``operation`` only when it is given."""
    entries = [
        entry.get("fieldsV1") or {}
        for entry in (live.get("metadata") or {}).get("managedFields") or []
        if entry.get("manager") == MANAGER
        and not entry.get("subresource")
        and operation in ("", entry.get("operation"))
    ]
    if not entries:
        return None
    joined: Fields = {}
    for fields in entries:
        joined = _joined(joined, fields)
    return joined


def _joined(one: Fields, other: Fields) -> Fields:
    return {key: _joined(one.get(key) or {}, other.get(key) or {}) for key in one.keys() | other.keys()}


# ---------------------------------------------------------------- every wanted field is there


def _holds(want: Any, have: Any, fields: Fields, path: tuple[str, ...]) -> bool:
    if isinstance(want, dict):
        return isinstance(have, dict) and all(
            _holds_key(value, have, key, fields, (*path, key)) for key, value in want.items()
        )
    if isinstance(want, list):
        return isinstance(have, list) and _holds_list(want, have, fields, path)
    return _same(want, have, path)


def _holds_key(value: Any, have: Object, key: str, fields: Fields, path: tuple[str, ...]) -> bool:
    if key in have:
        return value is None or _holds(value, have[key], fields.get(f"f:{key}") or {}, path)
    # The server leaves zero values out of what it stores, and so does its record of who owns what.
    return value in (None, False, 0, "", [], {}) if not isinstance(value, Sensitive) else False


def _holds_list(want: list[Any], have: list[Any], fields: Fields, path: tuple[str, ...]) -> bool:
    if any(key.startswith("k:") for key in fields):
        return all(_found(item, have, fields, path) for item in want)
    if any(key.startswith("v:") for key in fields):
        return all(item in have for item in want)
    return len(want) == len(have) and all(_holds(w, h, {}, path) for w, h in zip(want, have, strict=True))


def _found(item: Any, have: list[Any], fields: Fields, path: tuple[str, ...]) -> bool:
    for marker, below in fields.items():
        if marker.startswith("k:") and _matches(item, json.loads(marker[2:])):
            keys = json.loads(marker[2:])
            return any(_is(live, keys) and _holds(item, live, below, path) for live in have)
    return False


def _matches(item: Any, keys: dict[str, Any]) -> bool:
    """A wanted item may leave a key to its default (``protocol: TCP``); what it says must agree."""
    said = [key for key in keys if isinstance(item, dict) and key in item]
    return bool(said) and all(item[key] == keys[key] for key in said)


def _is(live: Any, keys: dict[str, Any]) -> bool:
    return isinstance(live, dict) and all(live.get(key) == value for key, value in keys.items())


def _same(want: Any, have: Any, path: tuple[str, ...]) -> bool:
    if isinstance(want, bool) or isinstance(have, bool) or isinstance(want, Sensitive):
        return type(want) is type(have) and bool(want == have)
    if want == have and isinstance(want, str) == isinstance(have, str):
        return True
    if not QUANTITIES.isdisjoint(path):
        one, other = quantity(want), quantity(have)
        return one is not None and one == other
    return False


def quantity(value: Any) -> Decimal | None:
    """A Kubernetes quantity (``1Gi``, ``100m``, ``0.1``, ``1e3``) as a number; None when it is none."""
    text = str(value)
    try:
        if text[-2:] in BINARY:
            return Decimal(text[:-2]) * BINARY[text[-2:]]
        if text[-1:] in DECIMAL:
            return Decimal(text[:-1]) * Decimal(DECIMAL[text[-1:]])
        return Decimal(text)
    except InvalidOperation:
        return None


# ---------------------------------------------------------------- nothing of ours is left over


def _leftover(want: Any, have: Any, applied: Fields) -> bool:
    """True when ``have`` still holds a field that we applied and ``want`` does not say any more."""
    for marker, below in applied.items():
        kind, _, rest = marker.partition(":")
        if kind == "f" and _leftover_key(rest, want, have, below):
            return True
        if kind == "k" and _leftover_item(json.loads(rest), want, have, below):
            return True
        if kind == "v" and json.loads(rest) not in (want or []):
            return True
    return False


def _leftover_key(key: str, want: Any, have: Any, below: Fields) -> bool:
    if not isinstance(have, dict) or key not in have:
        return False
    if not isinstance(want, dict) or want.get(key) is None:
        return True
    return _leftover(want[key], have[key], below)


def _leftover_item(keys: dict[str, Any], want: Any, have: Any, below: Fields) -> bool:
    live = next((item for item in have or [] if _is(item, keys)), None)
    if live is None:
        return False
    item = next((item for item in want or [] if _matches(item, keys)), None)
    return item is None or _leftover(item, live, {k: v for k, v in below.items() if k[2:] not in keys})
