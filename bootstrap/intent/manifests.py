"""Kubernetes manifests of the repository: upstream YAML, read as upstream writes it."""

import re
from typing import Any

import yaml

from bootstrap.model.errors import DefinitionError
from bootstrap.ports import Object

MAX_DEPTH = 100
_INDENTED = re.compile(rb"^[ ?:-]{100}", re.MULTILINE)
MOST_NODES = 1_000_000  # of one file, its aliases written out

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]  # one of two bases
    """A date is text, as it is for kubectl and the API server."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML's own name and kind
        first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in _Base.yaml_implicit_resolvers.items()
    }


def parse_manifests(path: str, data: bytes) -> list[Object]:
    """Every object of a file, kind List taken apart.

    DefinitionError E_MANIFEST with file:line, E_DEPTH, E_YAML_CYCLE, E_YAML_ALIAS.
    """
    found: list[Any] = []
    for number, document in enumerate(documents_of(path, data)):
        listed = isinstance(document, dict) and document.get("kind") == "List"
        items = (document.get("items") or []) if listed else [document]
        objects = [item for item in items if item is not None] if isinstance(items, list) else [items]
        if not all(map(_is_object, objects)):
            raise _no_object(path, data, number)
        found.extend(objects)
    return found


def documents_of(path: str, data: bytes) -> list[Any]:
    """Every document of a file, whatever it is; the errors are those of its YAML."""
    _check_depth(path, data)
    try:
        documents: list[Any] = list(yaml.load_all(data, Loader=_Loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None)
        message, hint = (
            f"not valid YAML{f': {problem}' if problem else ''}",
            "mend it there, or in the lines above",
        )
        raise DefinitionError(message, code="E_MANIFEST", where=f"{path}:{line}", hint=hint) from None
    except ValueError:
        message = "a value that is not what it looks like (a date?)"
        hint = "write it in quotes"
        raise DefinitionError(message, code="E_MANIFEST", where=path, hint=hint) from None
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
                raise DefinitionError(message, code="E_DEPTH", where=where, hint="write it flatter")
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


def _is_object(obj: Any) -> bool:
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
        return False
    named = (obj.get("apiVersion"), obj.get("kind"), obj["metadata"].get("name"))
    return all(isinstance(text, str) and text for text in named)


def _no_object(path: str, data: bytes, number: int) -> DefinitionError:
    return DefinitionError(
        "a document is not a Kubernetes object (apiVersion, kind, metadata.name)",
        code="E_MANIFEST",
        where=f"{path}:{_line_of(data, number)}",
        hint="write what is missing, or move a file that is no manifest (kustomization, values) elsewhere",
    )


def _line_of(data: bytes, number: int) -> int:
    """Where the content of a document begins. Read again: only where something is wrong with one."""
    seen = -1
    for event in yaml.parse(data, Loader=_Loader):
        if isinstance(event, yaml.DocumentStartEvent):
            seen += 1
        elif seen == number and event.start_mark:
            return int(event.start_mark.line) + 1
    return 1
