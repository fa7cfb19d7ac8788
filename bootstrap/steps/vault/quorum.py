"""What each node of Vault shows, and who votes (``model/quorum.py`` says what it means)."""

from typing import Final

from bootstrap.model.errors import Transient
from bootstrap.model.quorum import Node, Seen
from bootstrap.ports import Object
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.presence import claims_of_vault, has_volume, node_of, ordinals, stateful_set_ref
from bootstrap.steps.vault.root_session import RootSession

INDEX: Final = "raft_committed_index"
HEALTH: Final = "sys/health?standbycode=200&haunhealthycode=200"  # else they are answers of an error


def nodes(world: World) -> tuple[Node, ...]:
    """Those that the StatefulSet wants, and those whose data claims are there."""
    live = world.cluster.get(stateful_set_ref(world))
    claims = {node_of(claim): claim for claim in claims_of_vault(world)}
    wanted = [f"vault-{n}" for n in ordinals(live)] if live else []
    return tuple(_node(world, pod, claims.get(pod)) for pod in sorted({*wanted, *claims}))


def voters(world: World) -> tuple[str, ...]:
    """Raft's own word. A new peer votes after autopilot has found it stable, about 10 s."""
    answer = RootSession(world).reading("GET", "sys/storage/raft/configuration")
    servers = granted(answer, "raft configuration").data["config"]["servers"]
    return tuple(sorted(str(server["node_id"]) for server in servers if server["voter"]))


def _node(world: World, pod: str, claim: Object | None) -> Node:
    uid = str(claim["metadata"]["uid"]) if claim else ""
    status = world.session.seal_status(pod)
    if status is None:
        silent = claim is not None and has_volume(claim)
        return Node(pod=pod, claim=uid, seen=Seen.SILENT if silent else Seen.LOST)
    if not status.initialized:
        return Node(pod=pod, claim=uid, seen=Seen.EMPTY)
    if status.sealed:
        return Node(pod=pod, claim=uid, seen=Seen.SEALED)
    if status.leader:
        return Node(pod=pod, claim=uid, seen=Seen.LEADS)
    return _standby(world, pod, uid)


def _standby(world: World, pod: str, claim: str) -> Node:
    """Whether it follows a leader, and how far it is: each node says so of itself, without a token. The address of its
    last leader it keeps for good; its heartbeat tells, which one that has led itself does not have."""
    try:
        health = world.session.vault.call("GET", HEALTH, pod=pod, token=None)
        raft = world.session.vault.call("GET", "sys/leader", pod=pod, token=None)
    except Transient:
        return Node(pod=pod, claim=claim, seen=Seen.SILENT)
    index, follows = raft.data.get(INDEX), health.data.get("ha_connection_healthy") is True
    return Node(
        pod=pod,
        claim=claim,
        seen=Seen.FOLLOWS if follows else Seen.WAITS,
        index=index if isinstance(index, int) and index > 0 else None,
    )
