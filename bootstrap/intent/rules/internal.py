"""Rules of internal secrets and configuration: made in the cluster, wanted in another namespace (D3, D4)."""

import re
from collections.abc import Iterator

from bootstrap.intent.findings import Finding, Level
from bootstrap.intent.plain_secrets import SUFFIXES
from bootstrap.intent.rules.objects import objects_of
from bootstrap.model.catalog import Intent, Internal

# What Flux, Argo CD's plugins and people name a Secret that holds the key of a repository, and the keys within it.
_KEY_SECRETS = re.compile(
    r"sops-?(?:age|gpg|pgp|keys?)|(?:age|gpg)-?keys?|helm-secrets-private-keys|sealed-secrets-key.*"
)
_KEY_NAMES = re.compile(r".*\.agekey|age\.key|keys\.txt|identity\.asc|sops\.asc|.*\.private\.asc")
_DECRYPTION = re.compile(rb"\bdecryption\b")


def judge(intent: Intent) -> Iterator[Finding]:
    decrypting = frozenset(_decrypting(intent))
    for internal in intent.internals:
        yield from _opens_repository(internal, decrypting)
        yield from _road(internal)
        yield from _properties(internal)


def _opens_repository(internal: Internal, decrypting: frozenset[tuple[str, str]]) -> Iterator[Finding]:
    """By name; what is in it is compared when `up` meets it."""
    place = (internal.source.namespace, internal.source.secret)
    key = next((name for name in internal.properties if _KEY_NAMES.fullmatch(name)), "")
    if place in decrypting or _KEY_SECRETS.fullmatch(place[1]) or key:
        what = f"key {key} of its source" if key else f"its source {'/'.join(place)}"
        message = f"{internal.name}: {what} opens an encrypted repository, by its name: it would be published"
        hint = "remove the entry: such a key stays with its holder; rename what is none"
        yield Finding(id="E_ROOT_SOURCE", where=internal.where, message=message, hint=hint)


def _decrypting(intent: Intent) -> Iterator[tuple[str, str]]:
    """Namespace and name of each Secret with which a Kustomization of Flux decrypts (spec.decryption.secretRef)."""
    for path, data in sorted(intent.manifests.items()):
        if path.endswith(SUFFIXES) and _DECRYPTION.search(data):
            for obj in objects_of(path, data):
                spec = obj.get("spec")
                decryption = spec.get("decryption") if isinstance(spec, dict) else None
                ref = decryption.get("secretRef") if isinstance(decryption, dict) else None
                if obj["kind"] == "Kustomization" and isinstance(ref, dict):
                    yield str(obj["metadata"].get("namespace", "")), str(ref.get("name", ""))


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
