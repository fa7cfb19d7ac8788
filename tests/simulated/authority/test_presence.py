"""Whether a Vault that was here is gone: only what is seen to hold nothing counts as nothing (INV4)."""

from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.model.names import MANAGED_BY
from bootstrap.ports import Object, Ref
from bootstrap.steps.vault.presence import is_alive, is_gone, since
from tests.simulator.losses import delete, wipe_volumes
from tests.simulator.platform import SimulatedPlatform

SET = Ref("apps/v1", "StatefulSet", "vault", "vault")


def claim(number: int) -> Ref:
    return Ref("v1", "PersistentVolumeClaim", f"data-vault-{number}", "vault")


@pytest.fixture
def platform(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    made = SimulatedPlatform(tmp_path, repository)
    made.up()
    made.cluster.controllers.clear()
    return made


def changed(platform: SimulatedPlatform, obj: Object) -> None:
    platform.cluster.update_as("another", obj)


def live_set(platform: SimulatedPlatform) -> Object:
    found = platform.cluster.get(SET)
    assert found is not None
    return found


def test_inv4_a_vault_that_runs_or_is_sealed_is_here(platform: SimulatedPlatform) -> None:
    assert not is_gone(platform.world())


def test_inv4_without_its_stateful_set_a_claim_may_hold_a_store(platform: SimulatedPlatform) -> None:
    delete(platform, SET)
    for number in range(3):
        assert not is_gone(platform.world()), number
        delete(platform, claim(number))
    assert is_gone(platform.world())


@pytest.mark.parametrize(
    ("runs", "declared", "silent", "alive"), [(3, 5, 2, True), (1, 3, 1, True), (3, 3, 1, False)]
)
def test_inv4_a_commit_that_wants_more_nodes_makes_no_store_of_fewer_a_dead_one(
    platform: SimulatedPlatform, runs: int, declared: int, silent: int, alive: bool
) -> None:
    """So many nodes that would be a quorum are silent, and the rest of them are gone."""
    found = live_set(platform)
    found["spec"]["replicas"] = runs
    changed(platform, found)
    for number in range(3):
        pod = platform.cluster.get(Ref("v1", "Pod", f"vault-{number}", "vault"))
        assert pod is not None
        platform.cluster.set_status(pod, {"phase": "Pending"})
        if number >= silent:
            delete(platform, claim(number))
    world = platform.world()
    vault = replace(world.intent.platform.vault, replicas=declared)
    world.intent = replace(world.intent, platform=replace(world.intent.platform, vault=vault))
    assert is_alive(world) is alive


@pytest.fixture
def emptied(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    """Each node answers, and holds nothing."""
    made = SimulatedPlatform(tmp_path, repository)
    made.up()
    wipe_volumes(made)
    made.cluster.controllers.clear()
    assert is_gone(made.world())
    return made


def test_inv4_a_stateful_set_of_others_is_no_vault_that_is_gone(emptied: SimulatedPlatform) -> None:
    found = live_set(emptied)
    del found["metadata"]["labels"][MANAGED_BY]
    changed(emptied, found)
    assert not is_gone(emptied.world())


@pytest.mark.parametrize("nodes", [0, 1, 2])
def test_inv4_a_claim_whose_node_does_not_run_may_hold_a_store(
    emptied: SimulatedPlatform, nodes: int
) -> None:
    found = live_set(emptied)
    found["spec"]["replicas"] = nodes
    changed(emptied, found)
    assert not is_gone(emptied.world())
    for number in range(nodes, 3):
        delete(emptied, claim(number))
    assert is_gone(emptied.world()) is (nodes > 0), "without any node, none says that it holds nothing"


def test_inv4_each_node_has_to_say_that_it_holds_nothing(emptied: SimulatedPlatform) -> None:
    delete(emptied, Ref("v1", "Pod", "vault-2", "vault"))
    assert emptied.vault.seal_status("vault-2") is None
    assert not is_gone(emptied.world()), "one that does not answer may hold a store"


def test_what_the_oldest_claim_says(platform: SimulatedPlatform) -> None:
    made = (platform.cluster.get(claim(0)) or {})["metadata"]["creationTimestamp"]
    assert since(platform.world()) == made
    for number in range(3):
        delete(platform, claim(number))
    assert since(platform.world()) == ""
