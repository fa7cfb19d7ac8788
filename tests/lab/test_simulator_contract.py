"""The contract of the simulated cluster, kept by a real API server."""

import pytest

from bootstrap.adapters.kube import KubeCluster
from tests.lab.ports_fixtures import access, cluster, namespace  # noqa: F401  (fixtures)
from tests.simulator.contract import *  # noqa: F403  (the tests are the contract's)

pytestmark = pytest.mark.lab


@pytest.fixture
def port(cluster: KubeCluster) -> KubeCluster:  # noqa: F811  (the fixture of that name)
    return cluster


@pytest.fixture
def home(namespace: str) -> str:  # noqa: F811  (the fixture of that name)
    return namespace
