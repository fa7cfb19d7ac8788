"""What most simulated tests begin with: an intent repository as `init` makes it, and a platform that nothing ran on."""

from pathlib import Path

import pytest

from tests.simulator.platform import SimulatedPlatform, scaffolded


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"))


@pytest.fixture
def platform(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    return SimulatedPlatform(tmp_path, repository)
