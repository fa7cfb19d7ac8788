"""What Flux and Argo CD apply, and into which namespace: where the road of a file into a cluster begins."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bootstrap.operations.importing.gitops.documents import (
    Document,
    Documents,
    documents_of_text,
    joined,
    mapping,
    mappings,
    strings,
    text,
    texts,
)
from bootstrap.operations.importing.gitops.kustomize import NONE, VALUES, Frame, Kustomize, Use
from bootstrap.operations.importing.gitops.patches import Marks, patches_of
from bootstrap.operations.importing.gitops.sets import applications


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where Flux takes a variable from: a ConfigMap or a Secret of its own namespace."""

    kind: str
    name: str
    namespace: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitution:
    """``postBuild`` of a Flux Kustomization; what is given here counts before what a source has."""

    given: Mapping[str, str] = field(default_factory=lambda: NONE)
    sources: tuple[Source, ...] = ()

    def with_(self, more: "Substitution") -> "Substitution":
        """What is here counts before ``more``."""
        return Substitution(given={**more.given, **self.given}, sources=(*more.sources, *self.sources))


NOTHING = Substitution()


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """One object of a controller. ``file`` is empty where nothing but kustomize is there."""

    name: str
    file: str
    folder: str
    frame: Frame
    components: tuple[str, ...] = ()
    substitution: Substitution = NOTHING
    patched: Substitution = NOTHING  # what it adds to the Kustomizations that it applies
    key: str = ""  # the Secret that opens encrypted files for the controller
    plain: bool = False  # Argo CD: a folder of manifests, without kustomize
    recurse: bool = False
    values: tuple[str, ...] = ()


def roots_of(documents: Documents, kustomize: Kustomize) -> list[Root]:
    found: list[Root] = []
    for file, document in documents.of_controllers():
        kind = document.get("kind")
        if kind == "Kustomization" and (root := _flux(file, document, documents, kustomize)):
            found.append(root)
        elif kind == "Application":
            found += _argo(file, document, documents, kustomize)
        elif kind == "ApplicationSet":
            for each in applications(document, documents, kustomize.folders):
                found += _argo(file, each, documents, kustomize)
    return found


def _flux(file: str, document: Document, documents: Documents, kustomize: Kustomize) -> Root | None:
    meta, spec = mapping(document.get("metadata")), mapping(document.get("spec"))
    path = text(spec.get("path"))
    folder = joined("", path.lstrip("/")) if path else None
    if folder is None or not kustomize.is_folder(folder):
        return None
    common = mapping(spec.get("commonMetadata"))
    here = text(meta.get("namespace")) or "flux-system"
    return Root(
        name=f"Kustomization {text(meta.get('name'))}",
        file=file,
        folder=folder,
        components=tuple(strings(spec.get("components"))),
        frame=Frame(
            namespace=text(spec.get("targetNamespace")),
            prefix=text(spec.get("namePrefix")),
            suffix=text(spec.get("nameSuffix")),
            marks=Marks(labels=texts(common.get("labels")), annotations=texts(common.get("annotations"))),
            patches=tuple(patches_of(documents, folder, file, spec)),
        ),
        substitution=_substitution(spec, here),
        patched=_patched(spec, here),
        key=text(mapping(mapping(spec.get("decryption")).get("secretRef")).get("name")),
    )


def _substitution(spec: Document, namespace: str) -> Substitution:
    build = mapping(spec.get("postBuild"))
    sources = tuple(
        Source(kind=text(each.get("kind")), name=text(each.get("name")), namespace=namespace)
        for each in mappings(build.get("substituteFrom"))
    )
    return Substitution(given=texts(build.get("substitute")), sources=sources)


def _patched(spec: Document, namespace: str) -> Substitution:
    """Patches over other Kustomizations: how a whole cluster is given its variables in one place."""
    found = NOTHING
    for patch in mappings(spec.get("patches")):
        for document in documents_of_text(text(patch.get("patch"))):
            if document.get("kind") == "Kustomization":
                found = found.with_(_substitution(mapping(document.get("spec")), namespace))
    return found


def _argo(file: str, document: Document, documents: Documents, kustomize: Kustomize) -> Iterator[Root]:
    spec = mapping(document.get("spec"))
    target = text(mapping(spec.get("destination")).get("namespace"))
    for source in [mapping(spec.get("source")), *mappings(spec.get("sources"))]:
        folder = joined("", text(source.get("path")).lstrip("/"))
        if not text(source.get("path")) or not kustomize.is_folder(folder):
            continue
        built, helm = mapping(source.get("kustomize")), mapping(source.get("helm"))
        yield Root(
            name=f"Application {text(mapping(document.get('metadata')).get('name'))}",
            file=file,
            folder=folder,
            frame=Frame(
                namespace=text(built.get("namespace")),
                fallback=target,
                prefix=text(built.get("namePrefix")),
                suffix=text(built.get("nameSuffix")),
                marks=Marks(
                    labels=texts(built.get("commonLabels")),
                    annotations=texts(built.get("commonAnnotations")),
                ),
                patches=tuple(patches_of(documents, folder, file, built)),
            ),
            components=tuple(strings(built.get("components"))),
            plain=True,
            recurse=mapping(source.get("directory")).get("recurse") is True,
            values=tuple(_values(folder, helm)),
        )


def _values(folder: str, helm: Document) -> Iterator[str]:
    """helm-secrets: ``secrets://PATH``, ``secrets+age-import:///KEY?PATH``; a file without either is plain."""
    for name in strings(helm.get("valueFiles")):
        path = re.sub(r"^secrets(\+[a-z-]+)?://([^?]*\?)?", "", name)
        yield joined("" if path.startswith(("$", "/")) else folder, re.sub(r"^\$[^/]*/|^/", "", path))


def uses_of(root: Root, kustomize: Kustomize) -> Iterator[Use]:
    """Every file that one root applies, as it applies it."""
    yield from (use.within(root.frame) for use in _within(root, kustomize))
    for path in root.values:
        yield Use(path=path, named_in=root.file, role=VALUES)


def _within(root: Root, kustomize: Kustomize) -> Iterable[Use]:
    if root.plain and not kustomize.has(root.folder):
        return kustomize.plain(root.folder, recurse=root.recurse)
    return kustomize.with_components(root.folder, root.components)
