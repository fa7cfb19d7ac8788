"""The rule book of the init window: each state that a run may come upon, and the only move from it."""

import pytest

from bootstrap.model.init_window import ATTEMPTS, Move, Sight, Window, WindowPhase, next_move

CLAIMED = Window(attempt=1, nonce="ab12", phase=WindowPhase.CLAIMED)
SENT = CLAIMED.sent("volume-1")


def sight(initialized: bool | None = True, volume: str = "volume-1", slots: bool = False) -> Sight:
    return Sight(initialized=initialized, volume=volume, slots=slots)


@pytest.mark.parametrize(
    ("window", "seen", "move"),
    [
        (CLAIMED, sight(None), Move.WAIT),
        (CLAIMED, sight(False, ""), Move.WAIT),
        (CLAIMED, sight(False), Move.SEND),
        (CLAIMED, sight(True), Move.FOREIGN),  # nobody of ours has sent anything yet
        (SENT, sight(False), Move.VOID),  # a request may still be on its way
        (SENT, sight(True), Move.VOID),  # the answer was lost; nothing may have been written
        (SENT, sight(None, ""), Move.VOID),
        (SENT, sight(True, slots=True), Move.MARK_KEYS),
        (SENT, sight(True, "volume-2"), Move.FOREIGN),
        (SENT.keys(), sight(), Move.DONE),
        (SENT.keys().verified("c1"), sight(), Move.DONE),
        (SENT.voiding(), sight(), Move.FINISH_VOID),
    ],
)
def test_b4_each_state_has_one_move(window: Window, seen: Sight, move: Move) -> None:
    assert next_move(window, seen) is move


def test_b4_a_voided_store_never_becomes_keys() -> None:
    """Even with both slots there: from VOIDING on the store is gone."""
    assert next_move(SENT.voiding(), sight(slots=True)) is Move.FINISH_VOID


def test_b4_three_attempts_then_a_human() -> None:
    window = CLAIMED
    for _ in range(ATTEMPTS - 1):
        assert next_move(window.sent("v").voiding(), sight()) is Move.FINISH_VOID
        window = window.again("cd34")
    assert next_move(window.sent("v").voiding(), sight()) is Move.EXHAUSTED


def test_each_attempt_has_a_name_of_its_own() -> None:
    assert CLAIMED.server_name != CLAIMED.again("cd34").server_name


@pytest.mark.parametrize("window", [CLAIMED, SENT, SENT.keys(), SENT.keys().verified("c1"), SENT.voiding()])
def test_a_window_survives_its_config_map(window: Window) -> None:
    assert Window.from_data(window.to_data()) == window
