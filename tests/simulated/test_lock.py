"""One run at a time, politely; a dead holder is outwaited by our own clock, a live one is named."""

import time

import pytest

from bootstrap.engine.interrupt import Interrupt
from bootstrap.engine.lease import LEASE, Heartbeat, Lease
from bootstrap.engine.lock import RunLock
from bootstrap.engine.record import RUN, RunRecord, read_run, settle
from bootstrap.engine.retry import Patience
from bootstrap.model.errors import EvidenceError, HeldError
from bootstrap.ports import Object
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.narrator import Remembered
from tests.simulator.toys import toy_plan
from tests.support.simulated_clock import SimulatedClock


class Bench:
    """A cluster, and runs that want it."""

    def __init__(self) -> None:
        self.cluster = SimulatedCluster()
        self.cluster.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system"}}
        )
        self.clock = SimulatedClock()
        self.narrator = Remembered()

    def lease(self, holder: str) -> Lease:
        return Lease(self.cluster, self.clock, self.narrator, holder)

    def lock(self, run: str) -> RunLock:
        patience = Patience(self.clock, self.narrator, Interrupt())
        return RunLock(
            self.cluster, self.clock, self.lease(run), patience, run=run, holder=f"operator of {run}"
        )

    def spec(self) -> Object:
        live = self.cluster.get(LEASE)
        assert live is not None
        spec: Object = live["spec"]
        return spec


def test_a_free_lease_is_taken_and_let_go() -> None:
    bench = Bench()
    lease = bench.lease("ann")
    lease.acquire()
    assert bench.spec()["holderIdentity"] == "ann"
    assert bench.spec()["renewTime"] == "2026-01-01T00:00:00.000000Z"
    lease.release()
    assert bench.spec()["holderIdentity"] == ""
    bench.lease("bob").acquire()
    assert (bench.spec()["holderIdentity"], bench.clock.seconds) == ("bob", 0)


def test_a_holder_that_shows_life_is_named() -> None:
    bench = Bench()
    ann = bench.lease("ann")
    ann.acquire()

    def alive() -> None:
        if bench.clock.seconds % 5 == 0:
            ann.renew()

    bench.clock.on_sleep.append(alive)
    with pytest.raises(HeldError, match="ann, since 2026-01-01T00:00:00") as caught:
        bench.lease("bob").acquire()
    assert (caught.value.exit_code, bench.clock.seconds) == (7, 5)
    assert bench.spec()["holderIdentity"] == "ann"


def test_a_dead_holder_is_outwaited_and_the_taking_over_is_said() -> None:
    bench = Bench()
    bench.lease("ann").acquire()
    bench.lease("bob").acquire()
    assert 15 <= bench.clock.seconds <= 16
    assert (bench.spec()["holderIdentity"], bench.spec()["leaseTransitions"]) == ("bob", 1)
    assert bench.narrator.said("took over from ann")


def test_the_remote_clock_is_never_believed() -> None:
    bench = Bench()
    bench.lease("ann").acquire()
    live = bench.cluster.get(LEASE)
    assert live is not None
    bench.cluster.replace({**live, "spec": {**live["spec"], "renewTime": "1999-01-01T00:00:00.000000Z"}})
    bench.lease("bob").acquire()
    assert bench.clock.seconds >= 15


def test_of_two_that_take_over_one_wins() -> None:
    bench = Bench()
    bench.lease("ann").acquire()
    other = bench.lease("carl")

    def race() -> None:
        if bench.clock.seconds == 15:
            bench.clock.on_sleep.clear()
            live = bench.cluster.get(LEASE)
            assert live is not None
            other._take(live)

    bench.clock.on_sleep.append(race)
    with pytest.raises(HeldError, match="carl"):
        bench.lease("bob").acquire()
    assert bench.spec()["holderIdentity"] == "carl"


def test_a_foreign_holder_is_not_released() -> None:
    bench = Bench()
    bench.lease("ann").acquire()
    bench.lease("bob").release()
    assert bench.spec()["holderIdentity"] == "ann"


def test_the_heartbeat_renews_and_tells_of_a_loss() -> None:
    bench = Bench()
    lease = bench.lease("ann")
    lease.acquire()
    heartbeat = Heartbeat(lease, bench.clock, every=0.01)
    heartbeat.start()
    bench.clock.seconds = 7
    assert seen(lambda: bench.spec()["renewTime"].startswith("2026-01-01T00:00:07"))
    heartbeat.check()
    live = bench.cluster.get(LEASE)
    while live is not None and bench.spec()["holderIdentity"] == "ann":
        bench.cluster.replace({**live, "spec": {**live["spec"], "holderIdentity": "bob"}})
        live = bench.cluster.get(LEASE)
    assert seen(lambda: heartbeat._lost is not None)
    with pytest.raises(HeldError, match="bob"):
        heartbeat.check()
    heartbeat.stop()


def seen(condition: object) -> bool:
    assert callable(condition)
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_epochs_count_runs_and_the_record_follows() -> None:
    bench = Bench()
    for number in (1, 2, 3):
        lock = bench.lock(f"run-{number}")
        assert lock.acquire(plan=toy_plan("make")).epoch == number
        lock.check()
        lock.finish("finished")
        lock.release()
    record = read_run(bench.cluster)
    assert record is not None
    assert (record.epoch, record.run, record.state) == (3, "run-3", "finished")


def test_an_epoch_is_never_used_twice_even_without_the_record() -> None:
    from bootstrap.journal.entries import Event
    from bootstrap.journal.store import Journal

    bench = Bench()
    Journal(bench.cluster, bench.clock, epoch=41, run="old", plan="p").append(Event.NOTE, "a")
    lock = bench.lock("new")
    assert lock.acquire(plan=toy_plan("make")).epoch == 42
    lock.release()


def test_a_later_epoch_stops_the_earlier_run() -> None:
    bench = Bench()
    first = bench.lock("run-1")
    first.acquire(plan=toy_plan("make"))
    first.check()
    second = bench.lock("run-2")
    second.acquire(plan=toy_plan("make"))
    with pytest.raises(HeldError):
        first.check()
    with pytest.raises(HeldError):
        first.finish("finished")
    second.check()
    first.release()
    second.release()


def test_settle_says_when_somebody_was_faster() -> None:
    bench = Bench()
    mine = RunRecord(epoch=1, run="a", plan="p", commit="c", state="running")
    theirs = RunRecord(epoch=1, run="b", plan="p", commit="c", state="running")
    assert settle(bench.cluster, bench.clock, None, mine)
    assert settle(bench.cluster, bench.clock, None, mine)  # a lost answer: it is there already
    assert not settle(bench.cluster, bench.clock, None, theirs)
    assert read_run(bench.cluster) == mine


def test_a_record_that_is_not_ours_is_named() -> None:
    bench = Bench()
    metadata = {"name": RUN.name, "namespace": RUN.namespace}
    bench.cluster.create(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"run": "?"}}
    )
    with pytest.raises(EvidenceError) as caught:
        read_run(bench.cluster)
    assert caught.value.code == "E_RUN_RECORD"
