"""The one loop: it resumes after death at any point, never repeats blindly, and touches nothing when done."""

import os
import signal
from itertools import count
from typing import Any

import pytest

from bootstrap.engine.record import read_run
from bootstrap.engine.runner import Runner
from bootstrap.journal.entries import Event, last_intended
from bootstrap.journal.store import read_journal
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import (
    DecisionNeeded,
    Interrupted,
    PreconditionError,
    Transient,
    UnknownOutcome,
    WorldError,
)
from bootstrap.ports import Ref
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.faults import BASIC, Fault, Faulty, Killed
from tests.simulator.toys import Make, Nothing, toy_kinds, toy_plan, toy_world

ROAD = ("check", "claim", "make", "pair", "make")
MIDDLE = 28  # of its calls to the cluster: by then some of it is made


def run(cluster: object, plan: Any = None, name: str = "run-1", kinds: Any = None, **options: Any) -> Any:
    plan = plan or toy_plan(*ROAD)
    accept = options.pop("accept_plan_change", False)
    world = toy_world(cluster, plan, name, **options)
    return Runner(plan, world, kinds or toy_kinds(), accept_plan_change=accept).run(), world


def made(cluster: SimulatedCluster) -> list[str]:
    """What the steps made, without journal and lock."""
    found = [obj["metadata"]["name"] for obj in cluster.list("v1", "ConfigMap", "bootstrap-system")]
    return [name for name in found if not name.startswith(("journal-", "bootstrap-run"))]


def test_a_run_does_every_step_and_journals_it() -> None:
    cluster = SimulatedCluster()
    result, world = run(cluster)
    assert [o.acted for o in result.outcomes] == [False, False, True, True, True]
    assert made(cluster) == ["s2-make", "s3-pair-a", "s3-pair-b", "s4-make"]
    events = [(e.step, e.event) for e in read_journal(cluster)]
    assert events == [(s, e) for s in ("s2-make", "s3-pair", "s4-make") for e in (Event.INTENDED, Event.DONE)]
    record = read_run(cluster)
    assert record is not None
    assert (record.state, record.epoch, world.run.epoch) == ("finished", 1, 1)


def test_a_second_run_changes_nothing() -> None:
    cluster = SimulatedCluster()
    run(cluster)
    cluster.mutations.clear()
    result, _ = run(cluster, name="run-2")
    assert result.epoch == 0
    assert cluster.mutations == []


@pytest.mark.parametrize("fault", BASIC)
def test_every_single_fault_converges_to_the_same_end(fault: Fault) -> None:
    golden = SimulatedCluster()
    run(golden)
    for at in count(1):
        cluster = SimulatedCluster()
        faulty = Faulty(cluster, at, fault)
        try:
            run(faulty, name="run-1")
        except Killed:
            run(cluster, name="run-2")
        assert made(cluster) == made(golden), f"{fault} at call {at}"
        record = read_run(cluster)
        assert record is not None
        assert record.state == "finished", f"{fault} at call {at}"
        assert last_intended(read_journal(cluster)) is None, f"{fault} at call {at}"
        cluster.mutations.clear()
        run(cluster, name="run-3")
        assert cluster.mutations == [], f"{fault} at call {at}"
        if not faulty.fired:
            assert at > 30
            return


def test_two_deaths_in_a_row_converge() -> None:
    for first in range(1, 60, 3):
        for second in range(1, 60, 3):
            cluster = SimulatedCluster()
            for at, name in ((first, "run-1"), (second, "run-2")):
                try:
                    run(Faulty(cluster, at, Fault.KILL_AFTER), name=name)
                except Killed:
                    continue
            run(cluster, name="run-3")
            assert made(cluster) == ["s2-make", "s3-pair-a", "s3-pair-b", "s4-make"]


class Liar(Make):
    """Acts, and nothing comes of it."""

    def act(self, seen: Any) -> None:
        return None


def test_a_step_that_acts_without_effect_is_an_error() -> None:
    with pytest.raises(WorldError, match="post-condition does not hold") as caught:
        run(SimulatedCluster(), toy_plan("check", "claim", "liar"), kinds=toy_kinds(liar=Liar))
    assert caught.value.code == "E_NOT_DONE"


def test_what_still_differs_is_named() -> None:
    class Partial(Liar):
        def decide(self, seen: Any) -> Any:
            return Act("apply 7 objects", tuple(f"apply ConfigMap {n}" for n in range(7)))

    with pytest.raises(WorldError) as caught:
        run(SimulatedCluster(), toy_plan("check", "claim", "partial"), kinds=toy_kinds(partial=Partial))
    first, *lines = caught.value.message.splitlines()
    assert first.endswith("does not hold: apply 7 objects")
    assert [line.strip() for line in lines] == [*(f"apply ConfigMap {n}" for n in range(5)), "and 2 more"]


def test_each_step_is_told_once() -> None:
    cluster = SimulatedCluster()
    with pytest.raises(Killed):
        run(Faulty(cluster, MIDDLE, Fault.KILL_BEFORE))
    for name in ("run-2", "run-3"):  # one that goes on, one that finds everything done
        _, world = run(cluster, name=name)
        told = [step for kind, step, _ in world.narrator.events if kind in ("satisfied", "done")]
        assert told == [step.id for step in world.plan.steps]


class Mumbler(Make):
    """Never gives a clear answer, and never has an effect."""

    acts = 0

    def act(self, seen: Any) -> None:
        Mumbler.acts += 1
        raise UnknownOutcome("no answer")


def test_an_unknown_outcome_is_followed_by_a_look_and_bounded() -> None:
    with pytest.raises(WorldError) as caught:
        run(SimulatedCluster(), toy_plan("check", "claim", "mumbler"), kinds=toy_kinds(mumbler=Mumbler))
    assert (caught.value.code, Mumbler.acts) == ("E_NOT_DONE", 3)


def test_an_unknown_outcome_that_was_applied_is_not_repeated() -> None:
    class Applied(Make):
        acts = 0

        def act(self, seen: Any) -> None:
            Applied.acts += 1
            super().act(seen)
            raise UnknownOutcome("the answer was lost")

    run(SimulatedCluster(), toy_plan("check", "claim", "applied"), kinds=toy_kinds(applied=Applied))
    assert Applied.acts == 1


class Stranger(Make):
    def act(self, seen: Any) -> None:
        raise ZeroDivisionError


def test_an_unknown_exception_stops_the_run_and_the_next_goes_on() -> None:
    cluster = SimulatedCluster()
    plan = toy_plan("check", "claim", "stranger", "make")
    with pytest.raises(ZeroDivisionError):
        run(cluster, plan, kinds=toy_kinds(stranger=Stranger))
    open_entry = last_intended(read_journal(cluster))
    assert open_entry is not None
    assert open_entry.step == "s2-stranger"
    assert made(cluster) == []
    run(cluster, plan, name="run-2", kinds=toy_kinds(stranger=Make))
    assert made(cluster) == ["s2-stranger", "s3-make"]


class Wall(Nothing):
    def decide(self, seen: Any) -> Any:
        return Blocked(PreconditionError("no StorageClass", code="E_STORAGE"))


def test_a_blocked_step_stops_before_anything_is_changed() -> None:
    cluster = SimulatedCluster()
    with pytest.raises(PreconditionError) as caught:
        run(cluster, toy_plan("wall", "claim"), kinds=toy_kinds(wall=Wall))
    assert caught.value.code == "E_STORAGE"
    assert cluster.mutations == []


class Away(Nothing):
    left = 0

    def observe(self) -> Any:
        Away.left -= 1
        if Away.left >= 0:
            raise Transient("the server is away")
        return "back"


def test_an_observation_is_retried_while_the_server_is_away() -> None:
    Away.left = 4
    _, world = run(SimulatedCluster(), toy_plan("away", "claim"), kinds=toy_kinds(away=Away))
    assert world.narrator.said("the server is away; again in 8 s")


def test_an_observation_is_not_retried_for_ever() -> None:
    Away.left = 10_000
    cluster = SimulatedCluster()
    with pytest.raises(Transient):
        run(cluster, toy_plan("away", "claim"), kinds=toy_kinds(away=Away))
    assert Away.left > 9_970
    assert cluster.mutations == []


def test_an_unfinished_run_stops_under_another_plan_until_it_is_accepted() -> None:
    cluster = SimulatedCluster()
    first = toy_plan(*ROAD)
    with pytest.raises(Killed):
        run(Faulty(cluster, MIDDLE, Fault.KILL_BEFORE), first)
    other = toy_plan(*ROAD, commit="decaf")
    cluster.mutations.clear()
    with pytest.raises(DecisionNeeded) as caught:
        run(cluster, other, name="run-2")
    assert (caught.value.code, cluster.mutations) == ("E_PLAN_CHANGED", [])
    assert first.digest in caught.value.message
    assert other.digest in caught.value.message
    run(cluster, other, name="run-3", accept_plan_change=True)
    record = read_run(cluster)
    assert record is not None
    assert (record.accepted, record.plan) == ((other.digest,), other.digest)
    assert any("plan change accepted" in entry.message for entry in read_journal(cluster))


def test_a_finished_run_goes_on_under_another_plan() -> None:
    cluster = SimulatedCluster()
    run(cluster)
    run(cluster, toy_plan(*ROAD, "make", commit="decaf"), name="run-2")
    assert "s5-make" in made(cluster)


class Asks(Nothing):
    """Rests on an approval, as preflight does over a lost authority; ``FORM`` is how it is kept."""

    FORM = "new-authority@0"

    def observe(self) -> bool:
        return bool({"new-authority", self.FORM} & self.world.approvals)

    def decide(self, seen: bool) -> Decision:
        if seen:
            return Satisfied("approved", rests_on=(self.FORM,))
        return Blocked(DecisionNeeded("which is it?", code="E_AUTHORITY_LOST"))


def test_inv4_an_approval_is_kept_while_the_run_is_unfinished_and_no_longer() -> None:
    cluster, kinds = SimulatedCluster(), toy_kinds(asks=Asks, dies=Dies)
    plan = toy_plan("asks", "claim", "dies")
    with pytest.raises(DecisionNeeded):
        run(cluster, plan, kinds=kinds)
    assert cluster.mutations == []
    with pytest.raises(WorldError, match="died"):
        run(cluster, plan, kinds=kinds, approvals=frozenset({"new-authority"}))
    assert any(entry.message == "approved: new-authority@0" for entry in read_journal(cluster))
    run(cluster, plan, name="run-2", kinds=toy_kinds(asks=Asks, dies=Make))
    with pytest.raises(DecisionNeeded):
        run(cluster, plan, name="run-3", kinds=toy_kinds(asks=Asks, dies=Make))


def test_an_accepted_plan_change_waits_for_the_ledger() -> None:
    cluster, kinds = SimulatedCluster(), toy_kinds(dies=Dies)
    first, second = toy_plan("check", "claim", "dies"), toy_plan("check", "claim", "dies", commit="decaf")
    for plan, more in ((first, {}), (second, {"accept_plan_change": True})):
        with pytest.raises(WorldError, match="died"):
            run(cluster, plan, name=f"run-{plan.commit}", kinds=kinds, **more)
    record = read_run(cluster)
    assert record is not None
    assert record.unrecorded == (f"plan {first.digest} {second.digest} run-decaf",)


class Dies(Make):
    def act(self, seen: Any) -> None:
        raise WorldError("died")


def test_a_gated_step_waits_for_its_approval() -> None:
    from dataclasses import replace

    plan = toy_plan("check", "claim", "make")
    phase = plan.phases[0]
    gated = replace(phase, steps=(*phase.steps[:2], replace(phase.steps[2], gate="approve")))
    plan = replace(plan, phases=(gated,))
    cluster = SimulatedCluster()
    with pytest.raises(DecisionNeeded) as caught:
        run(cluster, plan)
    assert (caught.value.code, made(cluster)) == ("E_APPROVAL", [])
    run(cluster, plan, name="run-2", approvals=frozenset({"s2-make"}))
    assert made(cluster) == ["s2-make"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_and_says_what_was_intended(number: signal.Signals) -> None:
    class Struck(Make):
        def act(self, seen: Any) -> None:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    cluster = SimulatedCluster()
    plan = toy_plan("check", "claim", "struck")
    with pytest.raises(Interrupted, match="last intended: s2-struck: create ConfigMap") as caught:
        run(cluster, plan, kinds=toy_kinds(struck=Struck))
    assert caught.value.signal_number == number
    assert signal.getsignal(number) is before
    lease = cluster.get(Ref("coordination.k8s.io/v1", "Lease", "bootstrap", "bootstrap-system"))
    assert lease is not None
    assert lease["spec"]["holderIdentity"] == ""
    run(cluster, plan, name="run-2", kinds=toy_kinds(struck=Make))
    assert made(cluster) == ["s2-struck"]


def test_a_swallowed_signal_still_ends_the_run() -> None:
    class Swallower(Make):
        def act(self, seen: Any) -> None:
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except Exception:
                raise UnknownOutcome("a library caught it") from None

    with pytest.raises(Interrupted):
        run(SimulatedCluster(), toy_plan("check", "claim", "s"), kinds=toy_kinds(s=Swallower))


def test_a_run_stops_before_its_next_change_when_a_later_one_has_begun() -> None:
    cluster = SimulatedCluster()

    class Overtaken(Make):
        def act(self, seen: Any) -> None:
            super().act(seen)
            live = cluster.get(Ref("v1", "ConfigMap", "bootstrap-run", "bootstrap-system"))
            assert live is not None
            cluster.replace(
                {**live, "data": {"run": live["data"]["run"].replace('"epoch": 1', '"epoch": 2')}}
            )

    from bootstrap.model.errors import HeldError

    with pytest.raises(HeldError):
        run(cluster, toy_plan("check", "claim", "overtaken", "make"), kinds=toy_kinds(overtaken=Overtaken))
    assert made(cluster) == ["s2-overtaken"]


def test_decisions_of_the_toys_are_what_the_loop_expects() -> None:
    world = toy_world(SimulatedCluster(), toy_plan("make"))
    toy = Make(toy_plan("make").steps[0], world)
    assert isinstance(toy.decide(toy.wanted()), Act)
    assert isinstance(toy.decide([]), Satisfied)
