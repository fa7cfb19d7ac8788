"""What must hold before anything is touched: what is looked at, and what stops the run (G5, INV4)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bootstrap.model.decision import Blocked, Decision, Satisfied
from bootstrap.model.errors import BootstrapError, PreconditionError
from bootstrap.ports import Object, Permission, Ref
from bootstrap.steps.authority.recovering import NO_LOSS, QuorumSeen
from bootstrap.steps.authority.restoring import NO_RESTORE, RestoreSeen
from bootstrap.steps.kinds import preflight
from bootstrap.steps.kinds.preflight import DEFAULT_CLASS, Observation, Preflight
from bootstrap.steps.permissions import beginning_anew, recovering_a_quorum, restoring_in_place, wanted
from tests.simulator.small_world import STEP, small_world
from tests.support.authorities import authority

ALL = "Kubernetes v1.34.4, storage class standard, all permissions"


def stop(code: str) -> PreconditionError:
    return PreconditionError(f"of {code}", code=code, hint=f"hint of {code}")


class Place:
    """A cluster as it is found. ``asked`` are the looks that a missing permission would deny."""

    context = "a-context"

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = small_world(self)
        self.skew = timedelta(0)
        self.kubernetes = "v1.34.4"
        self.denied: set[Permission] = set()
        self.asked: list[str] = []
        self.authority = authority()
        self.foreign = ""
        self.passes = self.in_place = True
        self.leaving = False
        self.dropped: BootstrapError | None = None
        self.quorum, self.restore = NO_LOSS, NO_RESTORE
        self.stopped: BootstrapError | None = None
        self.issuer: PreconditionError | None = None
        self.errors: dict[str, list[BootstrapError]] = {}
        self.classes: list[Object] = [storage("standard", default="true")]
        for name, value in {
            "in_use": self.told("in_use", lambda: self.dropped),
            "gather": self.told("gather", lambda: self.authority),
            "quorum_seen": self.told("quorum", lambda: self.quorum),
            "restore_seen": self.told("restore", lambda: self.restore),
            "in_place": lambda *_: self.in_place,
            "foreign_store": self.told("foreign", lambda: self.foreign),
            "refused_changes": self.told("changes", lambda: self.errors.get("changes", [])),
            "opening_sources": self.told("sources", lambda: self.errors.get("sources", [])),
            "taken": self.told("taken", lambda: self.errors.get("taken", [])),
            "terminating": self.told("leaving", lambda: self.leaving),
            "stopped": lambda _: self.stopped,
            "rests_on": lambda _: ("rests on it",),
            "passes": lambda *_: self.passes,
        }.items():
            monkeypatch.setattr(preflight, name, value)

    def told(self, name: str, answer: Any) -> Any:
        def look(*_: object) -> Any:
            self.asked.append(name)
            return answer()

        return look

    def version(self) -> str:
        return self.kubernetes

    def server_time(self) -> Any:
        return self.world.clock.now() + self.skew

    def missing(self, permissions: Sequence[Permission]) -> tuple[Permission, ...]:
        return tuple(each for each in permissions if each in self.denied)

    def identity(self) -> Any:
        return type("Who", (), {"user": "somebody", "groups": ()})

    def token_issuer(self) -> None:
        self.asked.append("issuer")
        if self.issuer is not None:
            raise self.issuer

    def get(self, ref: Ref) -> None:
        assert ref == Ref("v1", "Namespace", "vault")

    def list(self, *_: object) -> list[Object]:
        self.asked.append("storage")
        return self.classes

    def observe(self) -> Observation:
        return Preflight(STEP, self.world).observe()

    def decided(self) -> Decision:
        return Preflight(STEP, self.world).decide(self.observe())

    def stops(self) -> str:
        decision = self.decided()
        return decision.error.code if isinstance(decision, Blocked) else ""


def storage(name: str, **default: str) -> Object:
    marks = {DEFAULT_CLASS: default["default"]} if default else None
    return {"metadata": {"name": name, "annotations": marks} if default else {"name": name}}


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


LOOKS = [
    "in_use",
    "gather",
    "quorum",
    "foreign",
    "storage",
    "changes",
    "sources",
    "issuer",
    "taken",
    "leaving",
]


def test_g5_where_all_holds_it_says_so_and_has_looked_at_all(place: Place) -> None:
    assert place.decided() == Satisfied(ALL, rests_on=("rests on it",))
    assert place.asked == [*LOOKS, "restore"]


def test_g5_notes_and_what_it_rests_on_are_told(place: Place) -> None:
    place.restore = RestoreSeen(note="a restore's", rests_on=("restore",))
    place.quorum = QuorumSeen(note="a quorum's", rests_on=("quorum",))
    expected = Satisfied(f"{ALL}; a restore's; a quorum's", rests_on=("rests on it", "restore", "quorum"))
    assert place.decided() == expected


def test_g5_what_a_missing_permission_would_deny_is_not_asked(place: Place) -> None:
    denied = wanted(place.world.intent)[0]
    place.denied.add(denied)
    decision = place.decided()
    assert isinstance(decision, Blocked)
    assert decision.error.message == f"1 permissions are missing:\n    {denied}"
    assert place.asked == []


def test_g7_a_ca_that_is_in_use_is_told_before_anything_is_asked_of_vault(place: Place) -> None:
    place.dropped = stop("E_CA_IN_USE")
    assert place.stops() == "E_CA_IN_USE"
    assert place.asked == ["in_use"]


# ---------------------------------------------------------------- what this run needs besides


def needed(place: Place, permissions: Sequence[Permission]) -> set[Permission]:
    """Those without which it stops, each missing alone."""
    found = set()
    for each in permissions:
        place.denied = {each}
        if place.stops() == "E_RBAC":
            found.add(each)
    place.denied = set()
    return found


def test_g5_each_kind_of_run_needs_its_own(place: Place) -> None:
    intent = place.world.intent
    anew, recovers, restores = beginning_anew(), recovering_a_quorum(intent), restoring_in_place(intent)
    more = tuple({*anew, *recovers, *restores} - {*wanted(intent)})
    assert needed(place, more) == {*restores} & {*more}
    place.denied = set(restores)
    place.asked.clear()
    assert place.stops() == "E_RBAC"
    assert place.asked == ["in_use", "gather", "quorum", "restore"]
    place.in_place = False
    assert needed(place, more) == set()
    place.quorum = QuorumSeen(recovers=True)
    assert needed(place, more) == {*recovers} & {*more}
    place.authority = authority(new_authority=True)
    assert needed(place, more) == {*anew} & {*more}


@pytest.mark.parametrize("why", ["", "foreign", "anew"])
def test_h1_changes_of_git_are_refused_where_what_was_is_ours_and_counts(why: str, place: Place) -> None:
    place.errors["changes"] = [stop("E_PATH_MOVED")]
    if why == "foreign":
        place.foreign = "StatefulSet vault/theirs"
    if why == "anew":
        place.authority = authority(new_authority=True)
    assert place.stops() == {"": "E_PATH_MOVED", "foreign": "E_FOREIGN_STORE", "anew": ""}[why]
    assert ("changes" in place.asked) is (why == "")


# ---------------------------------------------------------------- what stops it


def test_inv4_of_the_authority_the_first_that_stops_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.passes = False  # told only where nothing else stops it
    place.stopped = stop("E_AUTHORITY_LOST")
    assert place.stops() == "E_AUTHORITY_LOST"
    place.quorum = QuorumSeen(stop("E_QUORUM_LOST"))
    assert place.stops() == "E_QUORUM_LOST"
    place.restore = RestoreSeen(stop("E_RESTORE_UNDER_WAY"))
    assert place.stops() == "E_RESTORE_UNDER_WAY"
    place.authority = replace(authority(), bound="production")
    assert place.stops() == "E_ENVIRONMENT"


def test_g5_each_alone(place: Place) -> None:
    assert place.stops() == ""
    place.passes = False
    assert place.stops() == "E_OPERATOR_UNKNOWN"
    place.passes, place.leaving = True, True
    assert place.stops() == "E_NAME_TAKEN"
    place.leaving, place.issuer = False, stop("E_NO_ISSUER")
    assert place.stops() == "E_NO_ISSUER"
    place.issuer = None
    for what in ("taken", "sources"):
        place.errors = {what: [stop("E_SOME")]}
        assert place.stops() == "E_SOME"


@pytest.mark.parametrize(
    ("version", "fits"),
    [("v1.30.0", True), ("1.31+", True), ("v1.29.9", False), ("v0.99.0", False), ("unknown", False)],
)
def test_g5_the_version(version: str, fits: bool, place: Place) -> None:
    place.kubernetes = version
    assert place.stops() == ("" if fits else "E_VERSION")


@pytest.mark.parametrize(("seconds", "fits"), [(300, True), (-300, True), (301, False), (-301, False)])
def test_g5_the_clock(seconds: int, fits: bool, place: Place) -> None:
    place.skew = timedelta(seconds=seconds)
    assert place.stops() == ("" if fits else "E_CLOCK")


@pytest.mark.parametrize(
    ("declared", "classes", "found"),
    [
        ("", [storage("slow"), storage("standard", default="true")], "standard"),
        ("", [storage("slow"), storage("other", default="false")], ""),
        ("", [], ""),
        ("fast", [storage("standard", default="true"), storage("fast")], "fast"),
        ("fast", [storage("standard", default="true")], ""),
    ],
)
def test_g5_the_storage_class_is_the_one_that_is_named_or_the_default(
    declared: str, classes: list[Object], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(monkeypatch)
    place.world = small_world(place, storage_class=declared)
    place.classes = classes
    assert place.observe().storage == found
    decision = place.decided()
    if found:
        assert isinstance(decision, Satisfied)
        return
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_STORAGE"
    assert decision.error.message == (
        f"no StorageClass {declared!r}" if declared else "no default StorageClass"
    )


def test_s3_a_reserved_namespace_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(monkeypatch)
    place.world = small_world(place, namespace="kube-vault")
    monkeypatch.setattr(place, "get", lambda _: None)
    assert place.stops() == "E_NAMESPACE"


def test_g5_several_are_told_together(place: Place) -> None:
    place.kubernetes, place.classes, place.foreign = "v1.20.0", [], "StatefulSet vault/theirs"
    place.issuer = PreconditionError("it is not shown", code="E_NO_ISSUER")
    decision = place.decided()
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_VERSION"
    lines = decision.error.message.splitlines()
    assert lines[0] == "4 preconditions do not hold:"
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        *("E_VERSION", "hint", "E_STORAGE", "hint", "E_FOREIGN_STORE", "hint", "E_NO_ISSUER"),
    ]
