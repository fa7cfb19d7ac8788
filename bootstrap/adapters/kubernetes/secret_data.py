"""Kubernetes Secrets on the wire and in memory: base64 text outside, ``Sensitive`` bytes inside."""

import base64
import binascii
from typing import Any

from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object

# kubectl keeps a whole copy of the object, values and all, in this annotation.
COPY = "kubectl.kubernetes.io/last-applied-configuration"


def is_secret(obj: Object) -> bool:
    return obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1"


def label_of(obj: Object, key: str) -> str:
    meta = obj.get("metadata") or {}
    return f"Secret {meta.get('namespace', '')}/{meta.get('name', '')} {key}"


def decoded(obj: Object) -> Object:
    """A Secret with ``Sensitive`` leaves under ``data``; every other object as it is.

    ``stringData`` (write-only on the server) is folded into ``data``. Base64 text of a manifest is decoded.
    """
    if not is_secret(obj):
        return obj
    leaves = {key: _opened(value, label_of(obj, key)) for key, value in (obj.get("data") or {}).items()}
    for key, value in (obj.get("stringData") or {}).items():
        text = value if isinstance(value, Sensitive) else Sensitive(str(value).encode())
        leaves[key] = text.relabel(label_of(obj, key))
    rest = {key: value for key, value in obj.items() if key not in ("data", "stringData")}
    if leaves or "data" in obj or "stringData" in obj:
        rest["data"] = leaves
    return _wrap_copy(rest)


def filled(obj: Object) -> Object:
    """The server leaves out a mapping without entries; of what is read, ``data`` is there and empty."""
    holds = obj.get("apiVersion") == "v1" and obj.get("kind") in ("Secret", "ConfigMap")
    return {**obj, "data": {}} if holds and obj.get("data") is None else obj


def encoded(obj: Object) -> Object:
    """What goes to the server: the leaves of a Secret as base64. Its only caller sends it at once."""
    if not is_secret(obj):
        return obj
    inner = decoded(obj)
    plain = {key: value for key, value in inner.items() if key != "data"}
    if "data" in inner:
        plain["data"] = {
            key: base64.b64encode(value.reveal()).decode() for key, value in inner["data"].items()
        }
    return _unwrap_copy(plain)


def _opened(value: Any, label: str) -> Sensitive:
    if isinstance(value, Sensitive):
        return value.relabel(label)
    try:
        return Sensitive(base64.b64decode(str(value or ""), validate=True), label)
    except binascii.Error:
        raise DefinitionError(
            f"{label}: not base64", code="E_B64", where=label, hint="put text under stringData instead"
        ) from None


def _wrap_copy(obj: Object) -> Object:
    copy = ((obj.get("metadata") or {}).get("annotations") or {}).get(COPY)
    return _with_copy(obj, Sensitive(copy.encode(), COPY)) if isinstance(copy, str) else obj


def _unwrap_copy(obj: Object) -> Object:
    copy = ((obj.get("metadata") or {}).get("annotations") or {}).get(COPY)
    return _with_copy(obj, copy.reveal().decode()) if isinstance(copy, Sensitive) else obj


def _with_copy(obj: Object, copy: Any) -> Object:
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "annotations": {**meta["annotations"], COPY: copy}}}
