"""Is an object of Kubernetes what it should be by now? Pure functions over what was read."""

from bootstrap.ports import Object, Ref


def ref_of(obj: Object) -> Ref:
    meta = obj["metadata"]
    return Ref(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace", ""))


def kubectl(verb: str, ref: Ref, *more: str) -> str:
    """The command, in backquotes, that a hint names for one object."""
    place = ("--namespace", ref.namespace) if ref.namespace else ()
    return f"`{' '.join(('kubectl', *place, verb, ref.kind.lower(), ref.name, *more))}`"


def terminating(namespace: Object | None) -> bool:
    """Whether it is being deleted, with all that is in it."""
    return ((namespace or {}).get("status") or {}).get("phase") == "Terminating"


def condition(obj: Object | None, kind: str) -> bool:
    """True when the object carries this condition with status True."""
    conditions = (obj or {}).get("status", {}).get("conditions") or []
    return any(c.get("type") == kind and c.get("status") == "True" for c in conditions)


def condition_message(obj: Object | None, kind: str) -> str:
    conditions = (obj or {}).get("status", {}).get("conditions") or []
    return next((str(c.get("message", "")) for c in conditions if c.get("type") == kind), "no status yet")


def refreshed_since(obj: Object | None, since: str) -> bool:
    """Whether an object of External Secrets was last synced at ``since`` or later (both RFC 3339, UTC, in seconds).

    True where either time is not known.
    """
    at = (obj or {}).get("status", {}).get("refreshTime")
    return not at or str(at) >= since


def deployment_ready(obj: Object | None) -> bool:
    if obj is None:
        return False
    status, spec = obj.get("status", {}), obj.get("spec", {})
    wanted = spec.get("replicas", 1)
    current = status.get("observedGeneration", 0) >= obj["metadata"].get("generation", 0)
    return bool(
        current
        and status.get("availableReplicas", 0) >= wanted
        and status.get("updatedReplicas", 0) >= wanted
    )


def stateful_set_ready(obj: Object | None) -> bool:
    if obj is None:
        return False
    return bool(obj.get("status", {}).get("readyReplicas", 0) >= obj.get("spec", {}).get("replicas", 1))


def daemon_set_ready(obj: Object | None) -> bool:
    if obj is None:
        return False
    status = obj.get("status", {})
    return bool(status.get("numberReady", 0) >= status.get("desiredNumberScheduled", 1))


READY = {"Deployment": deployment_ready, "StatefulSet": stateful_set_ready, "DaemonSet": daemon_set_ready}
