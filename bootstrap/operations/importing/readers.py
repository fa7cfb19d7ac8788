"""What reads a Secret of a tree: objects that are applied beside it and name it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.operations.importing.gitops.documents import YAML, Document, mapping, text
from bootstrap.operations.importing.gitops.live import Live

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
# What fetches or pulls for the platform before any Vault is there.
FETCHES = ("GitRepository", "OCIRepository", "HelmRepository", "Bucket", "ImageRepository")
_NOT_READING = ("Kustomization", "Component", "Secret", "ExternalSecret", "SecretStore", "Namespace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Readers:
    """By root and name of a Secret."""

    def __init__(self, live: Live) -> None:
        self._found: dict[tuple[str, str], list[Reader]] = {}
        for path, roads in live.roads.items():
            if not path.endswith(YAML) or path not in live.documents.files.blobs:
                continue
            for document in live.documents.of(path):
                self._note(document, {road.root for road in roads})

    def _note(self, document: Document, roots: set[str]) -> None:
        kind, name = text(document.get("kind")), text(mapping(document.get("metadata")).get("name"))
        if not name or kind in _NOT_READING:
            return
        for word in set(_words(document.get("spec"))):
            for root in roots:
                self._found.setdefault((root, word), []).append(Reader(kind=kind, name=name))

    def of(self, root: str, name: str) -> tuple[Reader, ...]:
        return tuple(dict.fromkeys(self._found.get((root, name), ())))


def _words(value: Any) -> Iterator[str]:
    """Every text that stands where the name of a Secret may."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            if isinstance(each, str) and (
                name in ("name", "existingSecret") or "secret" in str(name).lower()
            ):
                yield each
            else:
                yield from _words(each)
    elif isinstance(value, list):
        for each in value:
            yield from _words(each)
