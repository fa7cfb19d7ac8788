"""Comparison on the kinds that the product writes: quantities, defaults, merged lists, zero values."""

from typing import Any

import pytest

from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Cluster
from tests.contract.objects import fresh, made, with_meta

CANARY = b"canary-\x00\xfe\xff"


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


def moved(obj: dict[str, Any]) -> Any:
    """What a change of the object's intent moves; the simulator counts versions only, and has no status of others."""
    return obj["metadata"].get("generation") or obj["metadata"]["resourceVersion"]


def test_differs_is_not_fooled_by_defaults(cluster: Cluster, namespace: str) -> None:
    obj = deployment(namespace)
    made(cluster.apply(obj))
    assert not cluster.differs(obj)
    made(cluster.apply(obj))
    assert not cluster.differs(obj)


@pytest.mark.only("real", reason="the simulator knows no defaults")
def test_defaults_there_are(cluster: Cluster, namespace: str) -> None:
    applied = made(cluster.apply(deployment(namespace)))
    assert applied["spec"]["template"]["spec"]["dnsPolicy"] == "ClusterFirst"


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
def test_differs_agrees_with_apply(cluster: Cluster, namespace: str, number: int) -> None:
    """The oracle is the server: differs says True exactly when applying changes the generation."""
    before = made(cluster.apply(deployment(namespace)))
    obj = deployment(namespace)
    pod = obj["spec"]["template"]["spec"]
    CHANGES[number](pod, pod["containers"][0])
    said = cluster.differs(obj)
    after = made(cluster.apply(obj))
    assert said == (moved(after) != moved(before))
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
def test_what_was_applied_does_not_differ(cluster: Cluster, namespace: str, kind: dict[str, Any]) -> None:
    obj = with_meta(kind, namespace=namespace)
    first = made(cluster.apply(obj))
    assert not cluster.differs(obj)
    again = made(cluster.apply(obj))
    assert content(again) == content(first)
    assert cluster.differs(with_meta(obj, labels={"new": "label"}))


def content(obj: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


def test_a_subject_added_to_a_binding_is_seen(cluster: Cluster, namespace: str) -> None:
    obj = with_meta(KINDS[3], name=fresh("added"), namespace=namespace)
    live = made(cluster.apply(obj))
    intruder = {"kind": "ServiceAccount", "name": "intruder", "namespace": "c"}
    made(cluster.replace({**live, "subjects": [*live["subjects"], intruder]}))
    assert cluster.differs(obj)
