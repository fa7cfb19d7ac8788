"""What people have, as entries to be: a Flux tree, Secret manifests, bank-vaults' startupSecrets, lists of paths.

Values are wrapped as soon as a parser has given them, and leave this module only inside ciphertext.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bootstrap.intent.manifests import documents_of, parse_manifests
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened

_NOT_OURS = {  # types of Secrets that something in the cluster makes, and would make again
    "kubernetes.io/service-account-token": "the API server makes it",
    "helm.sh/release.v1": "Helm's own record",
    "bootstrap.kubernetes.io/token": "kubeadm's own token",
}
_LINE = re.compile(r"\s*([A-Za-z0-9._/-]+)\s*:\s*([A-Za-z0-9._, -]+?)\s*")


CHOSEN = "imported/"  # begins the paths that were not given


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One entry to be. ``tree`` is the plaintext of a file to encrypt, ``copied`` a ciphertext to keep as it is;
    an entry without either names a value that Vault has already. ``file`` lies below ``encrypted/``."""

    name: str
    path: str
    file: str = ""
    tree: Mapping[str, Opened] | None = None
    copied: bytes | None = None
    regex: str = ""  # which keys of ``tree`` are sealed; empty: all
    key: str = ""
    base64: bool = False
    namespace: str = ""
    secret: str = ""
    type: str = "Opaque"  # of the Kubernetes Secret
    fields: tuple[str, ...] = ()


@dataclass(slots=True)
class Findings:
    """``left`` says what was not taken, and why."""

    found: list[Found] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def add(self, entry: Found) -> None:
        """Names are unique in a repository, and so are files: only entries of one file that is kept share it."""
        names = {each.name for each in self.found}
        files = {each.file: each for each in self.found if each.file}
        entry = replace(entry, name=_free(entry.name, names))
        if entry.path.startswith(CHOSEN):  # a path that was given stays: `check` names two of them
            entry = replace(entry, path=_free(entry.path, {each.path for each in self.found}, 500))
        same = files.get(entry.file)
        if same is not None and (entry.copied is None or same.copied != entry.copied):
            stem, dot, end = entry.file.partition(".")
            entry = replace(entry, file=_free(stem, {f.partition(".")[0] for f in files}) + dot + end)
        self.found.append(entry)


def _free(name: str, taken: set[str], longest: int = 60) -> str:
    numbers = (f"{name[:longest]}-{number}" for number in range(2, len(taken) + 3))
    return name if name not in taken else next(found for found in numbers if found not in taken)


def slug(text: str) -> str:
    """A name of lower case letters, digits and hyphens; never empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "imported"


def from_text(what: str, data: bytes, into: Findings) -> None:
    """Manifests, a file with ``startupSecrets``, or ``path: key`` lines. DefinitionError E_IMPORT, E_MANIFEST."""
    document = _document(what, data)
    if isinstance(document, dict) and (startup := _startup(document)) is not None:
        _from_startup(startup, into)
    elif isinstance(document, dict) and "kind" in document:
        for obj in parse_manifests(what, data):
            from_manifest(obj, into)
    else:
        _from_lines(what, data, into)


def _document(what: str, data: bytes) -> Any:
    try:
        return next(iter(documents_of(what, data)), None)
    except DefinitionError as error:
        raise DefinitionError(
            f"{what} is not YAML that can be read: {error.message}",
            code="E_IMPORT",
            where=error.where,
            hint="kubectl get secret -o yaml",
        ) from None


# ---------------------------------------------------------------- Kubernetes


def from_manifest(obj: Mapping[str, Any], into: Findings) -> None:
    """One plain Secret; annotations are left behind, since kubectl keeps the whole of it in one of them."""
    meta, kind = obj["metadata"], obj["kind"]
    shown = f"{kind} {meta.get('namespace', 'default')}/{meta['name']}"
    why = _not_ours(obj)
    if why:
        into.left.append(f"{shown}: {why}")
        return
    namespace, name = str(meta.get("namespace") or "default"), str(meta["name"])
    tree: dict[str, Opened] = {
        "apiVersion": _text("v1"),
        "kind": _text("Secret"),
        "metadata": {"name": _text(name), "namespace": _text(namespace)},
        "type": _text(str(obj.get("type") or "Opaque")),
    }
    for part in ("data", "stringData"):
        if values := _values(obj.get(part), shown):
            tree[part] = values
    into.add(replace(manifest_entry(namespace, name, tree), type=str(obj.get("type") or "Opaque")))


def _not_ours(obj: Mapping[str, Any]) -> str:
    if obj["kind"] != "Secret":
        return "not a Secret"
    owners = obj["metadata"].get("ownerReferences") or ()
    if any(isinstance(o, dict) and o.get("kind") == "ExternalSecret" for o in owners):
        return "an ExternalSecret makes it"
    if not obj.get("data") and not obj.get("stringData"):
        return "it is empty"
    return _NOT_OURS.get(str(obj.get("type")), "")


def manifest_entry(namespace: str, name: str, tree: Mapping[str, Opened]) -> Found:
    """A Secret manifest as an entry; bytes that are no text are kept as base64."""
    data = tree.get("data")
    raw = list(data.values()) if isinstance(data, dict) else []
    return Found(
        name=slug(f"{namespace}-{name}"),
        path=f"{CHOSEN}{slug(namespace)}/{slug(name)}",
        file=f"{slug(namespace)}-{slug(name)}.secret.sops.yaml",
        tree=tree,
        regex="^(data|stringData)$",
        base64=any(isinstance(v, Sensitive) and _binary(v) for v in raw),
        namespace=namespace,
        secret=name,
    )


def _binary(value: Sensitive) -> bool:
    try:
        return not value.from_base64().is_utf8()
    except ValueError:
        return False  # `check --root` says so, with the field's name


# ---------------------------------------------------------------- bank-vaults


def _startup(document: Mapping[str, Any]) -> list[Any] | None:
    """Of vault-configurer's own file, or of the operator's ``kind: Vault``."""
    spec = document.get("spec")
    config = spec.get("externalConfig") if isinstance(spec, dict) else document
    found = config.get("startupSecrets") if isinstance(config, dict) else None
    return found if isinstance(found, list) else None


def _from_startup(entries: list[Any], into: Findings) -> None:
    for number, entry in enumerate(entries, 1):
        place = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(place, str) or entry.get("type") != "kv":
            into.left.append(f"startupSecrets {number}: only type kv with a path is taken")
            continue
        outer = entry.get("data")
        inner = outer.get("data") if isinstance(outer, dict) else None
        if not isinstance(inner, dict):
            into.left.append(f"startupSecrets {number} ({place}): its values lie elsewhere (secretKeyRef)")
            continue
        path = re.sub(r"^/?[a-z0-9-]+/data/|^/?secret/", "", place).strip("/")
        file = f"{slug(path)}.sops.yaml"
        into.add(Found(name=slug(path), path=path, file=file, tree=_values(inner, place)))


# ---------------------------------------------------------------- lists


def _from_lines(what: str, data: bytes, into: Findings) -> None:
    """``PATH: FIELD, FIELD``: values that Vault has, and Git never saw."""
    fields: dict[str, list[str]] = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            hint = "manifests of kind Secret, startupSecrets, or lines PATH: FIELD"
            message = "this is neither a manifest nor a line PATH: FIELD"
            raise DefinitionError(message, code="E_IMPORT", where=f"{what}:{number}", hint=hint)
        names = [name.strip() for name in found[2].split(",") if name.strip()]
        fields.setdefault(found[1].strip("/"), []).extend(names)
    for path, names in fields.items():
        into.add(Found(name=slug(path), path=path, fields=tuple(dict.fromkeys(names))))


def _values(content: Any, what: str) -> dict[str, Opened]:
    """Field to value. DefinitionError E_TYPE for a number or a boolean: what was meant is not known."""
    found: dict[str, Opened] = {}
    for name, value in content.items() if isinstance(content, dict) else ():
        if not isinstance(value, str):
            hint = "write it in quotes there"
            raise DefinitionError(f"{name} of {what} is not text", code="E_TYPE", where=what, hint=hint)
        if value:
            found[str(name)] = Sensitive(value.encode(), f"{what} {name}")
    return found


def _text(text: str) -> Sensitive:
    return Sensitive(text.encode(), "manifest")
