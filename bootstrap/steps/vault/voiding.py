"""What goes for good, group after group, each object by a UID that was written down before (B5).

A run that slept takes nothing away from a later one: what was made since has another UID.
"""

from collections.abc import Callable, Mapping

from bootstrap.ports import Object
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World

Groups = Mapping[str, Callable[[], tuple[Object, ...]]]  # what it is in words, to what is there of it


def uid_of(obj: Object) -> str:
    return str(obj["metadata"]["uid"])


def voided(
    world: World, groups: Groups, written: frozenset[str], before: Callable[[Object], None] = lambda _: None
) -> frozenset[str]:
    """Empty once all of it is gone. Else the UIDs that were found and not written down: from their group on nothing was
    removed. ``before`` is called with each object that goes."""
    for what, group in groups.items():
        found = group()
        if fresh := {uid_of(each) for each in found} - written:
            return frozenset(fresh)
        for each in found:
            before(each)
            _remove(world, each)
        _wait(world, what, group)
    return frozenset()


def _wait(world: World, what: str, group: Callable[[], tuple[Object, ...]]) -> None:
    world.wait(f"{what} are gone", lambda: not group(), seconds=180)


def _remove(world: World, obj: Object) -> None:
    """A volume that its class removes is waited for."""
    ref = ref_of(obj)
    if ref.kind != "PersistentVolume" or obj["spec"].get("persistentVolumeReclaimPolicy") != "Delete":
        expect(world.cluster.delete(ref, uid=uid_of(obj)), ref)
