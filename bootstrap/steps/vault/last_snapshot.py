"""What the jobs of snapshots have done: ConfigMap ``snapshot-last``, written by compare-and-swap (INV1).

`up` makes it empty, so that a job needs to create nothing. It is the word of the job's own account: a snapshot that is
proven is a file that was opened with the root.
"""

from datetime import UTC, datetime
from typing import Final

from bootstrap.model.errors import UnknownOutcome, WorldError
from bootstrap.model.last_snapshot import LastSnapshot
from bootstrap.model.names import SYSTEM_NAMESPACE
from bootstrap.ports import Clock, Cluster, Object, Ref, Refused
from bootstrap.steps.context.names import labels
from bootstrap.waiting import swap

REF: Final = Ref("v1", "ConfigMap", "snapshot-last", SYSTEM_NAMESPACE)
CRON_JOB: Final = Ref("batch/v1", "CronJob", "snapshot", SYSTEM_NAMESPACE)
_KEY: Final = "last.json"


def empty() -> Object:
    meta = {"name": REF.name, "namespace": REF.namespace, "labels": labels("snapshot-last")}
    return {"apiVersion": REF.api, "kind": REF.kind, "metadata": meta}


def read(cluster: Cluster) -> LastSnapshot | None:
    """None where no job has saved one yet."""
    return _of(cluster.get(REF))


def declared_since(cluster: Cluster) -> datetime | None:
    """When the schedule began; None where there is none."""
    live = cluster.get(CRON_JOB)
    text = str((live or {}).get("metadata", {}).get("creationTimestamp") or "")
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) if text else None


def write(cluster: Cluster, clock: Clock, last: LastSnapshot) -> None:
    """Unless a newer one is there: two jobs may end in another order than they began. A clock that ran ahead makes
    none newer."""
    now = cluster.server_time()

    def put(live: Object | None) -> Object | Refused:
        if live is None:
            raise WorldError(
                f"there is no {REF}",
                code="E_SNAPSHOT_NOT_NOTED",
                where=str(REF),
                hint="bootstrap up makes it; the snapshot itself was saved",
            )
        if _is_noted(live, last, now):
            return live
        return cluster.replace({**live, "data": {_KEY: last.to_text()}})

    swap(
        lambda: cluster.get(REF),
        put,
        clock=clock,
        refused=lambda answer: WorldError(
            f"the snapshot cannot be noted: {answer.reason}: {answer.detail}",
            code="E_SNAPSHOT_NOT_NOTED",
            where=str(REF),
            hint="bootstrap up gives the job's account its rights; the snapshot itself was saved",
        ),
        unsettled=lambda _: UnknownOutcome(
            "the note of the snapshot does not settle", code="E_SNAPSHOT_NOT_NOTED", where=str(REF)
        ),
    )


def _is_noted(live: Object, last: LastSnapshot, now: datetime) -> bool:
    known = _of(live)
    return known is not None and known.time >= last.time and not known.is_ahead(now)


def _of(live: Object | None) -> LastSnapshot | None:
    return None if live is None else LastSnapshot.from_text(str(live["data"].get(_KEY, "")))
