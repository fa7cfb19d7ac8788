"""The first act, and the only one that no journal precedes: our namespace, with the plan's digest.

Who has rights in a namespace that others made keeps them, so a label is no claim. Ours carries a keyed digest of its
other marks, which only the holder of the root can make; one of an older version is known by the ledger in it.
"""

import hmac
import json
from dataclasses import dataclass

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError
from bootstrap.model.plan import Step
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.environment import bound_to, mismatch
from bootstrap.steps.context.health import terminating
from bootstrap.steps.context.names import (
    CLAIM_ANNOTATION,
    COMMIT_ANNOTATION,
    ENVIRONMENT_ANNOTATION,
    PLAN_ANNOTATION,
    RESTRICTED,
    RUN_ACCOUNT,
    SNAPSHOT_ACCOUNT,
    SYSTEM_NAMESPACE,
    is_ours,
    labels,
    namespace,
)
from bootstrap.steps.context.outcome import being_deleted, expect
from bootstrap.steps.context.world import World

NAMESPACE = Ref("v1", "Namespace", SYSTEM_NAMESPACE)
ACCOUNTS = {  # by which Vault knows what is ours, and their roles
    Ref("v1", "ServiceAccount", RUN_ACCOUNT, SYSTEM_NAMESPACE): "run-identity",
    Ref("v1", "ServiceAccount", SNAPSHOT_ACCOUNT, SYSTEM_NAMESPACE): "snapshot-identity",
}
MARKS = (PLAN_ANNOTATION, COMMIT_ANNOTATION, ENVIRONMENT_ANNOTATION)


@dataclass(frozen=True, slots=True)
class Observation:
    """``missing`` are accounts. ``ours`` is taken from the label alone where the root key is not at hand: then nothing
    is changed."""

    namespace: Object | None
    missing: tuple[Ref, ...]
    ours: bool


class Claim:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        found = self.world.cluster.get(NAMESPACE)
        missing = tuple(ref for ref in ACCOUNTS if found is None or self.world.cluster.get(ref) is None)
        return Observation(found, missing, found is not None and is_ours(found) and self._made_by_us(found))

    def decide(self, seen: Observation) -> Decision:
        if seen.namespace is None:
            return Act(
                "claim the cluster", (f"create {NAMESPACE}", *(f"create {ref}" for ref in seen.missing))
            )
        if terminating(seen.namespace):
            return Blocked(being_deleted(NAMESPACE))
        if not seen.ours:
            return Blocked(
                PreconditionError(
                    f"namespace {SYSTEM_NAMESPACE} exists and was not made with this root key; it is left as it is",
                    code="E_NAME_TAKEN",
                    where=str(NAMESPACE),
                    hint="look who made it, and who has rights in it; bootstrap needs this name for itself: "
                    f"`kubectl delete namespace {SYSTEM_NAMESPACE}` where nothing in it is needed",
                )
            )
        wrong = mismatch(bound_to(seen.namespace), self.world.plan.environment)
        if wrong is not None:
            return Blocked(wrong)
        if seen.missing:
            return Act("complete the claim", tuple(f"create {ref}" for ref in seen.missing))
        return Satisfied(f"namespace {SYSTEM_NAMESPACE} is ours")

    def act(self, seen: Observation) -> None:
        if seen.namespace is None:
            marks = {PLAN_ANNOTATION: self.world.plan.digest, COMMIT_ANNOTATION: self.world.intent.commit}
            if self.world.plan.environment:
                marks[ENVIRONMENT_ANNOTATION] = self.world.plan.environment
            marks[CLAIM_ANNOTATION] = self._digest(marks)
            expect(self.world.cluster.create(namespace(SYSTEM_NAMESPACE, RESTRICTED, **marks)), NAMESPACE)
        for ref in seen.missing:
            account = {
                "apiVersion": ref.api,
                "kind": ref.kind,
                "metadata": {
                    "name": ref.name,
                    "namespace": ref.namespace,
                    "labels": labels(ACCOUNTS[ref]),
                },
                "automountServiceAccountToken": False,
            }
            expect(self.world.cluster.create(account), ref)

    def _made_by_us(self, live: Object) -> bool:
        if self.world.files is None:
            return True
        marks = live["metadata"].get("annotations") or {}
        named = {name: marks[name] for name in MARKS if name in marks}
        found = str(marks.get(CLAIM_ANNOTATION, "")).encode()
        if hmac.compare_digest(found, self._digest(named).encode()):
            return True
        uid = self.world.cluster.uid()
        return any(record.run.cluster == uid for record in self.world.ledger.read().records)

    def _digest(self, marks: dict[str, str]) -> str:
        """Keyed by the commitment key; a slash is in no name of the catalog, so it is no secret's commitment."""
        marked = json.dumps(marks, sort_keys=True).encode()
        key = self.world.material.commitments()
        return key.commit(
            self.world.cluster.uid(), f"namespace/{SYSTEM_NAMESPACE}", "claim", Sensitive(marked, "claim")
        )
