"""Would server-side apply change this live object? Answered by looking, without asking the server to try.

Two questions, both for the fields that we speak of only, so that defaults, status and what other managers
own never count: is each field of the wanted object in the live one with an equal value; and does the live
object still hold fields that we applied once and want no longer (the API server remembers them as the
``managedFields`` of our field manager)? That record also says how a list merges: by key, as a set, whole.

Source: kubernetes.io/docs/reference/using-api/server-side-apply, structured-merge-diff fieldpath v1.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from bootstrap.adapters.kubernetes.secret_data import decoded
from bootstrap.model.outside import json_value
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

# What the server adds inside atomic values of built-in kinds: NetworkPolicyPort, ObjectFieldSelector,
# ResourceFieldSelector, projected tokens, RBAC subjects, MatchResources of admission, volumeClaimTemplates.
DEFAULTS: dict[str, tuple[Any, ...]] = {
    "protocol": ("TCP",),
    "apiVersion": ("v1",),
    "divisor": ("0",),
    "expirationSeconds": (3600,),
    "apiGroup": ("", "rbac.authorization.k8s.io"),
    "scope": ("*",),
    "volumeMode": ("Filesystem",),
    "kind": ("PersistentVolumeClaim",),
    "creationTimestamp": (None,),
    "namespaceSelector": ({},),
    "objectSelector": ({},),
    "matchPolicy": ("Equivalent",),
}
# Where an empty map means "everything", and is never filled.
SELECTORS = {"selector", "nodeSelector", "matchLabels", "matchExpressions"}

# fieldsV1: {"f:name": {...}, 'k:{"key":"value"}': {...}, 'v:"item"': {}, ".": {}}
Fields = dict[str, Any]
Path = tuple[str, ...]


def apply_would_change(wanted: Object, live: Object) -> bool:
    """True when applying ``wanted`` as field manager ``bootstrap`` would change ``live``."""
    want, have = _comparable(wanted), _comparable(live)
    applied, known = _owned(live, "Apply"), _owned(live)
    whole = _Whole(builtin=_is_builtin(str(wanted.get("apiVersion"))))
    return not whole.holds(want, have, known, ()) or _leftover(want, have, applied)


def _is_builtin(api: str) -> bool:
    group = api.partition("/")[0] if "/" in api else ""
    return "." not in group or group.endswith(".k8s.io")


def _comparable(obj: Object) -> Object:
    kept = {key: value for key, value in decoded(obj).items() if key not in NOT_OURS}
    meta = {key: value for key, value in (obj.get("metadata") or {}).items() if key not in META_NOT_OURS}
    return {**kept, "metadata": meta}


def _owned(live: Object, operation: str = "") -> Fields:
    """Our manager's fields, all entries joined; the entries of ``operation`` only when it is given."""
    entries = [
        entry.get("fieldsV1") or {}
        for entry in (live.get("metadata") or {}).get("managedFields") or []
        if entry.get("manager") == MANAGER
        and not entry.get("subresource")
        and operation in ("", entry.get("operation"))
    ]
    joined: Fields = {}
    for fields in entries:
        joined = _joined(joined, fields)
    return joined


def _joined(one: Fields, other: Fields) -> Fields:
    return {key: _joined(one.get(key) or {}, other.get(key) or {}) for key in one.keys() | other.keys()}


# ---------------------------------------------------------------- every wanted field is there


class _Whole:
    """Does the live object hold every wanted field, with an equal value and as ours?

    Inside a value that the server treats as one (an atomic list or map) its record names no fields, so
    there every field counts, but for the defaults that built-in kinds are known to get. The defaults of
    custom kinds are not known: there what is missing or different counts, and what is more does not.
    """

    def __init__(self, *, builtin: bool) -> None:
        self._builtin = builtin

    def holds(self, want: Any, have: Any, fields: Fields, path: Path) -> bool:
        if isinstance(want, dict):
            return isinstance(have, dict) and all(
                self._holds_key(value, have, key, fields, (*path, key)) for key, value in want.items()
            )
        if isinstance(want, list):
            return isinstance(have, list) and self._holds_list(want, have, fields, path)
        return _same(want, have, path)

    def _holds_key(self, value: Any, have: Object, key: str, fields: Fields, path: Path) -> bool:
        if have.get(key) is None:
            return _is_zero(value)
        marker = f"f:{key}"
        if marker not in fields:
            # Not ours (any more): another manager changed it, or it was never applied. What is empty is never ours.
            return value is None or value in ({}, [])
        below = fields[marker]
        if value == {} and isinstance(have[key], dict) and not SELECTORS & {*have[key], key}:
            return True  # an empty struct is filled with defaults (`updateStrategy: {}`)
        return self.holds(value, have[key], below, path) if below else self._one(value, have[key], path)

    def _holds_list(self, want: list[Any], have: list[Any], fields: Fields, path: Path) -> bool:
        if any(key.startswith("v:") for key in fields):
            return all(item in have for item in want)
        positions = [self._position(item, have, fields, path) for item in want]
        return None not in positions and positions == sorted(p for p in positions if p is not None)

    def _position(self, item: Any, have: list[Any], fields: Fields, path: Path) -> int | None:
        """Where the live list holds ``item``; its keys are those of the server's record."""
        for marker, below in fields.items():
            keys = json_value(marker[2:]) if marker.startswith("k:") else {}
            if keys and _matches(item, keys):
                found = (n for n, live in enumerate(have) if _is(live, keys))
                return next((n for n in found if self._equal(item, have[n], below, path)), None)
        return None

    def _equal(self, want: Any, have: Any, below: Fields, path: Path) -> bool:
        """An item whose record names no fields is one value to the server (``imagePullSecrets``)."""
        return self.holds(want, have, below, path) if below else self._one(want, have, path)

    def _one(self, want: Any, have: Any, path: Path) -> bool:
        if isinstance(want, dict) and isinstance(have, dict):
            more = [key for key in have if key not in want]
            return all(
                self._one(value, have[key], (*path, key)) if key in have else _is_zero(value)
                for key, value in want.items()
            ) and not (self._builtin and any(not _is_default(key, have[key]) for key in more))
        if isinstance(want, list) and isinstance(have, list):
            return len(want) == len(have) and all(map(self._one, want, have, [path] * len(want)))
        return _same(want, have, path)


def _is_zero(value: Any) -> bool:
    """The server leaves zero values out of what it stores, and so does its record of who owns what."""
    return not isinstance(value, Sensitive) and value in (None, False, 0, "", [], {})


def _is_default(key: str, value: Any) -> bool:
    return value in DEFAULTS.get(key, ()) or key == "status"


def _matches(item: Any, keys: dict[str, Any]) -> bool:
    """A wanted item may leave a key to its default (``protocol: TCP``); what it says must agree."""
    given = [key for key in keys if isinstance(item, dict) and key in item]
    return bool(given) and all(item[key] == keys[key] for key in given)


def _is(live: Any, keys: dict[str, Any]) -> bool:
    return isinstance(live, dict) and all(live.get(key) == value for key, value in keys.items())


def _same(want: Any, have: Any, path: Path) -> bool:
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
        if kind == "k" and _leftover_item(json_value(rest), want, have, below):
            return True
        if kind == "v" and json_value(rest) not in (want or []):
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
