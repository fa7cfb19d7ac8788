"""ExternalSecret and PushSecret objects, derived from the catalog's consumers and internal entries (D2)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from bootstrap.model.catalog import Consumer, Encoding, Intent, Internal, Secret
from bootstrap.ports import Object
from bootstrap.steps.context.names import SECRET_ANNOTATION, STORE, labels
from bootstrap.steps.context.world import World

STORE_KIND = {"name": STORE, "kind": "ClusterSecretStore"}
REFRESH = "5m"  # the bound on how long a consumer may lag behind a rotation


def external_secrets(intent: Intent) -> Iterator[Object]:
    """One for each consumer of a secret that Vault owns."""
    for secret in intent.secrets:
        for consumer in secret.consumers:
            if secret.path:
                yield _external(secret.name, consumer, _of_secret(secret, consumer))


def published(intent: Intent) -> Iterator[tuple[Internal, Object, tuple[Object, ...]]]:
    """Each internal entry with its PushSecret and the ExternalSecrets of its consumers."""
    for entry in intent.internals:
        readers = (_external(entry.name, c, _of_internal(entry, c)) for c in entry.consumers)
        yield entry, push_secret(entry), tuple(readers)


def look_ahead(world: World) -> None:
    """Within a look: lists a namespace where several of these objects are, so that none is asked for by itself."""
    found: list[Object] = [*external_secrets(world.intent)]
    for _, push, readers in published(world.intent):
        found += (push, *readers)
    counted = Counter((o["apiVersion"], o["kind"], o["metadata"]["namespace"]) for o in found)
    several = [place for place, count in counted.items() if count > 1]
    for place in several:
        world.cluster.list(*place)


def push_secret(entry: Internal) -> Object:
    data = [
        {"match": {"secretKey": key, "remoteRef": {"remoteKey": entry.path, "property": name}}}
        for key, name in sorted(entry.properties.items())
    ]
    return {
        "apiVersion": "external-secrets.io/v1alpha1",
        "kind": "PushSecret",
        "metadata": _meta(entry.name, entry.source.namespace, entry.name),
        "spec": {
            "refreshInterval": REFRESH,
            "updatePolicy": "Replace",
            "deletionPolicy": "None",
            "secretStoreRefs": [STORE_KIND],
            "selector": {"secret": {"name": entry.source.secret}},
            "data": data,
        },
    }


def _external(name: str, consumer: Consumer, body: dict[str, Any]) -> Object:
    return {
        "apiVersion": "external-secrets.io/v1",
        "kind": "ExternalSecret",
        "metadata": _meta(consumer.secret, consumer.namespace, name),
        "spec": {
            "refreshInterval": REFRESH,
            "secretStoreRef": STORE_KIND,
            "target": _target(consumer),
        }
        | body,
    }


def _target(consumer: Consumer) -> dict[str, Any]:
    target: dict[str, Any] = {"name": consumer.secret, "creationPolicy": "Owner", "deletionPolicy": "Retain"}
    if consumer.immutable:
        target["immutable"] = True
    # A template without data keeps what was fetched, and gives it its type and its marks.
    if template := _template(consumer):
        target["template"] = template
    return target


def _template(consumer: Consumer) -> dict[str, Any]:
    marks = {"labels": dict(consumer.labels), "annotations": dict(consumer.annotations)}
    metadata = {name: mark for name, mark in marks.items() if mark}
    kind = {"type": consumer.type} if consumer.type != "Opaque" else {}
    return kind | ({"metadata": metadata} if metadata else {})


def _of_secret(secret: Secret, consumer: Consumer) -> dict[str, Any]:
    encoded = secret.source is not None and secret.source.encoding is Encoding.BASE64
    decoding = "Base64" if encoded else "None"
    if not consumer.keys:
        return {"dataFrom": [{"extract": {"key": secret.path, "decodingStrategy": decoding}}]}
    return {
        "data": [_datum(key, str(secret.path), name, decoding) for key, name in sorted(consumer.keys.items())]
    }


def _of_internal(entry: Internal, consumer: Consumer) -> dict[str, Any]:
    keys = consumer.keys or {name: name for name in entry.properties.values()}
    return {"data": [_datum(key, entry.path, name, "None") for key, name in sorted(keys.items())]}


def _datum(key: str, path: str, name: str, decoding: str) -> dict[str, Any]:
    return {"secretKey": key, "remoteRef": {"key": path, "property": name, "decodingStrategy": decoding}}


def _meta(name: str, namespace: str, secret: str) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": namespace,
        "labels": labels("derived"),
        "annotations": {SECRET_ANNOTATION: secret},
    }
