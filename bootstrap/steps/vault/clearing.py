"""What is left of a platform makes room for its restore, old volumes first (INV1, docs/explanation/restore.md).

Two old volumes would outvote a restored node. Nothing is removed whose UID is not written down, so a run that slept
takes nothing away from a later one.
"""

from collections.abc import Callable, Iterator

from bootstrap.ledger.batch import KEY, Batch
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.store import LABEL
from bootstrap.model.restoration import Restoration
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import SYSTEM_NAMESPACE
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.resting import rest
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import REF as WINDOW_REF
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.leftovers import leftovers
from bootstrap.steps.vault.presence import MOST, claims_of_vault, stateful_set_ref, volumes_of_vault
from bootstrap.steps.vault.restoration import RestorationStore

Group = Callable[[World, SnapshotSource], tuple[Object, ...]]


def remains(world: World, source: SnapshotSource) -> tuple[Object, ...]:
    """What has to go, in the order in which it goes."""
    return tuple(each for group in GROUPS.values() for each in group(world, source))


def clear(world: World, source: SnapshotSource, now: Restoration) -> None:
    """Goes as far as what is written down. What else is found then is written down too, for another look."""
    states = RestorationStore(world.cluster)
    rest(world)
    for what, group in GROUPS.items():
        found = group(world, source)
        if fresh := {uid_of(each) for each in found} - now.voids:
            states.swap(now, now.voids_too(fresh))
            return
        for each in found:
            _remove(world, now, each)
        _wait(world, source, what, group)
    world.ledger.reopen()
    states.swap(now, now.cleared())


def superseded(world: World, source: SnapshotSource) -> tuple[Object, ...]:
    """Batches of the cluster's ledger that the snapshot's does not hold, the last one first: what is left is whole at
    each moment."""
    live = world.cluster.list("v1", "ConfigMap", SYSTEM_NAMESPACE, f"{LABEL}=batch")
    found = sorted(live, key=lambda each: str(each["metadata"]["name"]), reverse=True)
    return tuple(each for each in found if not _is_held(source.ledger, each))


def uid_of(obj: Object) -> str:
    return str(obj["metadata"]["uid"])


def _wait(world: World, source: SnapshotSource, what: str, group: Group) -> None:
    world.wait(f"{what} of the lost Vault are gone", lambda: not group(world, source), seconds=180)


def _remove(world: World, now: Restoration, obj: Object) -> None:
    """A record that goes is kept beside those of the operator; a volume that its class removes is waited for."""
    ref = ref_of(obj)
    if ref.kind == "ConfigMap" and ref != WINDOW_REF:
        content = str(obj["data"][KEY]).encode()
        world.records.write(world.cluster.uid(), f"superseded-{now.nonce[:8]}-{ref.name}.json", content)
    if ref.kind != "PersistentVolume" or obj["spec"].get("persistentVolumeReclaimPolicy") != "Delete":
        expect(world.cluster.delete(ref, uid=uid_of(obj)), ref)


def _is_held(ledger: Ledger, live: Object) -> bool:
    name = str(live["metadata"]["name"])
    envelopes = Batch.parse(name, str(live["data"][KEY]).encode()).envelopes
    begin = int(name.rpartition("-")[2])
    return tuple(e.envelope for e in ledger.entries[begin : begin + len(envelopes)]) == envelopes


# ------------------------------------------------------------ what goes together


def _stateful_set(world: World, _: SnapshotSource) -> tuple[Object, ...]:
    live = world.cluster.get(stateful_set_ref(world))
    return () if live is None else (live,)


def _pods(world: World, _: SnapshotSource) -> tuple[Object, ...]:
    """Of its StatefulSet, which is gone: without it they come no more."""
    namespace = world.intent.platform.vault.namespace
    refs = (Ref("v1", "Pod", f"vault-{n}", namespace) for n in range(MOST))
    found = (world.cluster.get(ref) for ref in refs)
    return tuple(each for each in found if each is not None)


def _claims(world: World, _: SnapshotSource) -> tuple[Object, ...]:
    return claims_of_vault(world)


def _volumes(world: World, _: SnapshotSource) -> tuple[Object, ...]:
    return volumes_of_vault(world)


def _leftovers(world: World, _: SnapshotSource) -> tuple[Object, ...]:
    """The window last: it names the others."""
    return tuple(_of_the_window(world))


def _of_the_window(world: World) -> Iterator[Object]:
    yield from leftovers(world, WindowStore(world.cluster).read())
    if (window := world.cluster.get(WINDOW_REF)) is not None:
        yield window


GROUPS: dict[str, Group] = {
    "the StatefulSet": _stateful_set,
    "the pods": _pods,
    "the data claims": _claims,
    "the data volumes": _volumes,
    "the records": superseded,
    "the keys": _leftovers,
}
