"""Waiting: told only where the first look gives nothing; a server that is away is part of it; late has a name."""

from pathlib import Path

import pytest

from bootstrap.model.errors import Transient, WorldError
from tests.simulator.platform import SimulatedPlatform


@pytest.fixture
def platform(tmp_path: Path) -> SimulatedPlatform:
    return SimulatedPlatform(tmp_path)


def told(platform: SimulatedPlatform) -> list[str]:
    return [message for kind, _, message in platform.narrator.events if kind == "waiting"]


def test_what_is_there_already_is_not_told(platform: SimulatedPlatform) -> None:
    assert platform.world().wait("a pod is ready", lambda: "vault-0") == "vault-0"
    assert told(platform) == []


def test_what_comes_later_is_told_once(platform: SimulatedPlatform) -> None:
    looks = iter(["", "", "vault-0"])
    assert platform.world().wait("a pod is ready", lambda: next(looks)) == "vault-0"
    assert told(platform) == ["a pod is ready"]


def test_a_server_that_is_away_is_part_of_waiting_and_named_at_the_end(platform: SimulatedPlatform) -> None:
    def away() -> None:
        raise Transient("connection refused")

    with pytest.raises(WorldError, match=r"a pod is ready: not within 3 s \(connection refused\)") as late:
        platform.world().wait("a pod is ready", away, seconds=3)
    assert late.value.code == "E_TIMEOUT"
    assert told(platform) == ["a pod is ready"]


def test_what_never_comes_is_named_and_nothing_else(platform: SimulatedPlatform) -> None:
    with pytest.raises(WorldError) as late:
        platform.world().wait("a pod is ready", lambda: "", seconds=3)
    assert late.value.message == "a pod is ready: not within 3 s"
