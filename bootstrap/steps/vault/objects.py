"""The built-in manifests of Vault (G7): plain values from ``bootstrap.yaml``, nothing secret.

Two shapes of one installation. ``init``: one replica that joins no other, with the attempt's certificate.
``serve``: all declared replicas, every peer in every ``retry_join``, an unsealer beside each Vault.
"""

import json
from collections.abc import Sequence
from typing import Any

from bootstrap.model.catalog import Custody, VaultSpec
from bootstrap.ports import Object
from bootstrap.steps.context.names import labels

APP = {"app.kubernetes.io/name": "vault", "app.kubernetes.io/instance": "vault"}
USER, GROUP = 100, 1000
API_PORT, RAFT_PORT = 8200, 8201
KUBERNETES_PORTS = (443, 6443)  # where API servers listen
UNSEALER = """\
trap exit TERM
while true; do
  vault status >/dev/null 2>&1
  if [ $? -eq 2 ] && [ -s /unseal/key ]; then vault write sys/unseal key=@/unseal/key >/dev/null 2>&1; fi
  sleep 1 & wait
done
"""


def pod_names(count: int) -> tuple[str, ...]:
    return tuple(f"vault-{n}" for n in range(count))


def certificate_names(spec: VaultSpec, pod: str) -> tuple[str, ...]:
    """The names of one pod's leaf, each spelt out: OpenSSL refuses ``*.vault-internal``."""
    ns = spec.namespace
    service = ("vault", f"vault.{ns}", f"vault.{ns}.svc", f"vault.{ns}.svc.cluster.local")
    own = (
        f"{pod}.vault-internal",
        f"{pod}.vault-internal.{ns}.svc",
        f"{pod}.vault-internal.{ns}.svc.cluster.local",
    )
    return (*own, *service, "localhost")


def config(pod: str, peers: Sequence[str]) -> str:
    """Vault's configuration of one pod, as JSON (HCL's other form)."""
    join = [
        {
            "leader_api_addr": f"https://{peer}.vault-internal:8200",
            "leader_tls_servername": f"{peer}.vault-internal",
            "leader_ca_cert_file": "/vault/tls/ca.crt",
        }
        for peer in peers
        if peer != pod
    ]
    storage: dict[str, Any] = {"path": "/vault/data", "node_id": pod}
    if join:
        storage["retry_join"] = join
    document = {
        "disable_mlock": True,
        "ui": False,
        "cluster_name": "vault",
        "api_addr": f"https://{pod}.vault-internal:8200",
        "cluster_addr": f"https://{pod}.vault-internal:8201",
        "listener": {
            "tcp": {
                "address": "[::]:8200",
                "cluster_address": "[::]:8201",
                "tls_cert_file": f"/vault/tls/{pod}.crt",
                "tls_key_file": f"/vault/tls/{pod}.key",
                "tls_min_version": "tls12",
            }
        },
        "storage": {"raft": storage},
    }
    return json.dumps(document, indent=1, sort_keys=True)


def base_objects(spec: VaultSpec, peers: Sequence[str], clients: Sequence[str] = ()) -> list[Object]:
    """Everything but the StatefulSet. ``peers`` is empty in the ``init`` shape; ``clients`` are namespaces whose pods
    may connect in the other."""
    names = peers or pod_names(1)
    return [
        _object(spec, "v1", "ServiceAccount", "vault"),
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"bootstrap-vault-token-review-{spec.namespace}", "labels": labels("vault")},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:auth-delegator",
            },
            "subjects": [{"kind": "ServiceAccount", "name": "vault", "namespace": spec.namespace}],
        },
        _object(spec, "v1", "ConfigMap", "vault-config")
        | {"data": {f"{p}.json": config(p, peers) for p in names}},
        _service(spec, "vault-internal", headless=True),
        _service(spec, "vault", headless=False),
        _object(spec, "policy/v1", "PodDisruptionBudget", "vault")
        | {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": APP}}},
        _network_policy(spec, serving=bool(peers), clients=clients),
    ]


def _object(spec: VaultSpec, api: str, kind: str, name: str) -> Object:
    meta = {"name": name, "namespace": spec.namespace, "labels": labels("vault") | APP}
    return {"apiVersion": api, "kind": kind, "metadata": meta}


def _service(spec: VaultSpec, name: str, *, headless: bool) -> Object:
    ports = [{"name": "https", "port": 8200, "targetPort": 8200, "protocol": "TCP"}]
    body: dict[str, Any] = {"selector": APP, "ports": ports}
    if headless:
        # Peers must find each other before they are ready, and a sealed Vault never is.
        body |= {"clusterIP": "None", "publishNotReadyAddresses": True}
        ports.append({"name": "raft", "port": 8201, "targetPort": 8201, "protocol": "TCP"})
    return _object(spec, "v1", "Service", name) | {"spec": body}


def _network_policy(spec: VaultSpec, *, serving: bool, clients: Sequence[str]) -> Object:
    """No client may connect before the key is proven, and then only pods of ``clients``; a port-forward does not pass
    here. Vault itself reaches its peers, DNS, and the API server, which reviews tokens; by port alone, since the
    API server is no pod and its address differs by what enforces this. A policy beside this one can add to it."""
    peers = [{"podSelector": {"matchLabels": APP}}]
    places = [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}} for name in clients
    ]
    ingress = [
        {"ports": _ports(API_PORT), "from": [*places, *peers]},
        {"ports": _ports(RAFT_PORT), "from": peers},
    ]
    egress = [
        {"ports": _ports(API_PORT, RAFT_PORT), "to": peers},
        {"ports": [*_ports(53, protocol="UDP"), *_ports(53)]},
        {"ports": _ports(*KUBERNETES_PORTS)},
    ]
    rules = {"ingress": ingress if serving else [], "egress": egress if serving else []}
    return _object(spec, "networking.k8s.io/v1", "NetworkPolicy", "vault") | {
        "spec": {"podSelector": {"matchLabels": APP}, "policyTypes": ["Ingress", "Egress"], **rules}
    }


def _ports(*numbers: int, protocol: str = "TCP") -> list[dict[str, Any]]:
    return [{"port": number, "protocol": protocol} for number in numbers]


def stateful_set(spec: VaultSpec, *, replicas: int, tls_secret: str, unseal_secret: str) -> Object:
    """``unseal_secret`` is empty in the ``init`` shape and with offline custody: then no unsealer runs."""
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": "vault-config"}},
        {"name": "tls", "secret": {"secretName": tls_secret, "defaultMode": 0o440}},
        {"name": "home", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
    ]
    containers = [_vault_container(spec)]
    if unseal_secret and spec.custody is Custody.CLUSTER:
        volumes.append({"name": "unseal", "secret": {"secretName": unseal_secret, "defaultMode": 0o440}})
        containers.append(_unsealer_container(spec))
    pod: dict[str, Any] = {
        "serviceAccountName": "vault",
        "terminationGracePeriodSeconds": 10,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": GROUP,
            "fsGroup": GROUP,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [_apart()]}},
        "containers": containers,
        "volumes": volumes,
    }
    if spec.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": n} for n in spec.image_pull_secrets]
    if spec.tolerations:
        pod["tolerations"] = [dict(t) for t in spec.tolerations]
    return _object(spec, "apps/v1", "StatefulSet", "vault") | {
        "spec": {
            "serviceName": "vault-internal",
            "replicas": replicas,
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "selector": {"matchLabels": APP},
            "template": {"metadata": {"labels": APP}, "spec": pod},
            "volumeClaimTemplates": [
                _claim(spec, "data", spec.data_size),
                _claim(spec, "audit", spec.audit_size),
            ],
        }
    }


def _apart() -> dict[str, Any]:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": APP}}
    return {"weight": 100, "podAffinityTerm": term}


def _claim(spec: VaultSpec, name: str, size: str) -> dict[str, Any]:
    body: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if spec.storage_class:
        body["storageClassName"] = spec.storage_class
    return {"metadata": {"name": name}, "spec": body}


def _locked_down() -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def _environment() -> list[dict[str, Any]]:
    return [
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "VAULT_ADDR", "value": "https://127.0.0.1:8200"},
        {"name": "VAULT_CACERT", "value": "/vault/tls/ca.crt"},
        {"name": "HOME", "value": "/home/vault"},
    ]


def _vault_container(spec: VaultSpec) -> dict[str, Any]:
    probe = {"exec": {"command": ["vault", "status"]}, "periodSeconds": 3, "timeoutSeconds": 3}
    return {
        "name": "vault",
        "image": spec.image,
        "imagePullPolicy": "IfNotPresent",
        # The kubelet puts the pod's name in, so each pod reads its own file and no shell is needed.
        "command": ["vault", "server", "-config=/vault/config/$(POD).json"],
        "env": [*_environment(), {"name": "SKIP_SETCAP", "value": "true"}],
        "ports": [{"name": "https", "containerPort": 8200}, {"name": "raft", "containerPort": 8201}],
        "readinessProbe": probe,
        "resources": {"requests": {"cpu": spec.cpu, "memory": spec.memory}},
        "securityContext": _locked_down(),
        "volumeMounts": [
            {"name": "config", "mountPath": "/vault/config", "readOnly": True},
            {"name": "tls", "mountPath": "/vault/tls", "readOnly": True},
            {"name": "data", "mountPath": "/vault/data"},
            {"name": "audit", "mountPath": "/vault/audit"},
            {"name": "home", "mountPath": "/home/vault"},
        ],
    }


def _unsealer_container(spec: VaultSpec) -> dict[str, Any]:
    return {
        "name": "unsealer",
        "image": spec.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-c", UNSEALER],
        "env": _environment(),
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        "securityContext": _locked_down(),
        "volumeMounts": [
            {"name": "unseal", "mountPath": "/unseal", "readOnly": True},
            {"name": "tls", "mountPath": "/vault/tls", "readOnly": True},
            {"name": "home", "mountPath": "/home/vault"},
        ],
    }
