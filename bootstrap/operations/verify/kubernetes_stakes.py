"""What counts in which namespace: where ours lies, and where an account does that may change it (INV6)."""

from collections.abc import Iterator
from typing import Final

from bootstrap.model.catalog import Custody, Intent, Internal, Secret
from bootstrap.operations.verify.kubernetes_built_in import BUILT_IN
from bootstrap.operations.verify.kubernetes_ways import Stake
from bootstrap.steps.context.names import READER_ACCOUNT, RUN_ACCOUNT, SYSTEM_NAMESPACE, VAULT_ACCOUNT
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.serving_secrets import unseal_ref

ACCOUNT: Final = "ServiceAccount "  # as a report begins


def stakes(world: World) -> dict[str, Stake]:
    """By namespace; ``""`` is all of them together."""
    intent = world.intent
    found: dict[str, Stake] = {SYSTEM_NAMESPACE: Stake(accounts=frozenset({RUN_ACCOUNT}), pods=True)}

    def put(namespace: str, stake: Stake) -> None:
        found[namespace] = found.get(namespace, Stake()) | stake

    for account in _accounts(intent):
        namespace, _, name = account.partition("/")
        put(namespace, Stake(accounts=frozenset({name}), pods=True))
    put(intent.platform.vault.namespace, Stake(accounts=frozenset({VAULT_ACCOUNT}), pods=True))
    entries: list[Secret | Internal] = [*intent.secrets, *intent.internals]
    for consumer in (c for entry in entries for c in entry.consumers):
        put(consumer.namespace, Stake(secrets=frozenset({consumer.secret})))
    for name in intent.pushing_namespaces:
        put(name, Stake(accounts=frozenset({READER_ACCOUNT}), pushes=True, pods=True))
    if intent.platform.vault.custody is Custody.CLUSTER:
        ref = unseal_ref(world)
        put(ref.namespace, Stake(unseal=ref.name))
    everything = Stake()
    for each in found.values():
        everything |= each
    return {**found, "": everything}


def _accounts(intent: Intent) -> Iterator[str]:
    """Accounts of Kubernetes that may change a materialized Secret: the operator's, those of the control plane, and
    those that are declared. An identity that becomes one of them may it too."""
    yield intent.platform.external_secrets.service_account
    for known in BUILT_IN.values():
        if known.subject.startswith(ACCOUNT):
            yield known.subject.removeprefix(ACCOUNT)
    for operator in intent.platform.operators:
        yield from operator.service_accounts
