"""What is left of a platform makes room for its restore, old volumes first (INV1, docs/explanation/restore.md).

Two old volumes would outvote a restored node. Nothing is removed whose UID is not written down, so a run that slept
takes nothing away from a later one.
"""

from collections.abc import Iterator
from functools import partial

from bootstrap.ledger.batch import KEY, Batch
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.store import LABEL
from bootstrap.model.restoration import Restoration
from bootstrap.ports import Object
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import SYSTEM_NAMESPACE
from bootstrap.steps.context.resting import rest
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import REF as WINDOW_REF
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.leftovers import leftovers
from bootstrap.steps.vault.presence import claims_of_vault, pods_of_vault, stateful_set_ref, volumes_of_vault
from bootstrap.steps.vault.restoration import RestorationStore
from bootstrap.steps.vault.voiding import Groups, voided


def remains(world: World, source: SnapshotSource) -> tuple[Object, ...]:
    """What has to go, in the order in which it goes."""
    return tuple(each for group in _groups(world, source).values() for each in group())


def clear(world: World, source: SnapshotSource, now: Restoration) -> None:
    """Goes as far as what is written down. What else is found then is written down too, for another look."""
    states = RestorationStore(world.cluster)
    rest(world)
    fresh = voided(world, _groups(world, source), now.voids, partial(_keep, world, now))
    if fresh:
        states.swap(now, now.voids_too(fresh))
        return
    world.ledger.reopen()
    states.swap(now, now.cleared())


def superseded(world: World, source: SnapshotSource) -> tuple[Object, ...]:
    """Batches of the cluster's ledger that the snapshot's does not hold, the last one first: what is left is whole at
    each moment."""
    live = world.cluster.list("v1", "ConfigMap", SYSTEM_NAMESPACE, f"{LABEL}=batch")
    found = sorted(live, key=lambda each: str(each["metadata"]["name"]), reverse=True)
    return tuple(each for each in found if not _is_held(source.ledger, each))


def _keep(world: World, now: Restoration, obj: Object) -> None:
    """A record that goes is kept beside those of the operator."""
    ref = ref_of(obj)
    if ref.kind == "ConfigMap" and (obj["metadata"].get("labels") or {}).get(LABEL):
        content = str(obj["data"][KEY]).encode()
        world.records.write(world.cluster.uid(), f"superseded-{now.nonce[:8]}-{ref.name}.json", content)


def _is_held(ledger: Ledger, live: Object) -> bool:
    name = str(live["metadata"]["name"])
    envelopes = Batch.parse(name, str(live["data"][KEY]).encode()).envelopes
    begin = int(name.rpartition("-")[2])
    return tuple(e.envelope for e in ledger.entries[begin : begin + len(envelopes)]) == envelopes


# ------------------------------------------------------------ what goes together


def _groups(world: World, source: SnapshotSource) -> Groups:
    return {
        "the StatefulSet of the lost Vault": lambda: _stateful_set(world),
        # Of its StatefulSet, which is gone: without it they come no more.
        "the pods of the lost Vault": lambda: pods_of_vault(world),
        "the data claims of the lost Vault": lambda: _claims(world),
        "the data volumes of the lost Vault": lambda: volumes_of_vault(world),
        "the records of the lost Vault": lambda: superseded(world, source),
        "the keys of the lost Vault": lambda: tuple(_of_the_window(world)),
    }


def _stateful_set(world: World) -> tuple[Object, ...]:
    live = world.cluster.get(stateful_set_ref(world))
    return () if live is None else (live,)


def _claims(world: World) -> tuple[Object, ...]:
    return claims_of_vault(world)


def _of_the_window(world: World) -> Iterator[Object]:
    """The window last: it names the others."""
    yield from leftovers(world, WindowStore(world.cluster).read())
    if (window := world.cluster.get(WINDOW_REF)) is not None:
        yield window
