"""Removing a store that is provably empty: nothing is written to a Vault before its key is proven (B4)."""

from collections.abc import Callable

from bootstrap.model.init_window import VaultState, Window, WindowPhase
from bootstrap.ports import Ref
from bootstrap.steps.context.applied import applied
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.first_replica import attempt_tls_name, is_now
from bootstrap.steps.vault.init_window import Slots
from bootstrap.steps.vault.objects import stateful_set


def data_claim(world: World) -> Ref:
    return Ref("v1", "PersistentVolumeClaim", "data-vault-0", world.intent.platform.vault.namespace)


def volume_of(world: World) -> str:
    """UID of the claim that holds the first replica's store; "" while there is none."""
    claim = world.cluster.get(data_claim(world))
    return str(claim["metadata"]["uid"]) if claim else ""


def given_up(window: Window, state: VaultState, *, unbound: bool = False) -> Window | str:
    """The window as VOIDING, for a run that is given back; a text says why its store may not go.

    Beside ``next_move`` this is the other rule book of the window. ``unbound``: no storage was ever given to the
    claim, so nothing can be on it.
    """
    match window.phase:
        case WindowPhase.VERIFIED:
            return "its key is proven: it may hold data, and from here on it is never removed"
        case WindowPhase.VOIDING:
            return window
        case WindowPhase.SENT | WindowPhase.KEYS if state.volume not in ("", window.volume):
            return "its volume is another one than the attempt's: nobody can say what it holds"
        case WindowPhase.CLAIMED if state.volume and not unbound and state.initialized is None:
            return (
                "it does not answer, so nobody can say that it is empty; make it answer, or remove its claim"
            )
        case WindowPhase.CLAIMED if state.initialized:
            return "somebody else has initialised it"
    return (window if window.volume else window.sent(state.volume)).voiding()


def remove_voided(world: World, window: Window) -> bool:
    """Stops the first replica of a VOIDING window, and removes its volume and its slots, by the volume's UID.

    False when the window moved on meanwhile: then nothing more is removed here.
    """
    if not remove_store(world, attempt_tls_name(window), window.volume, lambda: is_now(world, window)):
        return False
    slots = Slots(world.cluster, window.volume)
    slots.remove(Slots.SHARE)
    slots.remove(Slots.ROOT)
    return True


def remove_store(world: World, tls: str, volume: str, still: Callable[[], bool]) -> bool:
    """Stops the first replica, and removes its volume of that UID; False once ``still`` no longer held."""
    cluster, spec, claim = world.cluster, world.intent.platform.vault, data_claim(world)
    if cluster.get(Ref("apps/v1", "StatefulSet", "vault", spec.namespace)) is not None:
        shape = stateful_set(spec, replicas=0, tls_secret=tls)
        if not applied(world, shape, still):
            return False
    pod = Ref("v1", "Pod", "vault-0", spec.namespace)
    world.wait("the voided Vault has stopped", lambda: cluster.get(pod) is None)
    if volume:  # another one that took its place has another UID
        expect(cluster.delete(claim, uid=volume), claim)
    world.wait("the voided volume is gone", lambda: volume_of(world) != volume or not volume)
    return True
