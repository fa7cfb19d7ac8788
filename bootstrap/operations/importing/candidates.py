"""What people have, as entries to be: a Flux tree, Secret manifests, bank-vaults' startupSecrets, lists of paths.

Values are wrapped as soon as a parser has given them, and leave this module only inside ciphertext.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bootstrap.adapters.sops.placeholders import stands_for
from bootstrap.intent.manifests import documents_of, parse_manifests
from bootstrap.model.catalog import BootstrapCopy, Consumer
from bootstrap.model.errors import DefinitionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.marks import carried, owner_of, purpose_of
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
    an entry without either names a value that Vault has already. ``file`` lies below ``encrypted/``.

    ``origin`` is the file of the tree that it comes from, ``scaffold`` that of a secret needed before Vault.
    """

    name: str
    path: str
    file: str = ""
    tree: Mapping[str, Opened] | None = None
    copied: bytes | None = None
    regex: str = ""  # which keys of ``tree`` are sealed; empty: all
    key: str = ""
    base64: bool = False
    consumers: tuple[Consumer, ...] = ()
    fields: tuple[str, ...] = ()
    origin: str = ""
    owner: str = ""
    purpose: str = ""
    scaffold: BootstrapCopy | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What holds for all entries. ``platform`` are the namespaces of declared platform components, ``taken`` the
    Secrets (namespace, name) that the catalog makes already, ``paths`` its paths in Vault."""

    owner: str = ""
    purpose: str = ""
    platform: frozenset[str] = frozenset()
    taken: frozenset[tuple[str, str]] = frozenset()
    paths: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What was not taken: ``why`` in words that many can share, ``where``, and ``file`` where it is encrypted."""

    why: str
    where: str
    file: str = ""


@dataclass(slots=True)
class Findings:
    """``encrypted`` are the encrypted files that were looked at, ``there`` what an earlier import took; ``shown``
    are rules that were followed, in a sentence each."""

    found: list[Found] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    encrypted: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    declared: frozenset[str] = frozenset()  # names and paths that the repository has already
    _names: set[str] = field(default_factory=set)
    _paths: set[str] = field(default_factory=set)
    _files: dict[str, bytes | None] = field(default_factory=dict)  # to the ciphertext that is kept in it
    _stems: set[str] = field(default_factory=set)

    def leave(self, where: str, why: str, file: str = "") -> None:
        self.left.append(Left(why=why, where=where, file=file))

    def add(self, entry: Found) -> None:
        """Names are unique in a repository, and so are files: only entries of one file that is kept share it."""
        entry = replace(entry, name=_free(entry.name, self._names, self.declared))
        if entry.path.startswith(CHOSEN):  # a path that was given stays: `check` names two of them
            entry = replace(entry, path=_free(entry.path, self._paths, self.declared, 500))
        taken = entry.file in self._files
        if taken and (entry.copied is None or self._files[entry.file] != entry.copied):
            stem, dot, end = entry.file.partition(".")
            entry = replace(entry, file=_free(stem, self._stems) + dot + end)
        self._names.add(entry.name)
        self._paths.add(entry.path)
        if entry.file:
            self._files.setdefault(entry.file, entry.copied)
            self._stems.add(entry.file.partition(".")[0])
        self.found.append(entry)


def _free(name: str, taken: Collection[str], declared: Collection[str] = (), longest: int = 60) -> str:
    if name not in taken and name not in declared:
        return name
    numbers = (f"{name[:longest]}-{number}" for number in range(2, len(taken) + len(declared) + 3))
    return next(each for each in numbers if each not in taken and each not in declared)


def slug(text: str) -> str:
    """A name of lower case letters, digits and hyphens; never empty."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-") or "imported"


def from_text(what: str, data: bytes, into: Findings, options: Options) -> None:
    """Manifests, a file with ``startupSecrets``, or ``path: key`` lines. DefinitionError E_IMPORT, E_MANIFEST."""
    document = _document(what, data)
    if isinstance(document, dict) and (startup := _startup(document)) is not None:
        _from_startup(startup, into, options)
    elif isinstance(document, dict) and "kind" in document:
        for obj in parse_manifests(what, data):
            from_manifest(obj, into, options)
    else:
        _from_lines(what, data, into, options)


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


def from_manifest(obj: Mapping[str, Any], into: Findings, options: Options) -> None:
    """One plain Secret; annotations are left behind, since kubectl keeps the whole of it in one of them."""
    meta, kind = obj["metadata"], obj["kind"]
    shown = f"{kind} {meta.get('namespace', 'default')}/{meta['name']}"
    if why := not_ours(obj):
        into.leave(shown, why)
        return
    namespace, name = str(meta.get("namespace") or "default"), str(meta["name"])
    if (namespace, name) in options.taken:
        into.there.append(shown)
        return
    tree = tree_of(obj, shown)
    if why := not_values(tree, in_clear=True):
        into.leave(shown, why)
        return
    if is_empty(tree):
        into.leave(shown, "its values are empty")
        return
    consumer = Consumer(
        namespace=namespace,
        secret=name,
        type=str(obj.get("type") or "Opaque"),
        labels=carried(_texts(meta.get("labels"))),
        annotations=carried(_texts(meta.get("annotations"))),
        immutable=obj.get("immutable") is True,
    )
    marks = {**_texts(meta.get("labels")), **_texts(meta.get("annotations"))}
    into.add(
        replace(
            secret_entry(tree, (consumer,)),
            owner=options.owner or owner_of(marks),
            purpose=options.purpose or purpose_of(marks),
        )
    )


def _texts(value: Any) -> dict[str, str]:
    found = value.items() if isinstance(value, dict) else ()
    return {str(name): each for name, each in found if isinstance(each, str)}


def is_empty(tree: Mapping[str, Opened]) -> bool:
    blocks = (block for part in ("data", "stringData") if isinstance(block := tree.get(part), dict))
    return not any(value for block in blocks for value in block.values())


def tree_of(obj: Mapping[str, Any], shown: str) -> dict[str, Opened]:
    """The parts of a plain Secret that make it. DefinitionError E_TYPE."""
    tree: dict[str, Opened] = {"type": _text(str(obj.get("type") or "Opaque"))}
    for part in ("data", "stringData"):
        if values := _values(obj.get(part), shown):
            tree[part] = values
    return tree


def not_values(tree: Mapping[str, Opened], *, in_clear: bool = False) -> str:
    """Why what stands in a Secret are no values to keep; empty where they are."""
    for part in ("data", "stringData"):
        block = tree.get(part)
        for name, value in block.items() if isinstance(block, dict) else ():
            if isinstance(value, Sensitive) and (what := _instead(value, part, in_clear=in_clear)):
                return f"its {name} is {what}"
    return ""


def _instead(value: Sensitive, part: str, *, in_clear: bool) -> str:
    if part == "stringData":
        return stands_for(value, in_text=True, in_clear=in_clear)
    try:
        return stands_for(value.from_base64(), in_text=False, in_clear=in_clear)
    except ValueError:
        return ""  # `check --root` says so, with the field's name


def not_ours(obj: Mapping[str, Any]) -> str:
    """Why a plain object is none to take; empty for a Secret with values."""
    if obj["kind"] != "Secret":
        return "not a Secret"
    owners = obj["metadata"].get("ownerReferences") or ()
    if any(isinstance(o, dict) and o.get("kind") == "ExternalSecret" for o in owners):
        return "an ExternalSecret makes it"
    if not obj.get("data") and not obj.get("stringData"):
        return "it is empty"
    return of_the_cluster(str(obj.get("type")))


def of_the_cluster(kind: str) -> str:
    """Who makes Secrets of this type anew; empty for those that people write."""
    return _NOT_OURS.get(kind, "")


def secret_entry(tree: Mapping[str, Opened], consumers: tuple[Consumer, ...]) -> Found:
    """A Secret as an entry, named after it; bytes that are no text are kept as base64."""
    first = consumers[0]
    spaces = {consumer.namespace for consumer in consumers}
    name = first.secret if len(spaces) > 1 else f"{first.namespace}-{first.secret}"
    path = slug(first.secret) if len(spaces) > 1 else f"{slug(first.namespace)}/{slug(first.secret)}"
    data = tree.get("data")
    raw = list(data.values()) if isinstance(data, dict) else []
    return Found(
        name=slug(name),
        path=f"{CHOSEN}{path}",
        file=f"{slug(name)}.secret.sops.yaml",
        tree=_manifest(tree, first),
        regex="^(data|stringData)$",
        base64=any(isinstance(v, Sensitive) and _binary(v) for v in raw),
        consumers=consumers,
    )


def _manifest(tree: Mapping[str, Opened], consumer: Consumer) -> dict[str, Opened]:
    """The parts of a Secret that make it, without the annotations that other tools keep copies in."""
    return {
        "apiVersion": _text("v1"),
        "kind": _text("Secret"),
        "metadata": {"name": _text(consumer.secret), "namespace": _text(consumer.namespace)},
        "type": _text(consumer.type),
        **{part: tree[part] for part in ("data", "stringData") if tree.get(part)},
    }


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


def _from_startup(entries: list[Any], into: Findings, options: Options) -> None:
    for number, entry in enumerate(entries, 1):
        place = entry.get("path") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(place, str) or entry.get("type") != "kv":
            into.leave(f"startupSecrets {number}", "only type kv with a path is taken")
            continue
        outer = entry.get("data")
        inner = outer.get("data") if isinstance(outer, dict) else None
        if not isinstance(inner, dict):
            into.leave(f"startupSecrets {number} ({place})", "its values lie elsewhere (secretKeyRef)")
            continue
        path = re.sub(r"^/?[a-z0-9-]+/data/|^/?secret/", "", place).strip("/")
        file = f"{slug(path)}.sops.yaml"
        _given(Found(name=slug(path), path=path, file=file, tree=_values(inner, place)), into, options)


# ---------------------------------------------------------------- lists


def _from_lines(what: str, data: bytes, into: Findings, options: Options) -> None:
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
        _given(Found(name=slug(path), path=path, fields=tuple(dict.fromkeys(names))), into, options)


def _given(entry: Found, into: Findings, options: Options) -> None:
    """An entry at a path that was given, unless the catalog has that path already."""
    if entry.path in options.paths:
        into.there.append(entry.path)
    else:
        into.add(replace(entry, owner=options.owner, purpose=options.purpose))


def _values(content: Any, what: str) -> dict[str, Opened]:
    """Field to value. DefinitionError E_TYPE for a number or a boolean: what was meant is not known."""
    found: dict[str, Opened] = {}
    for name, value in content.items() if isinstance(content, dict) else ():
        if not isinstance(value, str):
            hint = "write it in quotes there"
            raise DefinitionError(f"{name} of {what} is not text", code="E_TYPE", where=what, hint=hint)
        found[str(name)] = Sensitive(value.encode(), f"{what} {name}")
    return found


def _text(text: str) -> Sensitive:
    return Sensitive(text.encode(), "manifest")
