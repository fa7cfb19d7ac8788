"""On a cluster that enforces network policies the road ends as on any other, and what they close is closed (S2)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.connections import PODS
from tests.lab.support.enforcer import enforced
from tests.lab.support.platform import Platform, make_platform
from tests.lab.support.snapshot_jobs import SPACE, declared, ended, log, start
from tests.lab.support.waiting import until
from tests.support.program import commit_all, run_bootstrap, said

pytestmark = [pytest.mark.lab, pytest.mark.whole]
BUSYBOX = "docker.io/library/busybox:stable"
OPERATOR = "external-secrets"
STRANGER = "default"
PROBED = (OPERATOR, STRANGER, SPACE)
DNS = {"k8s-app": "kube-dns"}


@pytest.fixture(scope="module")
def platform(empty_cluster: Kube, lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with enforced(empty_cluster):
        made = make_platform(tmp_path_factory.mktemp("enforced"), lab)
        intent = made.folder / "bootstrap.yaml"
        intent.write_text(intent.read_text() + declared(lab))
        commit_all(made.folder)
        done = run_bootstrap("up", *made.to_cluster())
        assert done.returncode == 0, said(done)
        with probes(empty_cluster):
            yield made


@contextmanager
def probes(kube: Kube) -> Iterator[None]:
    """A pod that asks what it is told to, in each of these namespaces."""
    for namespace in PROBED:
        _probe(kube, namespace)
    try:
        yield
    finally:
        for namespace in PROBED:
            kube.run("delete", "pod", "-n", namespace, "probe", "--grace-period=1")


def _probe(kube: Kube, namespace: str) -> None:
    container: dict[str, Any] = {
        "name": "probe",
        "image": BUSYBOX,
        "imagePullPolicy": "Never",
        "command": ["sleep", "3600"],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    kube.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "probe", "namespace": namespace},
            "spec": {"containers": [container], "securityContext": security},
        }
    )
    kube.run("wait", "-n", namespace, "pod/probe", "--for=condition=Ready", "--timeout=60s")


def _connects(kube: Kube, place: tuple[str, str, str], address: str, port: int) -> bool:
    """From a container, as namespace, pod and name."""
    namespace, pod, container = place
    words = f"nc -w 3 {address} {port} </dev/null"
    done = kube.try_run("exec", "-n", namespace, pod, "-c", container, "--", "sh", "-c", words)
    return done.returncode == 0


def _address(kube: Kube, pod: str) -> str:
    return str(kube.need("pod", pod, "vault")["status"]["podIP"])


def test_verify_has_every_proof(platform: Platform) -> None:
    done = run_bootstrap("verify", *platform.to_cluster())
    assert done.returncode == 0, said(done)


def test_s2_the_operator_and_the_jobs_connect_to_vault_and_no_other(platform: Platform, kube: Kube) -> None:
    for pod in PODS:
        at = _address(kube, pod)
        for namespace in PROBED:
            assert _connects(kube, (namespace, "probe", "probe"), at, 8200) == (namespace != STRANGER), (
                namespace
            )
        for namespace in PROBED:
            assert not _connects(kube, (namespace, "probe", "probe"), at, 8201)


def test_s2_vault_reaches_its_peers_dns_and_the_api_server(platform: Platform, kube: Kube) -> None:
    (dns,) = (
        pod["status"]["podIP"] for pod in kube.list("pods", "kube-system") if DNS.items() <= _labels(pod)
    )
    api = kube.need("service", "kubernetes", "default")["spec"]["clusterIP"]
    vault = ("vault", "vault-0", "vault")
    for address, port in ((_address(kube, "vault-1"), 8201), (dns, 53), (api, 443)):
        assert _connects(kube, vault, address, port), f"{address}:{port}"
    assert _connects(kube, (STRANGER, "probe", "probe"), dns, 8080)  # it is open, but not to Vault
    assert not _connects(kube, vault, dns, 8080)


def _labels(pod: dict[str, Any]) -> Any:
    return pod["metadata"].get("labels", {}).items()


def test_inv1_a_snapshot_job_comes_through(platform: Platform, kube: Kube) -> None:
    start(kube, "enforced")
    assert ended(kube, "enforced") == "Complete", log(kube, "enforced")


def test_g7_a_node_that_is_made_anew_joins(platform: Platform, kube: Kube) -> None:
    kube.run("delete", "pod", "-n", "vault", "vault-2")
    until(lambda: _is_ready(kube, "vault-2"), 120, "vault-2 is not ready")
    assert run_bootstrap("verify", *platform.to_cluster()).returncode == 0


def _is_ready(kube: Kube, pod: str) -> bool:
    found = kube.try_run(
        "get", "pod", pod, "-n", "vault", "-o", "jsonpath={.status.conditions[?(@.type=='Ready')].status}"
    )
    return found.stdout == "True"
