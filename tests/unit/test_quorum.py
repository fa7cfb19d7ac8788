"""When a quorum is lost for good, and from which node it is recovered; the rule book of that (INV4, S4)."""

import itertools

import pytest

from bootstrap.model.quorum import Node, Quorum, Seen, judge, survivor
from bootstrap.model.recovery import Move, Recovery, Stage, StoreState, next_move

NOW = Recovery(nonce="n", begun="2026-01-01T00:00:00Z", pod="vault-1", volume="uid-1")
STATES = [
    StoreState(grown=grown, made=made, sealed=sealed, leads=leads, voters=voters)
    for grown, made, sealed, leads, voters in itertools.product(
        (True, False),
        (True, False),
        (None, True, False),
        (True, False),
        ((), ("vault-1",), ("vault-0", "vault-1")),
    )
]


def nodes(*seen: Seen) -> tuple[Node, ...]:
    return tuple(Node(pod=f"vault-{n}", claim=f"uid-{n}", seen=each) for n, each in enumerate(seen))


@pytest.mark.parametrize(
    ("seen", "verdict"),
    [
        ((Seen.EMPTY, Seen.WAITS, Seen.LOST), Quorum.LOST),
        ((Seen.EMPTY, Seen.WAITS, Seen.EMPTY), Quorum.LOST),
        ((Seen.WAITS, Seen.LOST, Seen.WAITS, Seen.LOST, Seen.EMPTY), Quorum.LOST),
        ((Seen.EMPTY, Seen.SEALED, Seen.EMPTY), Quorum.MAY_RETURN),
        ((Seen.EMPTY, Seen.SILENT, Seen.LOST), Quorum.MAY_RETURN),
        ((Seen.WAITS, Seen.SILENT, Seen.LOST, Seen.LOST, Seen.EMPTY), Quorum.MAY_RETURN),
        ((Seen.WAITS, Seen.WAITS, Seen.LOST), Quorum.MAY_RETURN),
        ((Seen.SILENT, Seen.SILENT, Seen.SILENT), Quorum.MAY_RETURN),
        ((Seen.WAITS,), Quorum.MAY_RETURN),
        ((Seen.LEADS, Seen.LOST, Seen.LOST), Quorum.THERE),
        ((Seen.FOLLOWS, Seen.LOST, Seen.LOST), Quorum.THERE),
        ((Seen.EMPTY, Seen.LOST, Seen.EMPTY), Quorum.GONE),
        ((), Quorum.GONE),
    ],
)
def test_inv4_a_quorum_is_lost_only_where_it_cannot_come_back(
    seen: tuple[Seen, ...], verdict: Quorum
) -> None:
    assert judge(nodes(*seen)) is verdict


def test_inv4_lost_never_where_most_may_hold_the_store_or_one_of_them_is_not_seen_waiting() -> None:
    for seen in itertools.product(Seen, repeat=3):
        found = nodes(*seen)
        holding = [node for node in found if node.holds]
        if judge(found) is Quorum.LOST:
            assert len(holding) == 1
            assert {node.seen for node in holding} == {Seen.WAITS}


def test_the_newest_entry_decides_and_of_equals_the_first() -> None:
    def of(*indexes: int | None) -> str:
        made = [
            Node(pod=f"vault-{n}", claim="c", seen=Seen.WAITS, index=each) for n, each in enumerate(indexes)
        ]
        return survivor([*made, Node(pod="vault-4", claim="", seen=Seen.LOST)]).pod

    assert of(7, 9, 8) == "vault-1"
    assert of(9, 9) == "vault-0"
    assert of(None, 3) == "vault-1"
    assert of(None, None) == "vault-0"
    left = Node(pod="vault-1", claim="c", seen=Seen.WAITS)
    assert survivor([Node(pod="vault-0", claim="", seen=Seen.LOST), left]) is left


def test_a_node_says_how_far_it_is_where_that_is_known() -> None:
    assert str(Node(pod="vault-1", claim="c", seen=Seen.WAITS, index=9)).endswith(
        "without a leader, raft index 9"
    )
    assert str(Node(pod="vault-0", claim="", seen=Seen.LOST)) == "vault-0: has no volume"


# ---------------------------------------------------------------- the rule book


def test_b5_nothing_is_restarted_before_everything_else_is_void() -> None:
    assert {next_move(NOW, seen) for seen in STATES} == {Move.VOID}


def test_the_others_join_only_a_node_that_was_seen_to_lead_alone() -> None:
    for seen in STATES:
        move = next_move(NOW.alone(), seen)
        assert (move is Move.FINISH) is (seen.grown and seen.leads)
        if seen.grown:  # nothing that could take a voter away again
            assert move in (Move.FINISH, Move.WAIT)
        if move is Move.GROW:
            assert seen.made and seen.sealed is False and seen.leads and seen.voters == ("vault-1",)


def test_it_goes_one_way() -> None:
    alone = NOW.alone()
    assert next_move(alone, StoreState()) is Move.RESTART
    assert next_move(alone, StoreState(made=True)) is Move.RESTART
    assert next_move(alone, StoreState(made=True, sealed=True)) is Move.OPEN
    assert next_move(alone, StoreState(made=True, sealed=False)) is Move.WAIT
    by_itself = StoreState(made=True, sealed=False, leads=True, voters=("vault-1",))
    assert next_move(alone, by_itself) is Move.GROW
    led = StoreState(made=True, sealed=False, leads=True, voters=("vault-0", "vault-1"))
    assert next_move(alone, led) is Move.OTHERS
    assert {next_move(NOW.done(), seen) for seen in STATES} == {Move.DONE}


@pytest.mark.parametrize("stage", list(Stage))
def test_it_is_written_and_read_back(stage: Stage) -> None:
    steps = {Stage.VOIDING: NOW, Stage.ALONE: NOW.alone(), Stage.DONE: NOW.done()}
    now = steps[stage].voids_too(("uid-3", "uid-4"))
    assert Recovery.from_data(now.to_data()) == now
    assert now.ordinal == 1
