"""Which encrypted files of a tree are live, where each goes, and which kustomization leaves one out."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from bootstrap.adapters.git.tree import Files
from bootstrap.operations.importing.gitops.documents import Documents
from bootstrap.operations.importing.gitops.kustomize import Frame, Kustomize, Use
from bootstrap.operations.importing.gitops.roots import NOTHING, Root, Substitution, roots_of, uses_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """One way of one file into a cluster, by the root that it begins at."""

    use: Use
    root: str
    substitution: Substitution = NOTHING


class Live:
    """``known`` is false for a tree in which nothing says what is applied."""

    def __init__(self, files: Files) -> None:
        self.documents = Documents(files)
        self.kustomize = Kustomize(self.documents)
        self._under = files.under
        every = roots_of(self.documents, self.kustomize)
        reached = list(_reached(every, self.kustomize, files.under))
        self.roots = _patched(reached, self.kustomize) or list(self._tops())
        self.known = bool(self.roots)
        self.keys = frozenset(root.key for root in every if root.key)
        self.controller = self._controller()
        self.roads: Mapping[str, tuple[Road, ...]] = self._roads()

    def _controller(self) -> str:
        names = {root.name.partition(" ")[0] for root in self.roots}
        return "argocd" if "Application" in names else "flux" if "Kustomization" in names else ""

    def _roads(self) -> dict[str, tuple[Road, ...]]:
        found: dict[str, dict[str, Road]] = {}
        for root in self.roots:
            for use in uses_of(root, self.kustomize):
                road = Road(use=use, root=root.name, substitution=root.substitution)
                found.setdefault(use.path, {}).setdefault(repr(road), road)
        return {path: tuple(roads.values()) for path, roads in found.items()}

    def _tops(self) -> Iterator[Root]:
        """Without a controller: the kustomizations that no other one names; not components, which are parts."""
        folders = [f for f in self.kustomize.folders if self.documents.kustomization(f) and self._inside(f)]
        for folder in folders:
            self.kustomize.build(folder)
        named = set().union(*self.kustomize.named.values()) if self.kustomize.named else set()
        for folder in folders:
            found = self.documents.kustomization(folder)
            if folder not in named and found and found[1].get("kind") != "Component":
                yield Root(name=f"kustomization {folder or '.'}", file="", folder=folder, frame=Frame())

    def _inside(self, path: str) -> bool:
        return not self._under or path == self._under or path.startswith(f"{self._under}/")

    def of_interest(self, path: str) -> bool:
        """Below the folder that was named, or applied from there."""
        return self._inside(path) or path in self.roads

    def left_out_by(self, path: str) -> str:
        """The kustomization that governs the file's folder and does not apply it; empty where none does."""
        if path in self.roads:
            return ""
        folder = posixpath.dirname(path)
        while True:
            if found := self.documents.kustomization(folder):
                return found[0]
            if not folder:
                return ""
            folder = posixpath.dirname(folder)


def _reached(roots: list[Root], kustomize: Kustomize, under: str) -> Iterator[Root]:
    """The roots that are applied themselves. One whose file lies in a folder that another one applies, and that
    is not applied with it, was taken out of use; one that lies elsewhere was applied by hand, or by a server."""
    waiting = [root for root in roots if not under or root.file.startswith(f"{under}/")]
    begun = [root for root in waiting if not _covering(root, waiting)] or waiting
    taken: dict[int, Root] = {}
    while begun:
        root = begun.pop()
        if id(root) in taken:
            continue
        taken[id(root)] = root
        applied = {use.path for use in uses_of(root, kustomize)}
        begun += [each for each in roots if each.file in applied and id(each) not in taken]
        if not begun:
            begun = [r for r in waiting if id(r) not in taken and not _covering(r, taken.values())]
    yield from (root for root in roots if id(root) in taken)


def _patched(roots: list[Root], kustomize: Kustomize) -> list[Root]:
    """With what a root adds to the Kustomizations that it applies."""
    found = {id(root): root for root in roots}
    for root in roots:
        if root.patched != NOTHING:
            applied = {use.path for use in uses_of(root, kustomize)}
            for each in roots:
                if each is not root and each.file in applied:
                    known = found[id(each)]
                    found[id(each)] = replace(known, substitution=known.substitution.with_(root.patched))
    return list(found.values())


def _covering(root: Root, others: Iterable[Root]) -> bool:
    """Whether another one applies the folder in which this one is written."""
    return any(
        other is not root and (not other.folder or root.file.startswith(f"{other.folder}/"))
        for other in others
        if other.folder != root.folder or other.file != root.file
    )
