"""Manifests that the repository carries: External Secrets Operator, and the platform's own workloads.

Server-side apply in an order that always works: what defines (namespaces, CRDs, RBAC) before what uses.
"""

from dataclasses import dataclass
from typing import Any

from bootstrap.intent.manifests import committed_objects
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import DefinitionError
from bootstrap.model.plan import Step
from bootstrap.ports import Object
from bootstrap.steps.context.health import deployment_ready, ref_of
from bootstrap.steps.context.names import MANAGED_BY
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.resting import at_rest, operator_ref
from bootstrap.steps.context.world import World

DEFINITION = "CustomResourceDefinition"
FIRST = (
    "Namespace",
    DEFINITION,
    "ServiceAccount",
    "ClusterRole",
    "Role",
    "ClusterRoleBinding",
    "RoleBinding",
)


@dataclass(frozen=True, slots=True)
class Observation:
    changed: tuple[str, ...]
    waits_for: str


class Manifests:
    """``with: {component: external-secrets | workloads}``."""

    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.component = str(step.with_["component"])

    @property
    def operator(self) -> bool:
        return self.component == "external-secrets"

    @property
    def folders(self) -> tuple[str, ...]:
        platform = self.world.intent.platform
        if self.operator:
            return (platform.external_secrets.manifests,) if platform.external_secrets.manifests else ()
        return platform.workloads

    def declared(self) -> list[Object]:
        found: list[Object] = []
        for folder in self.folders:
            for path, data in sorted(self.world.intent.manifests.items()):
                if path.startswith(folder.rstrip("/") + "/"):
                    found.extend(committed_objects(path, data))
        ours = [_labelled(obj) for obj in found]
        return sorted(ours, key=lambda o: FIRST.index(o["kind"]) if o["kind"] in FIRST else len(FIRST))

    def objects(self) -> list[Object]:
        return [self._as_it_rests(obj) for obj in self.declared()]

    def _as_it_rests(self, obj: Object) -> Object:
        """An operator that a restore has stopped is not started here: the store is connected first."""
        if not self.operator or ref_of(obj) != operator_ref(self.world.intent) or not at_rest(self.world):
            return obj
        return {**obj, "spec": {**obj["spec"], "replicas": 0}}

    def observe(self) -> Observation:
        objects = self.objects()
        differing = self.world.each(self.world.cluster.differs, objects, "objects looked at")
        changed = tuple(str(ref_of(o)) for o, differs in zip(objects, differing, strict=True) if differs)
        return Observation(changed, "" if changed else self._not_ready())

    def decide(self, seen: Observation) -> Decision:
        if self.operator and self.folders and not self.declared():
            return Blocked(
                DefinitionError(
                    f"no manifests below {self.folders[0]}",
                    code="E_MANIFESTS",
                    where=self.world.intent.platform.where,
                    hint="render External Secrets Operator there (bootstrap init --manifests), or adopt one that runs",
                )
            )
        if seen.changed:
            return Act(f"apply {len(seen.changed)} objects of {self.component}", seen.changed)
        if seen.waits_for:
            return Act(f"wait for {seen.waits_for}", (f"wait for {seen.waits_for}",))
        return Satisfied(f"{self.component} as the repository says")

    def act(self, seen: Observation) -> None:
        """What these manifests define comes last: all else starts while the API server takes the definitions up."""
        objects = [o for o in self.objects() if str(ref_of(o)) in seen.changed]
        definitions = [o for o in objects if o["kind"] == DEFINITION]
        defined = frozenset(map(_defines, definitions)).difference(FIRST)
        for kind in FIRST:
            self.world.each(self._apply, [o for o in objects if o["kind"] == kind], "objects applied")
        for obj in objects:
            if obj["kind"] not in defined.union(FIRST):
                self._apply(obj)
        if definitions:
            self._establish(definitions)
            self.world.cluster.refresh()
        for obj in objects:
            if obj["kind"] in defined:
                self._apply(obj)
        if self.operator:
            self.world.wait("External Secrets Operator is ready", lambda: not self._not_ready(), seconds=180)

    def _apply(self, obj: Object) -> None:
        expect(self.world.cluster.apply(obj), ref_of(obj))

    def _establish(self, definitions: list[Object]) -> None:
        """Each is looked at until it is established, and no more: they are large."""
        left = [ref_of(d) for d in definitions]

        def all_are() -> bool:
            seen = self.world.each(self.world.cluster.get, left, "definitions looked at")
            left[:] = [ref for ref, live in zip(left, seen, strict=True) if not _is_established(live)]
            return not left

        self.world.wait("custom resource definitions are established", all_are)

    def _not_ready(self) -> str:
        if not self.operator:
            return ""
        ref = operator_ref(self.world.intent)
        return "" if deployment_ready(self.world.cluster.get(ref)) else str(ref)


def _labelled(obj: Object) -> Object:
    meta = obj["metadata"]
    return {**obj, "metadata": {**meta, "labels": (meta.get("labels") or {}) | {MANAGED_BY: "bootstrap"}}}


def _defines(definition: Object) -> str:
    """The kind; nothing where the definition is not well formed, which the API server says better."""
    found: Any = definition
    for name in ("spec", "names", "kind"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, str) else ""


def _is_established(definition: Object | None) -> bool:
    conditions = (definition or {}).get("status", {}).get("conditions") or []
    return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)
