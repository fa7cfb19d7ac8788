"""What the root of trust has to open is opened before anything is touched (G5, S1)."""

from typing import Any

import pytest

from bootstrap.model.decision import Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError
from tests.simulator.halfway import step_of
from tests.simulator.platform import SimulatedPlatform


class Without:
    """The same but for one method."""

    def __init__(self, of: Any, name: str) -> None:
        self._of, self._name = of, name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name) if name != self._name else self._refuse

    def _refuse(self, *_: Any) -> Any:
        raise PreconditionError("it does not open", code="E_ROOT", where=self._name)


def stopped_by(decision: Decision) -> tuple[str, str]:
    assert isinstance(decision, Blocked)
    return decision.error.code, decision.error.where


@pytest.mark.parametrize("key", ["unseal_key", "signer", "commitments", "authority"])
def test_g5_a_key_that_does_not_fit_its_public_half_stops_the_run(
    platform: SimulatedPlatform, key: str
) -> None:
    step = step_of(platform, "root-trust")
    material: Any = Without(step.world.material, key)
    step.world.material = material
    assert stopped_by(step.decide()) == ("E_ROOT", key)


def test_g5_a_secret_that_does_not_open_stops_the_run(platform: SimulatedPlatform) -> None:
    step = step_of(platform, "root-trust")
    files: Any = Without(step.world.files, "open")
    step.world.files = files
    assert stopped_by(step.decide()) == ("E_ROOT", "open")


def test_g5_without_the_root_nothing_begins(platform: SimulatedPlatform) -> None:
    step = step_of(platform, "root-trust")
    step.world.files = None
    assert stopped_by(step.decide())[0] == "E_ROOT_NEEDED"


def test_g5_what_it_opens_is_counted(platform: SimulatedPlatform) -> None:
    count = len(platform.world().intent.handovers)
    said = f"opens all {count} secrets and the keys under it"
    assert step_of(platform, "root-trust").decide() == Satisfied(said)


def test_g5_what_was_opened_is_not_opened_again_and_what_was_not_is(platform: SimulatedPlatform) -> None:
    step = step_of(platform, "root-trust")
    files: Any = step.world.files
    locked: Any = Without(files, "open")
    step.world.files = locked
    assert stopped_by(step.decide()) == ("E_ROOT", "open")
    step.world.files = files
    assert isinstance(step.decide(), Satisfied)
    step.world.files = None
    assert isinstance(step.decide(), Satisfied)
