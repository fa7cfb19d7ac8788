"""Admission guards who may log in to Vault as the run, and what the External Secrets Operator may write (S2, S3)."""

from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.plan import Step
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.applied import applied
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import RESTRICTED, SYSTEM_NAMESPACE, is_ours
from bootstrap.steps.context.world import World
from bootstrap.steps.guards import guards


@dataclass(frozen=True, slots=True)
class Observation:
    missing: tuple[Object, ...]


class Guarded:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.platform = world.intent.platform

    def observe(self) -> Observation:
        cluster = self.world.cluster
        wanted = (*guards(self.platform), *self._restricted())
        return Observation(tuple(obj for obj in wanted if cluster.differs(obj)))

    def decide(self, seen: Observation) -> Decision:
        if seen.missing:
            return Act(
                "guard the run's account, and what may run beside it",
                tuple(f"apply {ref_of(obj)}" for obj in seen.missing),
            )
        return Satisfied("admission knows who may log in as bootstrap, and where the operator may write")

    def act(self, seen: Observation) -> None:
        for obj in seen.missing:
            applied(self.world, obj)

    def _restricted(self) -> Iterator[Object]:
        """Namespaces that an older version made, without these labels; one of others stays as it is."""
        for name in (SYSTEM_NAMESPACE, self.platform.vault.namespace):
            live = self.world.cluster.get(Ref("v1", "Namespace", name))
            if live is not None and is_ours(live):
                yield {
                    "apiVersion": "v1",
                    "kind": "Namespace",
                    "metadata": {"name": name, "labels": RESTRICTED},
                }
