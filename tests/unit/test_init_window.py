"""The rule book of the init window: each state that a run may come upon, and the only move from it."""

import pytest

from bootstrap.model.init_window import ATTEMPTS, Move, VaultState, Window, WindowPhase, next_move
from bootstrap.steps.vault.empty_store import given_up

CLAIMED = Window(attempt=1, nonce="ab12", phase=WindowPhase.CLAIMED)
SENT = CLAIMED.sent("volume-1")
PROVEN = SENT.keys().verified("c1")


def state(initialized: bool | None = True, volume: str = "volume-1", slots: bool = False) -> VaultState:
    return VaultState(initialized=initialized, volume=volume, slots=slots)


@pytest.mark.parametrize(
    ("window", "seen", "move"),
    [
        (CLAIMED, state(None), Move.WAIT),
        (CLAIMED, state(False, ""), Move.WAIT),
        (CLAIMED, state(False), Move.SEND),
        (CLAIMED, state(True), Move.FOREIGN),  # nobody of ours has sent anything yet
        (SENT, state(False), Move.VOID),  # a request may still be on its way
        (SENT, state(True), Move.VOID),  # the answer was lost; nothing may have been written
        (SENT, state(None, ""), Move.VOID),
        (SENT, state(True, slots=True), Move.MARK_KEYS),
        (SENT, state(True, "volume-2"), Move.FOREIGN),
        (SENT.keys(), state(), Move.DONE),
        (SENT.keys().verified("c1"), state(), Move.DONE),
        (SENT.voiding(), state(), Move.FINISH_VOID),
    ],
)
def test_b4_each_state_has_one_move(window: Window, seen: VaultState, move: Move) -> None:
    assert next_move(window, seen) is move


def test_b4_a_voided_store_never_becomes_keys() -> None:
    """Even with both slots there: from VOIDING on the store is gone."""
    assert next_move(SENT.voiding(), state(slots=True)) is Move.FINISH_VOID


def test_b4_three_attempts_then_a_human() -> None:
    window = CLAIMED
    for _ in range(ATTEMPTS - 1):
        assert next_move(window.sent("v").voiding(), state()) is Move.FINISH_VOID
        window = window.again("cd34")
    assert next_move(window.sent("v").voiding(), state()) is Move.EXHAUSTED


@pytest.mark.parametrize(
    ("window", "seen", "why"),
    [
        (PROVEN, state(False, ""), "its key is proven"),
        (SENT, state(None, "volume-2"), "its volume is another one"),
        (SENT.keys(), state(True, "volume-2"), "its volume is another one"),
        (CLAIMED, state(None), "it does not answer"),
        (CLAIMED, state(True), "somebody else has initialised it"),
        (CLAIMED, state(True, ""), "somebody else has initialised it"),  # on whatever volume
    ],
)
def test_inv4_a_store_that_may_hold_data_is_not_given_up(window: Window, seen: VaultState, why: str) -> None:
    refused = given_up(window, seen)
    assert isinstance(refused, str)
    assert refused.startswith(why)


@pytest.mark.parametrize(
    ("window", "seen", "unbound", "volume"),
    [
        (SENT, state(True), False, "volume-1"),
        (SENT, state(None, ""), False, "volume-1"),
        (SENT.keys(), state(True), False, "volume-1"),
        (SENT.voiding(), state(True, "volume-2"), False, "volume-1"),
        (CLAIMED, state(False), False, "volume-1"),
        (CLAIMED, state(None, ""), False, ""),
        (CLAIMED, state(None), True, "volume-1"),
    ],
)
def test_b4_a_store_that_is_empty_is_given_up_by_its_volume(
    window: Window, seen: VaultState, unbound: bool, volume: str
) -> None:
    assert given_up(window, seen, unbound=unbound) == CLAIMED.sent(volume).voiding()


def test_each_attempt_has_a_name_of_its_own() -> None:
    assert CLAIMED.server_name != CLAIMED.again("cd34").server_name


@pytest.mark.parametrize(
    "window",
    [CLAIMED, SENT, SENT.keys(), PROVEN, SENT.voiding(), PROVEN.rekeying(), PROVEN.rekeying().rekeyed()],
)
def test_a_window_survives_its_config_map(window: Window) -> None:
    assert Window.from_data(window.to_data()) == window
