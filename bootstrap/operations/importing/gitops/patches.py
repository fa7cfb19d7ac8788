"""What patches of kustomize make of a Secret: strategic merge and JSON6902, beside their files or written inline.

Labels and annotations are followed. A patched value is no longer the file's, so such a Secret is not taken, and
neither is one that a patch renames or deletes. A patch that cannot be read as far as needed counts as one that fits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bootstrap.intent.selection import expression
from bootstrap.operations.importing.gitops.documents import (
    Document,
    Documents,
    joined,
    listed_of_text,
    mapping,
    mappings,
    strings,
    text,
)
from bootstrap.operations.importing.gitops.selectors import selects

_MARKS = ("labels", "annotations")
_BESIDE = ("apiVersion", "kind", "metadata", "sops")  # of a patch: they say which object, and change nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Which objects a patch is for. ``exactly``: name and namespace are no expressions; ``""`` fits any."""

    kind: str = ""
    name: str = ""
    namespace: str = ""
    labels: str = ""
    annotations: str = ""
    exactly: bool = False

    def fits(
        self, names: Sequence[str], spaces: Sequence[str], marks: Mapping[str, Mapping[str, str]]
    ) -> bool:
        """Whether it means a Secret that has had these names and namespaces on its way."""
        return (
            self._text(self.kind, ("Secret",))
            and self._text(self.name, names)
            and (self._text(self.namespace, spaces) or not any(spaces))
            and selects(self.labels, marks["labels"])
            and selects(self.annotations, marks["annotations"])
        )

    def _text(self, wanted: str, found: Sequence[str]) -> bool:
        if not wanted or wanted.startswith("ENC["):
            return True
        if self.exactly:
            return wanted in found
        matches = expression(
            f"^(?:{wanted})$"
        )  # as kustomize anchors it; one that Go refuses counts as one that fits
        return matches is None or any(map(matches, found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """``marks`` are labels and annotations that it sets, or takes away (None); ``whole`` are those of which it leaves
    nothing else. ``why`` is what it does beyond them, empty where it does nothing else. ``spaces`` and ``affixes``
    (prefix and suffix): through which a Secret had come before it."""

    target: Target
    where: str
    marks: tuple[tuple[str, str, str | None], ...] = ()
    whole: tuple[str, ...] = ()
    why: str = ""
    spaces: tuple[str, ...] = ()
    affixes: tuple[tuple[str, str], ...] = ()

    def fits(self, name: str, namespace: str, marks: Mapping[str, Mapping[str, str]]) -> bool:
        names = [name, *(f"{prefix}{name}{suffix}" for prefix, suffix in self.affixes)]
        if not self.target.exactly:
            names = [names[0], names[-1]]  # an expression is tried on the first and on the last of them
        return self.target.fits(names, (namespace, *self.spaces), marks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """Labels and annotations that a kustomization, or a controller, adds to everything."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(slots=True)
class Patched:
    """A Secret behind all steps: ``why`` it is not the file's any more, empty where it is."""

    labels: dict[str, str]
    annotations: dict[str, str]
    why: str = ""

    @property
    def marks(self) -> dict[str, dict[str, str]]:
        return {"labels": self.labels, "annotations": self.annotations}

    def take(self, patch: Patch) -> None:
        self.why = self.why or (f"{patch.why}: {patch.where}" if patch.why else "")
        for kind in patch.whole:
            self.marks[kind].clear()
        for kind, key, value in patch.marks:
            if value is None:
                self.marks[kind].pop(key, None)
            else:
                self.marks[kind][key] = value


def patched(name: str, namespace: str, found: Patched, steps: Sequence[Patch | Marks]) -> Patched:
    """``found`` begins as the file's own labels and annotations."""
    for step in steps:
        if isinstance(step, Marks):
            found.labels |= step.labels
            found.annotations |= step.annotations
        elif step.fits(name, namespace, found.marks):
            found.take(step)
    return found


def patches_of(documents: Documents, folder: str, file: str, content: Document) -> Iterator[Patch]:
    """The patches of a kustomization, or of the fields that Flux and Argo CD hand on to one."""
    source = _Source(documents, folder, file)
    for one in strings(content.get("patchesStrategicMerge")):
        yield from source.read({"patch" if "\n" in one else "path": one}, None)
    for entry in mappings(content.get("patches")):
        target = mapping(entry.get("target"))
        yield from source.read(entry, _target(target) if target else None)
    for entry in mappings(content.get("patchesJson6902")):
        yield from source.read(entry, replace(_target(mapping(entry.get("target"))), exactly=True))
    for entry in mappings(content.get("replacements")):
        yield from source.replacement(entry)
    for entry in mappings(content.get("secretGenerator")):
        if entry.get("behavior") in ("merge", "replace"):
            merged = Target(kind="Secret", name=text(entry.get("name")), exactly=True)
            yield Patch(target=merged, where=file, why="a generator changes its values")


@dataclass(frozen=True, slots=True)
class _Source:
    documents: Documents
    folder: str
    file: str

    def read(self, entry: Document, target: Target | None) -> Iterator[Patch]:
        inline, path = text(entry.get("patch")), text(entry.get("path"))
        where = joined(self.folder, path) if path else self.file
        found = listed_of_text(inline) if inline else self.documents.whole(where)
        if found is None:
            if target is not None:  # without one the patch itself says what it is for
                yield Patch(target=target, where=where, why="a patch that cannot be read changes it")
            return
        options = mapping(entry.get("options"))
        if target is not None and (options.get("allowNameChange") or options.get("allowKindChange")):
            yield Patch(target=target, where=where, why="a patch renames it")
        operations = [each for each in found if isinstance(each, list)]
        if operations:
            yield _json(target or Target(), where, operations[0])
        for each in found:
            if isinstance(each, dict):
                yield _merge(target or _named(each), where, each)

    def replacement(self, entry: Document) -> Iterator[Patch]:
        """Kustomize copies a field of one object into others."""
        path = text(entry.get("path"))
        where = joined(self.folder, path) if path else self.file
        whole = (
            [each for each in self.documents.whole(where) or () if isinstance(each, dict)]
            if path
            else [entry]
        )
        for each in whole:
            for target in mappings(each.get("targets")):
                selected = replace(_target(mapping(target.get("select"))), exactly=True)
                fields = strings(target.get("fieldPaths"))
                operations = [{"op": "replace", "path": f"/{field.replace('.', '/')}"} for field in fields]
                if selected.kind == "Secret" or not selected.kind:
                    yield _json(selected, where, operations, what="a replacement")


def _target(target: Document) -> Target:
    return Target(
        kind=text(target.get("kind")),
        name=text(target.get("name")),
        namespace=text(target.get("namespace")),
        labels=text(target.get("labelSelector")),
        annotations=text(target.get("annotationSelector")),
    )


def _named(document: Document) -> Target:
    """The object that a strategic merge patch is for, as it says itself."""
    meta = mapping(document.get("metadata"))
    names = (document.get("kind"), meta.get("name"), meta.get("namespace"))
    kind, name, namespace = map(text, names)
    return Target(kind=kind or "no kind", name=name, namespace=namespace, exactly=True)


def _merge(target: Target, where: str, document: Document) -> Patch:
    meta = mapping(document.get("metadata"))
    marks = tuple(
        (kind, str(name), None if value is None else str(value))
        for kind in _MARKS
        for name, value in mapping(meta.get(kind)).items()
    )
    beyond = sorted(document.keys() - set(_BESIDE))
    why = f"a patch changes its {', '.join(beyond)}" if beyond else ""
    if document.get("$patch") == "delete":
        why = "a patch deletes it"
    return Patch(target=target, where=where, marks=marks, why=why)


def _json(target: Target, where: str, operations: Sequence[Any], what: str = "a patch") -> Patch:
    marks: list[tuple[str, str, str | None]] = []
    whole: list[str] = []
    beyond: list[str] = []
    for each in mappings(list(operations)):
        place = [part.replace("~1", "/").replace("~0", "~") for part in text(each.get("path")).split("/")[1:]]
        op, value = text(each.get("op")), each.get("value")
        if op == "test":
            continue
        if (
            place[:1] == ["metadata"]
            and place[1:2]
            and place[1] in _MARKS
            and op in ("add", "replace", "remove")
        ):
            if len(place) == 3:
                marks.append((place[1], place[2], None if op == "remove" else str(value)))
                continue
            if len(place) == 2 and op != "remove":
                whole.append(place[1])
                marks = [each for each in marks if each[0] != place[1]]
                marks += [(place[1], str(k), str(v)) for k, v in mapping(value).items()]
                continue
        beyond.append(".".join(place[:2] if place[:1] == ["metadata"] else place[:1]) or "whole")
    why = f"{what} changes its {', '.join(dict.fromkeys(beyond))}" if beyond else ""
    return Patch(target=target, where=where, marks=tuple(marks), whole=tuple(whole), why=why)
