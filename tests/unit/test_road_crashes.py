"""A fault at the n-th call of either remote system, n = 1, 2, ... until none fires; then one `up` puts it right.

The end must be that of an undisturbed run: every secret retired, one version of each from us, nothing left over.
"""

import itertools
from pathlib import Path

import pytest

from bootstrap.ledger.record import Phase
from bootstrap.model.errors import BootstrapError
from bootstrap.steps.proofs import prove
from bootstrap.steps.transfers import named
from tests.simulator.faults import Fault, Faulty, Killed
from tests.simulator.platform import SimulatedPlatform, scaffolded

SAMPLE = 23  # by default one call in so many; a prime, so that neighbours in a loop take turns


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"))


def disturbed(platform: SimulatedPlatform, system: str, at: int, fault: Fault) -> bool:
    """One `up` with a fault in it; False when it was over before the fault came."""
    faulty = Faulty(getattr(platform, system), at, fault)
    try:
        platform.up(**{system: faulty})
    except (BootstrapError, Killed):
        pass
    return faulty.fired


def ends_well(platform: SimulatedPlatform) -> None:
    platform.up()
    world = platform.world()
    ledger = world.ledger.read()
    secrets = {s.name: s for s in world.intent.handovers}
    assert set(named(ledger, Phase.RETIRED)) == set(secrets)
    assert [p for p in prove(world) if p.ok is not True] == []
    live = platform.vault.live()
    for secret in secrets.values():
        assert len(live.secrets[str(secret.path)].versions) == 1, secret.name
    assert all("root" not in token.policies for token in live.tokens.values())
    assert platform.up().epoch == 0


@pytest.mark.parametrize("system", ["cluster", "vault"])
@pytest.mark.parametrize("fault", list(Fault))
def test_g5_any_fault_at_any_call_and_one_up_puts_it_right(
    system: str, fault: Fault, repository: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    step = 1 if request.config.getoption("--whole") else SAMPLE
    tried = 0
    for at in itertools.count(1 + list(Fault).index(fault), step):
        folder = tmp_path / str(at)
        folder.mkdir()
        platform = SimulatedPlatform(folder, repository)
        if not disturbed(platform, system, at, fault):
            break
        try:
            ends_well(platform)
        except (AssertionError, BootstrapError) as error:
            pytest.fail(f"{fault} at call {at} of {system}: {error}")
        tried += 1
    print(f"{system}, {fault}: {tried} faults")
    assert tried > 5
