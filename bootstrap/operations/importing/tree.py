"""A repository of encrypted files, adopted: what is live becomes entries, and each other file is accounted for.

Files are left as they are where the root opens them, else sealed anew. Nothing in the tree is changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from bootstrap.adapters.git.tree import Files
from bootstrap.adapters.root.opening_keys import opens
from bootstrap.adapters.sops.data_key import wrapped_keys
from bootstrap.adapters.sops.reader import parsed
from bootstrap.intent.encryption_forms import (
    SOPS,
    Form,
    form_of,
    form_within,
    is_age,
    is_pgp,
    is_raw,
)
from bootstrap.intent.manifests import documents_of
from bootstrap.intent.plain_secrets import SUFFIXES
from bootstrap.model import layout
from bootstrap.model.errors import BootstrapError, DefinitionError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.importing.adopted import Adoption
from bootstrap.operations.importing.candidates import (
    CHOSEN,
    Findings,
    Found,
    Options,
    is_empty,
    not_ours,
    slug,
    tree_of,
)
from bootstrap.operations.importing.classes import class_of, class_of_form
from bootstrap.operations.importing.gitops.kustomize import ELSEWHERE
from bootstrap.operations.importing.gitops.live import Live
from bootstrap.operations.importing.opened import Content, Keys, Manifest, content_of
from bootstrap.operations.rekey.recipients import readers_in, readers_of
from bootstrap.ports import Opened

_SIGN = b"ENC[AES256_GCM"  # in every file of SOPS
_PUT_ASIDE = (".enc", ".disabled", ".bak", ".old", ".orig")
_CLOSED = "no key that was given opens it: add --root file:PATH of one that does"


@dataclass(slots=True)
class _Sealed:
    """One encrypted file; ``content`` and ``kept`` once it was looked into."""

    path: str
    data: bytes
    form: Form | None  # None: raw
    content: Content | None = None
    kept: bool = False  # it may stay as it is
    locks: dict[str, bytes] = field(
        default_factory=dict
    )  # what a private key would have to open, by recipient

    def look(self, keys: Keys, *, inside: bool) -> None:
        """Parsed once for all that is asked of it: that is the slow half. DefinitionError of the parsers, E_SOPS_*."""
        if self.form is None:
            self.locks = {self.path: self.data}
            self.kept = keys.keeps(readers_of(self.path, self.data))
            return
        file = parsed(self.data, self.path, self.form)
        self.locks = dict(wrapped_keys(file.metadata))
        # Not under a name that says another form: it could not be opened so.
        self.kept = form_of(self.path) is self.form and keys.keeps(readers_in(file.metadata))
        if inside:
            self.content = content_of(self.path, file, self.form, keys)


@dataclass(slots=True)
class Read:
    """A tree that was looked into, as far as the keys that were given open it."""

    live: Live
    adoption: Adoption
    sealed: list[_Sealed]

    @property
    def manifests(self) -> dict[str, tuple[Manifest, ...]]:
        return {each.path: each.content.manifests for each in self.sealed if each.content is not None}


def look_into(files: Files, keys: Keys, into: Findings, options: Options, own: Sequence[bytes] = ()) -> Read:
    """``own`` are ciphertexts of the repository that is written to: a key that opens one of them is not taken."""
    live = Live(files)
    sealed = [
        each for path in files.paths if live.of_interest(path) and (each := _sealed(path, files.read(path)))
    ]
    into.encrypted += [each.path for each in sealed]
    into.shown += _elsewhere(live)
    readable = [each for each in sealed if _look_into(each, live, keys, into)]
    locks = [*own, *_locks(sealed)]
    adoption = Adoption(files, live, keys, into, options, lambda value: opens(value, locks))
    for each in readable:
        if each.content is not None:
            adoption.know(each.content.manifests)
    return Read(live, adoption, readable)


def from_files(files: Files, keys: Keys, into: Findings, options: Options, own: Sequence[bytes] = ()) -> None:
    """PreconditionError E_ROOT_NEEDED where no file could be taken because no key opens it."""
    read = look_into(files, keys, into, options, own)
    for each in read.sealed:
        _take(each, read.adoption, keys, into)
    _plain(files, read.live, read.adoption, into)
    taken = {entry.origin for entry in into.found} | set(into.there)
    closed = any(left.why == _CLOSED for left in into.left)
    if closed and not keys.roots and not taken & set(into.encrypted):
        raise _root_needed(into)


def own_locks(folder: Path, keys: Keys) -> list[bytes]:
    """What the root of a repository opens: one ciphertext for each recipient that a file of it names, and the keys
    under the root."""
    paths = [path for path in sorted((folder / layout.ENCRYPTED).rglob("*")) if path.is_file()]
    named = ((path.relative_to(folder).as_posix(), path) for path in paths)
    found = [each for name, path in named if (each := _sealed(name, path.read_bytes()))]
    for each in found:
        with suppress(BootstrapError):  # `check` says what is wrong with it
            each.look(keys, inside=False)
    return list(_locks(found))


def _root_needed(into: Findings) -> PreconditionError:
    closed = [left.where for left in into.left if left.why == _CLOSED]
    more = f" and {len(closed) - 3} more" if len(closed) > 3 else ""
    return PreconditionError(
        "a file is not encrypted to the root of this repository, so it must be opened first: "
        + ", ".join(closed[:3])
        + more,
        code="E_ROOT_NEEDED",
        where=closed[0],
        hint="add --root file:PATH with the key that opens it now",
    )


def _sealed(path: str, data: bytes) -> _Sealed | None:
    """An encrypted file, under whatever name: SOPS, age or OpenPGP."""
    if is_raw(path):
        return _Sealed(path, data, None) if is_age(data) or is_pgp(data) else None
    if _SIGN not in data:
        return None
    form = form_within(path, data)
    return _Sealed(path, data, form) if form is not None else None


def _locks(sealed: Sequence[_Sealed]) -> Iterator[bytes]:
    """One ciphertext for each recipient that a file names."""
    seen: set[str] = set()
    for each in sealed:
        for recipient, wrapped in each.locks.items():
            if recipient not in seen:
                seen.add(recipient)
                yield wrapped


def _elsewhere(live: Live) -> Iterator[str]:
    """What kustomize fetches, in one line: an encrypted file there is not seen."""
    found = [path for path, roads in live.roads.items() if any(road.use.role == ELSEWHERE for road in roads)]
    if found:
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        yield f"fetched from elsewhere, and not followed: {', '.join(found[:3])}{more}"


def _look_into(each: _Sealed, live: Live, keys: Keys, into: Findings) -> bool:
    """False for a file that is out of use, or that cannot be read; it is listed then."""
    why = _out_of_use(each, live)
    try:
        each.look(keys, inside=not why)
    except BootstrapError as error:
        why = why or f"{error.code} {error.message}"
    if why:
        into.leave(each.path, why, each.path)
    return not why


def _out_of_use(each: _Sealed, live: Live) -> str:
    """Why nothing applies a file as a manifest; empty where something may."""
    roads = live.roads.get(each.path, ())
    roles = {road.use.role for road in roads}
    if roles and "" not in roles:
        return sorted(roles)[0]
    if live.known and not roads and live.left_out_by(each.path):
        return "out of use: no kustomization applies it"
    if not roads and each.form is not None and not each.path.lower().endswith((*SOPS, *SUFFIXES)):
        ending = PurePosixPath(each.path).suffix or "no ending"
        if each.form is not Form.BINARY or ending in _PUT_ASIDE:
            return f"its name ends in {ending}, and nothing applies it"
    return ""


def _take(each: _Sealed, adoption: Adoption, keys: Keys, into: Findings) -> None:
    if each.form is None or each.content is None:
        _raw(each, adoption, keys, into)
        return
    content, kept = each.content, each.kept
    if not content.manifests:
        _other(each, content, adoption, kept=kept)
        return
    if content.file is None and not kept:
        into.leave(each.path, _CLOSED, each.path)
        return
    for kind in content.others:
        into.leave(each.path, f"a document of it is not a Secret ({kind or 'without a kind'})")
    for manifest in content.manifests:
        adoption.take(each.path, manifest, each.data if kept else None)


def _other(each: _Sealed, content: Content, adoption: Adoption, *, kept: bool) -> None:
    """A file that holds no Secret: an entry where nothing says what is applied, else one of its class."""
    into = adoption.into
    assert each.form is not None
    what = class_of(each.path, content.others, content.fields)
    if what or adoption.live.known:
        into.leave(each.path, what or class_of_form(each.form), each.path)
        return
    if content.file is None and not kept:
        into.leave(each.path, _CLOSED, each.path)
        return
    wrong = tuple(f"{path} ({kind})" for path, kind in content.file.typed.items()) if content.file else ()
    if wrong:
        into.leave(each.path, _wrong(wrong, each.path), each.path)
        return
    documents = content.file.documents if content.file else ()
    if len(documents) > 1 and not kept:
        into.leave(
            each.path, "E_YAML_DOCS it holds several documents that are no Secrets: split it", each.path
        )
        return
    entry = _whole(each, documents, kept=kept)
    if not adoption.is_there(entry):
        into.add(adoption.described(entry, each.path, {}))


def _wrong(wrong: Sequence[str], path: str) -> str:
    return f"E_TYPE {', '.join(wrong)} is no text; put it into quotes: sops edit {path}"


def _whole(each: _Sealed, documents: Sequence[Mapping[str, Opened]], *, kept: bool) -> Found:
    """A file that is no Secret: its tree, or, of SOPS binary, its bytes."""
    stem = slug(PurePosixPath(each.path).name.split(".")[0])
    suffix = PurePosixPath(each.path).suffix
    base = Found(name=stem, path=f"{CHOSEN}{stem}", file=f"{stem}.sops{suffix}")
    value = documents[0].get("data") if documents and each.form is Form.BINARY else None
    if isinstance(value, Sensitive):
        base = replace(base, base64=not value.is_utf8())
        if not kept:
            return replace(base, tree={"value": value}, file=f"{stem}.age")
    if kept:
        return replace(base, copied=each.data)
    return replace(base, tree=documents[0], file=f"{stem}.sops.yaml")


def _raw(each: _Sealed, adoption: Adoption, keys: Keys, into: Findings) -> None:
    """One value; with a key that opens it, it is sealed anew, since an age file does not name its readers."""
    path = PurePosixPath(each.path)
    stem = slug(path.name.rsplit(".", 1)[0])
    if adoption.live.known:
        into.leave(each.path, "one value, which nothing in the repository applies", each.path)
        return
    base = Found(name=stem, path=f"{CHOSEN}{stem}", file=f"{stem}{path.suffix.lower()}")
    try:
        if each.kept:
            entry = replace(base, copied=each.data)
        else:
            value = keys.unwrap(each.path, each.data)
            if value is None:
                into.leave(each.path, _CLOSED, each.path)
                return
            if adoption.is_opening_key(value):
                into.leave(each.path, "a private key that opens encrypted files", each.path)
                return
            entry = replace(base, tree={"value": value}, base64=not value.is_utf8())
    except BootstrapError as error:
        into.leave(each.path, f"{error.code} {error.message}", each.path)
        return
    if not adoption.is_there(entry):
        into.add(adoption.described(entry, each.path, {}))


def _plain(files: Files, live: Live, adoption: Adoption, into: Findings) -> None:
    """Secrets in the clear that are applied: what they hold is known to all readers of the repository."""
    for path in files.paths:
        if not path.endswith(SUFFIXES) or not live.of_interest(path) or path in into.encrypted:
            continue
        if live.known and path not in live.roads:
            continue
        data = files.read(path)
        if b"Secret" not in data:
            continue
        try:
            documents = documents_of(path, data)
        except DefinitionError as error:
            into.leave(path, error.message)
            continue
        for document in documents:
            if isinstance(document, dict) and document.get("kind") in ("Secret", "List"):
                _plain_objects(path, document, adoption, into)


def _plain_objects(path: str, document: Mapping[str, object], adoption: Adoption, into: Findings) -> None:
    listed = document.get("items") if document.get("kind") == "List" else [document]
    for obj in listed if isinstance(listed, list) else ():
        meta = obj.get("metadata") if isinstance(obj, dict) else None
        if not isinstance(obj, dict) or obj.get("kind") != "Secret" or not isinstance(meta, dict):
            continue
        if not isinstance(meta.get("name"), str):
            continue
        shown = f"{path}: Secret {meta['name']}"
        try:
            tree = tree_of(obj, shown)
        except DefinitionError as error:
            into.leave(shown, f"{error.code} {error.message}: {error.hint}")
            continue
        why = not_ours(obj) or ("its values are empty" if is_empty(tree) else "")
        if why:
            into.leave(shown, why)
            continue
        marks = {name: each for name in ("labels", "annotations") if isinstance(each := meta.get(name), dict)}
        adoption.take(
            path,
            Manifest(
                name=meta["name"],
                namespace=str(meta.get("namespace") or ""),
                type=str(obj.get("type") or "Opaque"),
                labels={str(k): str(v) for k, v in marks.get("labels", {}).items()},
                annotations={str(k): str(v) for k, v in marks.get("annotations", {}).items()},
                immutable=obj.get("immutable") is True,
                tree=tree,
                clear=True,
            ),
            None,
            in_clear=True,
        )
