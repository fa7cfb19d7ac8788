"""Phase files to frozen phases: strict, so that what is shown is what runs.

``phases/NN-name.yaml`` holds ``phase: {id, title, authority}`` and ``steps: [{id, kind, title, needs, with,
gate}]``. There are no expressions, includes or look-ups: a file is data. Every fault is a ``DefinitionError``
with ``file:line``.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bootstrap.intent.yaml_source import Loc, Located, load_documents
from bootstrap.model.errors import DefinitionError
from bootstrap.model.plan import Phase, Plain, Step
from bootstrap.model.suggest import closest

AUTHORITIES: Final = ("the offline root", "Git, encrypted", "Vault")
GATES: Final = ("none", "approve")
HINT: Final = "phases are part of the tool: reinstall it, or mend the file"


def phase_files() -> dict[str, bytes]:
    """The phase files of this tool, by name: below ``_data`` in the wheel, at the root in a checkout."""
    package = Path(__file__).resolve().parent.parent
    folder = next((f for f in (package / "_data" / "phases", package.parent / "phases") if f.is_dir()), None)
    if folder is None:
        raise DefinitionError("the phase files are missing", code="E_PHASES", where=str(package), hint=HINT)
    return {f"phases/{path.name}": path.read_bytes() for path in sorted(folder.glob("*.yaml"))}


def load_phases(files: Mapping[str, bytes], kinds: Collection[str]) -> tuple[Phase, ...]:
    """Every phase, in the order of the file names; ``kinds`` is the closed vocabulary.

    DefinitionError E_PHASE_KEY, E_PHASE_VALUE, E_KIND, E_PHASE_DUP, E_NEEDS (unknown) or E_NEEDS_ORDER (a
    step may need only what stands before it, so a cycle cannot be written).
    """
    phases = tuple(_phase(path, files[path], kinds) for path in sorted(files))
    _check_needs([step for phase in phases for step in phase.steps])
    return phases


class Node:
    """One mapping of a phase file, with the checks that a reader needs."""

    def __init__(self, document: Located, loc: Loc = ()) -> None:
        self._document = document
        self._loc = loc
        value: Any = document.value
        for part in loc:
            value = value[part]
        if not isinstance(value, dict):
            raise fault("a mapping belongs here", "E_PHASE_VALUE", self.where())
        self.raw: dict[str, Any] = value

    def where(self, *loc: str | int) -> str:
        return self._document.where((*self._loc, *loc))

    def keys(self, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        allowed = (*required, *optional)
        for key in self.raw:
            if key not in allowed:
                raise fault(f"unknown key {key!r}{meant(key, allowed)}", "E_PHASE_KEY", self.where(key))
        for key in required:
            if key not in self.raw:
                raise fault(f"key {key!r} is missing", "E_PHASE_KEY", self.where())

    def child(self, key: str) -> "Node":
        return Node(self._document, (*self._loc, key))

    def children(self, key: str) -> list["Node"]:
        return [Node(self._document, (*self._loc, key, n)) for n in range(len(self._list(key)))]

    def text(self, key: str) -> str:
        value = self.raw[key]
        if not isinstance(value, str) or not value:
            raise fault(f"{key!r} is a text", "E_PHASE_VALUE", self.where(key))
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._list(key) if key in self.raw else []
        if not all(isinstance(value, str) for value in values):
            raise fault(f"{key!r} is a list of texts", "E_PHASE_VALUE", self.where(key))
        return tuple(values)

    def choice(self, key: str, allowed: Collection[str]) -> str:
        value = self.text(key)
        if value not in allowed:
            raise fault(f"{key!r} is one of: {'; '.join(allowed)}", "E_PHASE_VALUE", self.where(key))
        return value

    def plain(self, key: str) -> dict[str, Plain]:
        """Plain values only: text, whole numbers, true and false."""
        node = self.child(key) if key in self.raw else None
        if node is None:
            return {}
        for name, value in node.raw.items():
            if not isinstance(value, str | int | bool):
                raise fault(f"{name!r} is not a plain value", "E_PHASE_VALUE", node.where(name))
        return dict(node.raw)

    def _list(self, key: str) -> list[Any]:
        value = self.raw[key]
        if not isinstance(value, list):
            raise fault(f"{key!r} is a list", "E_PHASE_VALUE", self.where(key))
        return value


def fault(message: str, code: str, where: str) -> DefinitionError:
    return DefinitionError(message, code=code, where=where, hint=HINT)


def meant(word: str, known: Collection[str]) -> str:
    close = closest(word, known)
    return f"; did you mean {close!r}?" if close else ""


def _phase(path: str, data: bytes, kinds: Collection[str]) -> Phase:
    documents = load_documents(path, data)
    if len(documents) != 1:
        raise fault(f"{len(documents)} documents where one phase belongs", "E_PHASE_VALUE", path)
    source = Node(documents[0])
    source.keys(required=("phase", "steps"))
    head = source.child("phase")
    head.keys(required=("id", "title", "authority"))
    if head.text("id") != Path(path).stem:
        raise fault("a phase has the name of its file", "E_PHASE_VALUE", head.where("id"))
    return Phase(
        id=head.text("id"),
        title=head.text("title"),
        authority=head.choice("authority", AUTHORITIES),
        steps=tuple(_step(node, head.text("id"), kinds) for node in source.children("steps")),
    )


def _step(node: Node, phase: str, kinds: Collection[str]) -> Step:
    node.keys(required=("id", "kind", "title"), optional=("needs", "with", "gate"))
    kind = node.text("kind")
    if kind not in kinds:
        raise fault(f"unknown step kind {kind!r}{meant(kind, kinds)}", "E_KIND", node.where("kind"))
    return Step(
        id=node.text("id"),
        kind=kind,
        phase=phase,
        title=node.text("title"),
        needs=node.texts("needs"),
        with_=node.plain("with"),
        gate=node.choice("gate", GATES) if "gate" in node.raw else "none",
        where=node.where("id"),
    )


def _check_needs(steps: Sequence[Step]) -> None:
    known = [step.id for step in steps]
    before: set[str] = set()
    for step in steps:
        if step.id in before:
            raise fault(f"step {step.id!r} is there twice", "E_PHASE_DUP", step.where)
        for need in step.needs:
            if need not in known:
                raise fault(
                    f"step {step.id!r} needs {need!r}, which is unknown{meant(need, known)}",
                    "E_NEEDS",
                    step.where,
                )
            if need not in before:
                raise fault(
                    f"step {step.id!r} needs {need!r}, which does not stand before it",
                    "E_NEEDS_ORDER",
                    step.where,
                )
        before.add(step.id)
