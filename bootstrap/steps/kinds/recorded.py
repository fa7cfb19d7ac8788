"""The ledger's end of a run: Vault's copy is complete, and only then the signed head lies in the cluster (H4, INV4).

The files under ``records/`` are the operator's side and no change of the cluster: ``operations.records`` writes them
once the run is over.
"""

from dataclasses import dataclass

from bootstrap.ledger import chain, copies, store
from bootstrap.ledger.batch import Batch
from bootstrap.ledger.head import chain_fits, head_file, read_head
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import EvidenceError
from bootstrap.model.plan import Step
from bootstrap.steps.context.environment import environment_of
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import cluster_head
from bootstrap.steps.vault.escrow import escrow_bytes, escrow_digest
from bootstrap.steps.vault.ledger_copy import KvCopy


@dataclass(frozen=True, slots=True)
class Observation:
    records: int
    missing: tuple[Batch, ...]  # in Vault's copy
    batches: tuple[Batch, ...]  # the ledger as it was seen
    head: bool  # the one in the cluster is that of this ledger


class Recorded:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        batches = store.stored(self.world.cluster)
        copy = KvCopy(self.world.session)
        missing = tuple(b for b in batches if copy.read(b.name) is None)
        ledger = self._ledger(batches)
        return Observation(ledger.chain.size, missing, batches, self._is_head(ledger))

    def decide(self, seen: Observation) -> Decision:
        if not seen.records:
            return Act("record what was done", ("nothing is on record yet",))
        head = () if seen.head else (f"write the signed head into {cluster_head.REF}",)
        if seen.missing:
            names = tuple(b.name for b in seen.missing)
            return Act(f"copy {len(seen.missing)} batches of records into Vault", (*names, *head))
        if head:
            return Act(f"write the head of {seen.records} records", head)
        return Satisfied(f"{seen.records} records, in the cluster and in Vault")

    def act(self, seen: Observation) -> None:
        copies.publish(seen.batches, KvCopy(self.world.session))
        if not seen.records or seen.head:
            return
        world, ledger = self.world, self._ledger(seen.batches)
        content = head_file(
            ledger,
            escrow_bytes(world),
            known=cluster_head.read(world.cluster),
            key=world.ledger.key,
            sign=world.material.signer,
            environment=environment_of(world.cluster),
        )
        cluster_head.write(world.cluster, world.clock, content, ledger, world.ledger.key)

    def _ledger(self, batches: tuple[Batch, ...]) -> chain.Ledger:
        return chain.read((e for each in batches for e in each.envelopes), self.world.ledger.key)

    def _is_head(self, ledger: chain.Ledger) -> bool:
        """The escrow is compared where it is at hand: without a root key and records it is not."""
        data, escrow = cluster_head.read(self.world.cluster), escrow_bytes(self.world)
        if data is None:
            return False
        try:
            head = read_head(data, self.world.ledger.key)
        except EvidenceError:
            return False
        same = escrow is None or head.escrow_sha256 == escrow_digest(escrow)
        bound = environment_of(self.world.cluster)
        return same and chain_fits(head, ledger.chain) and head.environment == bound
