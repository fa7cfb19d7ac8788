"""The claim of our namespace: whose it is, of which environment, and what is still to make of it (INV4, PH4)."""

import pytest

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import RUN_ACCOUNT, SNAPSHOT_ACCOUNT, labels
from tests.simulator.halfway import step_of
from tests.simulator.platform import SimulatedPlatform

HOME = Ref("v1", "Namespace", "bootstrap-system")
ACCOUNTS = tuple(Ref("v1", "ServiceAccount", name, HOME.name) for name in (RUN_ACCOUNT, SNAPSHOT_ACCOUNT))
ENVIRONMENT = "bootstrap.dev/environment"
OURS = Satisfied("namespace bootstrap-system is ours")


def decided(platform: SimulatedPlatform) -> Decision:
    return step_of(platform, "claim").decide()


def stopped(decision: Decision) -> str:
    assert isinstance(decision, Blocked)
    return decision.error.code


def live(platform: SimulatedPlatform) -> Object:
    found = platform.cluster.peek(HOME)
    assert found is not None
    return found


@pytest.fixture
def claimed(platform: SimulatedPlatform) -> SimulatedPlatform:
    step_of(platform, "claim").take()
    return platform


def test_what_is_not_there_yet_is_made_and_told_before(platform: SimulatedPlatform) -> None:
    decision = decided(platform)
    assert isinstance(decision, Act)
    assert decision.changes == (f"create {HOME}", *(f"create {ref}" for ref in ACCOUNTS))
    step_of(platform, "claim").take()
    assert [ref for _, ref in platform.cluster.mutations] == [HOME, *ACCOUNTS]
    assert decided(platform) == OURS


@pytest.mark.parametrize("environment", ["", "production"])
def test_ph4_it_is_for_the_environment_that_was_named_and_for_no_other(
    environment: str, platform: SimulatedPlatform
) -> None:
    platform.environment = environment
    step_of(platform, "claim").take()
    marks = live(platform)["metadata"]["annotations"]
    assert marks.get(ENVIRONMENT) == (environment or None)
    assert decided(platform) == OURS
    platform.environment = "staging"
    assert stopped(decided(platform)) == "E_ENVIRONMENT"


def test_inv4_one_that_lost_our_label_is_none_of_ours(claimed: SimulatedPlatform) -> None:
    live(claimed)["metadata"]["labels"] = {"team": "theirs"}
    assert stopped(decided(claimed)) == "E_NAME_TAKEN"


def test_inv4_one_with_our_label_and_no_marks_is_none_of_ours(platform: SimulatedPlatform) -> None:
    meta = {"name": HOME.name, "labels": labels()}
    platform.cluster.create({"apiVersion": HOME.api, "kind": HOME.kind, "metadata": meta})
    assert stopped(decided(platform)) == "E_NAME_TAKEN"


def test_without_the_root_our_label_is_taken_for_it(claimed: SimulatedPlatform) -> None:
    """Nothing is changed then."""
    step = step_of(claimed, "claim")
    step.world.files = None
    del live(claimed)["metadata"]["annotations"]["bootstrap.dev/claim"]
    assert stopped(decided(claimed)) == "E_NAME_TAKEN"
    assert step.decide() == OURS
