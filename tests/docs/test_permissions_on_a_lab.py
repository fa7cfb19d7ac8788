"""The roles of docs/reference/permissions.md are enough for the whole of `up`, on a real API server."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bootstrap.intent.manifests import parse_manifests
from tests.docs.pages import blocks
from tests.docs.render import REFERENCE
from tests.lab.support.cluster import Kube, Lab, Object
from tests.lab.support.platform import declare_operator, make_platform
from tests.lab.support.reset import reset
from tests.support.program import run_bootstrap, said

pytestmark = pytest.mark.lab
ACCOUNT = "docs-operator"


def roles() -> list[Object]:
    page = (block for block in blocks(REFERENCE / "permissions.md") if block.language == "yaml")
    return [role for block in page for role in parse_manifests("permissions.md", block.text.encode())]


def binding(role: str) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": "default"}],
    }


@pytest.fixture
def operator(lab: Lab, kube: Kube, tmp_path: Path) -> Iterator[Path]:
    """A kubeconfig of somebody who has these roles and nothing else."""
    names = [role["metadata"]["name"] for role in roles()]
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": ACCOUNT, "namespace": "default"},
    }
    kube.apply(account, *roles(), *map(binding, names))
    config = yaml.safe_load(lab.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": kube.run("create", "token", ACCOUNT, "--duration", "2h").strip()}
    path = tmp_path / "kubeconfig"
    path.touch(0o600)
    path.write_text(yaml.safe_dump(config))
    yield path
    kube.run("delete", "clusterrole,clusterrolebinding", *names)
    kube.run("delete", "serviceaccount", ACCOUNT)


def test_s2_the_roles_of_the_page_are_enough(lab: Lab, kube: Kube, operator: Path, tmp_path: Path) -> None:
    reset(kube)
    platform = make_platform(tmp_path / "made", lab)
    declare_operator(platform, f"default/{ACCOUNT}")
    options = [*platform.to_cluster(), "--kubeconfig", str(operator)]
    done = run_bootstrap("doctor", *options)
    assert done.returncode == 0, said(done)
    done = run_bootstrap("up", *options)
    assert done.returncode == 0, said(done)
    done = run_bootstrap("verify", *options)
    assert done.returncode == 0, said(done)
