"""Objects that the cases write, and the two things that they say about an answer."""

import time
import uuid
from collections.abc import Callable
from typing import Any

from bootstrap.ports import Object, Reason, Ref, Refused


def fresh(stem: str = "c") -> str:
    """A name that no other case has."""
    return f"{stem}-{uuid.uuid4().hex[:8]}"


def configmap(namespace: str, name: str = "", **data: str) -> Object:
    meta: dict[str, Any] = {"name": name or fresh(), "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def secret(namespace: str, name: str = "", **more: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name or fresh("s"), "namespace": namespace},
        **more,
    }


def bare(api: str, kind: str, namespace: str, name: str = "", **more: Any) -> Object:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name or fresh(), "namespace": namespace},
        **more,
    }


def ref(obj: Object) -> Ref:
    meta = obj["metadata"]
    return Ref(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace", ""))


def with_meta(obj: Object, **more: Any) -> Object:
    return {**obj, "metadata": {**obj["metadata"], **more}}


def version(obj: Object) -> str:
    return str(obj["metadata"]["resourceVersion"])


def made(found: Any) -> Object:
    """The object that a write, or a read, answered with."""
    assert isinstance(found, dict), found
    return found


def refused(found: Any, *reasons: Reason) -> Refused:
    assert isinstance(found, Refused), found
    assert found.reason in reasons, found
    return found


def until(true: Callable[[], Any], seconds: float) -> Any:
    """Looks until ``true()`` is truthy and gives what it said; an AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        said = true()
        if said:
            return said
        time.sleep(0.1)
    raise AssertionError(f"not so after {seconds} seconds")
