"""The built-in manifests of Vault (G7): plain values from ``bootstrap.yaml``, nothing secret.

Three shapes of one installation. ``init``: one replica that joins no other, with the attempt's certificate.
``restore``: the same, and it listens to itself alone, which a port-forward reaches and nothing else; what Vault unpacks
of a snapshot has a place. ``serve``: all declared replicas, every peer in every ``retry_join``, and beside each Vault
what unseals it and what renews its certificate. While a quorum is recovered it is the node that is left alone, whatever
its number.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from bootstrap.model.catalog import Custody, VaultSpec
from bootstrap.model.recovery import Recovery
from bootstrap.ports import Object
from bootstrap.steps.context.names import VAULT_ACCOUNT, labels
from bootstrap.steps.vault import containers
from bootstrap.steps.vault.containers import API_PORT, RAFT_PORT, SERVED, SOCKET

APP = {"app.kubernetes.io/name": "vault", "app.kubernetes.io/instance": "vault"}
USER, GROUP = 100, 1000
SPOOL = "/vault/spool"  # where Vault unpacks a snapshot that it is given (TMPDIR)
SHAPE = "bootstrap.dev/shape"  # an annotation of a pod: the digest of the template that it was made from


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


def config(pod: str, peers: Sequence[str], *, alone: bool = False) -> str:
    """Vault's configuration of one pod, as JSON (HCL's other form). ``alone``: nothing outside the pod reaches it."""
    address = "127.0.0.1" if alone else "[::]"
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
    else:
        storage["performance_multiplier"] = (
            1  # there is no other to elect: initialising waits for 1.5 s, not for 7
        )
    tls = {"tls_cert_file": f"/vault/tls/{pod}.crt", "tls_key_file": f"/vault/tls/{pod}.key"}
    if peers:
        tls = {"tls_cert_file": SERVED, "tls_key_file": SERVED}
    network = {
        "address": f"{address}:{API_PORT}",
        "cluster_address": f"{address}:{RAFT_PORT}",
        "tls_min_version": "tls12",
        **tls,
    }
    own = [{"unix": {"address": SOCKET}}] if peers else []  # for the containers beside it alone
    document = {
        "disable_mlock": True,
        "ui": False,
        "cluster_name": "vault",
        "api_addr": f"https://{pod}.vault-internal:8200",
        "cluster_addr": f"https://{pod}.vault-internal:8201",
        "listener": [{"tcp": network}, *own],
        "storage": {"raft": storage},
    }
    return json.dumps(document, indent=1, sort_keys=True)


def base_objects(
    spec: VaultSpec, peers: Sequence[str], clients: Sequence[str] = (), *, alone: bool = False
) -> list[Object]:
    """Everything but the StatefulSet. ``peers`` is empty but in the ``serve`` shape; ``clients`` are namespaces whose
    pods may connect in that. ``alone``: the ``restore`` shape."""
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
        | {"data": {f"{p}.json": config(p, peers, alone=alone) for p in names}},
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
        {"ports": on_ports(API_PORT), "from": [*places, *peers]},
        {"ports": on_ports(RAFT_PORT), "from": peers},
    ]
    egress = [{"ports": on_ports(API_PORT, RAFT_PORT), "to": peers}, DNS_RULE, KUBERNETES_RULE]
    rules = {"ingress": ingress if serving else [], "egress": egress if serving else []}
    return _object(spec, "networking.k8s.io/v1", "NetworkPolicy", "vault") | {
        "spec": {"podSelector": {"matchLabels": APP}, "policyTypes": ["Ingress", "Egress"], **rules}
    }


def on_ports(*numbers: int, protocol: str = "TCP") -> list[dict[str, Any]]:
    """Of a rule of a NetworkPolicy."""
    return [{"port": number, "protocol": protocol} for number in numbers]


DNS_RULE = {"ports": [*on_ports(53, protocol="UDP"), *on_ports(53)]}
KUBERNETES_RULE = {"ports": on_ports(443, 6443)}  # where API servers listen


def stateful_set(
    spec: VaultSpec,
    *,
    replicas: int,
    tls_secret: str,
    unseal_secrets: Sequence[str] = (),
    spool: bool = False,
    recovery: Recovery | None = None,
) -> Object:
    """``unseal_secrets``: none but in the ``serve`` shape, since else Vault is alone in its pod. ``spool``: a snapshot
    can be unpacked, as in the ``restore`` shape. ``recovery``: its node is the first one, and the only voter."""
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": "vault-config"}},
        {"name": "tls", "secret": {"secretName": tls_secret, "defaultMode": 0o440}},
        {"name": "home", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},
    ]
    serving = bool(unseal_secrets)
    beside = [containers.vault(spec, serving=serving)]
    if spool:
        volumes.append({"name": "spool", "emptyDir": {"sizeLimit": spec.data_size}})
        beside[0]["env"].append({"name": "TMPDIR", "value": SPOOL})
        beside[0]["volumeMounts"].append({"name": "spool", "mountPath": SPOOL})
    if serving and spec.custody is Custody.CLUSTER:
        volumes.append(_keys(unseal_secrets))
        beside.append(containers.unsealer(spec))
    if serving:
        volumes += containers.serving_volumes()
        beside.append(containers.renewer(spec, ",".join(certificate_names(spec, "$(POD)"))))
    pod: dict[str, Any] = {
        "serviceAccountName": VAULT_ACCOUNT,
        "terminationGracePeriodSeconds": 10,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": GROUP,
            "fsGroup": GROUP,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [_apart()]}},
        "containers": beside,
        "volumes": volumes,
    }
    if recovery is not None:
        pod["initContainers"] = [containers.peers(spec, recovery)]
    if spec.image_pull_secrets:
        pod["imagePullSecrets"] = [{"name": n} for n in spec.image_pull_secrets]
    if spec.tolerations:
        pod["tolerations"] = [dict(t) for t in spec.tolerations]
    return _object(spec, "apps/v1", "StatefulSet", "vault") | {
        "spec": {
            "serviceName": "vault-internal",
            "replicas": replicas,
            **({} if recovery is None else {"ordinals": {"start": recovery.ordinal}}),
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "selector": {"matchLabels": APP},
            "template": {"metadata": {"labels": APP, "annotations": {SHAPE: _digest(pod)}}, "spec": pod},
            "volumeClaimTemplates": [
                _claim(spec, "data", spec.data_size),
                _claim(spec, "audit", spec.audit_size),
            ],
        }
    }


def shape_of(obj: Object) -> str:
    """Of a pod, or of the template of one."""
    return str((obj["metadata"].get("annotations") or {}).get(SHAPE, ""))


def _keys(names: Sequence[str]) -> dict[str, Any]:
    """Optional, so that one that comes later is read without a restart, and one that went prevents none."""
    sources = [
        {"secret": {"name": name, "items": [{"key": "key", "path": name}], "optional": True}}
        for name in names
    ]
    return {"name": "unseal", "projected": {"sources": sources, "defaultMode": 0o440}}


def _digest(pod: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(pod, sort_keys=True).encode()).hexdigest()[:16]


def _apart() -> dict[str, Any]:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": APP}}
    return {"weight": 100, "podAffinityTerm": term}


def _claim(spec: VaultSpec, name: str, size: str) -> dict[str, Any]:
    body: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    if spec.storage_class:
        body["storageClassName"] = spec.storage_class
    return {"metadata": {"name": name}, "spec": body}
