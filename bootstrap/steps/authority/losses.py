"""What a restore gives up here: records, values that only the cluster has, volumes that may hold a store (INV4)."""

from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.ledger.record import Record
from bootstrap.ledger.versions import EXPLAINING
from bootstrap.ledger.witnesses import extends
from bootstrap.model.heads import Standing
from bootstrap.steps.authority.gather import Authority, Placed
from bootstrap.steps.authority.last_copies import as_saved
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.presence import may_hold, volumes_of_vault

_ELSEWHERE = (Standing.OTHER_ENVIRONMENT, Standing.FOREIGN_KEY, Standing.FORGED, Standing.SUPERSEDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """``heads`` are those that the snapshot's ledger does not hold; ``records`` of the cluster's ledger it does not
    hold either, and ``changed`` are the secrets that those wrote. Of materialized Secrets, ``differing`` hold something
    else than the snapshot, and ``unknown`` cannot be compared. ``volumes`` may hold a store, or did."""

    heads: tuple[Placed, ...] = ()
    records: int = 0
    changed: tuple[str, ...] = ()
    differing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.heads or self.records or self.differing or self.unknown or self.volumes)

    @property
    def details(self) -> dict[str, str]:
        """What is on record of it, but for the heads, which have a record each."""
        found = {
            "recordsOfTheCluster": str(self.records or ""),
            "changedSince": " ".join(self.changed),
            "differed": " ".join(self.differing),
            "notCompared": " ".join(self.unknown),
            "voided": " ".join(self.volumes),
        }
        return {name: text for name, text in found.items() if text}


def losses(world: World, authority: Authority, source: SnapshotSource) -> Losses:
    records, copies = since(authority, source), as_saved(world, source)
    return Losses(
        heads=lost_since(authority, source),
        records=len(records),
        changed=written(records),
        differing=tuple(name for name, same in copies.items() if same is False),
        unknown=tuple(name for name, same in copies.items() if same is None),
        volumes=(*may_hold(world), *_kept(world)),
    )


def lost_since(authority: Authority, source: SnapshotSource) -> tuple[Placed, ...]:
    """Heads that the ledger in the snapshot does not hold; the newest first, each once."""
    found = {
        placed.head: placed
        for placed in authority.heads
        if placed.head is not None
        and placed.witness.standing not in _ELSEWHERE
        and not extends(source.ledger, placed.head)
    }
    return tuple(placed for _, placed in sorted(found.items(), key=lambda pair: -pair[0].size))


def since(authority: Authority, source: SnapshotSource) -> tuple[Record, ...]:
    """The records of the longest ledger here from the first on that the snapshot's does not hold."""
    mine, theirs = authority.longest.entries, source.ledger.entries
    same = next((n for n, (a, b) in enumerate(zip(mine, theirs, strict=False)) if a != b), len(theirs))
    return tuple(entry.record for entry in mine[same:])


def written(records: tuple[Record, ...]) -> tuple[str, ...]:
    """The secrets of which they say a value, by name, each once."""
    rules = ((EXPLAINING.get(record.fact.type), record.fact) for record in records)
    versions = (rule(fact) for rule, fact in rules if rule is not None)
    return tuple(dict.fromkeys(each[0] for each in versions if each is not None))


def _kept(world: World) -> Iterator[str]:
    """Volumes whose claim is gone, and that their class keeps."""
    for volume in volumes_of_vault(world):
        if (volume.get("status") or {}).get("phase") in ("Released", "Available", "Failed"):
            yield str(volume["metadata"]["name"])
