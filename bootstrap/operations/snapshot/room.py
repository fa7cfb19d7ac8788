"""Whether the volume of the cluster's own snapshots has room for those that it is to hold (INV1, OK4)."""

from dataclasses import dataclass

from bootstrap.model.catalog import size
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import last_snapshot
from bootstrap.steps.vault.containers import FULL
from bootstrap.steps.vault.snapshot_objects import CLAIM


@dataclass(frozen=True, slots=True)
class Room:
    """By the newest one's size: ``files`` of that many bytes lie there while one more is saved."""

    files: int
    each: int
    of: int

    @property
    def percent(self) -> int:
        return 100 * self.files * self.each // self.of

    @property
    def soon_full(self) -> bool:
        return self.percent >= FULL

    def __str__(self) -> str:
        return f"{CLAIM.namespace}/{CLAIM.name}: {self.files} snapshots of {self.each} bytes fill {self.percent} %"


def room(world: World) -> Room | None:
    """None where they lie elsewhere, or none was saved yet."""
    wanted, last = world.intent.platform.snapshots, last_snapshot.read(world.cluster)
    if wanted is None or wanted.volume is None or last is None:
        return None
    live = world.cluster.get(CLAIM) or {}
    asked = ((live.get("spec") or {}).get("resources") or {}).get("requests") or {}
    has = ((live.get("status") or {}).get("capacity") or asked).get("storage") or wanted.volume.size
    return Room(files=max(wanted.keep, last.kept) + 1, each=last.size, of=max(size(str(has)), 1))
