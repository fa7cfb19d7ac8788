"""A root token by generate-root, where anybody may begin an attempt or cancel ours (S2, B5)."""

import base64
from collections.abc import Mapping
from typing import Any

import pytest

from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.generate_root import TRIES, generated_root
from tests.simulator.faults import Call, Port
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.standing import proven

pytestmark = pytest.mark.usefixtures("same_each_time")


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    proven(platform)
    return platform


class Meddled:
    """A Vault of which another client has its way before a call; ``moves`` are the paths before which it has."""

    def __init__(self, platform: SimulatedPlatform, path: str, move: Any, times: int) -> None:
        self._vault, self._path, self._move, self._times = platform.vault, path, move, times

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, **how: Any) -> Answer:
        if self._times and (method, path) == ("PUT", self._path):
            self._times -= 1
            self._move(self._vault.live().generate_root)
        return self._vault.call(method, path, body, **how)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)


def _cancelled(attempts: Any) -> None:
    attempts.nonce = attempts.key = ""


def asked(platform: SimulatedPlatform, vault: Any) -> tuple[World, Sensitive]:
    world = platform.world(vault=vault)
    return world, generated_root(world, "0" * 32)


def test_a_cancelled_attempt_is_begun_again(platform: SimulatedPlatform) -> None:
    meddled = Meddled(platform, "sys/generate-root/update", _cancelled, TRIES - 1)
    _, token = asked(platform, meddled)
    assert platform.vault.live().tokens[token.reveal().decode()].policies == ("root",)


def test_not_for_ever(platform: SimulatedPlatform) -> None:
    meddled = Meddled(platform, "sys/generate-root/update", _cancelled, TRIES)
    with pytest.raises(WorldError) as stopped:
        asked(platform, meddled)
    assert stopped.value.code == "E_GENERATE_ROOT"
    assert platform.vault.live().tokens == {}


def test_an_attempt_of_others_is_waited_for_and_never_cancelled(platform: SimulatedPlatform) -> None:
    platform.vault.live().generate_root.nonce = "theirs"
    with pytest.raises(WorldError, match="another's attempt is under way") as stopped:
        asked(platform, None)
    assert stopped.value.code == "E_GENERATE_ROOT"
    assert platform.vault.live().generate_root.nonce == "theirs"


def test_another_refusal_is_no_attempt_of_others(platform: SimulatedPlatform) -> None:
    platform.vault.denied.add("PUT sys/generate-root/attempt")
    with pytest.raises(WorldError) as stopped:
        asked(platform, None)
    assert stopped.value.code == "E_VAULT_DENIED"


@pytest.mark.parametrize(
    "given",
    [Answer(200, {"complete": False}), Answer(400, {"complete": True})],
    ids=["not complete", "refused"],
)
def test_an_answer_without_a_token_is_none(platform: SimulatedPlatform, given: Answer) -> None:
    def answers(call: Call) -> Any:
        return given if call.args[1:2] == ("sys/generate-root/update",) else call.apply()

    with pytest.raises(EvidenceError) as stopped:
        asked(platform, Port("vault", platform.vault, answers))
    assert (stopped.value.code, platform.vault.live().generate_root.nonce) == ("E_ESCROW", "")


def test_an_attempt_that_a_killed_run_left_is_ended(platform: SimulatedPlatform) -> None:
    ours = platform.world().material.unseal_key().certificate
    attempts = platform.vault.live().generate_root
    attempts.nonce, attempts.key = "left", base64.b64encode(ours).decode()
    _, token = asked(platform, None)
    assert token
    assert attempts.nonce == ""


def test_a_share_that_does_not_fit_is_said_and_leaves_nothing(platform: SimulatedPlatform) -> None:
    platform.vault.live().share = "00" * 32
    with pytest.raises(EvidenceError) as stopped:
        asked(platform, None)
    assert stopped.value.code == "E_ESCROW"
    assert platform.vault.live().generate_root.nonce == ""
