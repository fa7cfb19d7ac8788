"""The login of Vault's own pods: a token counts by the API server's keys, and for the pod that mounts it alone."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bootstrap.adapters.kubernetes.api import Request
from bootstrap.adapters.kubernetes.cluster import KubeCluster
from bootstrap.model.catalog import VaultSpec
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, Cluster, Object
from bootstrap.steps.vault.leaves import agrees
from bootstrap.steps.vault.pod_login import CONFIG, live_issuer, pod_role
from tests.contract.objects import bare, made, ref
from tests.contract.vault.running import Running
from tests.simulator.cluster import SimulatedCluster

ROLE = "auth/vault-pods/role/vault-renewer-vault-0"


def token_of(cluster: Cluster, namespace: str, pod: str, audience: str = "vault-renewer") -> Sensitive:
    """As the kubelet asks for it, for a pod that mounts it."""
    if isinstance(cluster, SimulatedCluster):
        return cluster.pod_token(namespace, pod, audience)
    assert isinstance(cluster, KubeCluster)
    live = made(cluster.get(ref(bare("v1", "Pod", namespace, pod))))
    bound = {"apiVersion": "v1", "kind": "Pod", "name": pod, "uid": live["metadata"]["uid"]}
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": [audience], "expirationSeconds": 600, "boundObjectRef": bound},
    }
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{live['spec']['serviceAccountName']}/token"
    reply = cluster._api.read(Request(method="POST", path=path, what="token", body=body))
    assert reply is not None
    return Sensitive(reply.document["status"]["token"].encode(), "token")


def waiting_pod(namespace: str, name: str, account: str) -> Object:
    """One that no node takes."""
    spec = {
        "serviceAccountName": account,
        "nodeSelector": {"no": "node"},
        "containers": [{"name": "a", "image": "nothing.invalid/a"}],
    }
    return bare("v1", "Pod", namespace, name, spec=spec)


@pytest.fixture(scope="module")
def space(vault: Running, home: str) -> Iterator[str]:
    """Two pods of Vault's account, and one of another."""
    accounts = {"vault": ("vault-0", "vault-1"), "stranger": ("vault-x",)}
    pods = []
    for account, names in accounts.items():
        made(vault.cluster.create(bare("v1", "ServiceAccount", home, account)))
        pods += [made(vault.cluster.create(waiting_pod(home, name, account))) for name in names]
    yield home
    for pod in pods:
        vault.cluster.delete(ref(pod), uid=pod["metadata"]["uid"])


@pytest.fixture(scope="module")
def body(space: str) -> Object:
    return pod_role(VaultSpec(version="1", image="i", namespace=space), "vault-0")


@pytest.fixture(scope="module", autouse=True)
def ready(vault: Running, body: Object) -> None:
    assert vault.call("POST", "sys/auth/vault-pods", {"type": "jwt"}).status == 204
    assert vault.call("GET", CONFIG).status == 404
    give_keys(vault, vault.cluster.token_issuer().keys)
    assert vault.call("POST", ROLE, body).ok


def give_keys(vault: Running, keys: tuple[str, ...], **more: str) -> None:
    issuer = vault.cluster.token_issuer().name
    given = {"bound_issuer": issuer, "jwt_validation_pubkeys": list(keys), **more}
    assert vault.call("POST", CONFIG, given).ok


def login(vault: Running, jwt: Sensitive, role: str = "vault-renewer-vault-0") -> Answer:
    return vault.call("POST", "auth/vault-pods/login", {"role": role, "jwt": jwt}, token=None)


def refused(answer: Answer) -> None:
    """Why is not said here: the words could repeat the token, so the adapter withholds them."""
    assert answer.status == 400
    assert not answer.auth.get("client_token")


def test_the_keys_are_read_back_as_the_api_server_shows_them(vault: Running) -> None:
    assert live_issuer(vault.call) == vault.cluster.token_issuer()


def test_what_a_write_of_the_keys_does_not_name_has_its_default_again(vault: Running) -> None:
    keys = vault.cluster.token_issuer().keys
    give_keys(vault, keys, default_role="somebody")
    assert vault.call("GET", CONFIG).data["default_role"] == "somebody"
    give_keys(vault, keys)
    assert not vault.call("GET", CONFIG).data.get("default_role")


def test_the_role_is_read_back(vault: Running, body: Object) -> None:
    assert agrees(vault.call("GET", ROLE), body)
    assert not agrees(
        vault.call("GET", ROLE), body | {"bound_claims": {"/kubernetes.io/pod/name": "vault-1"}}
    )


def test_a_role_that_is_not_there(vault: Running, space: str) -> None:
    assert vault.call("GET", f"{ROLE}0").status == 404
    jwt = token_of(vault.cluster, space, "vault-0")
    refused(login(vault, jwt, "vault-renewer-vault-00"))


def test_s2_a_pod_logs_in_as_itself(vault: Running, space: str) -> None:
    answer = login(vault, token_of(vault.cluster, space, "vault-0"))
    assert answer.ok
    assert list(answer.auth["policies"]) == ["vault-renewer-vault-0"]


def test_s2_another_pod_of_the_same_account_does_not(vault: Running, space: str) -> None:
    refused(login(vault, token_of(vault.cluster, space, "vault-1")))


def test_s2_a_pod_of_another_account_does_not(vault: Running, space: str) -> None:
    refused(login(vault, token_of(vault.cluster, space, "vault-x")))


def test_s2_another_audience_does_not(vault: Running, space: str) -> None:
    refused(login(vault, token_of(vault.cluster, space, "vault-0", "vault")))


def test_s2_a_token_that_no_pod_mounts_does_not(vault: Running, space: str) -> None:
    refused(login(vault, vault.cluster.service_account_token(space, "vault", "vault-renewer", 600)))


def test_a_token_of_another_key_does_not(vault: Running, space: str) -> None:
    """As after the API server got another one."""
    other = ec.generate_private_key(ec.SECP256R1()).public_key()
    give_keys(vault, (other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),))
    refused(login(vault, token_of(vault.cluster, space, "vault-0")))
    give_keys(vault, vault.cluster.token_issuer().keys)
    assert login(vault, token_of(vault.cluster, space, "vault-0")).ok
