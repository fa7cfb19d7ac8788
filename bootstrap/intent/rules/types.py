"""What Kubernetes asks of the fields of a Secret by its type, as its API server validates it (G5).

Of an entry without ``keys`` whose file is a mapping, the fields are only known once the file is open: ``judge``
says what the catalog tells, ``judge_opened`` the rest.
"""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain

from bootstrap.intent.encryption_forms import is_raw
from bootstrap.intent.findings import Finding
from bootstrap.model.catalog import Consumer, Intent, Internal, Secret, Source
from bootstrap.model.sensitive import Sensitive

ALL_OF = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
}
DOCKER = ("kubernetes.io/dockercfg", "kubernetes.io/dockerconfigjson")
ONE_OF = {"kubernetes.io/basic-auth": ("username", "password")}
OF_ACCOUNTS = "kubernetes.io/service-account-token"  # wants an annotation that names the service account


def judge(intent: Intent) -> Iterator[Finding]:
    """E_TYPE_FIELDS, as far as the fields are known from the catalog alone."""
    for internal in intent.internals:
        yield from _consumers(internal, set(internal.properties.values()))
    for secret in intent.secrets:
        fields = _declared(secret.source)
        yield from _consumers(secret, fields)
        yield from _scaffold(secret, fields)


def judge_opened(secret: Secret, values: Mapping[str, Sensitive]) -> Iterator[Finding]:
    """The same of one entry whose file was opened, and holds ``values``; and what is no Docker configuration."""
    yield from chain(_consumers(secret, values.keys()), _scaffold(secret, values.keys()))
    made = [(f"Secret {c.namespace}/{c.secret}", c.type, c.keys) for c in secret.consumers]
    if secret.scaffold:
        made.append(
            (f"scaffold {secret.scaffold.namespace}/{secret.scaffold.name}", secret.scaffold.type, {})
        )
    for what, kind, keys in made:
        name = ALL_OF[kind][0] if kind in DOCKER else ""
        value = values.get(keys.get(name, "") if keys else name)
        if value is not None and not value.is_json_mapping():
            message = f"{secret.name}: {what} is of type {kind}, and its {name} is not JSON"
            hint = "`kubectl create secret docker-registry --dry-run=client -o yaml` writes one"
            yield Finding(id="E_TYPE_FIELDS", where=secret.where, message=message, hint=hint)


def _declared(source: Source | None) -> Collection[str] | None:
    if source is None or source.key is not None or not is_raw(source.file):
        return None
    return (source.field,)


def _consumers(entry: Secret | Internal, fields: Collection[str] | None) -> Iterator[Finding]:
    for consumer in entry.consumers:
        held = consumer.keys.keys() or fields
        if held is not None or consumer.type == OF_ACCOUNTS:
            what = f"Secret {consumer.namespace}/{consumer.secret}"
            yield from _judge(entry, what, consumer.type, held or (), _mapping(consumer))


def _mapping(consumer: Consumer) -> str:
    wanted = ALL_OF.get(consumer.type) or ONE_OF.get(consumer.type, ())[:1]
    pairs = ", ".join(f"{name}: FIELD" for name in wanted)
    return f"write keys: {{{pairs}}} of that consumer, with FIELD as Vault names it; or another type"


def _scaffold(secret: Secret, fields: Collection[str] | None) -> Iterator[Finding]:
    scaffold = secret.scaffold
    if scaffold is not None and (fields is not None or scaffold.type == OF_ACCOUNTS):
        what = f"scaffold {scaffold.namespace}/{scaffold.name}"
        hint = (
            "name the fields so in the encrypted file (one value: with source.field); or write another type"
        )
        yield from _judge(secret, what, scaffold.type, fields or (), hint)


def _judge(
    entry: Secret | Internal, what: str, kind: str, held: Collection[str], hint: str
) -> Iterator[Finding]:
    if kind == OF_ACCOUNTS:
        message = (
            f"{entry.name}: {what} is of type {kind}: Kubernetes alone makes those, for a service account"
        )
        yield Finding(id="E_TYPE_FIELDS", where=entry.where, message=message, hint="write another type")
    elif wanted := _lacking(kind, held):
        found = ", ".join(sorted(held))
        message = f"{entry.name}: {what} is of type {kind}, which wants {wanted}, found {found}"
        yield Finding(
            id="E_TYPE_FIELDS", where=entry.where, message=message, hint=hint, expected=wanted, found=found
        )


def _lacking(kind: str, held: Collection[str]) -> str:
    """What the type wants, where it is not there; empty where Kubernetes takes the Secret."""
    if not all(name in held for name in ALL_OF.get(kind, ())):
        return " and ".join(ALL_OF[kind])
    if kind in ONE_OF and not any(name in held for name in ONE_OF[kind]):
        return " or ".join(ONE_OF[kind])
    return ""
