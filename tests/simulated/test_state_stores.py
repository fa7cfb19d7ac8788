"""How far something is stands in one object that goes from what was read to what is wanted, or not at all (B4)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import NONCE, RecordType
from bootstrap.model.errors import EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.recovery import Recovery
from bootstrap.model.restoration import Restoration
from bootstrap.ports import Object, Reason, Refused
from bootstrap.steps.context.names import SYSTEM_NAMESPACE, namespace
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import recovery, restoration
from bootstrap.steps.vault.recovery import RecoveryStore
from bootstrap.steps.vault.restoration import FILE, RestorationStore, is_back, restored
from tests.simulator.cluster import SimulatedCluster

FIRST = Recovery(nonce="one", begun="2026-01-01T00:00:00Z", pod="vault-1", volume="v")
RESTORE = Restoration(file="f", nonce="one", begun="2026-01-01T00:00:00Z")


@pytest.fixture
def cluster() -> SimulatedCluster:
    made = SimulatedCluster()
    made.create(namespace(SYSTEM_NAMESPACE, {}))
    return made


def test_b4_it_is_begun_once_and_goes_on_from_what_was_read(cluster: SimulatedCluster) -> None:
    store = RecoveryStore(cluster)
    assert store.read() is None
    store.begin(FIRST, None)
    assert store.read() == FIRST
    store.begin(Recovery(nonce="two", begun="", pod="vault-1", volume="v"), None)
    assert store.read() == FIRST, "one that is there is not overwritten"
    assert store.swap(FIRST, FIRST.alone())
    assert not store.swap(FIRST, FIRST.done())
    assert store.read() == FIRST.alone()
    later = Recovery(nonce="two", begun="", pod="vault-2", volume="w")
    store.begin(later, FIRST.alone())
    assert store.read() == later, "in the place of one that is over"


def test_b4_what_changed_behind_the_look_is_not_overwritten(cluster: SimulatedCluster) -> None:
    store = RecoveryStore(cluster)
    assert not store.swap(FIRST, FIRST.alone()), "what is gone is not made anew"
    store.begin(FIRST, None)

    class Late(SimulatedCluster):
        def replace(self, obj: Object) -> Any:
            cluster.__class__ = SimulatedCluster
            assert store.swap(FIRST, FIRST.alone())
            return cluster.replace(obj)  # of its own class again

    cluster.__class__ = Late
    assert not store.swap(FIRST, FIRST.done())
    assert store.read() == FIRST.alone()


@pytest.mark.parametrize("lost", [False, True])
def test_b4_what_cannot_be_written_is_said_and_a_lost_answer_is_looked_at(
    cluster: SimulatedCluster, lost: bool
) -> None:
    class Refuses(SimulatedCluster):
        def create(self, obj: Object) -> Any:
            if lost:
                raise UnknownOutcome("the connection broke", code="E_UNKNOWN_OUTCOME")
            return Refused(Reason.FORBIDDEN, "no")

    cluster.__class__ = Refuses
    store = RecoveryStore(cluster)
    if lost:
        store.begin(FIRST, None)
    else:
        with pytest.raises(WorldError) as stopped:
            store.begin(FIRST, None)
        assert (stopped.value.code, bool(stopped.value.hint)) == ("E_RECOVERY", True)
    assert store.read() is None


@pytest.mark.parametrize(
    ("store", "first", "code"),
    [(RecoveryStore, FIRST, "E_RECOVERY"), (RestorationStore, RESTORE, "E_RESTORE")],
)
def test_inv4_what_no_run_wrote_is_said(cluster: SimulatedCluster, store: Any, first: Any, code: str) -> None:
    store(cluster).begin(first, None)
    name = {"E_RECOVERY": recovery.REF, "E_RESTORE": restoration.REF}[code]
    live = cluster.peek(name)
    assert live is not None
    live["data"]["stage"] = "OVER"
    with pytest.raises(EvidenceError) as stopped:
        store(cluster).read()
    assert (stopped.value.code, stopped.value.where) == (code, str(name))


def ledger(*facts: tuple[RecordType, dict[str, str]]) -> Ledger:
    records = [SimpleNamespace(fact=SimpleNamespace(type=kind, details=details)) for kind, details in facts]
    return cast(Ledger, SimpleNamespace(records=records))


def test_inv4_a_recovery_is_under_way_until_its_own_record(cluster: SimulatedCluster) -> None:
    own: dict[str, str] = {recovery.WHICH: "one"}
    assert recovery.under_way(cluster, ledger((RecordType.ACCEPTED, own))) is None
    RecoveryStore(cluster).begin(FIRST, None)
    for others in ((), ((RecordType.ACCEPTED, {recovery.WHICH: "two"}),), ((RecordType.RESTORED, own),)):
        assert recovery.under_way(cluster, ledger(*others)) == FIRST
    assert recovery.under_way(cluster, ledger((RecordType.ACCEPTED, own))) is None


def test_inv4_a_restore_is_under_way_until_its_own_record(cluster: SimulatedCluster) -> None:
    own, another = {NONCE: "one"}, {NONCE: "two"}
    assert restoration.under_way(cluster, ledger((RecordType.RESTORED, own))) is None
    RestorationStore(cluster).begin(RESTORE, None)
    for others in ((), ((RecordType.RESTORED, another),), ((RecordType.ACCEPTED, own),)):
        assert restoration.under_way(cluster, ledger(*others)) == RESTORE
    assert restoration.under_way(cluster, ledger((RecordType.RESTORED, own))) is None


def test_inv4_the_last_restore_counts_and_only_while_that_vault_lives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old = (RecordType.RESTORED, {NONCE: "one", FILE: "first"})
    new = (RecordType.RESTORED, {NONCE: "two", FILE: "second"})
    told = ledger(old, new, (RecordType.ACCEPTED, {NONCE: "two", FILE: "third"}), new)
    assert [record.fact.details for record in restored(told)] == [new[1], new[1]]
    assert restored(ledger()) == ()
    for alive in (True, False):
        monkeypatch.setattr(restoration, "is_alive", lambda _, answer=alive: answer)
        world = cast(World, None)
        assert is_back(world, told, "second") is alive
        assert not is_back(world, told, "first")
        assert not is_back(world, told, "third")
