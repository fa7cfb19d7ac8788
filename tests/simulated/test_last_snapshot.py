"""What the jobs of snapshots have done, as one of them noted it: the newest counts, and the clock of none (INV1)."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from bootstrap.model.errors import WorldError
from bootstrap.model.last_snapshot import LastSnapshot
from bootstrap.model.names import SYSTEM_NAMESPACE
from bootstrap.ports import Object, Reason, Refused
from bootstrap.steps.context.names import namespace
from bootstrap.steps.vault.last_snapshot import CRON_JOB, REF, declared_since, empty, read, write
from tests.simulator.cluster import SimulatedCluster
from tests.support.simulated_clock import SimulatedClock

LAST = LastSnapshot(
    file="one", time="2026-01-01T00:00:00Z", size=1, sha256="a" * 64, raft_index=1, records=1, kept=1
)


@pytest.fixture
def cluster() -> SimulatedCluster:
    made = SimulatedCluster()
    made.create(namespace(SYSTEM_NAMESPACE, {}))
    made.now = datetime(2026, 1, 2, tzinfo=UTC)
    return made


def note(cluster: SimulatedCluster, last: LastSnapshot) -> LastSnapshot | None:
    write(cluster, SimulatedClock(), last)
    return read(cluster)


def test_the_newest_counts_whichever_job_ends_last(cluster: SimulatedCluster) -> None:
    cluster.create(empty())
    assert read(cluster) is None
    assert note(cluster, LAST) == LAST
    newer = replace(LAST, file="two", time="2026-01-01T01:00:00Z")
    assert note(cluster, newer) == newer
    cluster.mutations.clear()
    assert note(cluster, LAST) == newer
    assert note(cluster, newer) == newer
    assert cluster.mutations == []


def test_one_of_a_clock_that_ran_ahead_hides_none(cluster: SimulatedCluster) -> None:
    cluster.create(empty())
    note(cluster, replace(LAST, time="2026-02-01T00:00:00Z"))
    assert note(cluster, LAST) == LAST


def test_what_no_job_wrote_is_none_and_gives_way(cluster: SimulatedCluster) -> None:
    cluster.create({**empty(), "data": {"last.json": "{"}})
    assert read(cluster) is None
    assert note(cluster, LAST) == LAST


def test_without_its_place_and_without_the_right_it_is_said(cluster: SimulatedCluster) -> None:
    assert read(cluster) is None
    with pytest.raises(WorldError, match="there is no") as stopped:
        write(cluster, SimulatedClock(), LAST)
    assert (stopped.value.code, bool(stopped.value.hint)) == ("E_SNAPSHOT_NOT_NOTED", True)
    cluster.create(empty())

    class Refuses(SimulatedCluster):
        def replace(self, obj: Object) -> Any:
            return Refused(Reason.FORBIDDEN, "no")

    cluster.__class__ = Refuses
    with pytest.raises(WorldError, match="cannot be noted") as stopped:
        write(cluster, SimulatedClock(), LAST)
    assert stopped.value.code == "E_SNAPSHOT_NOT_NOTED"


def test_the_schedule_began_when_its_job_was_made(cluster: SimulatedCluster) -> None:
    assert declared_since(cluster) is None
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": {}}}}}
    meta = {"name": CRON_JOB.name, "namespace": CRON_JOB.namespace}
    cluster.create({"apiVersion": CRON_JOB.api, "kind": CRON_JOB.kind, "metadata": meta, "spec": spec})
    assert declared_since(cluster) == cluster.now
    live = cluster.peek(CRON_JOB)
    assert live is not None
    live["metadata"]["creationTimestamp"] = None
    assert declared_since(cluster) is None
    assert REF.name == "snapshot-last"
