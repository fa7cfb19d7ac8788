"""The rule book of a restore: what a run that comes upon it does, in every state that it may find (INV1)."""

import itertools
from dataclasses import replace

import pytest

from bootstrap.model.restoration import Move, Restoration, Stage, StoreState, next_move

HERE, ELSEWHERE = "uid-1", "uid-2"
STATES = [
    StoreState(initialized=initialized, sealed=sealed, restored=restored, volume=volume)
    for initialized, sealed, restored, volume in itertools.product(
        (None, False, True), (True, False), (True, False), ("", HERE, ELSEWHERE)
    )
]


def at(stage: Stage) -> Restoration:
    volume = "" if stage is Stage.BEGUN else HERE
    return Restoration(file="f" * 64, nonce="n", begun="2026-01-01T00:00:00Z", stage=stage, volume=volume)


def test_what_is_opened_is_never_voided_nor_sent_to() -> None:
    for stage in (Stage.OPENED, Stage.DONE):
        for seen in STATES:
            assert next_move(at(stage), seen) in (Move.SETTLE, Move.DONE)


def test_it_is_sent_only_to_an_empty_store_and_only_once() -> None:
    found = [(stage, seen) for stage in Stage for seen in STATES if next_move(at(stage), seen) is Move.SEND]
    assert {stage for stage, _ in found} == {Stage.BEGUN}
    assert all(seen.initialized is False and seen.volume for _, seen in found)


def test_a_store_that_may_be_the_restored_one_is_not_voided() -> None:
    """Sealed, the share has not been tried; silent, nothing is known."""
    for seen in STATES:
        move = next_move(at(Stage.SENT), seen)
        if seen.volume == HERE and (seen.initialized is None or (seen.initialized and seen.sealed)):
            assert move in (Move.INSTALL, Move.TRY_SHARE)
        if seen.volume == HERE and seen.initialized and not seen.sealed:
            assert move is (Move.MARK_OPENED if seen.restored else Move.VOID)
        if seen.volume != HERE or seen.initialized is False:  # it cannot be the restored one
            assert move is Move.VOID


def test_a_store_that_is_there_before_anything_was_sent_is_not_ours() -> None:
    seen = StoreState(initialized=True, volume=HERE)
    assert next_move(at(Stage.BEGUN), seen) is Move.FOREIGN


@pytest.mark.parametrize("stage", list(Stage))
def test_it_is_written_and_read_back(stage: Stage) -> None:
    now = at(stage).done("write a", "auth/x/role/y")
    assert Restoration.from_data(now.to_data()) == now
    over = replace(at(stage), lost={"differed": "a/b c/d"}).voids_too(("uid-3", "uid-4"))
    assert Restoration.from_data(over.to_data()) == over


def test_what_is_left_of_a_platform_goes_before_anything_is_made() -> None:
    for seen in STATES:
        assert next_move(at(Stage.CLEARING), seen) is Move.CLEAR
    assert at(Stage.CLEARING).cleared().stage is Stage.BEGUN


def test_another_attempt_has_another_certificate_and_the_same_name() -> None:
    now = at(Stage.VOIDING)
    again = now.again()
    assert (again.stage, again.nonce, again.volume) == (Stage.BEGUN, now.nonce, "")
    assert again.server_name != now.server_name
