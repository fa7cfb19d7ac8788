"""The Cluster port against a real API server: the contract of ports.py, case by case."""

import datetime as dt
import logging
import tempfile
import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.kube import KubeCluster
from bootstrap.adapters.kube_api import KubeApi
from bootstrap.adapters.kubeconfig import Access
from bootstrap.adapters.portforward import PodDialer
from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Permission, Reason, Ref, Refused

pytest_plugins = ["tests.lab.ports_fixtures"]
pytestmark = pytest.mark.lab

CANARY = b"canary-\x00\xfe\xff-" + uuid.uuid4().bytes


def configmap(namespace: str, name: str = "", **data: str) -> dict[str, Any]:
    meta = {"name": name or f"c-{uuid.uuid4().hex[:8]}", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def ref(obj: dict[str, Any]) -> Ref:
    meta = obj["metadata"]
    return Ref(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace", ""))


def made(found: Any) -> dict[str, Any]:
    assert isinstance(found, dict), found
    return found


def refused(found: Any, reason: Reason) -> Refused:
    assert isinstance(found, Refused), found
    assert found.reason is reason, found
    return found


# ---------------------------------------------------------------- the cluster


def test_identity_version_and_clock(cluster: KubeCluster) -> None:
    assert cluster.version().startswith("v1.")
    uuid.UUID(cluster.uid())
    assert abs((cluster.server_time() - dt.datetime.now(dt.UTC)).total_seconds()) < 30
    assert cluster.whoami()
    assert cluster.server.startswith("https://")


def test_permissions_are_reviewed_without_an_error(cluster: KubeCluster, namespace: str) -> None:
    wanted = [
        Permission("create", "apps", "statefulsets", namespace),
        Permission("get", "", "pods", "", "log"),
    ]
    assert cluster.missing(wanted * 10) == ()  # the lab's kubeconfig is an administrator's


# ---------------------------------------------------------------- create, replace, delete


def test_create_is_create_only(cluster: KubeCluster, namespace: str) -> None:
    obj = configmap(namespace, a="1")
    assert made(cluster.create(obj))["data"] == {"a": "1"}
    refused(cluster.create(configmap(namespace, obj["metadata"]["name"], a="2")), Reason.EXISTS)
    live = cluster.get(ref(obj))
    assert live is not None
    assert live["data"] == {"a": "1"}
    assert {entry["manager"] for entry in live["metadata"]["managedFields"]} == {"bootstrap"}


def test_replace_is_compare_and_swap(cluster: KubeCluster, namespace: str) -> None:
    first = made(cluster.create(configmap(namespace, a="1")))
    second = made(cluster.replace({**first, "data": {"a": "2"}}))
    refused(cluster.replace({**first, "data": {"a": "3"}}), Reason.CONFLICT)
    missing = configmap(namespace)
    missing["metadata"]["resourceVersion"] = second["metadata"]["resourceVersion"]
    assert isinstance(cluster.replace(missing), Refused)


def test_of_many_replaces_at_once_one_wins(cluster: KubeCluster, namespace: str) -> None:
    first = made(cluster.create(configmap(namespace, a="0")))
    results: list[Any] = []
    threads = [
        threading.Thread(target=lambda n=n: results.append(cluster.replace({**first, "data": {"a": str(n)}})))
        for n in range(1, 9)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(isinstance(one, dict) for one in results) == 1
    assert all(one.reason is Reason.CONFLICT for one in results if isinstance(one, Refused))


def test_delete_wants_the_right_uid(cluster: KubeCluster, namespace: str) -> None:
    obj = made(cluster.create(configmap(namespace)))
    wrong = str(uuid.uuid4())
    refused(cluster.delete(ref(obj), uid=wrong), Reason.CONFLICT)
    uid = obj["metadata"]["uid"]
    refused(cluster.delete(ref(obj), uid=uid, resource_version="1"), Reason.CONFLICT)
    assert cluster.delete(ref(obj), uid=uid, resource_version=obj["metadata"]["resourceVersion"]) is None
    assert cluster.get(ref(obj)) is None
    refused(cluster.delete(ref(obj), uid=uid), Reason.NOT_FOUND)


def test_kinds_that_answer_with_the_deleted_object_are_gone_all_the_same(
    cluster: KubeCluster, namespace: str
) -> None:
    meta = {"name": "gone", "namespace": namespace}
    live = made(cluster.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta}))
    assert cluster.delete(ref(live), uid=live["metadata"]["uid"]) is None
    assert cluster.get(ref(live)) is None


def test_a_finalizer_keeps_an_object_terminating(cluster: KubeCluster, namespace: str) -> None:
    obj = configmap(namespace)
    obj["metadata"]["finalizers"] = ["bootstrap.dev/test"]
    live = made(cluster.create(obj))
    left = made(cluster.delete(ref(live), uid=live["metadata"]["uid"]))
    assert left["metadata"]["deletionTimestamp"]
    refused(cluster.create(configmap(namespace, obj["metadata"]["name"])), Reason.TERMINATING)
    meta = {**left["metadata"], "finalizers": []}
    made(cluster.replace({**left, "metadata": meta}))
    assert cluster.get(ref(live)) is None


def test_what_the_server_finds_invalid(cluster: KubeCluster, namespace: str) -> None:
    refused(cluster.create(configmap(namespace, "Not_A_Name")), Reason.INVALID)
    refused(cluster.create(configmap("no-such-namespace-here")), Reason.NOT_FOUND)
    refused(cluster.apply({**configmap(namespace), "nonsense": 1}), Reason.INVALID)


def test_an_unserved_kind(cluster: KubeCluster, namespace: str) -> None:
    obj = {**configmap(namespace), "apiVersion": "bootstrap.dev/v9", "kind": "Nothing"}
    assert cluster.get(ref(obj)) is None
    assert cluster.list("bootstrap.dev/v9", "Nothing") == []
    refused(cluster.create(obj), Reason.NOT_FOUND)


# ---------------------------------------------------------------- Secrets


def test_secrets_are_bytes_both_ways(cluster: KubeCluster, namespace: str, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG)
    meta = {"name": "bytes", "namespace": namespace}
    obj = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "immutable": True,
           "data": {"a": Sensitive(CANARY), "empty": Sensitive(b"")}}  # fmt: skip
    first = made(cluster.create(obj))
    live = cluster.get(ref(obj))
    assert live is not None
    assert live["data"]["a"] == Sensitive(CANARY)
    assert live["data"]["empty"] == Sensitive(b"")
    [listed] = cluster.list("v1", "Secret", namespace)
    assert listed["data"]["a"] == Sensitive(CANARY)
    changed = {**first, "data": {"a": Sensitive(b"canary-other")}}
    assert "canary" not in refused(cluster.replace(changed), Reason.INVALID).detail
    labelled = {**first, "metadata": {**first["metadata"], "labels": {"a": "b"}}}
    assert made(cluster.replace(labelled))["data"]["a"] == Sensitive(CANARY)
    assert "canary" not in caplog.text


def test_bad_keys_of_a_secret_do_not_bring_the_value_along(cluster: KubeCluster, namespace: str) -> None:
    meta = {"name": "bad", "namespace": namespace}
    obj = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": meta,
        "data": {"not a key": Sensitive(b"canary-9")},
    }
    detail = refused(cluster.create(obj), Reason.INVALID).detail
    assert "canary" not in detail
    assert "Y2FuYXJ5" not in detail


# ---------------------------------------------------------------- apply and differs


def test_apply_and_conflicts_with_other_managers(cluster: KubeCluster, namespace: str) -> None:
    obj = configmap(namespace, a="1")
    assert cluster.differs(obj)
    live = made(cluster.apply(obj))
    assert not cluster.differs(obj)
    assert made(cluster.apply(obj))["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
    meddle(cluster, ref(obj), {"a": "2"})
    assert cluster.differs(obj)
    assert "meddler" in refused(cluster.apply(obj), Reason.FIELD_CONFLICT).detail
    assert made(cluster.apply(obj, force=True))["data"] == {"a": "1"}
    assert not cluster.differs(obj)


def meddle(cluster: KubeCluster, target: Ref, data: dict[str, str]) -> None:
    """Another field manager changes the object."""
    from bootstrap.adapters.kube_api import Reply, Request

    kind = cluster._served.find(target.api, target.kind)
    assert kind is not None
    request = Request(
        method="PATCH",
        path=kind.path(target.namespace, target.name),
        what=str(target),
        body={"data": data},
        query=(("fieldManager", "meddler"),),
        content_type="application/merge-patch+json",
    )
    assert isinstance(cluster._api.write(request), Reply)


def test_apply_with_a_uid_never_creates(cluster: KubeCluster, namespace: str) -> None:
    obj = configmap(namespace, a="1")
    obj["metadata"]["uid"] = str(uuid.uuid4())
    refused(cluster.apply(obj), Reason.CONFLICT)
    assert cluster.get(ref(obj)) is None


def test_differs_sees_what_is_left_over(cluster: KubeCluster, namespace: str) -> None:
    obj = configmap(namespace, a="1", b="2")
    made(cluster.apply(obj))
    less = {**obj, "data": {"a": "1"}}
    assert cluster.differs(less)
    assert made(cluster.apply(less))["data"] == {"a": "1"}
    assert not cluster.differs(less)
    meddle(cluster, ref(obj), {"theirs": "x"})
    assert not cluster.differs(less)


def deployment(namespace: str) -> dict[str, Any]:
    """Every trap of comparison in one object: quantities, defaults, merged lists, zero values."""
    container = {
        "name": "main",
        "image": "registry.invalid/none:1",
        "ports": [{"containerPort": 8200}, {"containerPort": 8201, "name": "cluster"}],
        "env": [{"name": "A", "value": "1"}, {"name": "EMPTY", "value": ""},
                {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "resources": {"requests": {"cpu": "0.1", "memory": "1024Mi"}, "limits": {"memory": "1Gi"}},
        "volumeMounts": [{"name": "v", "mountPath": "/v"}, {"name": "v", "mountPath": "/w", "readOnly": True}],
        "securityContext": {"capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
                            "allowPrivilegeEscalation": False},
        "readinessProbe": {"httpGet": {"path": "/", "port": 8200, "scheme": "HTTPS"}},
    }  # fmt: skip
    pod = {
        "hostNetwork": False,
        "automountServiceAccountToken": False,
        "serviceAccountName": "x",
        "containers": [container],
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "volumes": [
            {"name": "v", "emptyDir": {}},
            {"name": "s", "secret": {"secretName": "x"}},
            {
                "name": "t",
                "projected": {"sources": [{"serviceAccountToken": {"path": "t", "audience": "vault"}}]},
            },
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "traps", "namespace": namespace, "labels": {"a": "b"}, "annotations": {}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}, "creationTimestamp": None}, "spec": pod},
        },
    }


def test_differs_is_not_fooled_by_defaults(cluster: KubeCluster, namespace: str) -> None:
    obj = deployment(namespace)
    made(cluster.apply(obj))
    assert not cluster.differs(obj)
    applied = made(cluster.apply(obj))
    assert not cluster.differs(obj)
    assert applied["spec"]["template"]["spec"]["dnsPolicy"] == "ClusterFirst"  # defaults there are


CHANGES: list[Any] = [
    lambda pod, main: main["env"].pop(0),
    lambda pod, main: main["env"].append({"name": "B", "value": "2"}),
    lambda pod, main: main["ports"].pop(),
    lambda pod, main: main["resources"]["requests"].update(cpu="0.2"),
    lambda pod, main: main["resources"].pop("limits"),
    lambda pod, main: main["securityContext"].update(readOnlyRootFilesystem=False),
    lambda pod, main: main["securityContext"]["capabilities"].update(drop=[]),
    lambda pod, main: main["volumeMounts"].pop(),
    lambda pod, main: main.pop("readinessProbe"),
    lambda pod, main: main.update(args=["x"]),
    lambda pod, main: pod["tolerations"].append({"key": "b", "operator": "Exists"}),
    lambda pod, main: pod["volumes"].pop(),
    lambda pod, main: pod.update(hostNetwork=True),
    lambda pod, main: pod.pop("automountServiceAccountToken"),
    lambda pod, main: main.update(image="registry.invalid/none:2"),
]


@pytest.mark.parametrize("number", range(len(CHANGES)))
def test_differs_agrees_with_apply(cluster: KubeCluster, namespace: str, number: int) -> None:
    """The oracle is the server: differs says True exactly when applying changes the generation."""
    before = made(cluster.apply(deployment(namespace)))
    obj = deployment(namespace)
    pod = obj["spec"]["template"]["spec"]
    CHANGES[number](pod, pod["containers"][0])
    said = cluster.differs(obj)
    after = made(cluster.apply(obj))
    assert said == (after["metadata"]["generation"] != before["metadata"]["generation"])
    assert not cluster.differs(obj)


KINDS: list[dict[str, Any]] = [
    {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "headless"},
     "spec": {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {"a": "b"},
              "ports": [{"name": "https", "port": 8200}, {"name": "raft", "port": 8201, "targetPort": 8201}]}},
    {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "x"}, "automountServiceAccountToken": False},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "x"},
     "rules": [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]},
    {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "x"},
     "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "x"},
     "subjects": [{"kind": "ServiceAccount", "name": "x", "namespace": "a"},
                  {"kind": "ServiceAccount", "name": "x", "namespace": "b"}]},
    {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "x"},
     "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}}},
    {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "x"},
     "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 8200}]}]}},
    {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "x"},
     "spec": {"serviceName": "headless", "replicas": 0, "podManagementPolicy": "Parallel",
              "updateStrategy": {"type": "OnDelete"}, "selector": {"matchLabels": {"a": "b"}},
              "template": {"metadata": {"labels": {"a": "b"}},
                           "spec": {"containers": [{"name": "c", "image": "registry.invalid/none:1"}]}},
              "volumeClaimTemplates": [
                  {"metadata": {"name": "data"},
                   "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1024Mi"}}}}]}},
    {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "x"},
     "spec": {"schedule": "0 * * * *", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": {
         "restartPolicy": "Never", "containers": [{"name": "c", "image": "registry.invalid/none:1"}]}}}}}},
    {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "x"},
     "spec": {"holderIdentity": "", "leaseDurationSeconds": 15, "renewTime": "2026-01-02T03:04:05.000006Z"}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "type": "Opaque",
     "stringData": {"a": "text"}, "data": {"b": Sensitive(CANARY)}},
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda obj: str(obj["kind"]))
def test_what_was_applied_does_not_differ(cluster: KubeCluster, namespace: str, kind: dict[str, Any]) -> None:
    obj = {**kind, "metadata": {**kind["metadata"], "namespace": namespace}}
    first = made(cluster.apply(obj))
    assert not cluster.differs(obj)
    again = made(cluster.apply(obj))
    assert content(again) == content(first)
    labelled = {**obj, "metadata": {**obj["metadata"], "labels": {"new": "label"}}}
    assert cluster.differs(labelled)


def content(obj: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def test_a_subject_added_to_a_binding_is_seen(cluster: KubeCluster, namespace: str) -> None:
    obj = {**KINDS[3], "metadata": {"name": "added", "namespace": namespace}}
    live = made(cluster.apply(obj))
    intruder = {"kind": "ServiceAccount", "name": "intruder", "namespace": "c"}
    made(cluster.replace({**live, "subjects": [*live["subjects"], intruder]}))
    assert cluster.differs(obj)


# ---------------------------------------------------------------- lists, admission, tokens


def test_lists_are_filtered_and_complete(cluster: KubeCluster, namespace: str, monkeypatch: Any) -> None:
    import bootstrap.adapters.kube as module

    monkeypatch.setattr(module, "PAGE", 3)
    for number in range(7):
        obj = configmap(namespace, f"page-{number}")
        obj["metadata"]["labels"] = {"paged": "yes"}
        made(cluster.create(obj))
    found = cluster.list("v1", "ConfigMap", namespace, "paged=yes")
    assert sorted(item["metadata"]["name"] for item in found) == [f"page-{n}" for n in range(7)]
    assert all(item["kind"] == "ConfigMap" and item["apiVersion"] == "v1" for item in found)
    assert len(cluster.list("v1", "ConfigMap", "", "paged=yes")) >= 7


def test_admission_is_asked_without_creating(cluster: KubeCluster, namespace: str) -> None:
    fine, bad = configmap(namespace), configmap(namespace, "Not_A_Name")
    assert cluster.refused_at_admission(fine) == ""
    assert cluster.get(ref(fine)) is None
    assert "Not_A_Name" in cluster.refused_at_admission(bad)


def test_tokens_are_bound_and_wrapped(cluster: KubeCluster, namespace: str) -> None:
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "t", "namespace": namespace},
    }
    made(cluster.create(account))
    token = cluster.service_account_token(namespace, "t", "vault", 600)
    assert token.reveal().count(b".") == 2
    with pytest.raises(WorldError) as caught:
        cluster.service_account_token(namespace, "nobody", "vault", 600)
    assert caught.value.code == "E_NOT_FOUND"


@pytest.fixture
def nobody(access: Access, cluster: KubeCluster, namespace: str) -> Access:
    """The same cluster as a service account without any right."""
    from kubernetes.client import Configuration

    from bootstrap.adapters.kube_api import Request

    made(cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount",
                        "metadata": {"name": "nobody", "namespace": namespace}}))  # fmt: skip
    issuer = cluster._api.read(Request(method="GET", path="/.well-known/openid-configuration", what="issuer"))
    assert issuer is not None
    token = cluster.service_account_token(namespace, "nobody", issuer.document["issuer"], 600)
    weak: Any = Configuration(host=access.server, proxy="", no_proxy="")
    weak.retries, weak.ssl_ca_cert = False, access.configuration.ssl_ca_cert
    weak.api_key["BearerToken"] = f"Bearer {token.reveal().decode()}"
    return Access(context="nobody", server=access.server, configuration=weak)


def test_without_rights(nobody: Access, namespace: str) -> None:
    weak = KubeCluster(KubeApi(nobody))
    assert weak.whoami() == f"system:serviceaccount:{namespace}:nobody"
    wanted = [Permission("get", "", "secrets", namespace), Permission("create", "", "nonsense")]
    assert weak.missing(wanted) == tuple(wanted)
    refused(weak.create(configmap(namespace)), Reason.FORBIDDEN)
    with pytest.raises(WorldError) as caught:
        weak.list("v1", "Secret", namespace)
    assert caught.value.code == "E_KUBE_DENIED"
    with pytest.raises(WorldError) as caught:
        PodDialer(nobody, namespace).dial("some-pod", 8200)
    assert caught.value.code == "E_KUBE_DENIED"


def test_nothing_is_written_to_the_temporary_folder(access: Access, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    fresh = KubeCluster(KubeApi(access))
    fresh.version()
    fresh.list("apps/v1", "Deployment")
    assert list(tmp_path.iterdir()) == []
