"""How old the newest snapshot of the cluster's own is, and whether that is too old (INV1)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bootstrap.model.last_snapshot import LastSnapshot
from bootstrap.model.schedule import Schedule
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import last_snapshot

LATE: Final = "older than twice the schedule"  # two of its moments have passed without one
AHEAD: Final = "its time is ahead of the API server's clock, so how old it is cannot be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """``last`` is None where none was saved yet; ``warning`` is why it may not be relied on, empty where it may."""

    schedule: str
    last: LastSnapshot | None
    seconds: int
    warning: str

    @property
    def overdue(self) -> bool:
        return bool(self.warning)


def age(world: World) -> Age | None:
    """None where ``bootstrap.yaml`` declares no snapshots. By the API server's clock."""
    wanted = world.intent.platform.snapshots
    if wanted is None:
        return None
    now, last = world.cluster.server_time(), last_snapshot.read(world.cluster)
    since = last.moment if last is not None else last_snapshot.declared_since(world.cluster)
    return Age(
        schedule=wanted.schedule,
        last=last,
        seconds=max(0, int((now - since).total_seconds())) if since is not None else 0,
        warning=_warning(wanted.schedule, last, since, now),
    )


def _warning(schedule: str, last: LastSnapshot | None, since: datetime | None, now: datetime) -> str:
    if last is not None and last.is_ahead(now):
        return AHEAD
    return LATE if since is not None and Schedule.parse(schedule).overdue(since, now) else ""
