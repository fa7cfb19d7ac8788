"""What kustomize makes of a folder, as far as it says where an encrypted file goes and under which name.

Resources, bases, components, KSOPS generators, namespace, prefix, suffix, labels, annotations and patches are
followed, also into other folders. What is fetched from elsewhere is named, and not followed.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from bootstrap.operations.importing.gitops.documents import (
    YAML,
    Document,
    Documents,
    documents_of_text,
    joined,
    mappings,
    strings,
    text,
    texts,
)
from bootstrap.operations.importing.gitops.patches import Marks, Patch, patches_of

NONE: Mapping[str, str] = MappingProxyType({})
VALUES, INPUT, PATCH = "Helm values", "the input of a generator", "a patch"
_NO_MARKS = Marks(labels=NONE, annotations=NONE)
ELSEWHERE = "fetched from elsewhere"
_ADDRESS = re.compile(r"[a-z+]+://|git@|[\w-]+(\.[\w-]+)+/[^?]+/|.*(\?|\.git(/|$))", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One way of a file into a cluster. ``namespace`` counts before the file's own, ``fallback`` behind it;
    ``affixes`` are the prefix and suffix of each name that it has on the way, ``steps`` what is changed there.

    ``role`` is empty for manifests; ``path`` is an address for what is fetched. ``named_in`` is the kustomization
    whose list names the file, empty where a whole folder is applied.
    """

    path: str
    named_in: str = ""
    namespace: str = ""
    fallback: str = ""
    affixes: tuple[tuple[str, str], ...] = ()
    steps: tuple[Patch | Marks, ...] = ()
    role: str = ""

    @property
    def prefix(self) -> str:
        return self.affixes[-1][0] if self.affixes else ""

    @property
    def suffix(self) -> str:
        return self.affixes[-1][1] if self.affixes else ""

    def within(self, frame: "Frame") -> "Use":
        """As it is behind the patches, the names and the marks of what stands around it."""
        spaces = (self.namespace,) if self.namespace else ()
        patches = (replace(patch, spaces=spaces, affixes=self.affixes) for patch in frame.patches)
        prefix, suffix = frame.prefix + self.prefix, self.suffix + frame.suffix
        more = [(prefix, self.suffix)] if frame.prefix else []
        more += [(prefix, suffix)] if frame.suffix else []
        return replace(
            self,
            namespace=frame.namespace or self.namespace,
            fallback=frame.fallback or self.fallback,
            affixes=(*self.affixes, *more),
            steps=(*self.steps, *patches, frame.marks),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a kustomization, or an object of a controller, does to all that it applies."""

    namespace: str = ""
    fallback: str = ""
    prefix: str = ""
    suffix: str = ""
    marks: Marks = _NO_MARKS
    patches: tuple[Patch, ...] = ()


class Kustomize:
    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._paths = documents.files.blobs
        self.folders = tuple(sorted(_folders(self._paths)))
        self._known = frozenset(self.folders)
        self._built: dict[str, tuple[Use, ...]] = {}
        self.named: dict[str, set[str]] = {}  # folder to the folders that its kustomization names

    def is_folder(self, folder: str) -> bool:
        return folder in self._known

    def has(self, folder: str) -> bool:
        """Whether the folder has a kustomization of its own."""
        return self._documents.kustomization(folder) is not None

    def plain(self, folder: str, *, recurse: bool) -> Iterator[Use]:
        """A folder whose manifests are applied as they are."""
        for path in self._paths:
            here = posixpath.dirname(path)
            if path.endswith((*YAML, ".json")) and (here == folder or (recurse and _below(here, folder))):
                yield Use(path=path)

    def build(self, folder: str, above: tuple[str, ...] = ()) -> tuple[Use, ...]:
        """Every file that is applied with ``folder``; a folder without a kustomization is applied as Flux does it."""
        if folder in above:
            return ()
        if folder not in self._built:
            found = self._documents.kustomization(folder)
            uses = self._listed(folder, *found, above) if found else self._generated(folder, above)
            self._built[folder] = tuple(uses)
        return self._built[folder]

    def _generated(self, folder: str, above: tuple[str, ...]) -> Iterator[Use]:
        """Flux makes a kustomization of all YAML below; a folder in it that has one is a base."""
        bases: list[str] = []
        for path in self._paths:
            if not _below(path, folder) or any(path.startswith(f"{base}/") for base in bases):
                continue
            base = self._base_of(path, folder)
            if base:
                bases.append(base)
                yield from self.build(base, (*above, folder))
            elif path.endswith(YAML):
                yield Use(path=path)

    def _base_of(self, path: str, folder: str) -> str:
        """The outermost folder between ``folder`` and the file that has a kustomization of its own."""
        parts = posixpath.dirname(path)[len(folder) :].strip("/").split("/")
        for size in range(1, len(parts) + 1):
            inner = "/".join(filter(None, (folder, *parts[:size])))
            if inner != folder and self._documents.kustomization(inner):
                return inner
        return ""

    def with_components(self, folder: str, names: Iterable[str]) -> list[Use]:
        """A folder, and components that something else than its kustomization adds to it."""
        found = list(self.build(folder))
        for name in names:
            found = self._component(joined(folder, name), found, (folder,))
        return found

    def _component(self, path: str, found: list[Use], above: tuple[str, ...]) -> list[Use]:
        """What a component changes it changes of all that stands before it."""
        known = self._documents.kustomization(path)
        return self._listed(path, *known, above, found) if known and path not in above else found

    def _listed(
        self, folder: str, file: str, content: Document, above: tuple[str, ...], before: Iterable[Use] = ()
    ) -> list[Use]:
        found = list(before)
        for name in strings(content.get("resources")) + strings(content.get("bases")):
            found += self._resource(folder, file, name, above)
        for name in strings(content.get("generators")):
            found += self._generator(folder, file, name, above)
        for name in strings(content.get("components")):
            path = joined(folder, name)
            if self._documents.kustomization(path):
                self.named.setdefault(folder, set()).add(path)
                found = self._component(path, found, (*above, folder))
            else:
                found += self._resource(folder, file, name, above)
        found += _inputs(folder, file, content)
        frame = Frame(
            namespace=text(content.get("namespace")),
            prefix=text(content.get("namePrefix")),
            suffix=text(content.get("nameSuffix")),
            marks=Marks(labels=_labels(content), annotations=texts(content.get("commonAnnotations"))),
            patches=tuple(patches_of(self._documents, folder, file, content)),
        )
        return [use.within(frame) for use in found]

    def _resource(self, folder: str, file: str, name: str, above: tuple[str, ...]) -> Iterator[Use]:
        path = joined(folder, name)
        if path in self._paths:
            yield Use(path=path, named_in=file)
        elif path != folder and self._documents.kustomization(path):
            self.named.setdefault(folder, set()).add(path)
            yield from self.build(path, (*above, folder))
        elif not self.is_folder(path) and _ADDRESS.match(name):
            yield Use(path=re.sub(r"//[^/@]*@", "//", name), named_in=file, role=ELSEWHERE)

    def _generator(self, folder: str, file: str, name: str, above: tuple[str, ...]) -> Iterator[Use]:
        """KSOPS: the files that a generator opens, beside the generator's own."""
        path = joined(folder, name)
        if "\n" not in name and path not in self._paths:
            yield from self._resource(folder, file, name, above)
            return
        inline = documents_of_text(name) if "\n" in name else None
        here, path = (folder, file) if inline is not None else (posixpath.dirname(path), path)
        for generator in self._documents.of(path) if inline is None else inline:
            if generator.get("kind") == "ksops":
                yield from (
                    Use(path=joined(here, each), named_in=path) for each in strings(generator.get("files"))
                )
                for secret in mappings(generator.get("secretFrom")):
                    names = (*strings(secret.get("files")), *strings(secret.get("envs")))
                    yield from (_input(here, path, each) for each in names)


def _folders(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        while path:
            path = posixpath.dirname(path)
            yield path


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def _input(folder: str, file: str, name: str, role: str = INPUT) -> Use:
    """``KEY=FILE`` of a generator names the file behind the sign."""
    return Use(path=joined(folder, name.rpartition("=")[2]), named_in=file, role=role)


def _inputs(folder: str, file: str, content: Document) -> Iterator[Use]:
    for kind in ("secretGenerator", "configMapGenerator"):
        for generator in mappings(content.get(kind)):
            for name in (*strings(generator.get("files")), *strings(generator.get("envs"))):
                yield _input(folder, file, name)
    for chart in mappings(content.get("helmCharts")):
        values = (text(chart.get("valuesFile")), *strings(chart.get("additionalValuesFiles")))
        yield from (_input(folder, file, name, VALUES) for name in values if name)
    patches = [text(each.get("path")) for each in mappings(content.get("patches"))]
    patches += [each for each in strings(content.get("patchesStrategicMerge")) if "\n" not in each]
    yield from (_input(folder, file, name, PATCH) for name in patches if name)


def _labels(content: Document) -> dict[str, str]:
    found = texts(content.get("commonLabels"))
    for each in mappings(content.get("labels")):
        found |= texts(each.get("pairs"))
    return found
