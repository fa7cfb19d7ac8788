"""A restore goes on until it is done, so many times and no more, and never without its file (INV1)."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.restoration import Move, Restoration, Stage, StoreState
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.kinds import vault_restored
from bootstrap.steps.kinds.vault_restored import Observation, VaultRestored
from bootstrap.steps.vault.restoration import REF, RestorationStore
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.small_world import STEP, small_world

BEGUN = Restoration(file="f", nonce="n", begun="2026-01-01T00:00:00Z")
EMPTY = StoreState(initialized=False, volume="v")
SEALED = StoreState(initialized=True, volume="v")
OPENS = StoreState(initialized=True, sealed=False, restored=True, volume="v")


class Restoring:
    """Stands for the moves: each has its outcome, and the next look at the store is given beforehand."""

    def __init__(self, store: RestorationStore, looks: Callable[[Restoration], StoreState]) -> None:
        self.store, self._looks = store, looks
        self.moves: list[Move] = []

    def state(self) -> StoreState:
        now = self.store.read()
        assert now is not None
        return self._looks(now)

    def make(self, move: Move, now: Restoration) -> None:
        self.moves.append(move)
        after = {
            Move.SEND: now.sent("v"),
            Move.VOID: now.voiding(),
            Move.FINISH_VOID: now.again(),
            Move.MARK_OPENED: now.opened(),
            Move.SETTLE: now.done("", ""),
        }
        if move in after:
            assert self.store.swap(now, after[move])


def step(
    now: Restoration, looks: Callable[[Restoration], StoreState], monkeypatch: pytest.MonkeyPatch
) -> tuple[VaultRestored, Restoring]:
    cluster = SimulatedCluster()
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system"}})
    store = RestorationStore(cluster)
    store.begin(now, None)
    restoring = Restoring(store, looks)
    monkeypatch.setattr(vault_restored, "RestoredStore", lambda *_: restoring)
    world = small_world(cluster)
    world.restore = cast(SnapshotSource, SimpleNamespace())
    return VaultRestored(STEP, world), restoring


def test_inv1_what_is_found_says_what_comes_next() -> None:
    kind = VaultRestored(STEP, small_world(None))
    assert kind.decide(Observation(None, True)) == Satisfied("no snapshot is being restored")
    done = BEGUN.again().done("", "")
    assert kind.decide(Observation(done, False)) == Satisfied("restored, attempt 2")
    act = kind.decide(Observation(BEGUN, True))
    assert isinstance(act, Act)
    assert act.summary == "restore Vault from the snapshot, BEGUN"
    blocked = kind.decide(Observation(BEGUN, False))
    assert isinstance(blocked, Blocked)
    assert blocked.error.code == "E_RESTORE_UNDER_WAY"


@pytest.mark.parametrize("attempt", [1, 3])
def test_inv1_three_attempts_of_one_run_and_the_next_run_has_three_more(
    attempt: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = Restoration(file="f", nonce="n", begun=BEGUN.begun, attempt=attempt)
    kind, restoring = step(now, lambda _: EMPTY, monkeypatch)
    with pytest.raises(WorldError) as stopped:
        kind.act(kind.observe())
    assert (stopped.value.code, "3 attempts" in stopped.value.message) == ("E_RESTORE", True)
    assert restoring.moves == [Move.SEND, Move.VOID, Move.FINISH_VOID] * 3


def test_inv1_once_it_is_done_nothing_more_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    kind, restoring = step(BEGUN, lambda now: EMPTY if now.stage is Stage.BEGUN else OPENS, monkeypatch)
    kind.act(kind.observe())
    assert restoring.moves == [Move.SEND, Move.MARK_OPENED, Move.SETTLE]


def test_inv1_an_attempt_that_another_run_has_sent_is_tried_whatever_its_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is no attempt of this run: what it has sent may be the store that is wanted."""
    later = BEGUN.again().again().again().sent("v")
    answers = [SEALED, OPENS, OPENS]
    kind, restoring = step(later, lambda _: answers.pop(0), monkeypatch)
    kind.act(Observation(BEGUN, True))
    assert restoring.moves == [Move.TRY_SHARE, Move.MARK_OPENED, Move.SETTLE]


def test_inv1_one_that_goes_away_meanwhile_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(_: Restoration) -> StoreState:
        live: Any = kind.world.cluster.get(REF)
        kind.world.cluster.delete(REF, uid=live["metadata"]["uid"])
        return OPENS

    kind, restoring = step(BEGUN.sent("v").opened(), gone, monkeypatch)
    monkeypatch.setattr(restoring.store, "swap", lambda *_: True)
    with pytest.raises(WorldError) as stopped:
        kind.act(kind.observe())
    assert (stopped.value.code, stopped.value.message) == ("E_RESTORE", f"{REF} went away")
