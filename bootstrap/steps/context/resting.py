"""The External Secrets Operator at rest: while Vault is not the one that it read from, it writes nothing (INV5).

Its Deployment says by a mark how many replicas it had, so that any later run starts it again.
"""

from bootstrap.model.catalog import Intent
from bootstrap.model.outside import decimal
from bootstrap.ports import Object, Reason, Ref, Refused
from bootstrap.steps.context.health import deployment_ready
from bootstrap.steps.context.names import REPLICAS_ANNOTATION
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World


def operator_ref(intent: Intent) -> Ref:
    namespace, _, name = intent.platform.external_secrets.deployment.partition("/")
    return Ref("apps/v1", "Deployment", name, namespace)


def at_rest(world: World) -> bool:
    """Whether a run has stopped it and none has started it since."""
    return _before(world.cluster.get(operator_ref(world.intent))) is not None


def rest(world: World) -> None:
    """Stops it, where there is one; returns when no pod of it is left."""
    ref = operator_ref(world.intent)

    def asked() -> bool:
        live = world.cluster.get(ref)
        if live is None or (_before(live) is not None and live["spec"].get("replicas") == 0):
            return True
        had = _before(live) or live["spec"].get("replicas", 1)
        return _written(world, _with(live, 0, {**_marks(live), REPLICAS_ANNOTATION: str(had)}))

    world.wait("the External Secrets Operator is asked to stop", asked, seconds=60)
    world.wait("no pod of the External Secrets Operator runs", lambda: not _pods(world), seconds=180)


def start(world: World) -> None:
    """With as many replicas as it had; returns when they are ready."""
    ref = operator_ref(world.intent)

    def asked() -> bool:
        live = world.cluster.get(ref)
        before = _before(live)
        if live is None or before is None:
            return True
        marks = {name: mark for name, mark in _marks(live).items() if name != REPLICAS_ANNOTATION}
        return _written(world, _with(live, before, marks))

    world.wait("the External Secrets Operator is asked to start", asked, seconds=60)
    world.wait(
        "External Secrets Operator is ready", lambda: deployment_ready(world.cluster.get(ref)), seconds=180
    )


def _before(live: Object | None) -> int | None:
    return decimal(_marks(live).get(REPLICAS_ANNOTATION, "")) if live else None


def _marks(live: Object) -> dict[str, str]:
    return dict(live["metadata"].get("annotations") or {})


def _with(live: Object, replicas: int, marks: dict[str, str]) -> Object:
    return {
        **live,
        "metadata": {**live["metadata"], "annotations": marks},
        "spec": {**live["spec"], "replicas": replicas},
    }


def _written(world: World, wanted: Object) -> bool:
    """False where another writer was faster: look again."""
    answer = world.cluster.replace(wanted)
    if isinstance(answer, Refused) and answer.reason is Reason.CONFLICT:
        return False
    expect(answer, operator_ref(world.intent))
    return True


def _pods(world: World) -> list[Object]:
    ref = operator_ref(world.intent)
    live = world.cluster.get(ref)
    labels = ((live or {}).get("spec") or {}).get("selector", {}).get("matchLabels") or {}
    chosen = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
    return world.cluster.list("v1", "Pod", ref.namespace, chosen) if chosen else []
