"""Retirement: what was handed over goes as Git declares, nothing else, and the record says what is left (H3, H5)."""

from typing import Any

import pytest

from bootstrap.model.catalog import Custody, Renew, RetireMode
from bootstrap.model.decision import Act, Satisfied
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.handover import CopyState, Next
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.kinds.retired import as_seen, emptied, is_over
from bootstrap.steps.secrets.admission import POLICY
from tests.simulator.retiring import COPY, NOTE, OTHER, RULE, VALUE, Retiring

APPLY = f"apply ValidatingAdmissionPolicy {POLICY}"
RECORDS = ("record zeta RETIRED", "record alpha RETIRED")


@pytest.fixture
def retiring(monkeypatch: pytest.MonkeyPatch) -> Retiring:
    return Retiring(monkeypatch)


def changes(retiring: Retiring) -> tuple[str, ...]:
    decision = retiring.step.decide(retiring.step.observe())
    return decision.changes if isinstance(decision, Act) else ()


def note(retiring: Retiring) -> str:
    decision = retiring.step.decide(retiring.step.observe())
    assert isinstance(decision, Satisfied), decision
    return decision.note


def test_h3_it_goes_once_its_return_is_refused_and_is_on_record(retiring: Retiring) -> None:
    retiring.scaffold()
    uid = retiring.live()["metadata"]["uid"]
    assert changes(retiring) == (APPLY, f"delete {COPY} (UID {uid})", *RECORDS)
    retiring.late = 3
    retiring.cluster.controllers.append(
        lambda _, verb, obj: pytest.fail("too early") if verb == "deleted" and retiring.late > 0 else None
    )
    retiring.act()
    assert retiring.cluster.get(COPY) is None
    assert note(retiring) == "2 retired, 1 scaffolds gone for good"
    alpha, zeta = (retiring.records[name].fact for name in ("alpha", "zeta"))
    assert (alpha.retire, zeta.retire) == (RetireMode.DELETED, RetireMode.DELETED)
    assert alpha.residuals == ("git-history", "etcd-history", "etcd-backups", "unseal-key-in-cluster")
    assert zeta.residuals == ("git-history", "unseal-key-in-cluster")
    assert alpha.details["how"] == "scaffold deleted by UID, re-creation refused"
    assert zeta.details["how"] == "no copy in the cluster"
    assert (alpha.source, alpha.commitments, alpha.details["txn"]) == (
        "of the commit",
        {"password": "c"},
        "t",
    )


def test_inv2_while_admission_takes_it_nothing_goes_and_nothing_is_recorded(retiring: Retiring) -> None:
    retiring.scaffold()
    retiring.late = 1000000
    with pytest.raises(WorldError) as stopped:
        retiring.act()
    assert (stopped.value.code, retiring.touched(), retiring.records) == ("E_TIMEOUT", [], {})


def test_inv2_what_was_retired_is_not_touched_and_its_policy_put_back(retiring: Retiring) -> None:
    retiring.act()
    assert note(retiring) == "2 retired, 1 scaffolds gone for good"
    records = dict(retiring.records)
    live: Any = retiring.cluster.get(RULE)
    retiring.cluster.delete(RULE, uid=live["metadata"]["uid"])
    assert changes(retiring) == (APPLY,)
    retiring.act()
    assert retiring.records == records
    assert note(retiring).startswith("2 retired")


def test_h3_one_that_came_back_goes_again_without_another_record(retiring: Retiring) -> None:
    retiring.act()
    retiring.scaffold()
    assert [c.split()[0] for c in changes(retiring)] == ["delete"]
    before = dict(retiring.records)
    retiring.act()
    assert (retiring.cluster.get(COPY), retiring.records) == (None, before)


def test_h3_without_scaffolds_there_is_no_policy(retiring: Retiring) -> None:
    retiring.declares(scaffold=None)
    assert changes(retiring) == RECORDS
    retiring.act()
    assert retiring.cluster.get(RULE) is None
    assert note(retiring) == "2 retired, 0 scaffolds gone for good"


def test_h3_what_is_not_committed_is_not_taken_away(retiring: Retiring) -> None:
    retiring.scaffold()
    retiring.committed = ["zeta"]
    seen = retiring.step.observe()
    retiring.step.act(seen)
    assert retiring.touched() == []
    assert set(retiring.records) == {"zeta"}


# ---------------------------------------------------------------- what is waited for


def test_h3_consumers_have_their_time(retiring: Retiring) -> None:
    retiring.scaffold()
    retiring.unready = {"alpha": ("its pod is not ready",)}
    assert changes(retiring) == (APPLY, "record zeta RETIRED", "give alpha time: its pod is not ready")
    clock: Any = retiring.world.clock

    def ready() -> None:
        if clock.seconds > 60:
            retiring.unready = {}

    retiring.then = ready
    seen = retiring.step.observe()
    retiring.step.act(seen)
    assert retiring.cluster.get(COPY) is None
    assert set(retiring.records) == {"alpha", "zeta"}


def test_h3_after_their_time_it_waits_and_the_others_are_retired(retiring: Retiring) -> None:
    retiring.scaffold()
    retiring.unready, retiring.holders = {"alpha": ("its pod is not ready",)}, ("a pod holds it",)
    retiring.act()
    assert (retiring.touched(), set(retiring.records)) == ([], {"zeta"})
    decision = retiring.step.decide(retiring.step.observe())
    assert isinstance(decision, Satisfied)
    assert decision.pending == ("alpha: its pod is not ready, a pod holds it",)
    assert decision.note == "1 retired, 0 scaffolds gone for good"
    retiring.another_process()
    assert changes(retiring) == ("give alpha time: its pod is not ready, a pod holds it",)


def test_h3_one_that_is_gone_and_whose_consumers_wait_is_not_recorded(retiring: Retiring) -> None:
    retiring.unready = {"alpha": ("its pod is not ready",)}
    assert changes(retiring) == (APPLY, "record zeta RETIRED", "give alpha time: its pod is not ready")
    retiring.act()
    assert set(retiring.records) == {"zeta"}


def test_h3_one_that_came_back_and_is_held_waits(retiring: Retiring) -> None:
    retiring.act()
    retiring.another_process()
    retiring.scaffold()
    retiring.holders = ("a pod holds it",)
    assert changes(retiring) == ("give alpha time: a pod holds it",)


def test_h3_of_one_that_was_left_and_is_on_record_nothing_is_waited_for(retiring: Retiring) -> None:
    retiring.declares(retire=RetireMode.IGNORED)
    retiring.scaffold()
    retiring.act()
    retiring.another_process()
    retiring.unready = {"alpha": ("its pod is not ready",)}
    decision = retiring.step.decide(retiring.step.observe())
    assert isinstance(decision, Satisfied)
    assert decision.pending == ()


def test_h3_one_that_another_run_has_emptied_meanwhile_is_not_deleted(retiring: Retiring) -> None:
    retiring.declares(retire=RetireMode.INERT)
    retiring.scaffold()
    seen = retiring.step.observe()
    retiring.cluster.update_as("another run", {**retiring.live(), "data": {}})
    retiring.step.act(seen)
    assert retiring.live()["data"] == {}
    assert retiring.records["alpha"].fact.retire is RetireMode.INERT


def test_h3_one_that_was_filled_meanwhile_is_not_recorded(retiring: Retiring) -> None:
    """It came back between the look and the record."""
    seen = retiring.step.observe()
    retiring.scaffold()
    retiring.step.act(seen)
    assert set(retiring.records) == {"zeta"}


def test_h3_a_deleted_one_that_is_held_is_waited_for(retiring: Retiring) -> None:
    retiring.scaffold(finalizers=["another.example/holds"])
    assert not any("held" in change for change in changes(retiring))
    retiring.act()
    assert set(retiring.records) == {"zeta"}
    retiring.another_process()
    assert changes(retiring) == ("give alpha time: deleted, and held by finalizers another.example/holds",)


def test_h3_once_all_is_over_nobody_is_asked(retiring: Retiring) -> None:
    retiring.act()
    retiring.unready = {"alpha": ("its pod is not ready",)}
    assert retiring.step.observe().waiting == {}
    assert retiring.step.observe().step(retiring.world.intent.scaffolds[0]) is Next.DONE


# ---------------------------------------------------------------- what it holds


@pytest.mark.parametrize(
    ("data", "of_git", "recorded", "goes"),
    [
        (VALUE, VALUE, False, True),
        (OTHER, OTHER, False, True),
        (OTHER, VALUE, True, True),
        (OTHER, VALUE, False, False),
    ],
)
def test_h3_only_the_bytes_that_were_handed_over_or_are_declared_go(
    data: dict[str, Sensitive], of_git: dict[str, Sensitive], recorded: bool, goes: bool, retiring: Retiring
) -> None:
    retiring.scaffold(data)
    retiring.of_git, retiring.recorded_bytes = of_git, recorded
    if goes:
        retiring.act()
        assert retiring.cluster.get(COPY) is None
        return
    with pytest.raises(EvidenceError) as stopped:
        retiring.act()
    assert (stopped.value.code, stopped.value.where) == ("E_SOURCE_DRIFT", str(COPY))
    assert (retiring.touched(), retiring.records) == ([], {})


def test_h3_one_that_went_by_itself_is_no_error(retiring: Retiring) -> None:
    retiring.scaffold()
    seen = retiring.step.observe()
    retiring.cluster.delete(COPY, uid=retiring.live()["metadata"]["uid"])
    retiring.step.act(seen)
    assert set(retiring.records) == {"alpha", "zeta"}


@pytest.mark.parametrize("mode", [RetireMode.DELETED, RetireMode.INERT])
def test_h3_one_that_was_changed_since_it_was_compared_stays(mode: RetireMode, retiring: Retiring) -> None:
    retiring.declares(retire=mode)
    retiring.scaffold()

    def changed(*_: object) -> dict[str, Sensitive]:
        now = retiring.live()
        retiring.cluster.update_as("another", {**now, "data": OTHER})
        return VALUE

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("bootstrap.steps.kinds.retired.source_values", changed)
        retiring.act()
    assert retiring.live()["data"] == OTHER
    assert set(retiring.records) == {"zeta"}


# ---------------------------------------------------------------- as Git declares


def test_h3_inert_it_stays_empty(retiring: Retiring) -> None:
    retiring.declares(retire=RetireMode.INERT)
    note_of_kubectl = Sensitive(b"a value", "annotation")
    retiring.scaffold(annotations={NOTE: note_of_kubectl, "team": "theirs"})
    uid = retiring.live()["metadata"]["uid"]
    assert f"empty {COPY} (UID {uid})" in changes(retiring)
    retiring.act()
    live = retiring.live()
    assert (live["data"], live["metadata"]["uid"]) == ({}, uid)
    assert live["metadata"]["annotations"] == {"team": "theirs"}
    assert note(retiring) == "2 retired, 0 scaffolds gone for good, 1 emptied"
    fact = retiring.records["alpha"].fact
    assert (fact.retire, fact.details["how"]) == (
        RetireMode.INERT,
        "its content removed by compare-and-swap; the object stays",
    )
    assert "scaffold-in-cluster" not in fact.residuals


def test_h3_one_that_is_empty_already_is_recorded_and_one_without_notes_is_emptied(
    retiring: Retiring,
) -> None:
    retiring.declares(retire=RetireMode.INERT)
    retiring.scaffold({})
    assert RECORDS[1] in changes(retiring)
    retiring.act()
    assert (retiring.touched(), retiring.records["alpha"].fact.retire) == ([], RetireMode.INERT)
    live = emptied({"metadata": {"name": "x"}, "data": VALUE})
    assert (live["data"], live["metadata"]["name"]) == ({}, "x")


def test_h3_an_empty_one_that_is_to_go_goes(retiring: Retiring) -> None:
    retiring.scaffold({})
    retiring.act()
    assert retiring.cluster.get(COPY) is None


def test_h3_ignored_it_is_left_and_named(retiring: Retiring) -> None:
    retiring.declares(retire=RetireMode.IGNORED)
    retiring.scaffold()
    retiring.act()
    assert retiring.touched() == []
    fact = retiring.records["alpha"].fact
    assert (fact.retire, "scaffold-in-cluster" in fact.residuals) == (RetireMode.IGNORED, True)
    assert note(retiring) == "2 retired, 0 scaffolds gone for good, 1 left"


@pytest.mark.parametrize("mode", [RetireMode.INERT, RetireMode.IGNORED])
def test_h3_one_that_is_gone_is_recorded_as_gone_whatever_was_declared(
    mode: RetireMode, retiring: Retiring
) -> None:
    retiring.declares(retire=mode)
    retiring.act()
    fact = retiring.records["alpha"].fact
    assert fact.retire is RetireMode.DELETED
    assert fact.details["how"] == "the scaffold was gone already, re-creation refused"
    assert "scaffold-in-cluster" not in fact.residuals
    assert note(retiring) == "2 retired, 1 scaffolds gone for good"


def test_h3_what_was_left_and_has_to_go_after_all_goes_and_is_recorded_anew(retiring: Retiring) -> None:
    retiring.declares(retire=RetireMode.IGNORED)
    retiring.scaffold()
    retiring.act()
    retiring.declares(retire=RetireMode.DELETED)
    retiring.act()
    assert retiring.cluster.get(COPY) is None
    assert retiring.records["alpha"].fact.retire is RetireMode.DELETED
    retiring.declares(retire=RetireMode.IGNORED)  # more was taken away than is declared now
    assert note(retiring).startswith("2 retired")


@pytest.mark.parametrize(("at", "again"), [(None, False), (5, False), (50, True)])
def test_inv1_behind_a_restore_a_copy_is_retired_once_more(
    at: int | None, again: bool, retiring: Retiring
) -> None:
    retiring.act()
    retiring.restored_at = at
    assert changes(retiring) == (("record alpha RETIRED",) if again else ())


@pytest.mark.parametrize(
    ("handover", "live"),
    [
        ({"renew": Renew.REISSUE}, "the value in Git is live until its issuer replaces it"),
        ({"renew": Renew.KEEP}, "the value in Git is live until it is rotated"),
        ({"renew": Renew.GENERATE}, None),
        ({"renew": Renew.GENERATE, "reason": "why", "until": "2027-01-31"}, None),
    ],
)
def test_h5_the_record_says_what_lives_on_and_why(
    handover: dict[str, Any], live: str | None, retiring: Retiring
) -> None:
    retiring.declares(**handover)
    retiring.act()
    details = retiring.records["alpha"].fact.details
    assert details.get("live") == live
    assert (details.get("reason"), details.get("until")) == (handover.get("reason"), handover.get("until"))


def test_h5_of_a_value_that_is_renewed_whole_git_s_history_is_dead(retiring: Retiring) -> None:
    retiring.renewed = ("password",)
    retiring.act()
    assert "git-history" not in retiring.records["alpha"].fact.residuals


def test_b4_under_offline_custody_the_unseal_key_is_not_in_the_cluster(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    retiring = Retiring(monkeypatch, custody=Custody.OFFLINE)
    retiring.act()
    assert retiring.records["zeta"].fact.residuals == ("git-history",)


@pytest.mark.parametrize(
    ("mode", "data", "held", "over"),
    [
        (RetireMode.DELETED, None, False, True),
        (RetireMode.DELETED, VALUE, False, False),
        (RetireMode.IGNORED, VALUE, False, True),
        (RetireMode.IGNORED, VALUE, True, False),
        (RetireMode.INERT, {}, True, True),
    ],
)
def test_h3_what_is_over(
    mode: RetireMode, data: dict[str, Sensitive] | None, held: bool, over: bool, retiring: Retiring
) -> None:
    retiring.declares(retire=mode)
    if data is not None:
        retiring.scaffold(data)
    retiring.holders = ("a pod",) if held else ()
    assert is_over(retiring.world, retiring.world.intent.scaffolds[0]) is over
    expected = CopyState.ABSENT if data is None else CopyState.STANDS if data else CopyState.EMPTIED
    assert as_seen(retiring.cluster.get(COPY)) is expected
