"""The first act, and the only one that no journal precedes: our namespace, with the plan's digest."""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError
from bootstrap.model.plan import Step
from bootstrap.ports import Object, Ref, Refused
from bootstrap.steps.context.environment import bound_to, mismatch
from bootstrap.steps.context.names import (
    COMMIT_ANNOTATION,
    ENVIRONMENT_ANNOTATION,
    PLAN_ANNOTATION,
    RUN_ACCOUNT,
    SYSTEM_NAMESPACE,
    is_ours,
    labels,
    namespace,
)
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World

NAMESPACE = Ref("v1", "Namespace", SYSTEM_NAMESPACE)
ACCOUNT = Ref("v1", "ServiceAccount", RUN_ACCOUNT, SYSTEM_NAMESPACE)


@dataclass(frozen=True, slots=True)
class Observation:
    namespace: Object | None
    account: bool


class Claim:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        found = self.world.cluster.get(NAMESPACE)
        return Observation(found, found is not None and self.world.cluster.get(ACCOUNT) is not None)

    def decide(self, seen: Observation) -> Decision:
        if seen.namespace is None:
            return Act("claim the cluster", (f"create {NAMESPACE}", f"create {ACCOUNT}"))
        if seen.namespace.get("status", {}).get("phase") == "Terminating":
            return Blocked(
                PreconditionError(
                    f"namespace {SYSTEM_NAMESPACE} is being deleted",
                    code="E_NAME_TAKEN",
                    where=str(NAMESPACE),
                    hint=f"wait until `kubectl get namespace {SYSTEM_NAMESPACE}` finds nothing, then `bootstrap up`",
                )
            )
        if not is_ours(seen.namespace):
            return Blocked(
                PreconditionError(
                    f"namespace {SYSTEM_NAMESPACE} exists and is not ours; it is left as it is",
                    code="E_NAME_TAKEN",
                    where=str(NAMESPACE),
                    hint="look who made it; bootstrap needs this name for itself",
                )
            )
        wrong = mismatch(bound_to(seen.namespace), self.world.plan.environment)
        if wrong is not None:
            return Blocked(wrong)
        if not seen.account:
            return Act("complete the claim", (f"create {ACCOUNT}",))
        return Satisfied(f"namespace {SYSTEM_NAMESPACE} is ours")

    def act(self, seen: Observation) -> None:
        if seen.namespace is None:
            marks = {PLAN_ANNOTATION: self.world.plan.digest, COMMIT_ANNOTATION: self.world.intent.commit}
            if self.world.plan.environment:
                marks[ENVIRONMENT_ANNOTATION] = self.world.plan.environment
            expect(self.world.cluster.create(namespace(SYSTEM_NAMESPACE, **marks)), NAMESPACE)
        account = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {
                "name": RUN_ACCOUNT,
                "namespace": SYSTEM_NAMESPACE,
                "labels": labels("run-identity"),
            },
            "automountServiceAccountToken": False,
        }
        created = self.world.cluster.create(account)
        if isinstance(created, Refused):
            expect(created, ACCOUNT)
