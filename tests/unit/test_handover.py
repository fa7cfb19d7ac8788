"""The rule book of handover and retirement: each state that a run may come upon, and the only next step from it."""

from itertools import product

import pytest

from bootstrap.model.catalog import RetireMode
from bootstrap.model.handover import CopyState, Next, SecretState, next_step, over

OURS = frozenset({("password", "c" * 64)})
ANOTHERS = frozenset({("password", "d" * 64)})
NEW = SecretState(written=False, planned=OURS)
STANDS, EMPTIED, CHANGED, ABSENT = CopyState.STANDS, CopyState.EMPTIED, CopyState.CHANGED, CopyState.ABSENT
DELETED, INERT, IGNORED = RetireMode.DELETED, RetireMode.INERT, RetireMode.IGNORED


def new(announced: frozenset[tuple[str, str]]) -> SecretState:
    return SecretState(written=False, planned=OURS, announced=frozenset({announced}))


def here(version: frozenset[tuple[str, str]] | None) -> SecretState:
    return SecretState(written=True, announced=frozenset({OURS}), version=version)


def committed(
    scaffold: CopyState, retire: RetireMode, *, retired: bool = False, waiting: bool = False
) -> SecretState:
    return SecretState(
        written=True, committed=True, scaffold=scaffold, retire=retire, retired=retired, waiting=waiting
    )


@pytest.mark.parametrize(
    ("seen", "step"),
    [
        (NEW, Next.INTEND),
        (new(ANOTHERS), Next.INTEND),  # announced is what an earlier run would have written
        (new(OURS), Next.WRITE),
        (SecretState(written=True), Next.CONFLICT),  # by nobody of ours, whatever it holds
        (SecretState(written=True, version=OURS), Next.CONFLICT),
        (here(None), Next.READ),
        (here(ANOTHERS), Next.CONFLICT),
        (here(OURS), Next.COMMIT),
    ],
)
def test_h1_each_state_before_the_commit_has_one_next_step(seen: SecretState, step: Next) -> None:
    assert next_step(seen) is step


def test_inv1_a_value_that_is_gone_after_its_handover_is_lost() -> None:
    """Whatever is left of its scaffold: Git's value is never written again."""
    for scaffold, retired in product(CopyState, (False, True)):
        assert (
            next_step(SecretState(written=False, committed=True, scaffold=scaffold, retired=retired))
            is Next.LOST
        )


@pytest.mark.parametrize(
    ("scaffold", "retire", "step"),
    [
        (STANDS, DELETED, Next.DELETE),
        (EMPTIED, DELETED, Next.DELETE),
        (CHANGED, DELETED, Next.DRIFT),
        (STANDS, INERT, Next.EMPTY),
        (CHANGED, INERT, Next.DRIFT),
    ],
)
def test_h3_of_a_scaffold_that_is_there_goes_what_is_declared(
    scaffold: CopyState, retire: RetireMode, step: Next
) -> None:
    """Also of one that came back after its retirement; and nothing while it is waited for."""
    assert next_step(committed(scaffold, retire)) is step
    assert next_step(committed(scaffold, retire, retired=True)) is step
    assert next_step(committed(scaffold, retire, waiting=True)) is Next.WAIT
    assert not over(scaffold, retire)


@pytest.mark.parametrize(
    ("scaffold", "retire"),
    [(ABSENT, DELETED), (ABSENT, INERT), (EMPTIED, INERT), *((each, IGNORED) for each in CopyState)],
)
def test_h3_what_is_over_is_recorded_once(scaffold: CopyState, retire: RetireMode) -> None:
    assert next_step(committed(scaffold, retire)) is Next.RECORD
    assert next_step(committed(scaffold, retire, waiting=True)) is Next.WAIT
    assert next_step(committed(scaffold, retire, retired=True)) is Next.DONE
    assert over(scaffold, retire)
