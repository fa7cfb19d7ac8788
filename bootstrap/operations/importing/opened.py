"""Encrypted files of other people, opened with any of the keys that were given, Secret by Secret."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from bootstrap.adapters.sops.data_key import DataKeys
from bootstrap.adapters.sops.nodes import Node, Scalar
from bootstrap.adapters.sops.reader import Parsed, SopsFile, read_parsed, shown_text
from bootstrap.intent.encryption_forms import Form
from bootstrap.model.errors import PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.rekey.recipients import Expected, Readers
from bootstrap.ports import Opened, RootKey

_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One Secret of a file. ``key`` is its place in the file, empty where it is all of it.

    ``tree`` is empty where no key that was given opens the file: then only what stands in the clear is known.
    ``wrong`` are values that are no text, ``clear`` says that a value stands in the clear.
    """

    name: str
    namespace: str = ""
    key: str = ""
    type: str = "Opaque"
    labels: Mapping[str, str] = field(default_factory=lambda: _NONE)
    annotations: Mapping[str, str] = field(default_factory=lambda: _NONE)
    immutable: bool = False
    tree: Mapping[str, Opened] = field(default_factory=dict)
    wrong: tuple[str, ...] = ()
    clear: bool = False
    empty: bool = False

    def values(self) -> Iterator[tuple[str, str, Sensitive]]:
        """``data`` or ``stringData``, the field and what is written there; the latter wins, as in Kubernetes."""
        parts = {
            part: block for part in ("data", "stringData") if isinstance(block := self.tree.get(part), dict)
        }
        for part, block in parts.items():
            for name, value in block.items():
                if isinstance(value, Sensitive) and not (
                    part == "data" and name in parts.get("stringData", {})
                ):
                    yield part, name, value


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a file holds. ``others`` are the kinds of documents that are no Secret, ``""`` for one without a kind."""

    manifests: tuple[Manifest, ...]
    others: tuple[str, ...]
    fields: frozenset[str]  # of the first document
    file: SopsFile | None = None


class Keys:
    """``expected`` are the holders of the new root, ``given`` the keys that open what they cannot; each is asked for
    once, when it is needed."""

    def __init__(self, expected: Expected, given: Callable[[], Sequence[RootKey]]) -> None:
        self.expected = expected
        self._given = given

    @cached_property
    def roots(self) -> tuple[RootKey, ...]:
        return tuple(self._given())

    @cached_property
    def _data_keys(self) -> tuple[DataKeys, ...]:
        return tuple(DataKeys(root) for root in self.roots)

    def keeps(self, readers: Readers) -> bool:
        """True when a holder of the root opens the file as it is, and the file says so."""
        # Where no reader is named only opening it would show it.
        return not readers.anonymous and self.expected.absent(readers) < len(self.expected.holders)

    def read(self, name: str, file: Parsed, form: Form) -> SopsFile | None:
        """None where none of the keys opens it."""
        for keys in self._data_keys:
            try:
                return read_parsed(file, keys, name, form)
            except PreconditionError as error:
                if error.code != "E_NO_IDENTITY":
                    raise
        return None

    def unwrap(self, name: str, content: bytes) -> Sensitive | None:
        for root in self.roots:
            try:
                return root.unwrap(content, name)
            except PreconditionError as error:
                if error.code != "E_NO_IDENTITY":
                    raise
        return None


def content_of(name: str, sealed: Parsed, form: Form, keys: Keys) -> Content:
    """DefinitionError E_SOPS_*; PreconditionError where a key asks and must not."""
    file = keys.read(name, sealed, form)
    if file is None:
        documents = sealed.documents
        found = [_in_clear(each, _key(n, len(documents))) for n, each in enumerate(documents)]
        others = tuple(_clear(d.get("kind")) for d, m in zip(documents, found, strict=True) if not m)
        return Content(
            manifests=tuple(m for each in found for m in each), others=others, fields=frozenset(documents[0])
        )
    manifests: list[Manifest] = []
    kinds: list[str] = []
    for number, document in enumerate(file.documents):
        key = _key(number, len(file.documents))
        items = list(_items(document, key))
        manifests += [each for place, tree in items if (each := _manifest(tree, place, file))]
        kinds += [shown_text(tree, "kind") for _, tree in items if shown_text(tree, "kind") != "Secret"]
    first = frozenset(file.documents[0]) if file.documents else frozenset()
    return Content(manifests=tuple(manifests), others=tuple(kinds), fields=first, file=file)


def _key(number: int, count: int) -> str:
    return str(number) if count > 1 else ""


def _items(document: Mapping[str, Opened], key: str) -> Iterator[tuple[str, Mapping[str, Opened]]]:
    """The objects of a document: itself, or those of a List."""
    listed = document.get("items")
    if shown_text(document, "kind") != "List" or not isinstance(listed, dict):
        yield key, document
        return
    for number, item in listed.items():
        if isinstance(item, dict):
            yield f"{key}.items.{number}".removeprefix("."), item


def _manifest(tree: Mapping[str, Opened], key: str, file: SopsFile) -> Manifest | None:
    meta = tree.get("metadata")
    if shown_text(tree, "kind") != "Secret" or not isinstance(meta, dict) or not shown_text(meta, "name"):
        return None
    prefix = f"{key}." if key else ""
    values = tuple(f"{prefix}{part}." for part in ("data", "stringData"))
    kinds = {**file.typed, **{path: kind for path, kind in file.plain.items() if kind != "str"}}
    wrong = [
        f"{path.removeprefix(prefix)} ({kind})" for path, kind in kinds.items() if path.startswith(values)
    ]
    sealed_whole = f"{prefix}metadata.name" not in file.plain
    return Manifest(
        name=shown_text(meta, "name"),
        namespace=shown_text(meta, "namespace"),
        key=key,
        type=shown_text(tree, "type") or "Opaque",
        labels=_marks(meta, "labels"),
        annotations=_marks(meta, "annotations", file.plain, prefix, every=sealed_whole),
        immutable=shown_text(tree, "immutable") == "True",
        tree=tree,
        wrong=tuple(wrong),
        clear=any(path.startswith(values) for path in file.plain),
        empty=not tree.get("data") and not tree.get("stringData"),
    )


def _marks(
    meta: Mapping[str, Opened],
    name: str,
    plain: Mapping[str, str] | None = None,
    prefix: str = "",
    *,
    every: bool = True,
) -> dict[str, str]:
    """Labels or annotations; one that was sealed beside a name in the clear is taken for a secret."""
    block = meta.get(name)
    if not isinstance(block, dict):
        return {}
    seen = {each for each in block if every or f"{prefix}metadata.{name}.{each}" in (plain or {})}
    return {
        each: shown_text(block, each) for each in block if each in seen and isinstance(block[each], Sensitive)
    }


def _in_clear(document: Mapping[str, Node], key: str) -> list[Manifest]:
    """What a file that is not opened says in the clear: of Secrets whose ``data`` alone is sealed."""
    listed = document.get("items")
    if _clear(document.get("kind")) == "List" and isinstance(listed, list):
        numbered = ((f"{key}.items.{n}".removeprefix("."), each) for n, each in enumerate(listed))
        return [m for place, each in numbered if isinstance(each, dict) for m in _in_clear(each, place)]
    meta = document.get("metadata")
    if _clear(document.get("kind")) != "Secret" or not isinstance(meta, dict) or not _clear(meta.get("name")):
        return []
    return [
        Manifest(
            name=_clear(meta["name"]),
            namespace=_clear(meta.get("namespace")),
            key=key,
            type=_clear(document.get("type")) or "Opaque",
            labels=_clear_texts(meta.get("labels")),
            annotations=_clear_texts(meta.get("annotations")),
            immutable=_clear(document.get("immutable")) == "True",
            clear=any(not _sealed(document.get(part)) for part in ("data", "stringData")),
            empty=not document.get("data") and not document.get("stringData"),
        )
    ]


def _clear(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) and not node.text.startswith("ENC[") else ""


def _clear_texts(node: Node | None) -> dict[str, str]:
    found = {name: _clear(each) for name, each in node.items()} if isinstance(node, dict) else {}
    return {name: text for name, text in found.items() if text}


def _sealed(node: Node | None) -> bool:
    if isinstance(node, dict):
        return all(map(_sealed, node.values()))
    return (
        not isinstance(node, Scalar) or node.kind == "null" or node.text.startswith("ENC[") or not node.text
    )
