"""What most simulated tests begin with: an intent repository as `init` makes it, and a platform that nothing ran on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.simulator.repeatable import repeatable


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"))


@pytest.fixture
def platform(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    return SimulatedPlatform(tmp_path, repository)


@pytest.fixture
def same_each_time() -> Iterator[None]:
    """No threads, no wall clock, nothing verified twice."""
    with repeatable():
        yield
