"""The other half of an adoption: the GitOps controller lets go of what Vault owns now, and deletes nothing of it.

Two commits, each on a branch, for people to review and merge one after the other. The first marks the Secrets so
that the controller never deletes them; once it has applied that, the second takes their files out of what it
applies. Kustomizations are edited as text, so that comments and order stay; what an edit does not fit is listed.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bootstrap.adapters.git.branch import Proposal, propose
from bootstrap.adapters.git.tree import Files
from bootstrap.intent.manifests import documents_of
from bootstrap.model.errors import DefinitionError
from bootstrap.operations.importing.adopted import Adoption, is_hashed
from bootstrap.operations.importing.gitops.documents import KUSTOMIZATION, Document, joined, strings
from bootstrap.operations.importing.gitops.live import Live
from bootstrap.operations.importing.opened import Manifest

KEEP, REMOVE = "bootstrap/takeover-1-keep", "bootstrap/takeover-2-remove"
_MARKS = {
    "flux": ("kustomize.toolkit.fluxcd.io/prune", "disabled"),
    "argocd": ("argocd.argoproj.io/sync-options", "Prune=false"),
}
_LISTS = ("resources", "bases", "files")


@dataclass(slots=True)
class Takeover:
    """``by_hand`` is what no edit fits, with the reason; ``secrets`` how many are let go. ``marks``: by kustomization
    the names of Secrets; ``drops``: by list the files that it names no longer."""

    by_hand: list[str] = field(default_factory=list)
    marks: dict[str, list[str]] = field(default_factory=dict)
    drops: dict[str, list[str]] = field(default_factory=dict)
    secrets: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What is taken over from: ``manifests`` by file."""

    files: Files
    live: Live
    adoption: Adoption
    manifests: Mapping[str, Sequence[Manifest]]


def take_over(tree: Tree, handed: frozenset[tuple[str, str]], controller: str) -> Takeover:
    """``handed`` are the Secrets (namespace, name) that the catalog makes.

    DefinitionError E_IMPORT where nothing can be taken over, E_REPO_KIND for a folder without Git.
    """
    files = tree.files
    if files.repo is None:
        raise DefinitionError(
            "a takeover is written as commits, and the folder is in no Git repository",
            code="E_REPO_KIND",
            where=files.under or ".",
            hint="git init, then commit what is applied",
        )
    done = Takeover()
    for path, found in sorted(tree.manifests.items()):
        _one(path, found, tree, handed, controller, done)
    if not done.marks:
        raise DefinitionError(
            "nothing that the catalog has can be let go there"
            + "".join(f"\n    {each}" for each in done.by_hand),
            code="E_IMPORT",
            where=files.under or ".",
            hint="bootstrap import the same folder first, and commit what it writes",
        )
    kept = {path: _marked(files.read(path), names, controller) for path, names in done.marks.items()}
    removed = dict(kept)
    for listing, paths in done.drops.items():
        for path in paths:
            removed[listing] = _cut(removed.get(listing) or files.read(listing), listing, path)
    keep = Proposal(branch=KEEP, message=_message(1, done.secrets), files=kept)
    remove = Proposal(branch=REMOVE, message=_message(2, done.secrets), files=removed)
    propose(files.repo, files.commit, [keep, remove])
    return done


def _marked(content: bytes, names: Sequence[str], controller: str) -> bytes:
    made = with_patches(content, names, *_MARKS[controller])
    assert made is not None  # tried before
    return made


def _cut(content: bytes, listing: str, path: str) -> bytes:
    made = without(content, posixpath.dirname(listing), path)
    assert made is not None  # tried before
    return made


def _message(number: int, count: int) -> str:
    secrets = f"{count} Secret{'s' * (count != 1)}"
    what = {
        1: f"secrets: {secrets} that Vault takes over are never deleted from here\n\n"
        "Merge it, and let the controller apply it, before the second commit.\n",
        2: f"secrets: {secrets} are made from Vault, no longer from here\n",
    }
    return what[number]


def _one(
    path: str,
    manifests: Sequence[Manifest],
    tree: Tree,
    handed: frozenset[tuple[str, str]],
    controller: str,
    done: Takeover,
) -> None:
    """One file: only where each Secret of it, on each of its roads, is one that the catalog makes."""
    roads = tree.live.roads.get(path, ())
    made = {place for road in roads for each in manifests if (place := tree.adoption.place(road, each))}
    if not made & handed:
        return
    if others := sorted(f"{namespace}/{name}" for namespace, name in made - handed):
        done.by_hand.append(f"{path}: it also makes {', '.join(others)}, which the catalog does not have")
        return
    lists = {road.use.named_in for road in roads}
    if "" in lists:
        done.by_hand.append(f"{path}: its folder is applied as a whole; give it a kustomization.yaml first")
        return
    # One with a hash in its name is not the Secret that ESO makes: the controller may delete it.
    names = sorted({manifest.name for manifest in manifests if not is_hashed(manifest)})
    governing = {listing: _governing(listing, tree.live) for listing in lists}
    for listing, kustomization in governing.items():
        fits = without(tree.files.read(listing), posixpath.dirname(listing), path)
        if fits is None or with_patches(tree.files.read(kustomization), names, *_MARKS[controller]) is None:
            done.by_hand.append(f"{path}: {listing} is written in a way that is not edited here")
            return
    for listing, kustomization in sorted(governing.items()):
        marks = done.marks.setdefault(kustomization, [])
        marks += [name for name in names if name not in marks]
        done.drops.setdefault(listing, []).append(path)
    done.secrets += len(made)


def _governing(listing: str, live: Live) -> str:
    """The kustomization behind a generator; a kustomization itself."""
    if posixpath.basename(listing) in KUSTOMIZATION:
        return listing
    folder = posixpath.dirname(listing)
    while folder and live.documents.kustomization(folder) is None:
        folder = posixpath.dirname(folder)
    found = live.documents.kustomization(folder)
    return found[0] if found else listing


def with_patches(content: bytes, names: Sequence[str], annotation: str, value: str) -> bytes | None:
    """The kustomization with a patch for each Secret; None where its patches are of a form that is not edited."""
    if _document(content) is None:
        return None
    text = content.decode()
    added = "".join(_patch(name, annotation, value) for name in names if f"# bootstrap: {name}\n" not in text)
    found = re.search(r"^patches:[ \t]*(#.*)?\n", text, re.MULTILINE)
    if found:
        indent = re.match(r"[ ]*", text[found.end() :])
        added = "".join(f"{indent[0] if indent else ''}{line}\n" for line in added.splitlines())
        made = text[: found.end()] + added + text[found.end() :]
    elif re.search(r"^patches:", text, re.MULTILINE):
        return None
    else:
        made = text.rstrip("\n") + f"\npatches:\n{added}" if added else text
    return made.encode() if _same_but(content, made, "patches") else None


def _patch(name: str, annotation: str, value: str) -> str:
    return (
        f"# bootstrap: {name}\n"
        f"- target: {{kind: Secret, name: '{re.escape(name)}'}}\n"
        "  patch: |-\n"
        "    apiVersion: v1\n"
        "    kind: Secret\n"
        "    metadata:\n"
        f"      name: {name}\n"
        f"      annotations: {{{annotation}: {value}}}\n"
    )


def without(content: bytes, folder: str, path: str) -> bytes | None:
    """The list without the one entry that names ``path``; None where it is not found as a line or in brackets."""
    document = _document(content)
    if document is None:
        return None
    named = [each for name in _LISTS for each in strings(document.get(name)) if joined(folder, each) == path]
    if len(named) != 1:
        return None
    entry = re.escape(named[0])
    text = content.decode()
    line = re.compile(rf"^[ \t]*-[ \t]+(['\"]?){entry}\1[ \t]*(#.*)?\n?", re.MULTILINE)
    inline = re.compile(rf"(?<=[\[,])\s*(['\"]?){entry}\1\s*(?=[,\]])")
    made, count = line.subn("", text)
    if count == 0:
        made, count = inline.subn("", text)
        made = re.sub(r"\[\s*,\s*", "[", re.sub(r",\s*,", ",", re.sub(r",\s*\]", "]", made)))
    empty = re.sub(r"^(resources|files):[ \t]*\n(?![ \t]*-)", r"\1: []\n", made, flags=re.MULTILINE)
    return empty.encode() if count == 1 and _same_but(content, empty, *_LISTS) else None


def _document(content: bytes) -> Document | None:
    """The one mapping of a file; None for anything else."""
    try:
        documents = documents_of("kustomization", content)
        content.decode()
    except (DefinitionError, UnicodeDecodeError, RecursionError):
        return None
    return documents[0] if len(documents) == 1 and isinstance(documents[0], dict) else None


def _same_but(before: bytes, after: str, *names: str) -> bool:
    """Whether an edit of the text changed nothing beside the parts that it was meant for."""
    one, other = _document(before), _document(after.encode())
    if one is None or other is None:
        return False
    return {k: v for k, v in one.items() if k not in names} == {
        k: v for k, v in other.items() if k not in names
    }


def lines(done: Takeover) -> Iterator[str]:
    yield from (f"by hand: {each}" for each in done.by_hand)
    yield f"{done.secrets} Secrets; merge {KEEP}, let the controller apply it, then merge {REMOVE}"
