"""The Vaults of the contract: a simulated one, and real servers of two nodes on loopback.

The real one reviews service account tokens with the real cluster, so that logins are what they are in pods.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.adapters.kubernetes.cluster import KubeCluster
from bootstrap.adapters.kubernetes.kubeconfig import Access
from bootstrap.adapters.vault.client import PodVault
from bootstrap.ports import Object, Vault
from tests.contract.objects import bare, fresh, made, ref
from tests.contract.vault.running import Running, begin
from tests.contract.vault.simulated import simulated_vault
from tests.contract.vault.sites import PODS, loopback, vault_binary


@pytest.fixture(scope="package")
def vault(
    side: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    if side == "simulator":
        simulated = simulated_vault(*PODS)
        yield begin(simulated, simulated.cluster, simulated.restart)
        return
    folder = tmp_path_factory.mktemp("vault")
    with loopback(vault_binary(), folder) as site:
        port = PodVault(site.dialer, ca_pem=site.ca.pem)
        running = begin(port, request.getfixturevalue("real_cluster"), site.restart, folder / "audit.log")
        yield running


@pytest.fixture(scope="package")
def home(vault: Running) -> Iterator[str]:
    """A namespace of the package's own on the cluster whose accounts log in."""
    name = fresh("port-test")
    space = made(vault.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
    yield name
    vault.cluster.delete(ref(space), uid=space["metadata"]["uid"])


@pytest.fixture(scope="package")
def kubernetes_auth(vault: Running, home: str, side: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The accessor of the auth method ``kubernetes``, which reviews tokens with the cluster's API server."""
    body: Object = {"kubernetes_host": "https://kubernetes.default.svc"}
    binding = None
    if side == "real":
        access: Access = request.getfixturevalue("access")
        body, binding = reviewer(request.getfixturevalue("real_cluster"), access, home)
    assert vault.call("POST", "sys/auth/kubernetes", {"type": "kubernetes"}).ok
    assert vault.call("POST", "auth/kubernetes/config", body).ok
    yield str(vault.call("GET", "sys/auth").data["kubernetes/"]["accessor"])
    if binding is not None:
        vault.cluster.delete(ref(binding), uid=binding["metadata"]["uid"])


def reviewer(cluster: KubeCluster, access: Access, home: str) -> tuple[Object, Object]:
    """What a Vault outside the cluster needs to review tokens: the API server's address, its CA, an account's token."""
    made(cluster.create(bare("v1", "ServiceAccount", home, "reviewer")))
    rbac = "rbac.authorization.k8s.io"
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": home},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "system:auth-delegator"},
        "subjects": [{"kind": "ServiceAccount", "name": "reviewer", "namespace": home}],
    }
    bound = made(cluster.create(binding))
    issuer = "https://kubernetes.default.svc.cluster.local"
    body = {
        "kubernetes_host": access.server,
        "kubernetes_ca_cert": Path(access.configuration.ssl_ca_cert).read_text(),
        "token_reviewer_jwt": cluster.service_account_token(home, "reviewer", issuer, 3600),
        "disable_local_ca_jwt": True,
    }
    return body, bound


@pytest.fixture(scope="module")
def blank(side: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    """A Vault of one node that nobody has initialised."""
    if side == "simulator":
        yield simulated_vault(PODS[0])
        return
    with loopback(vault_binary(), tmp_path_factory.mktemp("blank"), PODS[:1]) as site:
        yield PodVault(site.dialer, ca_pem=site.ca.pem)
