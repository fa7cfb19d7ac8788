"""Rules of internal secrets and configuration: made in the cluster, wanted in another namespace (D3, D4)."""

from collections.abc import Iterator

from bootstrap.intent.findings import Finding, Level
from bootstrap.model.catalog import Intent, Internal


def judge(intent: Intent) -> Iterator[Finding]:
    for internal in intent.internals:
        yield from _road(internal)
        yield from _properties(internal)


def _road(internal: Internal) -> Iterator[Finding]:
    readers = {consumer.namespace for consumer in internal.consumers}
    if readers == {internal.source.namespace}:
        message = f"{internal.name}: made and read in one namespace, {internal.source.namespace}"
        hint = f"mount Secret {internal.source.secret} there and remove this entry"
        yield Finding(id="E_ROAD", where=internal.where, message=message, hint=hint)
    if not readers:
        message = f"{internal.name}: no other namespace reads it"
        hint = "name its consumers, or remove the entry"
        yield Finding(
            id="W_NO_CONSUMER", where=internal.where, message=message, hint=hint, level=Level.WARNING
        )


def _properties(internal: Internal) -> Iterator[Finding]:
    known = sorted(set(internal.properties.values()))
    if len(known) != len(internal.properties):
        message = f"{internal.name}: two keys of the source are published as one property"
        yield Finding(id="E_DUP_FIELD", where=internal.where, message=message, hint="map each to its own")
    for consumer in internal.consumers:
        for field in sorted(set(consumer.keys.values()) - set(known)):
            message = f"{internal.name}: consumer {consumer.namespace} wants {field}, which is not published"
            hint = f"published: {', '.join(known)}"
            yield Finding(id="E_KEY", where=internal.where, message=message, hint=hint)
