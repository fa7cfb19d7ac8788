"""The signed head in the cluster: what lies there is only ever extended (INV4)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.envelope import PublicKey
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.layout import HEAD
from bootstrap.ports import Object, Reason, Refused
from bootstrap.steps.context.names import SYSTEM_NAMESPACE, namespace
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import cluster_head
from bootstrap.steps.vault.cluster_head import REF, read, rebuilding, refuse_unextended, write
from tests.simulator.cluster import SimulatedCluster
from tests.support.simulated_clock import SimulatedClock

LEDGER = cast(Ledger, SimpleNamespace(chain=SimpleNamespace(size=2)))
KEY = cast(PublicKey, None)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> SimulatedCluster:
    """A head is a number of records here, and one of at most two is held by the ledger."""

    def head(content: bytes, *_: object) -> Any:
        return SimpleNamespace(size=int(content), time="then")

    monkeypatch.setattr(cluster_head, "read_head", head)
    monkeypatch.setattr(cluster_head, "extends", lambda ledger, head: head.size <= ledger.chain.size)
    made = SimulatedCluster()
    made.create(namespace(SYSTEM_NAMESPACE, {}))
    return made


def put(cluster: SimulatedCluster, content: bytes) -> bytes | None:
    write(cluster, SimulatedClock(), content, LEDGER, KEY)
    return read(cluster)


def test_inv4_it_is_made_and_extended_and_the_same_is_not_written_again(cluster: SimulatedCluster) -> None:
    assert read(cluster) is None
    assert put(cluster, b"1") == b"1"
    assert put(cluster, b"2") == b"2"
    cluster.mutations.clear()
    assert put(cluster, b"2") == b"2"
    assert cluster.mutations == []


def test_inv4_a_head_of_another_history_is_not_overwritten(cluster: SimulatedCluster) -> None:
    put(cluster, b"3")
    with pytest.raises(EvidenceError) as stopped:
        put(cluster, b"2")
    assert (stopped.value.code, stopped.value.where, read(cluster)) == ("E_HEAD", str(REF), b"3")
    with pytest.raises(EvidenceError, match="a head of 3 records lies here"):
        refuse_unextended(b"3", LEDGER, KEY, "there")
    refuse_unextended(b"1", LEDGER, KEY, "there")
    refuse_unextended(None, LEDGER, KEY, "there")


def test_a_head_that_cannot_be_written_is_said(cluster: SimulatedCluster) -> None:
    class Refuses(SimulatedCluster):
        def create(self, obj: Object) -> Any:
            return Refused(Reason.FORBIDDEN, "no")

    cluster.__class__ = Refuses
    with pytest.raises(WorldError) as stopped:
        put(cluster, b"1")
    assert stopped.value.code == "E_HEAD_WRITE"


def test_an_object_that_was_emptied_holds_nothing(cluster: SimulatedCluster) -> None:
    put(cluster, b"1")
    live = cluster.peek(REF)
    assert live is not None
    live["data"] = None
    assert read(cluster) == b""
    live["data"] = {}
    assert read(cluster) == b""
    live["data"] = {HEAD: "1"}
    assert read(cluster) == b"1"


def test_inv1_a_rebuilt_window_without_a_head_is_a_ledger_that_comes_back(cluster: SimulatedCluster) -> None:
    world = cast(World, SimpleNamespace(cluster=cluster))
    window = Window(attempt=1, nonce="ab", phase=WindowPhase.VERIFIED)
    rebuilt = Window(attempt=1, nonce="ab", phase=WindowPhase.VERIFIED, facts="rebuilt")
    assert [rebuilding(world, each) for each in (None, window, rebuilt)] == [False, False, True]
    put(cluster, b"1")
    assert not rebuilding(world, rebuilt)
