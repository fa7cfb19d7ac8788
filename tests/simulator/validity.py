"""What the API server refuses as invalid, as far as anything here rests on it: names, keys, times, immutability."""

import re
from typing import Any

from bootstrap.ports import Object

NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
MICROTIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)")
NAMED_FREELY = "rbac.authorization.k8s.io/"  # its names are any one segment of a path


def is_builtin(api: str) -> bool:
    """False: a group that is served only once a CustomResourceDefinition made it."""
    group = api.partition("/")[0] if "/" in api else ""
    return "." not in group or group.endswith(".k8s.io")


def invalid(obj: Object) -> str:
    """Why this object is refused, "" when it is not."""
    name, kind = str(obj["metadata"]["name"]), obj["kind"]
    if not obj["apiVersion"].startswith(NAMED_FREELY) and not NAME.fullmatch(name):
        return f"{kind} {name!r} is invalid: metadata.name"
    if kind in ("ConfigMap", "Secret"):
        bad = [key for key in obj.get("data") or {} if not KEY.fullmatch(key)]
        if bad:
            return f"{kind} {name!r} is invalid: data: {', '.join(map(repr, bad))}"
    times = [obj.get("spec", {}).get(key) for key in ("renewTime", "acquireTime")] if kind == "Lease" else []
    wrong = [time for time in times if time and not MICROTIME.fullmatch(str(time))]
    return f"Lease {name!r} cannot be read: {wrong[0]}" if wrong else ""


def invalid_change(live: Object, new: Object) -> str:
    """Why ``live`` may not become ``new``, "" when it may."""
    kind, name = live["kind"], live["metadata"]["name"]
    if live.get("immutable") and (_data(new) != _data(live) or not new.get("immutable")):
        return f"{kind} {name!r} is immutable"
    if kind == "Secret" and new.get("type", "Opaque") != live.get("type", "Opaque"):
        return f"Secret {name!r}: type: field is immutable"
    if "deletionTimestamp" in live["metadata"] and _finalizers(new) - _finalizers(live):
        return f"{kind} {name!r} is being deleted and gets no more finalizers"
    return ""


def _data(obj: Object) -> dict[str, Any]:
    return {**(obj.get("data") or {}), **(obj.get("binaryData") or {})}


def _finalizers(obj: Object) -> set[str]:
    return set(obj["metadata"].get("finalizers") or ())
