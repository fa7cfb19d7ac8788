"""The ledger's end of a run: Vault's copy is complete, and only then the signed head lies in the cluster (H4, INV4).

The files under ``records/`` are the operator's side and no change of the cluster: ``operations.records`` writes them
once the run is over.
"""

from dataclasses import dataclass

from bootstrap.ledger import copies
from bootstrap.ledger.batch import Batch
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.head import chain_fits, head_file, read_head
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import EvidenceError
from bootstrap.model.plan import Step
from bootstrap.steps.context.environment import environment_of
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import cluster_head
from bootstrap.steps.vault.audit_parts import Parts, kept, not_recorded, record_of
from bootstrap.steps.vault.escrow import escrow_bytes, escrow_digest
from bootstrap.steps.vault.ledger_copy import KvCopy


@dataclass(frozen=True, slots=True)
class Observation:
    records: int
    missing: tuple[Batch, ...]  # in Vault's copy
    batches: tuple[Batch, ...]  # the ledger as it was seen
    head: bool  # the one in the cluster is that of this ledger
    parts: Parts  # of Vault's audit log, which are not on record


class Recorded:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self._cut: Parts | None = None  # at the first look: what is cut after it is for the next run

    def observe(self) -> Observation:
        batches = self.world.ledger.stored()
        copy = KvCopy(self.world.session)
        if batches:  # else Vault, which may not be there yet, has nothing to be asked about
            copy.ahead(self.world.each)
        missing = tuple(b for b in batches if copy.read(b.name) is None)
        ledger = self.world.ledger.verified(batches)
        if batches and self._cut is None:
            self._cut = kept(self.world)
        parts = not_recorded(self.world, ledger, self._cut or {})
        return Observation(ledger.chain.size, missing, batches, self._is_head(ledger), parts)

    def decide(self, seen: Observation) -> Decision:
        if not seen.records:
            return Act("record what was done", ("nothing is on record yet",))
        if seen.parts:
            digests = tuple(f"record the digest of {part}" for part in seen.parts)
            return Act(f"record {len(digests)} parts of Vault's audit log", digests)
        head = () if seen.head else (f"write the signed head into {cluster_head.REF}",)
        if seen.missing:
            names = tuple(b.name for b in seen.missing)
            return Act(f"copy {len(seen.missing)} batches of records into Vault", (*names, *head))
        if head:
            return Act(f"write the head of {seen.records} records", head)
        return Satisfied(f"{seen.records} records, in the cluster and in Vault")

    def act(self, seen: Observation) -> None:
        if seen.parts:
            self.world.ledger.append((record_of(self.world, seen.parts),))
            seen = self.observe()
        copies.publish(seen.missing, KvCopy(self.world.session))
        if not seen.records or seen.head:
            return
        world, ledger = self.world, self.world.ledger.verified(seen.batches)
        content = head_file(
            ledger,
            escrow_bytes(world),
            known=cluster_head.read(world.cluster),
            key=world.ledger.key,
            sign=world.material.signer,
            environment=environment_of(world.cluster),
        )
        cluster_head.write(world.cluster, world.clock, content, ledger, world.ledger.key)

    def _is_head(self, ledger: Ledger) -> bool:
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
