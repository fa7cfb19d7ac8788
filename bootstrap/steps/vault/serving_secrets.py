"""The two Secrets that a serving Vault mounts: its lasting certificates, and the unseal key of its unsealer."""

from typing import Final

from bootstrap.model.names import VAULT_SECRETS
from bootstrap.ports import Ref
from bootstrap.steps.context.world import World

GENERATION: Final = 1
VAULT_TLS: Final = f"{VAULT_SECRETS}tls"


def unseal_ref(world: World) -> Ref:
    """Named by key generation: a rekey makes the next one before it counts (B4)."""
    return Ref("v1", "Secret", f"{VAULT_SECRETS}unseal-{GENERATION}", world.intent.platform.vault.namespace)
