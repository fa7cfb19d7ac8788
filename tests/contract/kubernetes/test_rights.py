"""Who we are, what we may, what admission says, and tokens for others."""

import datetime as dt
from typing import Any

import pytest

from bootstrap.adapters.kubernetes.api import KubeApi, Request
from bootstrap.adapters.kubernetes.cluster import KubeCluster
from bootstrap.adapters.kubernetes.kubeconfig import Access
from bootstrap.adapters.kubernetes.portforward import PodDialer
from bootstrap.model.errors import WorldError
from bootstrap.ports import Cluster, Object, Permission, Reason, Ref
from bootstrap.steps.context.admission import API
from tests.contract.objects import bare, configmap, fresh, made, ref, refused, secret, until
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.controllers import admission


def test_identity_version_and_clock(cluster: Cluster) -> None:
    assert cluster.version().startswith("v1.34.")
    assert cluster.uid() == made(cluster.get(Ref("v1", "Namespace", "kube-system")))["metadata"]["uid"]
    found = cluster.identity()
    assert found.user
    assert "system:authenticated" in found.groups
    assert cluster.context
    assert cluster.server.startswith("https://")
    assert cluster.server_time().utcoffset() == dt.timedelta(0)
    assert cluster.server_time().microsecond == 0


@pytest.mark.only("real", reason="the simulator's clock stands still")
def test_the_clock_is_that_of_the_world(cluster: Cluster) -> None:
    assert abs((cluster.server_time() - dt.datetime.now(dt.UTC)).total_seconds()) < 30


PERMISSIONS = {
    "in a namespace": Permission("create", "apps", "statefulsets", "default"),
    "of a subresource": Permission("get", "", "pods", "", "log"),
    "of the cluster": Permission("create", "", "namespaces"),
    "of a resource that is not there": Permission("create", "", "nonsense"),
    "of a path of its own": Permission("get", "", "/openid/v1/jwks"),
}


@pytest.mark.parametrize("asked", PERMISSIONS)
def test_an_administrator_lacks_nothing(cluster: Cluster, asked: str) -> None:
    assert cluster.missing([PERMISSIONS[asked]] * 3) == ()


def test_nothing_asked_is_nothing_missing(cluster: Cluster) -> None:
    assert cluster.missing([]) == ()


def test_no_pod_has_no_log(cluster: Cluster, namespace: str) -> None:
    assert cluster.logs(namespace, "no-such-pod", "main") == ""


# ---------------------------------------------------------------- admission


@pytest.fixture(scope="module")
def retired(cluster: Cluster, namespace: str) -> Any:
    """The name of a Secret that a policy refuses; it is there while the module runs."""
    if isinstance(cluster, SimulatedCluster):
        admission(cluster)
    name = fresh("port-test")
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}
    check = {
        "expression": f"!((request.namespace + '/' + request.name) in ['{namespace}/retired', '{namespace}/too'])",
        "message": "this one was retired",
        "reason": "Forbidden",
    }
    meta = {"metadata": {"name": name}}
    policy: Object = {"apiVersion": API, "kind": "ValidatingAdmissionPolicy", **meta, "spec": {
        "failurePolicy": "Fail", "matchConstraints": {"resourceRules": [rule]}, "validations": [check]}}  # fmt: skip
    binding: Object = {"apiVersion": API, "kind": "ValidatingAdmissionPolicyBinding", **meta,
                       "spec": {"policyName": name, "validationActions": ["Deny"]}}  # fmt: skip
    made(cluster.apply(policy))
    assert cluster.refused_at_admission(secret(namespace, "retired")) == ""  # nobody has bound it yet
    made(cluster.apply(binding))
    until(lambda: cluster.refused_at_admission(secret(namespace, "retired")), 60)
    yield "retired"
    for obj in (binding, policy):
        live = made(cluster.get(ref(obj)))
        cluster.delete(ref(obj), uid=live["metadata"]["uid"])


@pytest.mark.parametrize("verb", ["create", "apply"])
def test_admission_refuses(cluster: Cluster, namespace: str, retired: str, verb: str) -> None:
    detail = refused(getattr(cluster, verb)(secret(namespace, retired)), Reason.FORBIDDEN).detail
    assert "this one was retired" in detail
    assert cluster.get(ref(secret(namespace, retired))) is None


@pytest.mark.parametrize("name", ["retired", "too"])
def test_admission_says_why(cluster: Cluster, namespace: str, retired: str, name: str) -> None:
    assert "this one was retired" in cluster.refused_at_admission(secret(namespace, name))


def test_admission_lets_others_through(cluster: Cluster, namespace: str, retired: str) -> None:
    assert cluster.refused_at_admission(secret(namespace, "another")) == ""
    assert cluster.refused_at_admission(secret("default", retired)) == ""
    assert cluster.refused_at_admission(configmap(namespace, retired)) == ""
    assert cluster.get(ref(secret(namespace, "another"))) is None


def test_admission_names_what_is_invalid(cluster: Cluster, namespace: str) -> None:
    assert "Not_A_Name" in cluster.refused_at_admission(configmap(namespace, "Not_A_Name"))


def test_a_name_in_use_is_no_refusal_of_admission(cluster: Cluster, namespace: str) -> None:
    obj = configmap(namespace)
    made(cluster.create(obj))
    assert cluster.refused_at_admission(obj) == ""


# ---------------------------------------------------------------- tokens


def test_a_token_is_for_an_account_that_is_there(cluster: Cluster, namespace: str) -> None:
    account = made(cluster.create(bare("v1", "ServiceAccount", namespace)))
    token = cluster.service_account_token(namespace, account["metadata"]["name"], "vault", 600)
    assert token
    assert repr(token).startswith("<sensitive")


@pytest.mark.parametrize("home", ["", "no-such-namespace-here"], ids=["no account", "no namespace"])
def test_there_is_no_token_for_nobody(cluster: Cluster, namespace: str, home: str) -> None:
    with pytest.raises(WorldError) as caught:
        cluster.service_account_token(home or namespace, "nobody-here", "vault", 600)
    assert caught.value.code == "E_NOT_FOUND"


def test_a_token_lives_ten_minutes_at_least(cluster: Cluster, namespace: str) -> None:
    account = made(cluster.create(bare("v1", "ServiceAccount", namespace)))
    with pytest.raises(WorldError) as caught:
        cluster.service_account_token(namespace, account["metadata"]["name"], "vault", 599)
    assert caught.value.code == "E_KUBE_REFUSED"


@pytest.mark.only("real", reason="the simulator signs nothing")
def test_a_token_is_a_jwt(cluster: Cluster, namespace: str) -> None:
    account = made(cluster.create(bare("v1", "ServiceAccount", namespace)))
    token = cluster.service_account_token(namespace, account["metadata"]["name"], "vault", 600)
    assert token.reveal().count(b".") == 2


def test_the_api_server_shows_who_signs_them(cluster: Cluster) -> None:
    issuer = cluster.token_issuer()
    assert issuer.name.startswith("https://")
    assert issuer.keys and list(issuer.keys) == sorted(set(issuer.keys))


# ---------------------------------------------------------------- as somebody without rights


@pytest.fixture
def nobody(access: Access, cluster: KubeCluster, namespace: str) -> Access:
    """The same cluster as a service account without any right."""
    from kubernetes.client import Configuration

    made(cluster.apply(bare("v1", "ServiceAccount", namespace, "nobody")))
    issuer = cluster._api.read(Request(method="GET", path="/.well-known/openid-configuration", what="issuer"))
    assert issuer is not None
    token = cluster.service_account_token(namespace, "nobody", issuer.document["issuer"], 600)
    weak: Any = Configuration(host=access.server, proxy="", no_proxy="")
    weak.retries, weak.ssl_ca_cert = False, access.configuration.ssl_ca_cert
    weak.api_key["BearerToken"] = f"Bearer {token.reveal().decode()}"
    return Access(context="nobody", server=access.server, configuration=weak)


@pytest.mark.only("real", reason="the simulator has one identity")
class TestWithoutRights:
    def test_who_it_is(self, nobody: Access, namespace: str) -> None:
        assert KubeCluster(KubeApi(nobody)).identity().user == f"system:serviceaccount:{namespace}:nobody"

    def test_all_is_missing(self, nobody: Access, namespace: str) -> None:
        wanted = [Permission("get", "", "secrets", namespace), Permission("create", "", "nonsense")]
        assert KubeCluster(KubeApi(nobody)).missing(wanted) == tuple(wanted)

    def test_a_write_is_refused(self, nobody: Access, namespace: str) -> None:
        refused(KubeCluster(KubeApi(nobody)).create(configmap(namespace)), Reason.FORBIDDEN)

    def test_a_read_is_an_error(self, nobody: Access, namespace: str) -> None:
        with pytest.raises(WorldError) as caught:
            KubeCluster(KubeApi(nobody)).list("v1", "Secret", namespace)
        assert caught.value.code == "E_KUBE_DENIED"

    def test_a_port_forward_is_an_error(self, nobody: Access, namespace: str) -> None:
        with pytest.raises(WorldError) as caught:
            PodDialer(nobody, namespace).dial("some-pod", 8200)
        assert caught.value.code == "E_KUBE_DENIED"
