"""Kubernetes manifests of the repository: upstream YAML, read as upstream writes it."""

import re
from typing import Any

import yaml

from bootstrap.model.errors import DefinitionError
from bootstrap.ports import Object

MAX_DEPTH = 100
_INDENTED = re.compile(rb"^[ ?:-]{100}", re.MULTILINE)
MOST_NODES = 1_000_000  # of one file, its aliases written out

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_manifests(path: str, data: bytes) -> list[Object]:
    """Every object of a file, kind List taken apart.

    DefinitionError E_MANIFEST with file:line, E_DEPTH, E_YAML_CYCLE, E_YAML_ALIAS.
    """
    found: list[Any] = []
    for document in documents_of(path, data):
        if isinstance(document, dict) and document.get("kind") == "List":
            found.extend(document.get("items") or [])
        elif document is not None:
            found.append(document)
    for obj in found:
        _check(path, obj)
    return found


def documents_of(path: str, data: bytes) -> list[Any]:
    """Every document of a file, whatever it is; the errors are those of its YAML."""
    _check_depth(path, data)
    try:
        documents: list[Any] = list(yaml.load_all(data, Loader=_Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise DefinitionError("not valid YAML", code="E_MANIFEST", where=f"{path}:{line}") from None
    except ValueError:
        message = "a value that is not what it looks like (a date?)"
        raise DefinitionError(message, code="E_MANIFEST", where=path) from None
    if b"&" in data and b"*" in data:
        _check_aliases(path, documents)
    return documents


def _check_depth(path: str, data: bytes) -> None:
    """libyaml's loader calls itself for each level and ends the process on deep input; its parser does not."""
    if data.count(b"[") + data.count(b"{") < MAX_DEPTH and not _INDENTED.search(data):
        return  # deeper than that needs more brackets, or a longer beginning of a line
    depth = 0
    try:
        for event in yaml.parse(data, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                where = f"{path}:{event.start_mark.line + 1}" if event.start_mark else path
                message = f"nested deeper than {MAX_DEPTH} levels"
                raise DefinitionError(message, code="E_DEPTH", where=where)
    except yaml.YAMLError:
        return  # the loader says where


def _check_aliases(path: str, documents: list[Any]) -> None:
    """Aliases are taken as far as the whole, written out, stays of a size that can be sent."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Any) -> int:
        if not isinstance(node, dict | list):
            return 1
        if id(node) in open_nodes:
            message, hint = "an alias leads back into its own anchor", "write the value out"
            raise DefinitionError(message, code="E_YAML_CYCLE", where=path, hint=hint)
        if id(node) not in sizes:
            open_nodes.add(id(node))
            sizes[id(node)] = 1 + sum(map(size, node.values() if isinstance(node, dict) else node))
            open_nodes.remove(id(node))
        return sizes[id(node)]

    if sum(map(size, documents)) > MOST_NODES:
        message, hint = f"its aliases stand for more than {MOST_NODES} values", "write the values out"
        raise DefinitionError(message, code="E_YAML_ALIAS", where=path, hint=hint)


def _check(path: str, obj: Any) -> None:
    named = isinstance(obj, dict) and obj.get("apiVersion") and obj.get("kind")
    if not named or not isinstance(obj.get("metadata"), dict) or not obj["metadata"].get("name"):
        raise DefinitionError(
            "a document is not a Kubernetes object (apiVersion, kind, metadata.name)",
            code="E_MANIFEST",
            where=path,
        )
