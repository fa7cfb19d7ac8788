"""Fixtures for tests that drive the ports on a real cluster: the lab ``demo``, or any cluster.

``BOOTSTRAP_TEST_KUBECONFIG`` names another kubeconfig (its current context is used).
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.adapters.kube import KubeCluster
from bootstrap.adapters.kube_api import KubeApi
from bootstrap.adapters.kubeconfig import Access, load_kubeconfig
from bootstrap.ports import Ref

LAB = "demo"


@pytest.fixture(scope="session")
def access(tmp_path_factory: pytest.TempPathFactory) -> Access:
    """How to reach the cluster. Without one the test is an error, not a skip: it proves nothing."""
    named = os.environ.get("BOOTSTRAP_TEST_KUBECONFIG")
    if named:
        return load_kubeconfig(Path(named))
    command = [str(Path(sys.executable).with_name("bootstrap")), "lab", "kubeconfig", "--name", LAB]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert said.returncode == 0, f"no lab {LAB!r}: {said.stderr}"
    text = said.stdout
    path = tmp_path_factory.mktemp("lab") / "kubeconfig"
    if text.lstrip().startswith("apiVersion"):
        path.write_text(text)
        path.chmod(0o600)
    else:
        path = Path(text.strip())
    return load_kubeconfig(path)


@pytest.fixture(scope="session")
def cluster(access: Access) -> KubeCluster:
    return KubeCluster(KubeApi(access))


@pytest.fixture(scope="module")
def namespace(cluster: KubeCluster) -> Iterator[str]:
    """A namespace of the test's own, deleted afterwards."""
    name = f"port-test-{uuid.uuid4().hex[:8]}"
    made = cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    assert isinstance(made, dict), made
    yield name
    cluster.delete(Ref("v1", "Namespace", name), uid=made["metadata"]["uid"])
