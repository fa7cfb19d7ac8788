"""The simulated cluster keeps the contract that the real one keeps."""

import pytest

from tests.simulator.cluster import SimulatedCluster
from tests.simulator.contract import *  # noqa: F403  (the tests are the contract's)


@pytest.fixture
def port() -> SimulatedCluster:
    return SimulatedCluster()


@pytest.fixture
def home(port: SimulatedCluster) -> str:
    port.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "home"}})
    return "home"
