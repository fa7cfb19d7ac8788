"""Kubernetes manifests of the repository: upstream YAML, read as upstream writes it."""

from typing import Any

import yaml

from bootstrap.model.errors import DefinitionError
from bootstrap.ports import Object

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_manifests(path: str, data: bytes) -> list[Object]:
    """Every object of a file, kind List taken apart. DefinitionError E_MANIFEST with file:line."""
    try:
        documents: list[Any] = list(yaml.load_all(data, Loader=_Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise DefinitionError("not valid YAML", code="E_MANIFEST", where=f"{path}:{line}") from None
    found: list[Object] = []
    for document in documents:
        if isinstance(document, dict) and document.get("kind") == "List":
            found.extend(document.get("items") or [])
        elif document is not None:
            found.append(document)
    for obj in found:
        _check(path, obj)
    return found


def _check(path: str, obj: Any) -> None:
    named = isinstance(obj, dict) and obj.get("apiVersion") and obj.get("kind")
    if not named or not isinstance(obj.get("metadata"), dict) or not obj["metadata"].get("name"):
        raise DefinitionError(
            "a document is not a Kubernetes object (apiVersion, kind, metadata.name)",
            code="E_MANIFEST",
            where=path,
        )
