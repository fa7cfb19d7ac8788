"""A Flux tree (or any folder) of encrypted files: left as they are where the root opens them, else sealed anew."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from bootstrap.adapters import age, openpgp_message
from bootstrap.adapters.import_found import Findings, Found, from_manifest, manifest_entry, slug
from bootstrap.adapters.rekey_readers import RAW, Expected, readers_of
from bootstrap.adapters.sops import form_of, is_sops, open_sops
from bootstrap.intent.manifests import parse_manifests
from bootstrap.intent.plain_secrets import SUFFIXES
from bootstrap.model.errors import BootstrapError, DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened, RootKey

_SEALED = (*SUFFIXES, ".env", ".ini")
_MOST_BYTES = 4 * 1024 * 1024
_KEPT = ("apiVersion", "kind", "type", "data", "stringData")


def from_tree(folder: Path, expected: Expected, old: Callable[[], RootKey], into: Findings) -> None:
    """``expected`` are the holders of the new root; ``old()`` is the key that opens what they cannot.

    PreconditionError E_NO_IDENTITY where neither does.
    """
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        name = path.relative_to(folder).as_posix()
        if name.startswith(".git/") or path.stat().st_size > _MOST_BYTES:
            continue
        if path.suffix.lower() in (*RAW, *_SEALED):
            try:
                _one(name, path.read_bytes(), expected, old, into)
            except DefinitionError as error:
                into.left.append(f"{name}: {error.message}")


def _one(name: str, content: bytes, expected: Expected, old: Callable[[], RootKey], into: Findings) -> None:
    if name.lower().endswith(RAW):
        if age.is_age(content) or openpgp_message.is_pgp(content):
            into.add(_raw(name, content, expected, old))
    elif is_sops(content, form_of(name)):
        into.add(_sops(name, content, expected, old))
    elif name.endswith(SUFFIXES) and b"Secret" in content:
        for obj in parse_manifests(name, content):
            if obj["kind"] == "Secret":
                from_manifest(obj, into)


def _kept(name: str, content: bytes, expected: Expected) -> bool:
    """True when a holder of the root opens it as it is."""
    readers = readers_of(name, content)
    if readers.anonymous:
        return False  # nobody is named: only opening it would tell
    return expected.absent(readers) < len(expected.holders)


def _raw(name: str, content: bytes, expected: Expected, old: Callable[[], RootKey]) -> Found:
    """One value; with a key that opens it, it is sealed anew, since an age file names nobody."""
    stem = Path(name).name.rsplit(".", 1)[0]
    base = Found(
        name=slug(stem), path=f"imported/{slug(stem)}", file=f"{slug(stem)}{Path(name).suffix.lower()}"
    )
    if _kept(name, content, expected):
        return replace(base, copied=content)
    opened = old().unwrap(content, name)
    return replace(base, tree={"value": opened}, base64=not opened.is_utf8())


def _sops(name: str, content: bytes, expected: Expected, old: Callable[[], RootKey]) -> Found:
    form = form_of(name)
    stem = Path(name).name.split(".")[0]
    base = Found(
        name=slug(stem), path=f"imported/{slug(stem)}", file=slug(stem) + ".sops" + Path(name).suffix
    )
    kept = _kept(name, content, expected)
    if kept:
        manifest = _plain_part(name, content)
        return replace(manifest, copied=content) if manifest else replace(base, copied=content)
    tree = open_sops(content, old(), name, form)
    if _is(tree, "kind", b"Secret"):
        return _reduced(tree)
    return replace(base, tree=tree, file=slug(stem) + ".sops.yaml")


def _plain_part(name: str, content: bytes) -> Found | None:
    """Namespace and name of a Secret whose ``data`` alone is sealed."""
    try:
        (obj,) = parse_manifests(name, content)
    except (BootstrapError, ValueError):
        return None
    if obj["kind"] != "Secret" or str(obj["metadata"]["name"]).startswith("ENC["):
        return None
    return manifest_entry(
        str(obj["metadata"].get("namespace") or "default"), str(obj["metadata"]["name"]), {}
    )


def _reduced(tree: Mapping[str, Opened]) -> Found:
    """The parts of a Secret that make it; without the annotations that other tools keep copies in."""
    meta = tree.get("metadata")
    names = {k: v for k, v in meta.items() if k in ("name", "namespace")} if isinstance(meta, dict) else {}
    said = {k: v.reveal().decode() for k, v in names.items() if isinstance(v, Sensitive)}
    kept: dict[str, Opened] = {k: v for k, v in tree.items() if k in _KEPT}
    kept["metadata"] = names
    return manifest_entry(said.get("namespace", "default"), said.get("name", "imported"), kept)


def _is(tree: Mapping[str, Opened], name: str, text: bytes) -> bool:
    return tree.get(name) == Sensitive(text, name)
