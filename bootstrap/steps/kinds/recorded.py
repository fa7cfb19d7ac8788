"""The ledger's end of a run: Vault's copy is complete, and the signed head lies in both places (H4).

The files under ``records/`` are the operator's side and no change of the cluster: ``operations.records`` writes them
once the run is over.
"""

from dataclasses import dataclass

from bootstrap.ledger import copies, store
from bootstrap.ledger.batch import Batch
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.ledger_copy import KvCopy


@dataclass(frozen=True, slots=True)
class Observation:
    records: int
    missing: tuple[Batch, ...]  # in Vault's copy


class Recorded:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        batches = store.stored(self.world.cluster)
        copy = KvCopy(self.world.session)
        missing = tuple(b for b in batches if copy.read(b.name) is None)
        return Observation(self.world.ledger.read().chain.size, missing)

    def decide(self, seen: Observation) -> Decision:
        if not seen.records:
            return Act("record what was done", ("nothing is on record yet",))
        if seen.missing:
            return Act(
                f"copy {len(seen.missing)} batches of records into Vault", tuple(b.name for b in seen.missing)
            )
        return Satisfied(f"{seen.records} records, in the cluster and in Vault")

    def act(self, seen: Observation) -> None:
        copies.publish(seen.missing, KvCopy(self.world.session))
