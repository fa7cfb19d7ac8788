"""What is made so that the cluster saves snapshots of itself, and what goes once none are declared (INV1, G4)."""

from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.ports import Ref
from bootstrap.steps.kinds.snapshots import Snapshots
from bootstrap.steps.vault import last_snapshot
from bootstrap.steps.vault.snapshot_objects import ACCOUNT, BINDING, CLAIM, NETWORK, REMOVED, ROLE, SETTINGS
from tests.simulator.halfway import HalfwayStep, step_of
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform, scaffolded, with_snapshots

MADE = (CLAIM, last_snapshot.REF)
APPLIED = (SETTINGS, ACCOUNT, ROLE, BINDING, NETWORK, last_snapshot.CRON_JOB)
SAVED = Satisfied("saved at */10 * * * * (UTC), 3 are kept")
NONE = Satisfied("none are declared")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"), with_snapshots)


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    platform.escrows[platform.cluster.uid()] = b"{}"
    step_of(platform, "claim").take()
    platform.cluster.mutations.clear()
    return platform


def declared(platform: SimulatedPlatform) -> HalfwayStep:
    return step_of(platform, "snapshots")


def undeclared(platform: SimulatedPlatform) -> HalfwayStep:
    world = platform.world()
    world.intent = replace(world.intent, platform=replace(world.intent.platform, snapshots=None))
    step = next(each for each in world.plan.steps if each.kind == "snapshots")
    return HalfwayStep(world, Snapshots(step, world))


def there(platform: SimulatedPlatform, *refs: Ref) -> list[Ref]:
    return [ref for ref in refs if platform.cluster.peek(ref) is not None]


def test_g4_the_settings_come_first_and_what_is_there_stays(platform: SimulatedPlatform) -> None:
    creates, applies = [f"create {ref}" for ref in MADE], [f"apply {ref}" for ref in APPLIED]
    assert declared(platform).decide() == Act("let the cluster save snapshots", (*creates, *applies))
    declared(platform).take()
    assert [ref for _, ref in platform.cluster.mutations] == [SETTINGS, *MADE, *APPLIED[1:]]
    assert declared(platform).decide() == SAVED
    delete(platform, last_snapshot.REF, ROLE)
    some = (f"create {last_snapshot.REF}", f"apply {ROLE}")
    assert declared(platform).decide() == Act("let the cluster save snapshots", some)
    declared(platform).take()
    assert declared(platform).decide() == SAVED


def blocked_by(decision: Decision) -> tuple[str, str]:
    assert isinstance(decision, Blocked)
    return decision.error.code, decision.error.where


def test_inv1_without_an_escrow_none_is_saved(platform: SimulatedPlatform) -> None:
    platform.escrows.clear()
    assert blocked_by(declared(platform).decide()) == ("E_ESCROW_MISSING", str(platform.records))


def test_inv1_once_none_are_declared_all_goes_but_the_volume(platform: SimulatedPlatform) -> None:
    assert undeclared(platform).decide() == NONE
    declared(platform).take()
    delete(platform, NETWORK)
    left = [ref for ref in REMOVED if ref != NETWORK]
    platform.cluster.mutations.clear()
    assert undeclared(platform).decide() == Act(
        "snapshots are no longer declared", tuple(f"delete {ref}" for ref in left)
    )
    undeclared(platform).take()
    assert [ref for _, ref in platform.cluster.mutations] == left
    assert there(platform, *REMOVED, CLAIM) == [CLAIM]
    assert undeclared(platform).decide() == NONE


def test_what_was_made_again_meanwhile_is_not_deleted(platform: SimulatedPlatform) -> None:
    declared(platform).take()
    step = undeclared(platform)
    seen = step.kind.observe()
    delete(platform, ACCOUNT)
    meta = {"name": ACCOUNT.name, "namespace": ACCOUNT.namespace}
    platform.cluster.create({"apiVersion": ACCOUNT.api, "kind": ACCOUNT.kind, "metadata": meta})
    step.act(seen)
    assert there(platform, *REMOVED) == [ACCOUNT]


def test_without_the_settings_what_has_such_a_name_is_none_of_it(platform: SimulatedPlatform) -> None:
    declared(platform).take()
    delete(platform, SETTINGS)
    assert undeclared(platform).decide() == NONE
