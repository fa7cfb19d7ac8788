"""Whether any Vault of ours holds anything, judged by what is seen: volumes that are gone, nodes that say so."""

from typing import Final

from bootstrap.ports import Object, Permission, Ref
from bootstrap.steps.context.names import is_ours
from bootstrap.steps.context.world import World

MOST: Final = 5  # nodes that a Vault of ours can have
VOLUMES: Final = Permission("list", "", "persistentvolumes")


def stateful_set_ref(world: World) -> Ref:
    return Ref("apps/v1", "StatefulSet", "vault", world.intent.platform.vault.namespace)


def is_gone(world: World) -> bool:
    """No StatefulSet and no data claim, or a StatefulSet of ours whose every node answers that it holds no store.

    A claim without its node can hold a store: then, and while a node does not answer, it is not gone.
    """
    live, claims = world.cluster.get(stateful_set_ref(world)), _data_claims(world)
    if live is None or not is_ours(live):
        return live is None and not claims
    nodes = ordinals(live)
    if not nodes or claims - set(nodes):
        return False
    answers = [world.session.seal_status(f"vault-{n}") for n in nodes]
    return all(answer is not None and not answer.initialized for answer in answers)


def since(world: World) -> str:
    """When the oldest data claim of Vault was made (RFC 3339, UTC, by the cluster's clock); empty where there is none.

    What was read from a Vault before, was read from another one.
    """
    made = [str(claim["metadata"].get("creationTimestamp", "")) for claim in _claims(world)]
    return min(made, default="")


def pods_of_vault(world: World) -> tuple[Object, ...]:
    """Its pods that are there."""
    namespace = world.intent.platform.vault.namespace
    found = (world.cluster.get(Ref("v1", "Pod", f"vault-{n}", namespace)) for n in range(MOST))
    return tuple(each for each in found if each is not None)


def claims_of_vault(world: World) -> tuple[Object, ...]:
    """The data claims of Vault that are there."""
    return tuple(_claims(world))


def volumes_of_vault(world: World) -> tuple[Object, ...]:
    """PersistentVolumes that are, or were, bound to Vault's data claims; none where they may not be listed."""
    if world.cluster.missing((VOLUMES,)):
        return ()
    found = world.cluster.list("v1", "PersistentVolume")
    return tuple(each for each in found if _of_vault(each, world.intent.platform.vault.namespace))


def may_hold(world: World) -> tuple[str, ...]:
    """Nodes with a data claim in which a store may lie: all but those that answer that they hold none, and those whose
    claim has no volume."""
    nodes = [node_of(claim) for claim in _claims(world) if has_volume(claim)]
    answers = {node: world.session.seal_status(node) for node in nodes}
    return tuple(node for node, seen in answers.items() if seen is None or seen.initialized)


def is_alive(world: World) -> bool:
    """A node serves, or so many may hold its store that they would, once they run and are unsealed."""
    if world.session.vault.active(world.session.pods):
        return True
    return len(may_hold(world)) > _most_voters(world) // 2


def _most_voters(world: World) -> int:
    """How many nodes a store here had at most: what the commit wants may not have been applied yet. Of a node that a
    recovery has left alone, that one's number says nothing."""
    live, wanted = world.cluster.get(stateful_set_ref(world)), world.intent.platform.vault.replicas
    if live is None or live["spec"]["template"]["spec"].get("initContainers"):
        return wanted
    return min(wanted, len(ordinals(live)))


def ordinals(live: Object) -> range:
    """Of the pods that a StatefulSet wants."""
    first = int((live["spec"].get("ordinals") or {}).get("start", 0))
    return range(first, first + int(live["spec"].get("replicas", 1)))


def has_volume(claim: Object) -> bool:
    """It was given one, and that one was not lost since."""
    return (claim.get("status") or {}).get("phase") not in ("Pending", "Lost")


def node_of(claim: Object) -> str:
    """The pod of a data claim."""
    return str(claim["metadata"]["name"]).removeprefix("data-")


def _data_claims(world: World) -> set[int]:
    """The ordinals of the nodes whose data claims are there."""
    return {int(str(claim["metadata"]["name"]).rpartition("-")[2]) for claim in _claims(world)}


def _claims(world: World) -> list[Object]:
    namespace = world.intent.platform.vault.namespace
    refs = [Ref("v1", "PersistentVolumeClaim", f"data-vault-{n}", namespace) for n in range(MOST)]
    return [claim for ref in refs if (claim := world.cluster.get(ref)) is not None]


def _of_vault(volume: Object, namespace: str) -> bool:
    claim = (volume.get("spec") or {}).get("claimRef") or {}
    return claim.get("namespace") == namespace and str(claim.get("name", "")).startswith("data-vault-")
