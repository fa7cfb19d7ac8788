"""``bootstrap status -o metrics``: the same look as numbers, for a collector (OK4)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from bootstrap.model import metrics as m
from bootstrap.model.errors import BootstrapError
from bootstrap.model.last_snapshot import LastSnapshot
from bootstrap.model.metrics import Family, Sample
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.lives import lives
from bootstrap.steps.vault.volumes import volumes

NOT_KNOWN: Final = "unknown: "  # how a part of ``gather`` begins that could not be looked at


def samples(world: World, found: Mapping[str, Any]) -> Iterator[Sample]:
    """``found`` is what ``gather`` has seen of ``world``. WorldError where the API server does not answer."""
    now = world.cluster.server_time()
    yield Sample(m.LOOKED, now.timestamp())
    yield Sample(m.INFO, 1, {name: found[name] for name in m.INFO.labels})
    yield Sample(m.RUN, 1, {"state": found["run"]["state"]})
    yield from _counted(m.STEPS, ((p["id"], s["health"]) for p in found["phases"] for s in p["steps"]))
    certificates, volumes_ = _certificates(world, now), tuple(_volumes(world))
    unknown = {
        "certificates": certificates is None,
        "ledger": any(each["authority"].startswith(NOT_KNOWN) for each in found["secrets"]),
        "records": any(each.startswith(NOT_KNOWN) for each in found["uncommitted"]),
        "snapshots": "unknown" in found["snapshots"],
        "volumes": len(volumes_) < 2 * len(world.session.pods),
    }
    if not unknown["ledger"]:
        yield from _counted(m.SECRETS, ((s["authority"], s["stage"]) for s in found["secrets"]))
        yield Sample(m.RESIDUALS, len(found["residuals"]))
    if not unknown["records"]:
        yield Sample(m.UNCOMMITTED, len(found["uncommitted"]))
    yield from certificates or ()
    yield from volumes_
    yield from _snapshots(found["snapshots"])
    yield from (Sample(m.UNKNOWN, part, {"part": name}) for name, part in unknown.items())


def _counted(family: Family, seen: Iterable[tuple[str, str]]) -> Iterator[Sample]:
    for labels, number in sorted(Counter(seen).items()):
        yield Sample(family, number, dict(zip(family.labels, labels, strict=True)))


def _certificates(world: World, now: datetime) -> tuple[Sample, ...] | None:
    try:
        return tuple(
            Sample(m.DAYS_LEFT, life.certificate.days(now), {"certificate": life.what})
            for life in lives(world)
        )
    except BootstrapError:  # what it is stands in the text of `status`
        return None


def _volumes(world: World) -> Iterator[Sample]:
    for each in volumes(world):
        for name, percent in (("data", each.data), ("audit", each.audit)):
            if percent is not None:
                yield Sample(m.USED, percent / 100, {"pod": each.pod, "volume": name})


def _snapshots(found: Mapping[str, Any]) -> Iterator[Sample]:
    if "ageSeconds" not in found:
        return
    if found["last"] is not None:
        last = LastSnapshot(**found["last"])
        yield Sample(m.SNAPSHOT_SUCCESS, last.moment.timestamp())
        yield Sample(m.SNAPSHOT_SIZE, last.size)
        yield Sample(m.SNAPSHOT_KEPT, last.kept)
    yield Sample(m.SNAPSHOT_AGE, found["ageSeconds"])
    yield Sample(m.SNAPSHOT_OVERDUE, found["overdue"])
