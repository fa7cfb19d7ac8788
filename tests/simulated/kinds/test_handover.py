"""What is not committed yet is handed over, what an interrupted `set` wrote is recorded, and no value is lost or
another's in silence (H1-H5, INV1)."""

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.catalog import Secret
from bootstrap.model.decision import Blocked
from bootstrap.model.errors import PreconditionError
from bootstrap.steps.kinds import handover
from bootstrap.steps.kinds.handover import HandoverSecrets
from tests.simulator.narrator import Remembered
from tests.simulator.small_world import STEP, decided, small_world

NAMES = ("first", "second")
UNRECORDED = Fact(type=RecordType.CLAIMED, details={"version": "2", "secret": "first"})
HAND_OVER = (
    "hand 2 secrets over to Vault",
    tuple(f"{name} to secret/applications/demo/{name}, renew generate" for name in NAMES),
)


class Place:
    """What is known of two secrets: which were announced and committed, and which Vault has."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.announced: tuple[str, ...] = ()
        self.committed: tuple[str, ...] = ()
        self.present: tuple[str, ...] = ()
        self.moved: tuple[PreconditionError, ...] = ()
        self.unrecorded: tuple[Fact, ...] = ()
        self.recorded: list[Fact] = []
        self.handed_over: list[tuple[frozenset[str], list[str]]] = []
        for name, value in {
            "named": lambda _, kind: dict.fromkeys(self.committed if kind is RecordType.COMMIT else ()),
            "announced_by": lambda _: dict.fromkeys(self.announced, frozenset({frozenset()})),
            "written": lambda *_: frozenset(self.present),
            "moved": lambda *_: iter(self.moved),
            "written_unrecorded": lambda *_: self.unrecorded,
            "HandingOver": lambda _, present: SimpleNamespace(run=lambda those: self.run(present, those)),
        }.items():
            monkeypatch.setattr(handover, name, value)
        self.world = small_world(None)
        ledger: Any = SimpleNamespace(read=lambda: self, append=self.recorded.extend)
        self.world.ledger = ledger
        declared = self.world.intent.handovers[0]
        secrets = tuple(replace(declared, name=name, path=f"applications/demo/{name}") for name in NAMES)
        self.world.intent = replace(self.world.intent, secrets=secrets)

    def run(self, present: frozenset[str], those: Sequence[Secret]) -> None:
        self.handed_over.append((present, [secret.name for secret in those]))

    @property
    def step(self) -> HandoverSecrets:
        return HandoverSecrets(STEP, self.world)

    def decision(self) -> tuple[str, tuple[str, ...]]:
        return decided(self.step)

    def stopped(self) -> tuple[str, str, str]:
        decision = self.step.decide(self.step.observe())
        assert isinstance(decision, Blocked)
        return decision.error.code, decision.error.message, decision.error.where

    def act(self) -> None:
        self.step.act(self.step.observe())


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


def test_h1_what_is_not_committed_is_handed_over(place: Place) -> None:
    assert place.decision() == HAND_OVER
    place.announced = place.present = ("first",)  # by a run that was interrupted
    assert place.decision() == HAND_OVER
    place.act()
    assert (place.handed_over, place.recorded) == ([(frozenset({"first"}), list(NAMES))], [])


def test_h4_what_is_committed_is_left(place: Place) -> None:
    place.announced = place.present = place.committed = ("first",)
    assert place.decision() == (HAND_OVER[0].replace("2", "1"), HAND_OVER[1][1:])
    place.act()
    assert place.handed_over == [(frozenset({"first"}), ["second"])]


@pytest.mark.parametrize("announced", [NAMES, ()])
def test_h4_once_all_are_committed_vault_is_authoritative(announced: tuple[str, ...], place: Place) -> None:
    place.present = place.committed = NAMES
    place.announced = announced
    assert place.decision() == ("Vault is authoritative for 2 secrets", ())


def test_inv1_one_that_is_gone_from_vault_after_its_handover_stops_it(place: Place) -> None:
    place.committed, place.present = NAMES, ("first",)
    assert place.stopped() == (
        "E_VALUE_LOST",
        "second: handed over, and gone from Vault",
        "secret/applications/demo/second",
    )


def test_inv1_a_version_that_nothing_of_ours_announced_stops_it(place: Place) -> None:
    place.present, place.announced = NAMES, ("first",)
    assert place.stopped() == (
        "E_AUTHORITY_CONFLICT",
        "second: Vault holds a version that no intent of ours explains; nothing is overwritten",
        "secret/applications/demo/second",
    )


def test_a_path_that_was_changed_after_the_handover_stops_it(place: Place) -> None:
    place.moved = (PreconditionError("its path is another", code="E_PATH", where="secrets/a.yaml:1"),)
    assert place.stopped() == ("E_PATH", "its path is another", "secrets/a.yaml:1")


def test_what_an_interrupted_set_wrote_is_recorded(place: Place) -> None:
    place.present = place.committed = NAMES
    place.unrecorded = (UNRECORDED,)
    assert place.decision() == (
        "record 1 changed values that an interrupted `set` wrote",
        ("record version 2 of first",),
    )
    place.act()
    assert place.recorded == [UNRECORDED]
    narrator = place.world.narrator
    assert isinstance(narrator, Remembered)
    assert narrator.events == []
