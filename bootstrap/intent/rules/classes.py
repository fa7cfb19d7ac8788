"""Rules of the four classes: who may be scaffolded, consumed, handed over, and how the copy in Git dies."""

from collections.abc import Iterator

from bootstrap.intent.findings import Finding, Level
from bootstrap.intent.rules import types as rules_types
from bootstrap.model.catalog import Handover, Intent, Renew, RetireMode, Secret, SecretClass


def judge(intent: Intent) -> Iterator[Finding]:
    platform = platform_namespaces(intent)
    for secret in intent.secrets:
        if secret.secret_class is SecretClass.ROOT_MATERIAL:
            yield from _root_material(secret)
        else:
            yield from _introduction(secret)
            yield from _scaffold(secret, platform)
            yield from _renewal(secret)
            yield from _retirement(secret)


def platform_namespaces(intent: Intent) -> frozenset[str]:
    """Where the declared platform components live: Vault, and components.platform (INV2)."""
    return frozenset({intent.platform.vault.namespace, *intent.platform.platform_namespaces})


def _class(secret: Secret, message: str, hint: str = "") -> Finding:
    return Finding(id="E_CLASS", where=secret.where, message=f"{secret.name}: {message}", hint=hint)


def _root_material(secret: Secret) -> Iterator[Finding]:
    if secret.source is None:
        yield _class(secret, "root material names its source.file")
    found = {
        "scaffold": secret.scaffold is not None,
        "consumers": bool(secret.consumers),
        "runtime": secret.path is not None,
        "handover": secret.handover != Handover(),
    }
    for name in (name for name, there in found.items() if there):
        yield _class(secret, f"root material has no {name}: it stays with the root", f"remove {name}")


def _introduction(secret: Secret) -> Iterator[Finding]:
    if secret.secret_class is SecretClass.DERIVED and secret.source is not None:
        yield _class(secret, "a derived secret is made by infrastructure, not by Git", "remove source")
    if secret.path is None:
        yield _class(
            secret, "no runtime.path: nothing says where Vault keeps it", "write runtime: {path: ...}"
        )


def _scaffold(secret: Secret, platform: frozenset[str]) -> Iterator[Finding]:
    """class bootstrap and a scaffold go together, and platform components alone use them (INV2)."""
    bootstrap = secret.secret_class is SecretClass.BOOTSTRAP
    if secret.scaffold is not None and not bootstrap:
        yield _class(
            secret, "only class bootstrap has a scaffold", "write class: bootstrap, or remove scaffold"
        )
    if not bootstrap:
        return
    if secret.source is None:
        yield _class(secret, "a bootstrap secret names its source.file")
    if secret.scaffold is None:
        hint = "write scaffold: {namespace, name}, or class: runtime if nothing needs it before Vault exists"
        yield _class(secret, "class bootstrap without a scaffold", hint)
    used = [secret.scaffold.namespace] if secret.scaffold else []
    for namespace in sorted({*used, *(c.namespace for c in secret.consumers)} - platform):
        hint = "name it under components.platform in bootstrap.yaml, or make the secret class: runtime"
        yield _class(secret, f"namespace {namespace} is no declared platform component", hint)


def _renewal(secret: Secret) -> Iterator[Finding]:
    handover, name = secret.handover, secret.name
    if handover.renew is Renew.GENERATE and secret.scaffold is not None:
        message = f"{name}: renew: generate behind a scaffold: what uses it would keep the old value"
        hint = "write renew: reissue, or renew: keep with a reason"
        yield Finding(id="E_RENEW", where=secret.where, message=message, hint=hint)
    if handover.fields and handover.renew is not Renew.GENERATE:
        message = f"{name}: handover.fields is for renew: generate"
        yield Finding(id="E_RENEW", where=secret.where, message=message, hint="remove fields")
    if secret.handed_over and handover.renew is Renew.KEEP and not handover.reason:
        message = "the copy in Git stays valid after handover, and nothing says why (H5)"
        hint = "write handover.reason, or renew: generate or reissue"
        yield Finding(id="W_KEEP_REASON", where=secret.where, message=message, hint=hint, level=Level.WARNING)


def _retirement(secret: Secret) -> Iterator[Finding]:
    """A scaffold that is not deleted is an exception: it says why, and until when (H3).

    Kubernetes refuses a Secret of some types without the keys that belong to the type, so it cannot be emptied.
    """
    handover = secret.handover
    if secret.scaffold is None or handover.retire is RetireMode.DELETED:
        return
    if not (handover.reason and handover.until):
        message = f"{secret.name}: its scaffold is not deleted ({handover.retire}), and nothing says why and until when"
        hint = "write handover.reason and handover.until, or retire: deleted"
        yield Finding(id="E_RETIRE_POLICY", where=secret.where, message=message, hint=hint)
    if (
        handover.retire is RetireMode.INERT
        and secret.scaffold.type in rules_types.ALL_OF | rules_types.ONE_OF
    ):
        message = f"{secret.name}: its scaffold is a {secret.scaffold.type}, which Kubernetes does not let be emptied"
        hint = "write retire: deleted, or ignored"
        yield Finding(id="E_RETIRE_POLICY", where=secret.where, message=message, hint=hint)
