"""What the repository that is written to has already: a second import adds to it and changes nothing."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.intent.yaml_source import load_documents
from bootstrap.model import layout
from bootstrap.model.errors import DefinitionError


@dataclass(frozen=True, slots=True, kw_only=True)
class There:
    """``secrets`` are Kubernetes Secrets (namespace, name) that an entry makes; ``platform`` the namespaces of
    declared platform components. A file that cannot be read says nothing here: `check` names it."""

    names: frozenset[str]
    paths: frozenset[str]
    secrets: frozenset[tuple[str, str]]
    platform: frozenset[str]


def what_is_there(folder: Path) -> There:
    specs = list(_specs(folder))
    consumers = [each for _, spec in specs for each in _list(spec.get("consumers"))]
    paths = {str(_map(spec.get("runtime")).get("path", "")) for _, spec in specs}
    return There(
        names=frozenset(name for name, _ in specs),
        paths=frozenset(filter(None, paths)),
        secrets=frozenset((str(each.get("namespace")), str(each.get("secret"))) for each in consumers),
        platform=frozenset(_platform(folder)),
    )


def _specs(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in sorted((folder / layout.SECRETS).rglob("*.yaml")):
        for document in _documents(path):
            yield str(_map(document.get("metadata")).get("name", "")), _map(document.get("spec"))


def _platform(folder: Path) -> Iterator[str]:
    for document in _documents(folder / layout.PLATFORM_FILE):
        named = _map(_map(document.get("spec")).get("components")).get("platform")
        yield from (str(each) for each in named if isinstance(each, str)) if isinstance(named, list) else ()


def _documents(path: Path) -> list[Mapping[str, Any]]:
    try:
        found = load_documents(path.name, path.read_bytes())
    except (OSError, DefinitionError):
        return []
    return [each.value for each in found if isinstance(each.value, dict)]


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
