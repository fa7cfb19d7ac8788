"""INV3: a consumer that is behind a new version waits for its operator, for ten minutes and no longer."""

from datetime import timedelta
from pathlib import Path

import pytest

from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.verify.materialized import LAG, is_fresh
from bootstrap.operations.verify.proof import Proof, State
from bootstrap.operations.verify.proofs import consumers
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.versions import Held, held
from tests.seeds.in_vault import TOKEN
from tests.simulator.hand import SimulatedHand
from tests.simulator.platform import SimulatedPlatform


@pytest.fixture
def hand(tmp_path: Path) -> SimulatedHand:
    """Its payment token has a version 2, which no consumer has yet."""
    platform = SimulatedPlatform(tmp_path)
    platform.up()
    made = SimulatedHand(platform)
    body = {"options": {"cas": 1}, "data": {"token": "a-new-token-4711"}}
    made.vault("POST", f"secret/data/{TOKEN}", body)
    return made


def current(hand: SimulatedHand, monkeypatch: pytest.MonkeyPatch, age: timedelta) -> Proof:
    """The simulated Vault says no time of a version: here it is so old."""

    def aged(world: World, path: str, version: int = 0) -> Held | None:
        found = held(world, path, version)
        return found and Held(found.version, found.values, world.cluster.server_time() - age)

    monkeypatch.setattr(consumers, "held", aged)
    return consumers.current(hand.platform.world())


def test_inv3_the_operator_has_its_time(hand: SimulatedHand, monkeypatch: pytest.MonkeyPatch) -> None:
    proof = current(hand, monkeypatch, timedelta(minutes=3))
    assert (proof.state, "holds version 1, Vault has 2" in proof.evidence) == (State.WAITS, True)


def test_inv3_and_no_longer(hand: SimulatedHand, monkeypatch: pytest.MonkeyPatch) -> None:
    assert current(hand, monkeypatch, LAG).state is State.BROKEN


def test_inv3_what_is_no_older_version_waits_for_nothing(
    hand: SimulatedHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand.stop_operator()
    hand.edit(
        "Secret", "orders-payment-token", "orders", lambda obj: obj["data"].update(token="by-hand-4711")
    )
    assert current(hand, monkeypatch, timedelta(minutes=3)).state is State.BROKEN


def test_a_first_version_and_one_of_no_known_time_are_not_fresh(hand: SimulatedHand) -> None:
    world = hand.platform.world()
    now = world.cluster.server_time()
    values = {"token": Sensitive(b"x", "test")}
    assert is_fresh(world, Held(2, values, now))
    assert not is_fresh(world, Held(1, values, now))
    assert not is_fresh(world, Held(2, values, None))
