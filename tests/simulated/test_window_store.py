"""The init window and its slots in the cluster: made once, read as they are, removed by their UID (B4)."""

from typing import Any

import pytest

from bootstrap.model.errors import EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Reason, Ref, Refused
from bootstrap.steps.context.names import SYSTEM_NAMESPACE, namespace
from bootstrap.steps.vault.init_window import REF, Slots, WindowStore, share_part, slot_ref
from tests.simulator.cluster import SimulatedCluster

FIRST = Window(attempt=1, nonce="ab", phase=WindowPhase.CLAIMED)
OURS, THEIRS = Sensitive(b"ours", "ciphertext"), Sensitive(b"theirs", "ciphertext")


class LosesAnswers(SimulatedCluster):
    def create(self, obj: Object) -> Any:
        super().create(obj)
        raise UnknownOutcome("the connection broke", code="E_UNKNOWN_OUTCOME")


class Refuses(SimulatedCluster):
    def create(self, obj: Object) -> Any:
        return Refused(Reason.EXISTS, "no")


@pytest.fixture
def cluster() -> SimulatedCluster:
    made = SimulatedCluster()
    made.create(namespace(SYSTEM_NAMESPACE, {}))
    return made


def test_b4_the_window_is_made_once_and_the_one_that_is_there_counts(cluster: SimulatedCluster) -> None:
    store = WindowStore(cluster)
    assert store.read() is None
    assert store.create(FIRST) == FIRST == store.read()
    assert store.create(Window(attempt=1, nonce="cd", phase=WindowPhase.CLAIMED)) == FIRST
    assert store.swap(FIRST, FIRST.sent("v"))
    assert not store.swap(FIRST, FIRST.voiding())
    assert store.read() == FIRST.sent("v")


def test_b4_a_window_whose_answer_was_lost_is_looked_at(cluster: SimulatedCluster) -> None:
    cluster.__class__ = LosesAnswers
    assert WindowStore(cluster).create(FIRST) == FIRST


def test_b4_a_window_that_cannot_be_made_is_said(cluster: SimulatedCluster) -> None:
    cluster.__class__ = Refuses
    with pytest.raises(WorldError) as stopped:
        WindowStore(cluster).create(FIRST)
    assert (stopped.value.code, stopped.value.where) == ("E_WINDOW", str(REF))


def test_inv4_a_window_that_no_run_wrote_is_said(cluster: SimulatedCluster) -> None:
    WindowStore(cluster).create(FIRST)
    live = cluster.peek(REF)
    assert live is not None
    live["data"]["phase"] = "OVER"
    with pytest.raises(EvidenceError) as stopped:
        WindowStore(cluster).read()
    assert stopped.value.code == "E_WINDOW"


def test_b4_a_share_s_slot_is_named_by_its_volume_and_its_generation() -> None:
    assert [slot_ref("v", share_part(n)).name for n in (1, 2, 3)] == [
        "vault-slot-v-share",
        "vault-slot-v-share-2",
        "vault-slot-v-share-3",
    ]


def test_b4_a_slot_is_written_once_for_its_volume(cluster: SimulatedCluster) -> None:
    slots, another = Slots(cluster, "v"), Slots(cluster, "w")
    assert slots.read(Slots.SHARE) is None
    slots.write(Slots.SHARE, OURS)
    slots.write(Slots.SHARE, OURS)
    with pytest.raises(WorldError) as stopped:
        slots.write(Slots.SHARE, THEIRS)
    assert (stopped.value.code, slots.read(Slots.SHARE)) == ("E_SLOT", OURS)
    assert (another.read(Slots.SHARE), slots.both()) == (None, False)
    slots.write(Slots.ROOT, OURS)
    assert (slots.both(), another.both()) == (True, False)
    live = cluster.get(slot_ref("v", Slots.SHARE))
    assert live is not None
    assert live["immutable"] is True


def test_b4_a_slot_whose_answer_was_lost_is_read_and_one_that_is_not_there_is_said(
    cluster: SimulatedCluster,
) -> None:
    slots = Slots(cluster, "v")
    cluster.__class__ = LosesAnswers
    slots.write(Slots.SHARE, OURS)
    cluster.__class__ = Refuses
    with pytest.raises(WorldError) as stopped:
        slots.write(Slots.ROOT, OURS)
    assert stopped.value.code == "E_SLOT"


def test_b4_a_slot_goes_by_its_uid(cluster: SimulatedCluster) -> None:
    slots = Slots(cluster, "v")
    slots.remove(Slots.SHARE)
    slots.write(Slots.SHARE, OURS)
    slots.remove(Slots.SHARE)
    assert slots.read(Slots.SHARE) is None
    slots.write(Slots.SHARE, THEIRS)

    class Late(SimulatedCluster):
        def delete(self, ref: Ref, *, uid: str, resource_version: str = "") -> Any:
            """Somebody removes it, and makes another one of its name, before the request comes."""
            cluster.__class__ = SimulatedCluster
            slots.remove(Slots.SHARE)
            slots.write(Slots.SHARE, OURS)
            return cluster.delete(ref, uid=uid, resource_version=resource_version)

    cluster.__class__ = Late
    slots.remove(Slots.SHARE)
    assert slots.read(Slots.SHARE) == OURS
