"""The operator's side of the evidence: ``records/<cluster uid>/`` holds the signed head, the escrow, the identity."""

import json

from bootstrap.ledger.head import head_file
from bootstrap.model.layout import ESCROW, HEAD
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import escrow_bytes
from bootstrap.steps.vault.init_window import WindowStore


def current_head(world: World) -> bytes:
    """The signed head of the ledger as it is now: the known one where it still fits, else signed anew."""
    uid = world.cluster.uid()
    known = world.records.read(uid, HEAD) or world.intent.heads.get(uid)
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
        world.records.write(uid, ESCROW, escrow)
    world.records.write(uid, HEAD, current_head(world))
