"""The operator's side of the evidence: ``records/<cluster uid>/`` holds the signed head, the escrow, the identity."""

import json
from collections.abc import Mapping

from bootstrap.ledger.head import glance_head, head_file
from bootstrap.model.errors import EvidenceError
from bootstrap.model.layout import ESCROW, HEAD
from bootstrap.ports import Records
from bootstrap.steps.context.environment import environment_of
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import cluster_head
from bootstrap.steps.vault.escrow import escrow_bytes
from bootstrap.steps.vault.init_window import WindowStore


def current_head(world: World) -> bytes:
    """The signed head of the ledger as it is now: the known one where it still fits, else signed anew."""
    uid = world.cluster.uid()
    known = cluster_head.read(world.cluster) or world.records.read(uid, HEAD) or world.intent.heads.get(uid)
    return head_file(
        world.ledger.read(),
        escrow_bytes(world),
        known=known,
        key=world.ledger.key,
        sign=world.material.signer,
        environment=environment_of(world.cluster),
    )


def write_records(world: World) -> None:
    """``records/<cluster uid>/``: head, escrow, identity. Files that hold this already are not touched.

    The head is the cluster's, which Vault's copy has reached. EvidenceError E_HEAD, before anything is written, where
    another head lies there and the ledger does not extend it.
    """
    uid = world.cluster.uid()
    where = f"{world.records.folder}/{uid}/{HEAD}"
    ledger = world.ledger.read()
    cluster_head.refuse_unextended(world.records.read(uid, HEAD), ledger, world.ledger.key, where)
    window = WindowStore(world.cluster).read()
    identity = {
        "apiVersion": "bootstrap/v1",
        "cluster": uid,
        "kind": "Cluster",
        "platform": world.intent.platform.name,
        "vaultCluster": window.cluster_id if window else "",
    }
    if environment := environment_of(world.cluster):
        identity["environment"] = environment
    world.records.write(uid, "cluster.json", json.dumps(identity, sort_keys=True, indent=1).encode() + b"\n")
    escrow = escrow_bytes(world)
    if escrow:
        world.records.write(uid, ESCROW, escrow)
    head = cluster_head.read(world.cluster)
    if head is not None:
        world.records.write(uid, HEAD, head)


def newest_heads(committed: Mapping[str, bytes], records: Records) -> dict[str, bytes]:
    """By cluster: the commit's head, or the one in ``records`` where that one names more records."""
    found = dict(committed)
    for cluster in records.clusters():
        head = records.read(cluster, HEAD)
        if head is not None and _size(head) > _size(found.get(cluster)):
            found[cluster] = head
    return found


def uncommitted_head(world: World) -> str:
    """The place of a head of this cluster that is newer than the commit's, in words; empty where there is none."""
    uid = world.cluster.uid()
    committed = _size(world.intent.heads.get(uid))
    places = {
        f"{world.records.folder}/{uid}/{HEAD}": world.records.read(uid, HEAD),
        str(cluster_head.REF): cluster_head.read(world.cluster),
    }
    return next((place for place, head in places.items() if _size(head) > committed), "")


def _size(head: bytes | None) -> int:
    """The records that a head names; 0 for none, and for what is no head: `check` and `up` say that."""
    try:
        return glance_head(head).size if head is not None else 0
    except EvidenceError:
        return 0
