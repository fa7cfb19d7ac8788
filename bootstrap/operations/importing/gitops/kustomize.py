"""What kustomize makes of a folder, as far as it says where an encrypted file goes and under which name.

Resources, bases, components, KSOPS generators, namespace, prefix, suffix, labels and annotations are followed,
also into other folders. What is fetched from elsewhere is not.
"""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from bootstrap.operations.importing.gitops.documents import (
    YAML,
    Document,
    Documents,
    mapping,
    mappings,
    strings,
    text,
)

NONE: Mapping[str, str] = MappingProxyType({})
VALUES, INPUT, PATCH = "Helm values", "the input of a generator", "a patch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """One way of a file into a cluster. ``namespace`` counts before the file's own, ``fallback`` behind it.

    ``role`` is empty for manifests. ``named_in`` is the kustomization whose list names the file, empty where a
    whole folder is applied.
    """

    path: str
    named_in: str = ""
    namespace: str = ""
    fallback: str = ""
    prefix: str = ""
    suffix: str = ""
    labels: Mapping[str, str] = field(default_factory=lambda: NONE)
    annotations: Mapping[str, str] = field(default_factory=lambda: NONE)
    role: str = ""


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

    def _listed(self, folder: str, file: str, content: Document, above: tuple[str, ...]) -> list[Use]:
        found: list[Use] = []
        namespace = text(content.get("namespace"))
        for name in strings(content.get("resources")) + strings(content.get("bases")):
            found += self._resource(folder, file, name, above)
        for name in strings(content.get("generators")):
            found += self._generator(folder, file, name, above)
        for name in strings(content.get("components")):
            found += self._resource(folder, file, name, above)
            component = self._documents.kustomization(joined(folder, name))
            namespace = namespace or text(component[1].get("namespace")) if component else namespace
        found += _inputs(folder, file, content)
        labels, annotations = _labels(content), texts(content.get("commonAnnotations"))
        return [
            replace(
                use,
                namespace=namespace or use.namespace,
                prefix=text(content.get("namePrefix")) + use.prefix,
                suffix=use.suffix + text(content.get("nameSuffix")),
                labels={**use.labels, **labels},
                annotations={**use.annotations, **annotations},
            )
            for use in found
        ]

    def _resource(self, folder: str, file: str, name: str, above: tuple[str, ...]) -> Iterator[Use]:
        path = joined(folder, name)
        if path in self._paths:
            yield Use(path=path, named_in=file)
        elif "://" not in name and path != folder and self._documents.kustomization(path):
            self.named.setdefault(folder, set()).add(path)
            yield from self.build(path, (*above, folder))

    def _generator(self, folder: str, file: str, name: str, above: tuple[str, ...]) -> Iterator[Use]:
        """KSOPS: the files that a generator opens, beside the generator's own."""
        path = joined(folder, name)
        if path not in self._paths:
            yield from self._resource(folder, file, name, above)
            return
        for generator in self._documents.of(path):
            if generator.get("kind") == "ksops":
                here = posixpath.dirname(path)
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


def joined(folder: str, name: str) -> str:
    """A path below the top of the tree, as a file in ``folder`` names it; empty for the top."""
    found = posixpath.normpath(posixpath.join(folder, name))
    return "" if found == "." else found


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


def texts(value: Any) -> dict[str, str]:
    return {
        str(name): str(each) for name, each in mapping(value).items() if isinstance(each, str | int | bool)
    }
