"""A run that another has overtaken says so, whatever its own last call was told; it changes nothing more."""

import random
from pathlib import Path
from typing import Any

import pytest

from bootstrap.engine import lock
from bootstrap.model.errors import BootstrapError, HeldError, WorldError
from bootstrap.steps.context.session import FRESH_SECONDS, Session
from tests.simulator.concurrent import At, Granted, nth
from tests.simulator.faults import Call, Fault
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import overlapping
from tests.simulator.sweep import SEED, length
from tests.support.simulated_clock import SimulatedClock

SOME = 6


def overtaken(platform: SimulatedPlatform, at: Any) -> BootstrapError | None:
    """What the first run says whose successor runs to its end at the call that fits."""
    with overlapping():
        try:
            platform.up(**at.ports(platform))
        except BootstrapError as error:
            return error
    return None


def writes_to_vault(call: Call) -> bool:
    return call.system == "vault" and call.name == "call" and call.writes and "login" not in str(call.args[1])


def test_a_run_whose_token_was_revoked_names_its_successor(platform: SimulatedPlatform) -> None:
    at = At(lambda c: writes_to_vault(c) and str(c.args[1]).startswith("sys/mounts"), platform.up)
    error = overtaken(platform, at)
    assert at.fired
    assert isinstance(error, HeldError)
    assert "operator 2, run run-2, since 2026-01-01T" in error.message
    assert error.message.endswith("finished")
    assert platform.narrator.said("the last call of this run: E_VAULT_DENIED")


def test_what_no_other_run_explains_stays_the_error_that_it_is(platform: SimulatedPlatform) -> None:
    def gone() -> None:
        store = platform.vault.live()
        for token in [t for t, v in store.tokens.items() if "root" not in v.policies]:
            del store.tokens[token]

    at = At(lambda c: writes_to_vault(c) and str(c.args[1]).startswith("sys/mounts"), gone)
    error = overtaken(platform, at)
    assert isinstance(error, WorldError)
    assert error.code == "E_VAULT_DENIED"


def asleep(platform: SimulatedPlatform) -> Session:
    """The conversation of a run that was overtaken, and does not know it yet."""

    def overtaken() -> None:
        raise HeldError("another run holds the cluster", code="E_HELD")

    session = platform.world(clock=SimulatedClock()).session
    session.guard = overtaken
    return session


def test_a_run_that_slept_does_not_fence_its_successor(platform: SimulatedPlatform) -> None:
    platform.up()
    successor = platform.world().session
    successor.fence()
    sleeper = asleep(platform)
    assert sleeper.read("sys/mounts").ok
    with pytest.raises(HeldError):
        sleeper.call("POST", "sys/mounts/more", {"type": "kv"})
    assert successor.read("sys/mounts").ok
    assert "more/" not in platform.vault.live().mounts


def test_a_run_that_slept_does_not_come_back_behind_the_fence(platform: SimulatedPlatform) -> None:
    """Its token was revoked; a further login would give it another one."""
    platform.up()
    sleeper = asleep(platform)
    sleeper.token()
    sleeper.clock.sleep(FRESH_SECONDS + 1)
    live = len(platform.vault.live().tokens)
    with pytest.raises(HeldError):
        sleeper.read("sys/mounts")
    assert len(platform.vault.live().tokens) == live


@pytest.mark.parametrize("lease", ["with", "without"])
def test_a_second_up_at_any_write_leaves_the_first_held_or_done(
    lease: str, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    if lease == "without":
        monkeypatch.setattr(lock, "Lease", Granted)
    writes = length(Fault.SECOND_UP, repository)
    draw = random.Random(f"{SEED} {lease}")
    points = range(1, writes + 1) if whole else sorted(draw.sample(range(1, writes + 1), SOME))
    told = []
    for point in points:
        folder = tmp_path / str(point)
        folder.mkdir()
        platform = SimulatedPlatform(folder, repository)
        at = At(nth(point, lambda c: c.writes and c.system != "records"), platform.up)
        error = overtaken(platform, at)
        assert at.fired
        if error is not None and not (isinstance(error, HeldError) and "operator 2" in error.message):
            told.append(f"write {point}: {error.code} {error.message}")
    print(f"a second up at {len(points)} of {writes} writes, {lease} a Lease, seed {SEED}")
    assert told == []
