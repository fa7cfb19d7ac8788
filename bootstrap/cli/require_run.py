"""A cluster on which nothing was begun has nothing to prove and nothing to show: that is one error, not a list."""

from typing import Final

from bootstrap.model.errors import BootstrapError, PreconditionError
from bootstrap.ports import Ref
from bootstrap.steps.context.names import SYSTEM_NAMESPACE
from bootstrap.steps.context.world import World

HINT: Final = "`bootstrap up` begins; `bootstrap plan --kubeconfig PATH` shows what it would do"


def need_begun(world: World) -> None:
    """PreconditionError E_NOT_BOOTSTRAPPED. Where anything of a run is left, or the commit has records of this
    cluster, something was lost: then the proofs are what to hear of."""
    if _untouched(world):
        raise PreconditionError(
            "nothing was begun on this cluster",
            code="E_NOT_BOOTSTRAPPED",
            where=f"Namespace {SYSTEM_NAMESPACE}",
            hint=HINT,
        )


def _untouched(world: World) -> bool:
    ours = (SYSTEM_NAMESPACE, world.intent.platform.vault.namespace)
    try:
        found = any(world.cluster.get(Ref("v1", "Namespace", name)) for name in ours)
        uid = world.cluster.uid()
        return not found and uid not in {*world.intent.heads, *world.records.clusters()}
    except BootstrapError:  # not known: what is asked for says why
        return False
