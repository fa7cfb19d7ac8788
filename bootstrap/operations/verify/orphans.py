"""Copies of ours in the cluster that no entry of the commit derives any more (INV5).

An entry that was taken out of the catalog, or a consumer of another name, leaves its ExternalSecret or PushSecret
behind, and the Secret that was made by it. Nothing here deletes: who still reads that Secret is not known to Git.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bootstrap.model.errors import WorldError
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import kubectl, ref_of
from bootstrap.steps.context.names import SECRET_ANNOTATION, labels
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.external_secret_objects import external_secrets, published

UNSEEN = "undeclared ones elsewhere cannot be seen: no right to list"
MARK = ",".join(f"{key}={value}" for key, value in labels("derived").items())
EXTERNAL = ("external-secrets.io/v1", "ExternalSecret")
PUSH = ("external-secrets.io/v1alpha1", "PushSecret")


@dataclass(frozen=True, slots=True)
class Other:
    ref: Ref
    entry: str  # the catalog entry that it was derived from

    def __str__(self) -> str:
        return f"{self.ref} (of {self.entry})" if self.entry else str(self.ref)

    @property
    def remedy(self) -> str:
        return f"once nothing reads it: {kubectl('delete', self.ref)}; see docs/how-to/change-what-is-declared.md"


@dataclass(frozen=True, slots=True)
class LeftOver:
    """``declared`` counts what should be there; ``unseen`` says what cannot be seen from here."""

    declared: int
    others: tuple[Other, ...]
    unseen: str


def find(world: World) -> LeftOver:
    intent = world.intent
    declared = {ref_of(obj) for obj in external_secrets(intent)}
    for _, push, readers in published(intent):
        declared |= {ref_of(obj) for obj in (push, *readers)}
    reading = {*intent.reading_namespaces, *intent.pushing_namespaces}
    externals, blind = _listed(world, EXTERNAL, reading)
    pushers, blind_too = _listed(world, PUSH, intent.pushing_namespaces)
    others = (_other(obj) for obj in (*externals, *pushers) if ref_of(obj) not in declared)
    return LeftOver(len(declared), tuple(others), UNSEEN if blind or blind_too else "")


def _listed(world: World, kind: tuple[str, str], namespaces: Iterable[str]) -> tuple[list[Object], bool]:
    """Those of ours everywhere; where that list is refused, those in ``namespaces``, and True."""
    try:
        return world.cluster.list(*kind, labels=MARK), False
    except WorldError as error:
        if error.code != "E_KUBE_DENIED":
            raise
    return [obj for name in sorted(namespaces) for obj in world.cluster.list(*kind, name, MARK)], True


def _other(obj: Object) -> Other:
    return Other(ref_of(obj), (obj["metadata"].get("annotations") or {}).get(SECRET_ANNOTATION, ""))
