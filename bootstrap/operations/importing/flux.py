"""Which namespace a tree gives to a Secret that names none: kustomize's ``namespace``, Flux's ``targetNamespace``."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

_KUSTOMIZE = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_MOST_BYTES = 1 << 20


def namespaces(folder: Path) -> dict[str, str]:
    """Folder of the tree (``apps/shop``, ``.`` for its top) to the namespace that is given for it.

    What cannot be read says nothing. Overlays that reach into other folders are not followed.
    """
    found: dict[str, str] = {}
    for path in sorted(p for p in folder.rglob("*") if p.name in _KUSTOMIZE or p.suffix in (".yaml", ".yml")):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _MOST_BYTES:
            continue
        content = path.read_bytes()
        if b"ustomiz" not in content and path.name not in _KUSTOMIZE:
            continue
        here = path.parent.relative_to(folder).as_posix()
        for document in _documents(content):
            if path.name in _KUSTOMIZE and isinstance(document.get("namespace"), str):
                found[here] = document["namespace"]
            elif (given := _of_flux(document)) is not None:
                found.setdefault(given[0], given[1])
    return found


def namespace_of(name: str, given: Mapping[str, str]) -> str:
    """For a file of the tree: what the nearest folder above it says, or nothing."""
    return next((given[str(p)] for p in PurePosixPath(name).parents if str(p) in given), "")


def _documents(content: bytes) -> list[dict[str, Any]]:
    try:
        return [each for each in yaml.safe_load_all(content) if isinstance(each, dict)]
    except (yaml.YAMLError, ValueError, RecursionError):
        return []


def _of_flux(document: Mapping[str, Any]) -> tuple[str, str] | None:
    """A Kustomization of Flux: the folder that it applies, and the namespace that it puts things into."""
    spec = document.get("spec")
    if document.get("kind") != "Kustomization" or not isinstance(spec, dict):
        return None
    place, target = spec.get("path"), spec.get("targetNamespace")
    if not isinstance(place, str) or not isinstance(target, str):
        return None
    return PurePosixPath(place.removeprefix("./").strip("/") or ".").as_posix(), target
