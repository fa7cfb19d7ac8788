"""What a lost Vault leaves that another one must not take for its own: certificates, the unseal key, slots, and how far
its quorum was recovered."""

from collections.abc import Iterator

from bootstrap.model.init_window import ATTEMPTS, Window
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import is_ours
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import Slots, share_part, slot_ref
from bootstrap.steps.vault.recovery import REF as RECOVERY_REF
from bootstrap.steps.vault.serving_secrets import VAULT_TLS, unseal_refs


def leftovers(world: World, window: Window | None) -> tuple[Object, ...]:
    """Those of ours that are there; ``window`` is the one of the lost Vault, None where that is lost too."""
    found = (world.cluster.get(ref) for ref in _refs(world, window))
    return tuple(obj for obj in found if obj is not None and is_ours(obj))


def _refs(world: World, window: Window | None) -> Iterator[Ref]:
    namespace = world.intent.platform.vault.namespace
    yield Ref("v1", "Secret", VAULT_TLS, namespace)
    yield from unseal_refs(world)
    yield RECOVERY_REF
    for attempt in range(1, max(ATTEMPTS, window.attempt if window else 0) + 1):
        yield Ref("v1", "Secret", f"vault-tls-init-{attempt}", namespace)
    if window is not None and window.volume:
        generations = range(max(1, window.generation - 1), window.generation + 2)
        parts = (*map(share_part, generations), Slots.ROOT)
        yield from (slot_ref(window.volume, part) for part in parts)
