"""A lost quorum is recovered where it was decided, from the node that was written down, and to its end (INV4, S4)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.quorum import Node, Seen
from bootstrap.model.recovery import Move, Recovery, Stage, StoreState
from bootstrap.ports import Object
from bootstrap.steps.authority.approvals import RECOVER_QUORUM
from bootstrap.steps.kinds import vault_recovered
from bootstrap.steps.kinds.vault_recovered import Observation, VaultRecovered
from bootstrap.steps.vault.recovery import REF, RecoveryStore
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.small_world import STEP, small_world
from tests.support.authorities import ledger

OLDER = Node(pod="vault-1", claim="uid-1", seen=Seen.WAITS, index=7)
NEWER = Node(pod="vault-3", claim="uid-3", seen=Seen.WAITS, index=9)
LOST = tuple(Node(pod=f"vault-{n}", claim="", seen=Seen.LOST) for n in (0, 2, 4))
NODES = (LOST[0], OLDER, LOST[1], NEWER, LOST[2])
NOW = Recovery(nonce="n", begun="2026-01-01T00:00:00Z", pod="vault-3", volume="uid-3")


def claim(number: int, uid: str) -> Object:
    return {"metadata": {"name": f"data-vault-{number}", "uid": uid}}


class Recovering:
    """Stands for the moves. ``goes``: the object is taken away by the first one; ``stuck``: nothing comes of any."""

    def __init__(self, store: RecoveryStore) -> None:
        self.store = store
        self.moves: list[Move] = []
        self.goes = self.stuck = False

    def state(self, now: Recovery) -> StoreState:
        grown = Move.GROW in self.moves
        return StoreState(grown=grown, made=True, sealed=False, leads=True, voters=(now.pod,))

    def make(self, move: Move, now: Recovery) -> None:
        self.moves.append(move)
        if self.goes:
            live: Any = self.store.cluster.get(REF)
            self.store.cluster.delete(REF, uid=live["metadata"]["uid"])
        elif not self.stuck and move in (Move.VOID, Move.FINISH):
            self.store.swap(now, now.alone() if move is Move.VOID else now.done())


@pytest.fixture
def store() -> RecoveryStore:
    cluster = SimulatedCluster()
    cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system"}})
    return RecoveryStore(cluster)


@pytest.fixture
def recovering(store: RecoveryStore, monkeypatch: pytest.MonkeyPatch) -> Recovering:
    made = Recovering(store)
    groups = {"pods": lambda: (claim(0, "uid-0"),), "claims": lambda: (claim(2, "uid-2"),)}
    for name, value in {
        "RecoveredQuorum": lambda _: made,
        "nodes": lambda _: NODES,
        "others": lambda *_: groups,
        "claims_of_vault": lambda _: (claim(1, "uid-1"), claim(3, "uid-3")),
        "begins_anew": lambda *_: False,
    }.items():
        monkeypatch.setattr(vault_recovered, name, value)
    return made


def step(store: RecoveryStore, *approved: str) -> VaultRecovered:
    world = small_world(store.cluster)
    world.approvals = frozenset(approved)
    world.ledger = cast(Any, SimpleNamespace(read=lambda: ledger()))
    return VaultRecovered(STEP, world)


def decided(store: RecoveryStore, *approved: str) -> Decision:
    kind = step(store, *approved)
    return kind.decide(kind.observe())


def test_inv4_nothing_begins_undecided_or_while_it_may_return(
    store: RecoveryStore, recovering: Recovering, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Satisfied("no quorum is being recovered")
    assert decided(store) == nothing
    silent = Node(pod="vault-3", claim="uid-3", seen=Seen.SILENT)
    monkeypatch.setattr(vault_recovered, "nodes", lambda _: (*LOST, silent))
    assert decided(store, RECOVER_QUORUM) == nothing


def test_inv4_decided_it_begins_with_all_that_is_known_and_comes_to_its_end(
    store: RecoveryStore, recovering: Recovering
) -> None:
    decision = decided(store, RECOVER_QUORUM)
    assert isinstance(decision, Act)
    assert decision.summary == "recover Vault's quorum from vault-3"
    kind = step(store, RECOVER_QUORUM)
    kind.act(kind.observe())
    found = store.read()
    assert found is not None
    assert (found.stage, found.pod, found.volume, found.index) == (Stage.DONE, "vault-3", "uid-3", "9")
    assert (found.lost, found.dropped) == (("vault-0", "vault-2", "vault-4"), ("vault-1",))
    assert found.voids == {"uid-0", "uid-2"}
    assert recovering.moves == [Move.VOID, Move.GROW, Move.FINISH]
    assert decided(store) == Satisfied("Vault's quorum is recovered from vault-3")


def test_inv4_of_a_node_whose_index_is_not_known_none_is_written(
    store: RecoveryStore, recovering: Recovering, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = Node(pod="vault-1", claim="1", seen=Seen.WAITS)
    monkeypatch.setattr(vault_recovered, "nodes", lambda _: (*LOST[:2], left))
    kind = step(store, RECOVER_QUORUM)
    kind.act(kind.observe())
    found = store.read()
    assert found is not None
    assert (found.pod, found.index, found.dropped) == ("vault-1", "", ())


def test_inv4_one_that_was_recorded_gives_way_to_the_next(
    store: RecoveryStore, recovering: Recovering, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.begin(NOW.done(), None)
    monkeypatch.setattr(vault_recovered, "under_way", lambda *_: None)  # it is on record
    assert decided(store) == Satisfied("no quorum is being recovered")
    kind = step(store, RECOVER_QUORUM)
    kind.act(kind.observe())
    found = store.read()
    assert found is not None
    assert (found.nonce != NOW.nonce, found.stage) == (True, Stage.DONE)


@pytest.mark.parametrize("stage", [Stage.VOIDING, Stage.ALONE])
def test_inv4_one_that_is_under_way_goes_on_without_being_asked_for(
    stage: Stage, store: RecoveryStore, recovering: Recovering
) -> None:
    store.begin(NOW if stage is Stage.VOIDING else NOW.alone(), None)
    decision = decided(store)
    assert isinstance(decision, Act)
    assert decision.summary == f"recover Vault's quorum from vault-3, {stage}"
    kind = step(store)
    kind.act(kind.observe())
    found = store.read()
    assert found is not None
    assert (found.nonce, found.stage) == (NOW.nonce, Stage.DONE)


@pytest.mark.parametrize("there", [(claim(3, "another"),), (claim(1, "uid-3"),), ()])
def test_inv4_without_the_volume_that_was_written_down_nothing_goes_on(
    there: tuple[Object, ...], store: RecoveryStore, recovering: Recovering, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.begin(NOW, None)
    monkeypatch.setattr(vault_recovered, "begins_anew", lambda *_: True)
    # While its volume is there, what was decided of another Vault says nothing of this one.
    assert isinstance(decided(store), Act)
    monkeypatch.setattr(vault_recovered, "claims_of_vault", lambda _: there)
    assert decided(store) == Satisfied("no quorum is being recovered")
    monkeypatch.setattr(vault_recovered, "begins_anew", lambda *_: False)
    decision = decided(store)
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_SURVIVOR_LOST"


def test_inv4_what_others_change_again_and_again_is_an_error(
    store: RecoveryStore, recovering: Recovering
) -> None:
    store.begin(NOW, None)
    recovering.stuck = True
    kind = step(store)
    with pytest.raises(WorldError) as stopped:
        kind.act(kind.observe())
    assert (stopped.value.code, "20 moves" in stopped.value.message) == ("E_RECOVERY", True)


def test_inv4_one_that_was_taken_away_meanwhile_is_over(store: RecoveryStore, recovering: Recovering) -> None:
    store.begin(NOW, None)
    recovering.goes = True
    kind = step(store)
    kind.act(kind.observe())
    assert (store.read(), recovering.moves) == (None, [Move.VOID])


def test_inv4_what_is_done_is_not_touched(store: RecoveryStore, recovering: Recovering) -> None:
    kind = step(store)
    store.begin(NOW.done(), None)
    kind.act(Observation(NOW, NOW))
    assert recovering.moves == []
