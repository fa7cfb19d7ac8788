"""The two clusters of the contract: a simulated one, and the real one of this test run's lab.

``BOOTSTRAP_TEST_KUBECONFIG`` names another kubeconfig (its current context is used).
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.adapters.kubernetes.api import KubeApi, Reply, Request
from bootstrap.adapters.kubernetes.cluster import KubeCluster
from bootstrap.adapters.kubernetes.kubeconfig import Access, load_kubeconfig
from bootstrap.adapters.kubernetes.secret_data import decoded, encoded
from bootstrap.ports import Cluster, Object, Ref, Refused
from tests.simulator.cluster import SimulatedCluster


class Neighbours:
    """Other writers of the same cluster, each by the name of its field manager."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def apply_as(self, manager: str, obj: Object, *, force: bool = False) -> Object | Refused:
        """Server-side apply."""
        if isinstance(self.cluster, SimulatedCluster):
            return self.cluster.apply_as(manager, obj, force=force)
        return self._write("PATCH", manager, obj, (("force", str(force).lower()),))

    def update_as(self, manager: str, obj: Object) -> Object | Refused:
        """A plain replace."""
        if isinstance(self.cluster, SimulatedCluster):
            return self.cluster.update_as(manager, obj)
        return self._write("PUT", manager, obj, ())

    def _write(
        self, method: str, manager: str, obj: Object, query: tuple[tuple[str, str], ...]
    ) -> Object | Refused:
        assert isinstance(self.cluster, KubeCluster)
        meta = obj["metadata"]
        kind = self.cluster._served.find(obj["apiVersion"], obj["kind"])
        assert kind is not None
        found = self.cluster._api.write(
            Request(
                method=method,
                path=kind.path(meta.get("namespace", ""), meta["name"]),
                what=f"{obj['kind']} {meta['name']} as {manager}",
                body=encoded(obj),
                query=(("fieldManager", manager), *query),
                content_type="application/apply-patch+yaml" if method == "PATCH" else "application/json",
            )
        )
        return decoded(found.document) if isinstance(found, Reply) else found


@pytest.fixture(scope="session")
def access(request: pytest.FixtureRequest) -> Access:
    """How to reach the real cluster."""
    named = os.environ.get("BOOTSTRAP_TEST_KUBECONFIG")
    return load_kubeconfig(Path(named) if named else request.getfixturevalue("lab").kubeconfig)


@pytest.fixture(scope="session")
def real_cluster(access: Access) -> KubeCluster:
    return KubeCluster(KubeApi(access))


@pytest.fixture(scope="module")
def cluster(side: str, request: pytest.FixtureRequest) -> Cluster:
    if side == "simulator":
        return SimulatedCluster()
    found: Cluster = request.getfixturevalue("real_cluster")
    return found


@pytest.fixture
def neighbours(cluster: Cluster) -> Neighbours:
    return Neighbours(cluster)


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the module's own, deleted afterwards."""
    name = f"port-test-{uuid.uuid4().hex[:8]}"
    made = cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    assert isinstance(made, dict), made
    yield name
    cluster.delete(Ref("v1", "Namespace", name), uid=made["metadata"]["uid"])
