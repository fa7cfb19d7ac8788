"""Removing a store that is provably empty: nothing is written to a Vault before its key is proven (DESIGN 6)."""

from bootstrap.model.init_window import Window
from bootstrap.ports import Ref
from bootstrap.steps.applied import applied
from bootstrap.steps.first_replica import attempt_tls_name, is_now
from bootstrap.steps.outcome import expect
from bootstrap.steps.vault_objects import stateful_set
from bootstrap.steps.window_store import Slots
from bootstrap.steps.world import World


def data_claim(world: World) -> Ref:
    return Ref("v1", "PersistentVolumeClaim", "data-vault-0", world.intent.platform.vault.namespace)


def volume_of(world: World) -> str:
    """UID of the claim that holds the first replica's store; "" while there is none."""
    claim = world.cluster.get(data_claim(world))
    return str(claim["metadata"]["uid"]) if claim else ""


def remove_voided(world: World, window: Window) -> bool:
    """Stops the first replica of a VOIDING window, and removes its volume and its slots, by the volume's UID.

    False when the window moved on meanwhile: then nothing more is removed here.
    """
    cluster, spec, claim = world.cluster, world.intent.platform.vault, data_claim(world)
    if cluster.get(Ref("apps/v1", "StatefulSet", "vault", spec.namespace)) is not None:
        shape = stateful_set(spec, replicas=0, tls_secret=attempt_tls_name(window), unseal_secret="")
        if not applied(world, shape, lambda: is_now(world, window)):
            return False
    pod = Ref("v1", "Pod", "vault-0", spec.namespace)
    world.wait("the voided Vault has stopped", lambda: cluster.get(pod) is None)
    if window.volume and volume_of(world) == window.volume:
        expect(cluster.delete(claim, uid=window.volume), claim)
    world.wait("the voided volume is gone", lambda: volume_of(world) != window.volume or not window.volume)
    slots = Slots(cluster, window.volume)
    slots.remove(Slots.SHARE)
    slots.remove(Slots.ROOT)
    return True
