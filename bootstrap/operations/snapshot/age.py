"""How old the newest snapshot of the cluster's own is, and whether that is too old (INV1)."""

from dataclasses import dataclass
from datetime import datetime

from bootstrap.model.last_snapshot import LastSnapshot
from bootstrap.model.schedule import Schedule
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import last_snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """``last`` is None where none was saved yet; ``overdue``: two moments of the schedule have passed without one."""

    schedule: str
    last: LastSnapshot | None
    seconds: int
    overdue: bool


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
        overdue=since is not None and _overdue(wanted.schedule, since, now),
    )


def _overdue(schedule: str, since: datetime, now: datetime) -> bool:
    return Schedule.parse(schedule).overdue(since, now)
