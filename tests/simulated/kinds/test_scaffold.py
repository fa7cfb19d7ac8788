"""A bootstrap copy is made where its place is free, not once Vault is its authority, and again if that is over (B1)."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.catalog import BootstrapCopy
from bootstrap.model.decision import Blocked
from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.admission import API
from bootstrap.steps.context.names import labels
from bootstrap.steps.kinds import scaffold
from bootstrap.steps.kinds.scaffold import BootstrapCopies
from bootstrap.steps.secrets.admission import POLICY
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.small_world import STEP, decided, each, small_world
from tests.support.simulated_clock import SimulatedClock

COPY = Ref("v1", "Secret", "alpha-bootstrap", "gitops")
HOME = Ref("v1", "Namespace", "gitops")
RULE, BINDING = (Ref(API, f"ValidatingAdmissionPolicy{kind}", POLICY) for kind in ("", "Binding"))
VALUE = {"password": Sensitive(b"of Git", "alpha")}
NEW = Fact(type=RecordType.NEW_AUTHORITY)
CREATE = f"create {COPY}"
FREED = tuple(f"delete {ref}, until they are retired again" for ref in (BINDING, RULE))


class Place:
    """A cluster, and what is known of the authority. ``refused`` for so many looks more."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cluster = SimulatedCluster()
        self.restoring = self.lost = self.anew = self.decided = False
        self.entries: tuple[str, ...] = ("an entry",)
        self.committed: tuple[str, ...] = ()
        self.recorded: list[Fact] = []
        self.refused = 0
        self.cluster.admission.append(self.admission)
        for name, value in {
            "under_way": lambda *_: self if self.restoring else None,
            "ledger_is_lost": lambda _: self.lost,
            "begins_anew": lambda *_: self.anew,
            "named": lambda *_: dict.fromkeys(self.committed),
            "decided": lambda _: self.decided,
            "gather": lambda _: None,
            "new_authority": lambda *_: (NEW,),
            "copy_values": lambda *_: VALUE,
        }.items():
            monkeypatch.setattr(scaffold, name, value)
        self.world = small_world(self.cluster, SimpleNamespace(flight=SimpleNamespace(each=each)))
        ledger: Any = SimpleNamespace(read=lambda: self, append=self.recorded.extend)
        self.world.ledger = ledger
        clock = self.world.clock
        assert isinstance(clock, SimulatedClock)
        clock.on_sleep.append(self.pass_time)

    def pass_time(self) -> None:
        self.refused -= 1

    def admission(self, obj: Object) -> str:
        return "it is retired" if obj["kind"] == "Secret" and self.refused > 0 else ""

    def make(self, ref: Ref, ours: bool = True, **more: Any) -> None:
        if ref.namespace and self.cluster.get(HOME) is None:
            self.make(HOME)
        meta = {"name": ref.name, "namespace": ref.namespace, "labels": labels("scaffold") if ours else {}}
        refused, self.refused = self.refused, 0
        self.cluster.create({"apiVersion": ref.api, "kind": ref.kind, "metadata": meta, **more})
        self.refused = refused

    def need(self, ref: Ref) -> Object:
        found = self.cluster.get(ref)
        assert found is not None, ref
        return found

    @property
    def step(self) -> BootstrapCopies:
        return BootstrapCopies(STEP, self.world)

    def decision(self) -> tuple[str, tuple[str, ...]]:
        return decided(self.step)

    def act(self) -> None:
        self.step.act(self.step.observe())


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


@pytest.mark.parametrize("home", [True, False], ids=["in a namespace that is there", "with its namespace"])
def test_b1_one_that_is_not_there_is_made_and_no_other_thing(home: bool, place: Place) -> None:
    if home:
        place.make(HOME, ours=False)
    before = place.cluster.get(HOME)
    place.make(RULE)
    assert place.decision() == ("materialize 1 bootstrap secrets", (CREATE,))
    place.act()
    live = place.need(COPY)
    assert (live["data"], live["type"], live["metadata"]["labels"]) == (VALUE, "Opaque", labels("scaffold"))
    assert place.decision() == ("1 in the cluster, 0 handed over before", ())
    assert place.recorded == []
    assert place.cluster.get(RULE) is not None
    assert before in (None, place.need(HOME))


def test_b1_it_has_the_type_that_is_declared(place: Place) -> None:
    (secret,) = place.world.intent.scaffolds
    declared = replace(
        secret, scaffold=BootstrapCopy(namespace="gitops", name=COPY.name, type="example.com/login")
    )
    place.world.intent = replace(place.world.intent, secrets=(declared,))
    place.act()
    assert place.need(COPY)["type"] == "example.com/login"


def test_b1_what_has_its_name_and_is_not_ours_stops_it(place: Place) -> None:
    place.make(COPY, ours=False)
    decision = place.step.decide(place.step.observe())
    assert isinstance(decision, Blocked)
    assert (decision.error.code, decision.error.where) == ("E_NAME_TAKEN", str(COPY))


def test_inv2_once_it_was_handed_over_it_is_not_made(place: Place) -> None:
    place.committed = ("alpha",)
    assert place.decision() == ("0 in the cluster, 1 handed over before", ())


def test_inv2_while_the_ledger_is_not_known_nothing_is_made(place: Place) -> None:
    place.lost = True
    assert place.decision() == ("what was handed over is known once the ledger is open", ())
    place.restoring = True  # what is restored needs it before its ledger is there
    assert place.decision() == ("materialize 1 bootstrap secrets", (CREATE,))


def test_b1_one_that_was_emptied_is_filled_as_the_object_that_it_is(place: Place) -> None:
    place.make(COPY)
    before = place.need(COPY)["metadata"]["uid"]
    assert place.decision() == ("materialize 1 bootstrap secrets", (f"fill {COPY}",))
    place.act()
    assert (place.need(COPY)["data"], place.need(COPY)["metadata"]["uid"]) == (VALUE, before)


# ---------------------------------------------------------------- where what was handed over counts no more


@pytest.mark.parametrize("there", [(), (HOME,), (HOME, COPY)], ids=["no namespace", "a namespace", "emptied"])
@pytest.mark.parametrize("why", ["anew", "restoring"])
def test_b1_it_is_needed_again_and_what_refuses_it_goes_first(
    why: str, there: tuple[Ref, ...], place: Place
) -> None:
    setattr(place, why, True)
    place.committed = ("alpha",)
    for ref in (RULE, BINDING, *there):
        place.make(ref)
    place.refused = 3
    changes = (*FREED, f"fill {COPY}" if COPY in there else CREATE)
    if why == "anew":
        expected = (
            "begin a new authority, materialize 1 bootstrap secrets",
            ("record the new authority", *changes),
        )
    else:
        expected = ("materialize 1 bootstrap secrets", changes)
    assert place.decision() == expected
    place.act()
    assert place.need(COPY)["data"] == VALUE
    assert (place.cluster.get(RULE), place.cluster.get(BINDING)) == (None, None)
    assert place.recorded == ([NEW] if why == "anew" else [])


@pytest.mark.parametrize("why", ["anew", "restoring"])
def test_inv2_where_it_stands_what_refuses_it_stays(why: str, place: Place) -> None:
    setattr(place, why, True)
    place.decided = True
    place.make(RULE)
    place.make(COPY, data=VALUE)
    assert place.decision() == ("1 in the cluster, 0 handed over before", ())


def test_what_refuses_it_and_is_not_ours_stays(place: Place) -> None:
    place.anew = place.decided = True
    place.make(RULE, ours=False)
    assert place.decision() == ("materialize 1 bootstrap secrets", (CREATE,))


def test_while_admission_refuses_it_nothing_is_made(place: Place) -> None:
    place.anew = True
    place.make(HOME)
    place.make(RULE)
    place.refused = 1000000
    with pytest.raises(WorldError) as stopped:
        place.act()
    assert (stopped.value.code, place.cluster.get(COPY)) == ("E_TIMEOUT", None)


@pytest.mark.parametrize("why", ["it is on record", "the ledger is empty"])
def test_inv4_the_decision_is_recorded_where_the_ledger_lacks_it(why: str, place: Place) -> None:
    place.anew = True
    place.make(COPY, data=VALUE)
    assert place.decision() == (
        "begin a new authority, materialize 0 bootstrap secrets",
        ("record the new authority",),
    )
    place.decided = why == "it is on record"
    place.entries = ("an entry",) if place.decided else ()
    assert place.decision() == ("1 in the cluster, 0 handed over before", ())
