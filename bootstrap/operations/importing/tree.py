"""A Flux tree (or any folder) of encrypted files: left as they are where the root opens them, else sealed anew."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bootstrap.adapters.sops.nodes import Node, Scalar
from bootstrap.adapters.sops.reader import parsed, read_sops, shown_text
from bootstrap.intent.encryption_forms import Form, form_of, is_age, is_pgp, is_raw, is_sops
from bootstrap.intent.manifests import parse_manifests
from bootstrap.intent.plain_secrets import SUFFIXES
from bootstrap.model.errors import DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.candidates import (
    CHOSEN,
    Findings,
    Found,
    from_manifest,
    manifest_entry,
    slug,
)
from bootstrap.operations.importing.flux import namespace_of, namespaces
from bootstrap.operations.rekey.recipients import Expected, readers_of
from bootstrap.ports import Opened, RootKey

_SEALED = (*SUFFIXES, ".env", ".ini")
_MOST_BYTES = 4 * 1024 * 1024
_KEPT = ("apiVersion", "kind", "type", "data", "stringData")


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """``expected`` are the holders of the new root. ``old()`` is the key that opens what they cannot, and
    tells of a file that stays as it is which of its values are bytes; None where none was given."""

    expected: Expected
    old: Callable[[], RootKey | None]

    def needed(self) -> RootKey:
        found = self.old()
        if found is None:
            raise PreconditionError(
                "a file is not encrypted to the root of this repository, so it must be opened first",
                code="E_ROOT_NEEDED",
                hint="add --root file:PATH with the key that opens it now",
            )
        return found

    def keeps(self, name: str, content: bytes) -> bool:
        """True when a holder of the root opens the file as it is, and the file says so."""
        readers = readers_of(name, content)
        # Where no reader is named only opening it would show it.
        return not readers.anonymous and self.expected.absent(readers) < len(self.expected.holders)


def from_tree(folder: Path, keys: Keys, into: Findings) -> None:
    """PreconditionError E_NO_IDENTITY, E_ROOT_NEEDED where neither root opens a file."""
    given = namespaces(folder)
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        name = path.relative_to(folder).as_posix()
        if name.startswith(".git/") or path.stat().st_size > _MOST_BYTES:
            continue
        try:
            _one(name, path.read_bytes(), keys, namespace_of(name, given), into)
        except DefinitionError as error:
            into.left.append(f"{name}: {error.message}")


def _one(name: str, content: bytes, keys: Keys, namespace: str, into: Findings) -> None:
    if is_raw(name):
        if is_age(content) or is_pgp(content):
            into.add(_raw(name, content, keys))
    elif not name.lower().endswith(_SEALED) and not content.lstrip().startswith(b"{"):
        return  # SOPS keeps the bytes of any other file as JSON
    elif is_sops(content, form_of(name)):
        _sops(name, content, keys, namespace, into)
    elif name.endswith(SUFFIXES) and b"Secret" in content:
        for obj in parse_manifests(name, content):
            if obj["kind"] == "Secret":
                from_manifest(_within(obj, namespace), into)


def _within(obj: dict[str, Any], namespace: str) -> dict[str, Any]:
    if not namespace or obj["metadata"].get("namespace"):
        return obj
    return {**obj, "metadata": {**obj["metadata"], "namespace": namespace}}


def _raw(name: str, content: bytes, keys: Keys) -> Found:
    """One value; with a key that opens it, it is sealed anew, since an age file does not name its readers."""
    stem = Path(name).name.rsplit(".", 1)[0]
    base = Found(
        name=slug(stem), path=f"{CHOSEN}{slug(stem)}", file=f"{slug(stem)}{Path(name).suffix.lower()}"
    )
    if keys.keeps(name, content):
        return replace(base, copied=content)
    opened = keys.needed().unwrap(content, name)
    return replace(base, tree={"value": opened}, base64=not opened.is_utf8())


# ---------------------------------------------------------------- SOPS


def _sops(name: str, content: bytes, keys: Keys, namespace: str, into: Findings) -> None:
    """One entry for each Secret of the file; one for the whole file where it holds none."""
    form, kept = form_of(name), keys.keeps(name, content)
    trees = _opened(name, content, form, keys, kept=kept)
    names = [_names(tree) for tree in trees] if trees else _names_in_clear(name, content, form)
    if not any(names):
        into.add(_whole(name, content, form, trees, kept=kept))
        return
    for number, found in enumerate(names):
        if found is None:
            into.left.append(f"{name}: its document {number} is not a Secret")
            continue
        tree = trees[number] if trees else {}
        entry = manifest_entry(
            found.namespace or namespace or "default", found.name, _reduced(tree, namespace)
        )
        entry = replace(entry, type=found.type)
        if kept:
            key = str(number) if len(names) > 1 else ""
            file = f"{slug(Path(name).name.split('.')[0])}.sops{Path(name).suffix}" if key else entry.file
            if not key and form is Form.JSON:
                file = entry.file.replace(".yaml", ".json")
            entry = replace(entry, tree=None, copied=content, key=key, file=file)
        into.add(entry)


def _opened(
    name: str, content: bytes, form: Form, keys: Keys, *, kept: bool
) -> tuple[Mapping[str, Opened], ...]:
    """The documents; none where a file stays as it is and no key to look into it was given."""
    if not kept:
        return read_sops(content, keys.needed(), name, form).documents
    root = keys.old()
    try:
        return read_sops(content, root, name, form).documents if root is not None else ()
    except PreconditionError:
        return ()  # the key that was given is the one for the other files


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    name: str
    namespace: str
    type: str


def _names(tree: Mapping[str, Opened]) -> _Names | None:
    """Of one opened document; None where it is no Secret."""
    meta = tree.get("metadata")
    if tree.get("kind") != Sensitive(b"Secret", "kind") or not isinstance(meta, dict):
        return None
    return _Names(
        name=shown_text(meta, "name"),
        namespace=shown_text(meta, "namespace"),
        type=shown_text(tree, "type") or "Opaque",
    )


def _names_in_clear(name: str, content: bytes, form: Form) -> list[_Names | None]:
    """What a file that is not opened says in the clear: of Secrets whose ``data`` alone is sealed."""
    return [_clear_names(document) for document in parsed(content, name, form).documents]


def _clear_names(document: Mapping[str, Node]) -> _Names | None:
    meta = document.get("metadata")
    if _clear(document.get("kind")) != "Secret" or not isinstance(meta, dict) or not _clear(meta.get("name")):
        return None
    return _Names(
        name=_clear(meta["name"]),
        namespace=_clear(meta.get("namespace")),
        type=_clear(document.get("type")) or "Opaque",
    )


def _clear(node: Node | None) -> str:
    return node.text if isinstance(node, Scalar) and not node.text.startswith("ENC[") else ""


def _whole(
    name: str, content: bytes, form: Form, trees: Sequence[Mapping[str, Opened]], *, kept: bool
) -> Found:
    """A file that is no Secret: its tree, or, of SOPS binary, its bytes."""
    stem = slug(Path(name).name.split(".")[0])
    base = Found(name=stem, path=f"{CHOSEN}{stem}", file=f"{stem}.sops{Path(name).suffix}")
    value = trees[0].get("data") if trees and form is Form.BINARY else None
    if isinstance(value, Sensitive):
        base = replace(base, base64=not value.is_utf8())
        if not kept:
            return replace(base, tree={"value": value}, file=f"{stem}.age")
    if kept:
        return replace(base, copied=content)
    if len(trees) > 1:
        raise DefinitionError(
            f"{name} holds several documents", code="E_YAML_DOCS", where=name, hint="split it"
        )
    return replace(base, tree=trees[0], file=f"{stem}.sops.yaml")


def _reduced(tree: Mapping[str, Opened], namespace: str) -> dict[str, Opened]:
    """The parts of a Secret that make it; without the annotations that other tools keep copies in."""
    meta = tree.get("metadata")
    names = {k: v for k, v in meta.items() if k in ("name", "namespace")} if isinstance(meta, dict) else {}
    if namespace:
        names.setdefault("namespace", Sensitive(namespace.encode(), "manifest"))
    kept: dict[str, Opened] = {k: v for k, v in tree.items() if k in _KEPT}
    return {**kept, "metadata": names} if kept else {}
