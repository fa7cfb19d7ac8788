"""The environment that a cluster was bound to at its first run; a run that names another one is refused (PH4)."""

from bootstrap.model.errors import PreconditionError
from bootstrap.ports import Cluster, Object, Ref
from bootstrap.steps.context.names import ENVIRONMENT_ANNOTATION, SYSTEM_NAMESPACE


def bound_to(namespace: Object) -> str:
    """Of the namespace ``bootstrap-system`` as it is; empty where the first run named none."""
    return str((namespace["metadata"].get("annotations") or {}).get(ENVIRONMENT_ANNOTATION, ""))


def environment_of(cluster: Cluster) -> str:
    """The one that the cluster is bound to; empty for none, and before the first run."""
    live = cluster.get(Ref("v1", "Namespace", SYSTEM_NAMESPACE))
    return bound_to(live) if live is not None else ""


def mismatch(bound: str | None, named: str) -> PreconditionError | None:
    """``bound`` is None where nothing is known of this cluster yet."""
    if bound is None or bound == named:
        return None
    given = f"--environment {named} is given" if named else "no --environment is given"
    was = f"was bound to environment {bound}" if bound else "was bound without an environment"
    return PreconditionError(
        f"this cluster {was} at its first run; {given}",
        code="E_ENVIRONMENT",
        where=f"Namespace {SYSTEM_NAMESPACE}",
        hint=f"--environment {bound}; or name another cluster with --kubeconfig"
        if bound
        else "leave --environment out; or name another cluster with --kubeconfig",
    )
