"""The ledger's end of a run: Vault's copy is complete, and the signed head lies in both places (H4).

The files under ``records/`` are written by ``write_records`` once the run is over; they are the operator's
side and no change of the cluster.
"""

import json
from dataclasses import dataclass

from bootstrap.ledger import copies, store
from bootstrap.ledger.batch import Batch
from bootstrap.ledger.head import FILE as HEAD_FILE
from bootstrap.ledger.head import head_file
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import FILE as ESCROW_FILE
from bootstrap.steps.vault.escrow import escrow_bytes
from bootstrap.steps.vault.init_window import WindowStore
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


def current_head(world: World) -> bytes:
    """The signed head of the ledger as it is now: the known one where it still fits, else signed anew."""
    uid = world.cluster.uid()
    known = world.records.read(uid, HEAD_FILE) or world.intent.heads.get(uid)
    return head_file(
        world.ledger.read(),
        escrow_bytes(world),
        known=known,
        key=world.ledger.key,
        sign=world.material.signer,
    )


def write_records(world: World) -> None:
    """``records/<cluster uid>/``: head, escrow, identity. Files that hold this already are not touched."""
    uid = world.cluster.uid()
    window = WindowStore(world.cluster).read()
    identity = {
        "apiVersion": "bootstrap/v1",
        "cluster": uid,
        "kind": "Cluster",
        "platform": world.intent.platform.name,
        "vaultCluster": window.cluster_id if window else "",
    }
    world.records.write(uid, "cluster.json", json.dumps(identity, sort_keys=True, indent=1).encode() + b"\n")
    escrow = escrow_bytes(world)
    if escrow:
        world.records.write(uid, ESCROW_FILE, escrow)
    world.records.write(uid, HEAD_FILE, current_head(world))
