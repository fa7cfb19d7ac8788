"""Platforms that declare something else than the demo does, each from an empty cluster (B4, G7, H3, INV7, PH1)."""

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.platform import Platform, make_platform
from tests.lab.support.reset import reset
from tests.lab.support.state import (
    actual,
    authority,
    differences,
    expected,
    run_record,
    sealed,
    statements,
    voters,
)
from tests.lab.support.vault import as_run
from tests.support.program import assert_decent, assert_refused, commit_all, run_bootstrap, said, started

pytestmark = [pytest.mark.lab, pytest.mark.whole]
CONFIG = """---
apiVersion: bootstrap/v1
kind: InternalConfig
metadata:
  name: orders-endpoint
spec:
  owner: database-team
  purpose: Where the orders application finds its database
  source: {namespace: database, secret: orders-db-endpoint}
  path: platform-config/postgres/orders
  properties: {host: host, port: port}
  consumers:
    - {namespace: orders, secret: orders-endpoint}
"""
ENDPOINT = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "orders-db-endpoint", "namespace": "database"},
    "stringData": {"host": "db.database.svc", "port": "5432"},
}


@pytest.fixture
def empty_cluster(kube: Kube) -> Kube:
    """For each test anew."""
    reset(kube)
    return kube


@pytest.fixture
def platform(empty_cluster: Kube, lab: Lab, tmp_path: Path) -> Platform:
    return make_platform(tmp_path, lab)


def declare(platform: Platform, path: str, change: Callable[[str], str]) -> None:
    file = platform.folder / path
    before = file.read_text()
    after = change(before)
    assert after != before
    file.write_text(after)
    commit_all(platform.folder)


def run(name: str, platform: Platform, *more: object) -> "subprocess.CompletedProcess[str]":
    done = run_bootstrap(name, *platform.to_cluster(), *more)
    assert done.returncode == 0, said(done)
    assert_decent(done)
    return done


def test_b4_custody_offline_is_unsealed_by_its_holder_alone(platform: Platform, empty_cluster: Kube) -> None:
    kube = empty_cluster
    declare(platform, "bootstrap.yaml", lambda text: text.replace("custody: cluster", "custody: offline"))
    run("up", platform)
    assert kube.get("secret", "vault-unseal-1", "vault") is None
    run("verify", platform)
    kube.run("delete", "pod", "vault-0", "vault-1", "vault-2", "-n", "vault")
    for pod in ("vault-0", "vault-1", "vault-2"):
        kube.run(
            "wait", f"pod/{pod}", "-n", "vault", "--for=jsonpath={.status.phase}=Running", "--timeout=120s"
        )
    assert sealed(kube) == ["vault-0", "vault-1", "vault-2"]
    assert run_bootstrap("verify", *platform.to_cluster()).returncode != 0
    done = run("unseal", platform)
    assert "unsealed vault-0, vault-1, vault-2" in done.stdout
    assert sealed(kube) == []
    assert "nothing to do" in run("unseal", platform).stdout
    assert "nothing to do" in run("up", platform).stdout
    run("verify", platform)


@pytest.mark.parametrize("mode", ["inert", "ignored"])
def test_h3_a_scaffold_that_stays_is_what_git_declares(
    platform: Platform, empty_cluster: Kube, mode: str
) -> None:
    kept = f"retire: {mode}\n    until: 2027-12-31"
    declare(platform, "secrets/gitops.yaml", lambda text: text.replace("retire: deleted", kept))
    run("up", platform)
    scaffold = empty_cluster.need("secret", "deploy-credential-bootstrap", "gitops")
    assert bool(scaffold.get("data")) is (mode == "ignored")
    (record,) = [
        s
        for s in statements(empty_cluster)
        if s["phase"] == "RETIRED" and s["secret"]["name"] == "gitops-deploy-credential"
    ]
    assert record["retire"] == mode
    assert ("scaffold-in-cluster" in record["residuals"]) is (mode == "ignored")
    assert "nothing to do" in run("up", platform).stdout
    assert "deploy-credential-bootstrap" in run("verify", platform).stdout or mode == "inert"


def test_g7_one_replica_becomes_three_and_five_by_one_line_each(
    platform: Platform, empty_cluster: Kube
) -> None:
    was = 3
    for replicas in (1, 3, 5):
        line = f"replicas: {replicas} "
        declare_replicas(platform, was, line)
        was = replicas
        run("up", platform)
        with as_run(empty_cluster, authority(platform)) as vault:
            assert voters(vault) == [f"vault-{n}" for n in range(replicas)]
        run("verify", platform)
    assert "nothing to do" in run("up", platform).stdout
    declare_replicas(platform, 5, "replicas: 3 ")
    done = run_bootstrap("up", *platform.to_cluster())
    assert_refused(done, 4, "E_REPLICAS_FEWER", "replicas")


def declare_replicas(platform: Platform, was: int, line: str) -> None:
    file = platform.folder / "bootstrap.yaml"
    file.write_text(file.read_text().replace(f"replicas: {was} ", line))
    commit_all(platform.folder)


def test_inv7_configuration_goes_through_vault_too(platform: Platform, empty_cluster: Kube) -> None:
    kube = empty_cluster
    declare(platform, "secrets/orders.yaml", lambda text: text + CONFIG)
    kube.run("create", "namespace", "database")
    kube.apply(ENDPOINT)
    run("up", platform)
    found = kube.need("secret", "orders-endpoint", "orders")["data"]
    plain = {name: base64.b64decode(value).decode() for name, value in found.items()}
    assert plain == ENDPOINT["stringData"]
    with as_run(kube, authority(platform)) as vault:
        assert vault.read("secret/data/platform-config/postgres/orders")["data"] == ENDPOINT["stringData"]
    run("verify", platform)


def test_ph1_a_run_that_is_given_back_leaves_what_was_committed(
    platform: Platform, empty_cluster: Kube
) -> None:
    with started("up", *platform.to_cluster()) as process:
        assert process.stderr is not None
        assert any("acting  handover:" in line for line in process.stderr)
        process.kill()
    before = run_record(empty_cluster)
    assert before["state"] == "running"
    assert_refused(run_bootstrap("abandon", *platform.to_cluster()), 5, "E_APPROVAL", "--approve abandon")
    run("abandon", platform, "--approve", "abandon")
    assert run_record(empty_cluster)["state"] == "abandoned"
    run("up", platform)
    assert differences(expected(platform), actual(empty_cluster, platform)) == []
    run("verify", platform)
