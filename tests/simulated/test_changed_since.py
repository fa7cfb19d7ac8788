"""A ciphertext changed in Git after handover has no effect, and `up` and `status` say so."""

from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.adapters.git.repository import open_repository
from bootstrap.cli.commands import status, up
from bootstrap.cli.options import Options
from bootstrap.engine.result import Result
from bootstrap.intent.load import load_intent
from bootstrap.operations.verify.drift import without_effect
from bootstrap.steps.context.world import World
from tests.simulator.platform import SimulatedPlatform
from tests.support.program import commit_all

FILE = "encrypted/orders.sops.yaml"
SAID = (
    f"{FILE} was changed after orders-payment-token, orders-session-key, orders-webhook-signing were handed over: "
    "what Vault holds counts, the change has no effect"
)


@pytest.fixture
def platform(tmp_path: Path) -> SimulatedPlatform:
    made = SimulatedPlatform(tmp_path)
    made.up()
    return made


def later(platform: SimulatedPlatform) -> World:
    """A world of the commit that is there now."""
    world = platform.world()
    return replace(world, intent=load_intent(open_repository(platform.repository)))


def test_what_is_changed_after_handover_is_named_once_a_file(platform: SimulatedPlatform) -> None:
    world = later(platform)
    assert list(without_effect(world.ledger.read(), world.intent)) == []
    file = platform.repository / FILE
    file.write_bytes(file.read_bytes() + b"# touched\n")
    commit_all(platform.repository)
    world = later(platform)
    assert list(without_effect(world.ledger.read(), world.intent)) == [SAID]


def test_up_and_status_say_so(platform: SimulatedPlatform) -> None:
    nothing = Result(epoch=0, outcomes=())
    summary = up.summarise(later(platform), nothing)
    assert (summary["ignored"], status.gather(later(platform))["ignored"]) == ([], [])
    assert "ignored" not in "\n".join(up.lines(summary, Options()))
    file = platform.repository / FILE
    file.write_bytes(file.read_bytes() + b"# touched\n")
    commit_all(platform.repository)
    world = later(platform)
    summary, found = up.summarise(world, nothing), status.gather(world)
    assert (summary["ignored"], found["ignored"]) == ([SAID], [SAID])
    for told in (up.lines(summary, Options()), status.lines(found)):
        assert f"ignored      1\n  - {SAID}" in "\n".join(told)


def test_before_handover_a_change_is_not_ignored(tmp_path: Path) -> None:
    world = SimulatedPlatform(tmp_path).world()
    assert status.gather(world)["ignored"] == []
