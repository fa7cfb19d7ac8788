"""A Vault that is there already and is not ours: found, named, never touched (INV4)."""

from bootstrap.model.errors import PreconditionError
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import RESTORATION, SYSTEM_NAMESPACE, WINDOW, is_ours
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import read_escrow


def foreign_store(world: World) -> str:
    """What stands where ours would be, in words; empty when the place is free or ours.

    A Vault with our labels, whose window is lost with its namespace, is ours only if an escrow outside
    the cluster names this cluster; otherwise it is unknown whose data it holds.
    """
    namespace = world.intent.platform.vault.namespace
    for obj in world.cluster.list("apps/v1", "StatefulSet", namespace):
        if not is_ours(obj) and _runs_vault(obj):
            return f"StatefulSet {namespace}/{obj['metadata']['name']}"
    claim = world.cluster.get(Ref("v1", "PersistentVolumeClaim", "data-vault-0", namespace))
    ours = world.cluster.get(Ref("apps/v1", "StatefulSet", "vault", namespace))
    known = any(world.cluster.get(Ref("v1", "ConfigMap", n, SYSTEM_NAMESPACE)) for n in (WINDOW, RESTORATION))
    if claim is not None and not known and not read_escrow(world):
        owner = "with our labels, but no record of its key" if ours else "without a record of its key"
        return f"PersistentVolumeClaim {namespace}/data-vault-0 ({owner})"
    return ""


def _runs_vault(obj: Object) -> bool:
    containers = obj["spec"]["template"]["spec"].get("containers", [])
    return obj["metadata"]["name"] == "vault" or any("vault" in c.get("image", "") for c in containers)


def foreign_error(what: str) -> PreconditionError:
    return PreconditionError(
        "a Vault that this tool did not initialise is here; it is left as it is",
        code="E_FOREIGN_STORE",
        where=what,
        hint="use another namespace (spec.vault.namespace), or give --records with the folder that holds its escrow",
    )
