"""Are a secret's consumers served from Vault, and does anything still hold on to its scaffold? (H3)"""

from collections.abc import Collection, Iterator
from typing import Any

from bootstrap.model.catalog import Consumer, Intent, Secret, SecretClass
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.applied import applied
from bootstrap.steps.context.health import READY, ref_of
from bootstrap.steps.context.names import KV_MOUNT, SECRET_ANNOTATION
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.external_secret_objects import external_secrets
from bootstrap.steps.secrets.written import is_written

APPS = "apps/v1"
# For a moment, instead of what is declared: a change makes the operator look. Not an annotation, since those are
# copied to the Secret and stay there.
ASKING = {"refreshInterval": "4m59s"}


def look_again(world: World, obj: Object) -> None:
    """Makes the operator look at an object of ours now; it is applied as declared in the end."""
    for wanted in (obj | {"spec": obj["spec"] | ASKING}, obj):
        applied(world, wanted)


def unready(world: World, secret: Secret) -> tuple[str, ...]:
    """Consumers that cannot have read the materialized Secret yet. A workload that is not there is not
    waited for: it will find the Secret when it comes."""
    return tuple(why for consumer in secret.consumers if (why := _unready(world, consumer)))


def _unready(world: World, consumer: Consumer) -> str:
    if world.cluster.get(Ref("v1", "Secret", consumer.secret, consumer.namespace)) is None:
        return f"Secret {consumer.namespace}/{consumer.secret} is not there"
    if not consumer.workload:
        return ""
    kind, _, name = consumer.workload.partition("/")
    ref = Ref(APPS, kind, name, consumer.namespace)
    live = world.cluster.get(ref) if kind in READY else None
    return "" if live is None or READY[kind](live) else f"{ref} is not ready"


def holders(world: World, secret: Secret) -> tuple[str, ...]:
    """Pods that still name the scaffold."""
    assert secret.scaffold is not None
    pods = world.cluster.list("v1", "Pod", secret.scaffold.namespace)
    return tuple(
        f"Pod {secret.scaffold.namespace}/{pod['metadata']['name']}"
        for pod in pods
        if pod.get("status", {}).get("phase") in ("Pending", "Running")
        and secret.scaffold.name in set(_named(pod))
    )


def _named(pod: Object) -> Iterator[str]:
    spec: dict[str, Any] = pod["spec"]
    for volume in spec.get("volumes", ()):
        yield volume.get("secret", {}).get("secretName", "")
        for source in volume.get("projected", {}).get("sources", ()):
            yield source.get("secret", {}).get("name", "")
    # imagePullSecrets hold nothing: they are read when an image is pulled, and then the materialized one serves.
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        yield from (e.get("secretRef", {}).get("name", "") for e in container.get("envFrom", ()))
        for variable in container.get("env", ()):
            yield variable.get("valueFrom", {}).get("secretKeyRef", {}).get("name", "")


def secret_of(obj: Object, intent: Intent) -> Secret:
    """The secret whose consumer's ExternalSecret this is."""
    return intent.secret(obj["metadata"]["annotations"][SECRET_ANNOTATION])


def unwritten(world: World, late: Collection[Ref]) -> dict[Ref, str]:
    """Of ExternalSecrets that are applied and not synced: those whose secret is not in Vault yet, with
    what it waits for. A secret that Git introduces is never among them: its handover wrote it."""
    intent = world.intent
    own = {ref_of(o): secret_of(o, intent) for o in external_secrets(intent) if ref_of(o) in late}
    asked = {s.name: s for s in own.values() if not s.handed_over}
    lacking = {name for name, secret in asked.items() if not is_written(world, secret)}
    return {
        ref: _waits(secret)
        for ref, secret in own.items()
        if secret.name in lacking and world.cluster.get(ref) is not None
    }


def _waits(secret: Secret) -> str:
    by = "infrastructure writes (class derived)"
    if secret.secret_class is not SecretClass.DERIVED:
        by = "nobody has written yet"
    return f"{secret.name} waits for {KV_MOUNT}/{secret.path}, which {by}"
