"""The ledger as the steps use it: facts are durable under this run's name, and only what holds now is named (H4)."""

from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.ledger import chain, store
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.names import SYSTEM_NAMESPACE
from bootstrap.steps.context.transfers import Transfers, named
from tests.simulator.cluster import SimulatedCluster
from tests.support.authorities import NEW, NOTE, ledger
from tests.support.ledger_facts import RUN, VAULT, Key, fact
from tests.support.simulated_clock import SimulatedClock


@pytest.fixture
def cluster() -> SimulatedCluster:
    made = SimulatedCluster()
    made.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}})
    made.mutations.clear()
    return made


def transfers(cluster: SimulatedCluster) -> Transfers:
    """Of a material that signs, and no more."""
    key = Key()
    material: Any = SimpleNamespace(signer=lambda: key)
    return Transfers(cluster, key.pem, material, SimulatedClock(), lambda: RUN, lambda _: VAULT)


def test_h4_facts_are_durable_under_the_run_s_name(cluster: SimulatedCluster) -> None:
    ours = transfers(cluster)
    (record,) = ours.append((NOTE,))
    assert (record.fact, record.run) == (NOTE, RUN)
    assert transfers(cluster).read().records == (record,)
    assert [b.name for b in transfers(cluster).stored()] == ["ledger-00000000"]
    assert ours.verified(ours.stored()).records == (record,)


def test_h4_nothing_to_record_is_no_object(cluster: SimulatedCluster) -> None:
    assert transfers(cluster).append(()) == ()
    assert cluster.mutations == []


def test_h4_a_ledger_that_was_rebuilt_is_read_anew(cluster: SimulatedCluster) -> None:
    """What a run has seen before it was lost is not what counts."""
    first = transfers(cluster)
    first.append((NOTE,))
    first.append((NEW,))
    whole = first.stored()
    for ref in [ref for ref in cluster.everything() if ref.name.startswith("ledger-")]:
        live = cluster.get(ref)
        assert live is not None
        cluster.delete(ref, uid=live["metadata"]["uid"])
    ours = transfers(cluster)
    assert ours.read().records == ()
    store.restore(cluster, whole)
    ours.reopen()
    (record,) = ours.append((NOTE,))
    assert record.seq == 2
    assert len(transfers(cluster).read().records) == 3


def test_h4_a_ledger_that_a_snapshot_brought_is_checked_no_second_time(
    cluster: SimulatedCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = transfers(cluster)
    first.append((NOTE,))
    whole = first.read()
    ours = transfers(cluster)
    ours.seen(whole)

    def checked(*_: Any) -> bytes:
        raise AssertionError

    monkeypatch.setattr(chain, "open_envelope", checked)
    assert ours.read() == whole
    with pytest.raises(AssertionError):
        transfers(cluster).read()


def test_h4_named_are_records_of_one_kind_under_the_authority_that_holds() -> None:
    intent, commit = fact(RecordType.INTENT, "a"), fact(RecordType.COMMIT, "a")
    again = Fact(
        **{**{f: getattr(intent, f) for f in intent.__slots__}, "commitments": {"password": "d" * 64}}
    )
    found = named(ledger(NOTE, intent, again, commit), RecordType.INTENT)
    assert {name: record.fact for name, record in found.items()} == {"a": again}
    assert named(ledger(NOTE), RecordType.CLAIMED) == {}, "it is about no secret"
    assert named(ledger(intent, commit, NEW), RecordType.COMMIT) == {}
