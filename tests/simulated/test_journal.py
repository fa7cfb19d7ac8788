"""The journal: durable, in order, tolerant of lost answers, and never a home for two writers."""

from itertools import count
from typing import Any

import pytest

from bootstrap.journal import store
from bootstrap.journal.entries import Entry, Event, last_intended, parse_line
from bootstrap.journal.store import Journal, read_journal
from bootstrap.model.errors import EvidenceError, HeldError, WorldError
from bootstrap.ports import Object, Reason, Ref, Refused
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.faults import Fault, Faulty
from tests.support.simulated_clock import SimulatedClock


def home() -> SimulatedCluster:
    cluster = SimulatedCluster()
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system"}})
    return cluster


def journal(cluster: Any, epoch: int = 1, run: str = "run-1") -> Journal:
    return Journal(cluster, SimulatedClock(), epoch=epoch, run=run, plan="sha256:0")


def test_what_is_appended_is_read_back_in_order() -> None:
    cluster = home()
    for epoch in (1, 2):
        lines = journal(cluster, epoch, f"run-{epoch}")
        lines.append(Event.INTENDED, "a", "make a ☃\nand more")
        lines.append(Event.DONE, "a")
    entries = read_journal(cluster)
    assert [(e.epoch, e.seq, e.event) for e in entries] == [
        (1, 1, Event.INTENDED),
        (1, 2, Event.DONE),
        (2, 1, Event.INTENDED),
        (2, 2, Event.DONE),
    ]
    assert entries[0].message == "make a ☃\nand more"
    assert (entries[0].run, entries[0].plan, entries[0].time) == ("run-1", "sha256:0", "2026-01-01T00:00:00Z")


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_REQUEST])
def test_a_lost_answer_neither_loses_nor_doubles_a_line(fault: Fault) -> None:
    for at in count(1):
        cluster = home()
        faulty = Faulty(cluster, at, fault)
        lines = journal(faulty)
        for n in range(3):
            lines.append(Event.NOTE, f"step-{n}")
        assert [(e.seq, e.step) for e in read_journal(cluster)] == [
            (1, "step-0"),
            (2, "step-1"),
            (3, "step-2"),
        ]
        if not faulty.fired:
            assert at == 5  # one look and a create, then two replaces
            return


def test_a_full_object_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LIMIT", 2_000)
    cluster = home()
    lines = journal(cluster)
    for n in range(40):
        lines.append(Event.NOTE, "step", f"line {n}")
    objects = cluster.list("v1", "ConfigMap", "bootstrap-system")
    assert [o["metadata"]["name"] for o in objects][:3] == [
        "journal-000001",
        "journal-000001-b",
        "journal-000001-c",
    ]
    assert all(len(o["data"]["entries"]) <= 2_000 for o in objects)
    assert [e.message for e in read_journal(cluster)] == [f"line {n}" for n in range(40)]


def test_a_line_that_is_too_long_for_any_object_stands_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LIMIT", 10)
    cluster = home()
    lines = journal(cluster)
    for n in range(2):
        lines.append(Event.NOTE, "step", f"line {n}")
    names = [o["metadata"]["name"] for o in cluster.list("v1", "ConfigMap", "bootstrap-system")]
    assert names == ["journal-000001", "journal-000001-b"]


def test_an_empty_line_is_no_damage() -> None:
    cluster = home()
    journal(cluster).append(Event.NOTE, "a")
    live = cluster.get(Ref("v1", "ConfigMap", "journal-000001", "bootstrap-system"))
    assert live is not None
    cluster.replace({**live, "data": {"entries": "\n" + live["data"]["entries"] + "\n"}})
    assert [e.step for e in read_journal(cluster)] == ["a"]


def test_two_writers_of_one_epoch_do_not_mix() -> None:
    cluster = home()
    first, second = journal(cluster), journal(cluster, run="run-2")
    first.append(Event.INTENDED, "a")
    with pytest.raises(HeldError):
        second.append(Event.INTENDED, "a")
    assert len(read_journal(cluster)) == 1


def test_a_refusal_is_an_error_with_its_reason() -> None:
    class Forbidding(SimulatedCluster):
        def create(self, obj: Object) -> Object | Refused:
            return Refused(Reason.FORBIDDEN, "no") if obj["kind"] == "ConfigMap" else super().create(obj)

    with pytest.raises(WorldError, match="forbidden: no"):
        journal(Forbidding()).append(Event.NOTE, "a")


def test_a_damaged_line_is_evidence_that_is_broken() -> None:
    with pytest.raises(EvidenceError) as caught:
        parse_line('{"epoch": 1}', "ConfigMap x/y")
    assert (caught.value.code, caught.value.where) == ("E_JOURNAL", "ConfigMap x/y")


def test_last_intended_is_what_was_not_seen_done() -> None:
    def entry(epoch: int, seq: int, step: str, event: Event) -> Entry:
        return Entry(epoch=epoch, seq=seq, time="", step=step, event=event, plan="", run="")

    opened = entry(1, 3, "b", Event.INTENDED)
    lines = [
        entry(1, 2, "a", Event.DONE),
        opened,
        entry(1, 1, "a", Event.INTENDED),
        entry(2, 1, "", Event.NOTE),
    ]
    assert last_intended(lines) == opened
    assert last_intended([*lines, entry(2, 2, "b", Event.DONE)]) is None
    assert last_intended([*lines, entry(2, 2, "a", Event.DONE)]) == opened, "another step was done"
    assert last_intended([*lines, entry(2, 2, "b", Event.NOTE)]) == opened, "a note ends nothing"
    assert last_intended([entry(1, 1, "a", Event.DONE)]) is None
    assert last_intended([]) is None


def test_the_objects_are_labelled_as_ours() -> None:
    cluster = home()
    journal(cluster).append(Event.NOTE, "a")
    live = cluster.get(Ref("v1", "ConfigMap", "journal-000001", "bootstrap-system"))
    assert live is not None
    assert live["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "bootstrap"
