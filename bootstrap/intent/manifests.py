"""Kubernetes manifests of the repository: upstream YAML, read as upstream writes it."""

import re
from functools import lru_cache
from typing import Any

import yaml

from bootstrap.model.errors import DefinitionError
from bootstrap.ports import Object

MAX_DEPTH = 100
FILES = 256  # whose objects are kept
_INDENTED = re.compile(rb"^[ ?:-]{100}", re.MULTILINE)
MOST_NODES = 1_000_000  # of one file, its aliases written out

_TAG = "tag:yaml.org,2002:"
_DIGITS = 100
_SHORTER = {  # without base 60, which kubectl does not know, and which takes hours for a megabyte of it
    f"{_TAG}int": re.compile(
        r"[-+]?(?:0b[01_]{1,64}|0[0-7_]{1,24}|0|[1-9][0-9_]{0,24}|0x[0-9a-fA-F_]{1,24})$"
    ),
    f"{_TAG}float": re.compile(
        r"[-+]?(?:[0-9][0-9_]{0,400}\.[0-9_]{0,400}(?:[eE][-+][0-9]{1,4})?|\.[0-9][0-9_]{0,400}"
        r"(?:[eE][-+][0-9]{1,4})?|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
}
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def of_kind(*kinds: str) -> re.Pattern[bytes]:
    """Where a file may hold an object of one of these kinds, so that it is worth parsing: as people write it, and
    wherever a tag, an anchor, an alias, a block or an escape stands in the kind's place."""
    plain = rf"""["']?(?:{"|".join(kinds)})["']?\s*(?:,|\}}|\]|#|$)"""
    spelt = r"""[!&*|>]|"[^"\n]*\\"""
    other_key = r'"[^"\n]{0,80}\\[xuU\n][^"\n]{0,80}"\s*:'
    utf16 = r"\A(?:\xff\xfe|\xfe\xff)"
    text = rf"""\bkind["']?\s*:\s*(?:{plain}|{spelt})|{other_key}|{utf16}"""
    return re.compile(text.encode(), re.MULTILINE)


class _Loader(_Base):  # type: ignore[misc]  # one of two bases
    """A date is text, as it is for kubectl and the API server; so is a number in base 60, or of hundreds of digits."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # PyYAML's own name and kind
        first: [(tag, _SHORTER.get(tag, form)) for tag, form in resolvers if tag != f"{_TAG}timestamp"]
        for first, resolvers in _Base.yaml_implicit_resolvers.items()
    }

    def __init__(self, stream: bytes) -> None:
        super().__init__(stream)
        self._left = MOST_NODES
        self._flat: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """A key that several merged mappings have is kept once, as it counts once: else each alias doubles them."""
        if id(node) in self._flat:
            return
        self._flat.add(id(node))
        for key, value in node.value:
            if key.tag == f"{_TAG}merge":
                for merged in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    self._count(merged)
        super().flatten_mapping(node)
        last = {(k.tag, k.value) if isinstance(k, yaml.ScalarNode) else id(k): (k, v) for k, v in node.value}
        node.value = [*last.values()]

    def _count(self, merged: yaml.Node) -> None:
        if isinstance(merged, yaml.MappingNode):
            self.flatten_mapping(merged)
            self._left -= 1 + len(merged.value)
        if self._left < 0:
            raise yaml.constructor.ConstructorError(
                problem=f"its merge keys stand for more than {MOST_NODES} values",
                problem_mark=merged.start_mark,
            )


def _short(loader: Any, node: yaml.ScalarNode) -> Any:
    """A number whose tag is written out."""
    if len(str(node.value)) > _DIGITS or ":" in str(node.value):
        raise yaml.constructor.ConstructorError(problem="this is no number", problem_mark=node.start_mark)
    return loader.construct_yaml_int(node)


_Loader.add_constructor(f"{_TAG}int", _short)


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


@lru_cache(maxsize=FILES)
def committed_objects(path: str, data: bytes) -> tuple[Object, ...]:
    """The same of a file below ``manifests/`` of the commit: rules and steps ask for them again and again, so they are
    read once. None is to be changed. Files that could hold a value are not for here: it would be kept."""
    return tuple(parse_manifests(path, data))


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
    except RecursionError:
        message, hint = f"nested deeper than {MAX_DEPTH} levels by its aliases", "write the value out"
        raise DefinitionError(message, code="E_DEPTH", where=path, hint=hint) from None
    except ValueError:
        message = "a value that is not what it looks like (a date?)"
        hint = "write it in quotes"
        raise DefinitionError(message, code="E_MANIFEST", where=path, hint=hint) from None
    if (b"&" in data and b"*" in data) or b"!" in data:
        _check_tree(path, documents)
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


def _check_tree(path: str, documents: list[Any]) -> None:
    """Aliases are taken as far as the whole, written out, stays of a size and a depth that can be sent; tags, as far
    as they make what JSON has."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: Any) -> int:
        if not isinstance(node, dict | list):
            if not isinstance(node, str | int | float | None):
                message, hint = "a tag that makes what JSON has not", "write the value as text"
                raise DefinitionError(message, code="E_MANIFEST", where=path, hint=hint)
            return 1
        if len(open_nodes) > MAX_DEPTH:
            message, hint = f"nested deeper than {MAX_DEPTH} levels by its aliases", "write the value out"
            raise DefinitionError(message, code="E_DEPTH", where=path, hint=hint)
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
