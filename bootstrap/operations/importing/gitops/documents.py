"""YAML of a tree that is not encrypted, parsed once; what cannot be read says nothing here."""

import posixpath
import re
from collections.abc import Iterator
from typing import Any

from bootstrap.adapters.git.tree import Files
from bootstrap.intent.manifests import documents_of
from bootstrap.model.errors import DefinitionError

YAML = (".yaml", ".yml")
KUSTOMIZATION = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_MOST_BYTES = 1 << 20
_SEALED = b"ENC[AES256_GCM,"  # what SOPS has sealed is read elsewhere
_CONTROLLERS = re.compile(rb"^kind:\s*[\"']?(?:Kustomization|Application|ApplicationSet)\b", re.MULTILINE)
Document = dict[str, Any]


class Documents:
    def __init__(self, files: Files) -> None:
        self.files = files
        self._parsed: dict[str, tuple[Document, ...]] = {}

    def of(self, path: str) -> tuple[Document, ...]:
        if path not in self._parsed:
            self._parsed[path] = tuple(_read(path, self.files.read(path)))
        return self._parsed[path]

    def whole(self, path: str) -> list[Any] | None:
        """Every document of a file, lists and sealed ones too; None where it cannot be read."""
        return _parsed(path, self.files.read(path)) if path in self.files.blobs else None

    def of_controllers(self) -> Iterator[tuple[str, Document]]:
        """Every document that tells Flux or Argo CD what to apply, with its file."""
        for path in self.files.paths:
            if path.endswith(YAML) and _CONTROLLERS.search(self.files.read(path)):
                for document in self.of(path):
                    group = str(document.get("apiVersion", "")).partition("/")[0]
                    if group in ("kustomize.toolkit.fluxcd.io", "argoproj.io"):
                        yield path, document

    def kustomization(self, folder: str) -> tuple[str, Document] | None:
        """The file of a folder that kustomize goes by, and what it says."""
        for name in KUSTOMIZATION:
            path = f"{folder}/{name}".removeprefix("/")
            if path in self.files.blobs:
                return path, next(iter(self.of(path)), {})
        return None


def _read(path: str, content: bytes) -> list[Document]:
    if _SEALED in content:
        return []
    listed = [
        item
        for each in _parsed(path, content) or ()
        if isinstance(each, dict)
        for item in (each.get("items") or () if each.get("kind") == "List" else (each,))
    ]
    return [each for each in listed if isinstance(each, dict)]


def _parsed(path: str, content: bytes) -> list[Any] | None:
    if len(content) > _MOST_BYTES:
        return None
    try:
        return list(documents_of(path, content))
    except (DefinitionError, RecursionError):
        return None


def documents_of_text(content: str) -> list[Document]:
    """Of YAML that stands in YAML, such as a patch."""
    return _read("a patch", content.encode())


def listed_of_text(content: str) -> list[Any] | None:
    """The same with documents of any kind; None where it cannot be read."""
    return _parsed("a patch", content.encode())


def joined(folder: str, name: str) -> str:
    """A path below the top of the tree, as a file in ``folder`` names it; empty for the top."""
    found = posixpath.normpath(posixpath.join(folder, name))
    return "" if found == "." else found


def strings(value: Any) -> list[str]:
    """The texts of a list, and of nothing else."""
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def mapping(value: Any) -> Document:
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[Document]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def texts(value: Any) -> dict[str, str]:
    """The pairs of a mapping whose values are scalars, as texts."""
    return {
        str(name): str(each) for name, each in mapping(value).items() if isinstance(each, str | int | bool)
    }
