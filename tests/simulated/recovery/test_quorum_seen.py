"""When a lost quorum stops a run, when an answer lets it go on, and when none is looked for (INV4, S4)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.quorum import Node, Seen
from bootstrap.model.recovery import Recovery
from bootstrap.steps.authority import recovering
from bootstrap.steps.authority.gather import Authority
from bootstrap.steps.authority.recovering import NO_LOSS, SETTLED, QuorumSeen, quorum_seen
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.recovery import RecoveryStore
from tests.simulator.platform import SimulatedPlatform
from tests.support.authorities import NOTE, authority

YES = "recover-quorum@3"
WINDOW = Window(attempt=1, nonce="n", phase=WindowPhase.VERIFIED, volume="claim", cluster_id="v")
SILENT = authority(here=(NOTE,), window=WINDOW, silent=True)
APPROVED = replace(SILENT, approved=("rollback@3", YES))


def node(number: int, seen: Seen) -> Node:
    return Node(pod=f"vault-{number}", claim=f"claim-{number}", seen=seen)


LEADS = (node(0, Seen.LEADS), node(1, Seen.FOLLOWS), node(2, Seen.FOLLOWS))
LOST = (node(0, Seen.EMPTY), node(1, Seen.WAITS), node(2, Seen.LOST))
SEALED = (node(0, Seen.EMPTY), node(1, Seen.SEALED), node(2, Seen.SEALED))


class Nodes:
    """What the nodes show, look by look; the last of it for good."""

    def __init__(self) -> None:
        self.looks: Iterator[Sequence[Node]] = iter(())
        self.last: Sequence[Node] = ()

    def __call__(self, world: World) -> Sequence[Node]:
        self.last = next(self.looks, self.last)
        return self.last


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Nodes:
    found = Nodes()
    monkeypatch.setattr(recovering, "nodes", found)
    return found


@pytest.fixture
def world(platform: SimulatedPlatform) -> World:
    meta = {"name": "bootstrap-system"}
    platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
    return platform.world()


def seen(world: World, nodes: Nodes, found: Authority, *looks: Sequence[Node]) -> QuorumSeen:
    nodes.looks = iter(looks)
    return quorum_seen(world, found)


def code(found: QuorumSeen) -> str:
    assert found.stop is not None
    assert (found.rests_on, found.recovers) == ((), False)
    return found.stop.code


def test_inv4_one_that_is_lost_stops_the_run_and_says_what_is_known(world: World, nodes: Nodes) -> None:
    found = seen(world, nodes, SILENT, LOST)
    assert code(found) == "E_QUORUM_LOST"
    assert found.stop is not None
    lines = found.stop.message.splitlines()
    assert [f"    {each}" for each in LOST] == lines[1:4]
    assert "    the cluster's ledger: 1 records, 0 secrets handed over" in lines
    assert code(seen(world, nodes, replace(SILENT, approved=("rollback@3",)), LOST)) == "E_QUORUM_LOST"


def test_inv4_an_answer_lets_it_go_on_and_not_where_it_may_come_back(world: World, nodes: Nodes) -> None:
    assert seen(world, nodes, APPROVED, LOST) == QuorumSeen(rests_on=(YES,), recovers=True)
    assert code(seen(world, nodes, APPROVED, SEALED)) == "E_QUORUM_MAY_RETURN"
    assert seen(world, nodes, SILENT, SEALED) == NO_LOSS


@pytest.mark.parametrize(
    "found",
    [
        authority(here=(NOTE,), window=WINDOW),
        authority(here=(NOTE,), silent=True),
        authority(here=(NOTE,), window=replace(WINDOW, phase=WindowPhase.KEYS), silent=True),
        authority(here=(NOTE,), window=WINDOW, silent=True, restoring=True),
    ],
    ids=["vault answers", "no window", "not proven", "a restore"],
)
def test_inv4_none_is_looked_for_where_it_would_tell_nothing(
    found: Authority, world: World, nodes: Nodes
) -> None:
    assert seen(world, nodes, found, LOST) == NO_LOSS


def test_a_leader_that_is_found_late_is_waited_for_and_one_that_is_there_is_not(
    world: World, nodes: Nodes
) -> None:
    clock: Any = world.clock
    assert seen(world, nodes, SILENT, LEADS) == NO_LOSS
    assert clock.slept == []
    assert seen(world, nodes, SILENT, LOST, LOST, LEADS) == NO_LOSS
    assert sum(clock.slept) < SETTLED


def test_inv4_one_that_was_begun_goes_on_and_one_that_is_done_does_not(world: World, nodes: Nodes) -> None:
    now = Recovery(nonce="r", begun="2026-01-03T00:00:00Z", pod="vault-1", volume="claim")
    note = "a lost quorum is being recovered from vault-1 since 2026-01-03T00:00:00Z, "
    store = RecoveryStore(world.cluster)
    store.begin(now, None)
    found = seen(world, nodes, SILENT, LEADS)
    assert (found.note, found.recovers) == (f"{note}{now.stage}", True)
    store.swap(now, now.done())
    found = seen(world, nodes, SILENT, LEADS)
    assert (found.note, found.recovers) == (f"{note}{now.done().stage}", False)
