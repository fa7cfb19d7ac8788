"""The two Secrets that a serving Vault mounts: its lasting certificates, and the unseal key of its unsealer."""

from typing import Final

from bootstrap.ports import Ref
from bootstrap.steps.context.world import World

GENERATION: Final = 1
VAULT_TLS: Final = "vault-tls"


def unseal_ref(world: World) -> Ref:
    """Named by key generation: a rekey makes the next one before it counts (B4)."""
    return Ref("v1", "Secret", f"vault-unseal-{GENERATION}", world.intent.platform.vault.namespace)
