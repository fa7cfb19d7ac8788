"""Where no entry of the catalog may take a secret from, put one, or write one: one list, for rules and steps (S3).

What publishes from a namespace reads its Secrets, and what consumes in one writes there: in these lie the keys of
the platform itself and the identities that administer the cluster.
"""

from collections.abc import Iterator

from bootstrap.model.catalog import Intent, Internal, Platform, Secret
from bootstrap.model.names import SYSTEM_NAMESPACE, VAULT_SECRETS

KUBERNETES = "kube-"  # the prefix that Kubernetes keeps for itself


def reserved_namespace(platform: Platform, namespace: str) -> str:
    """Whose it is, as words for an error; empty for a namespace that entries may use."""
    operator = platform.external_secrets
    if whose := reserved_everywhere(namespace):
        return whose
    if namespace in (operator.deployment.split("/")[0], operator.service_account.split("/")[0]):
        return "the External Secrets Operator's own"
    return ""


def reserved_everywhere(namespace: str) -> str:
    """The same for those that are reserved whatever the platform declares."""
    if namespace.startswith(KUBERNETES):
        return "Kubernetes' own"
    return "bootstrap's own" if namespace == SYSTEM_NAMESPACE else ""


def reserved_names(platform: Platform) -> tuple[str, ...]:
    """Those that are reserved by their whole name, and not by their prefix."""
    operator = platform.external_secrets
    owners = (operator.deployment.split("/")[0], operator.service_account.split("/")[0])
    return tuple(dict.fromkeys((SYSTEM_NAMESPACE, *owners)))


def reserved_uses(intent: Intent) -> Iterator[tuple[str, str]]:
    """What is wrong with an entry, and the entry's place in Git."""
    platform = intent.platform
    vault = platform.vault.namespace
    if whose := reserved_namespace(platform, vault):
        yield f"spec.vault.namespace: namespace {vault} is {whose}", platform.where
    for internal in intent.internals:
        source = internal.source.namespace
        whose = "Vault's own" if source == vault else reserved_namespace(platform, source)
        if whose:
            yield f"{internal.name}: its source lies in namespace {source}, which is {whose}", internal.where
    for entry, what, namespace, name in _written(intent):
        if whose := reserved_namespace(platform, namespace):
            yield f"{entry.name}: {what} in namespace {namespace}, which is {whose}", entry.where
        elif namespace == vault and name.startswith(VAULT_SECRETS):
            message = (
                f"{entry.name}: {what} {namespace}/{name}: there the names {VAULT_SECRETS}... are Vault's own"
            )
            yield message, entry.where


def _written(intent: Intent) -> Iterator[tuple[Secret | Internal, str, str, str]]:
    for secret in intent.secrets:
        if secret.scaffold is not None:
            yield secret, "a scaffold", secret.scaffold.namespace, secret.scaffold.name
    entries: tuple[Secret | Internal, ...] = (*intent.secrets, *intent.internals)
    for entry in entries:
        for consumer in entry.consumers:
            yield entry, "a consumer", consumer.namespace, consumer.secret
