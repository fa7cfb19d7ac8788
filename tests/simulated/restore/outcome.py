"""How a restore ends in the simulator: refused before anything is changed, or with everything proven."""

import pytest

from bootstrap.model.errors import BootstrapError
from bootstrap.operations.verify.invariants import prove
from tests.simulator.platform import SimulatedPlatform


def refused(platform: SimulatedPlatform, exit_code: int, code: str, **ports: object) -> BootstrapError:
    """`up` stops before it has changed anything."""
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    with pytest.raises(BootstrapError) as stopped:
        platform.up(**ports)
    assert (stopped.value.exit_code, stopped.value.code) == (exit_code, code), stopped.value.message
    assert stopped.value.hint
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])
    return stopped.value


def is_whole(platform: SimulatedPlatform) -> None:
    assert [f"{p.title}: {p.evidence}" for p in prove(platform.world(), deep=True) if p.ok is not True] == []
    platform.restore = None
    assert platform.up().epoch == 0
