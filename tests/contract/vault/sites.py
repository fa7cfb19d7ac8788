"""A real Vault of two nodes for the Vault port: processes on loopback, or pods behind port-forwards.

Both are of the test's own making and end with it. Loopback needs nothing but the built binary; pods need
the real cluster of the contract with the Vault image on its nodes.
"""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.adapters.kubernetes.cluster import KubeCluster
from bootstrap.adapters.kubernetes.kubeconfig import Access
from bootstrap.adapters.kubernetes.portforward import Dialer, PodDialer
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Ref
from tests.contract.objects import until
from tests.support.tls_server import Authority, authority

PODS = ("vault-0", "vault-1")
ATTEMPT = "init-1-0badcafe.vault-internal"
CACHE = Path("/var/cache/bootstrap-lab/servers")
IMAGE = "docker.io/hashicorp/vault:1.21.1"


@dataclass(frozen=True)
class Site:
    """``restart`` ends a node at once; it comes back by itself, with its data, sealed."""

    dialer: Dialer
    ca: Authority
    restart: Callable[[str], None]


@dataclass(frozen=True)
class Loopback(Site):
    """``between`` restarts a node, and does something while it does not run, given its folder and the address at which
    its peers find it."""

    between: Callable[[str, Callable[[Path, str], object]], None]


def tls_files(ca: Authority) -> dict[str, bytes]:
    names = [f"{pod}.vault-internal" for pod in PODS]
    certificate, key = ca.leaf(*names, ATTEMPT, "127.0.0.1")
    return {"tls.crt": certificate, "tls.key": key, "ca.crt": ca.pem}


def config(leader: str, data: str, tls: str, api: str, cluster: str) -> str:
    """The node's own addresses and its raft id come by environment."""
    return f"""
disable_mlock = true
storage "raft" {{
  path = "{data}"
  retry_join {{
    leader_api_addr     = "https://{leader}"
    leader_ca_cert_file = "{tls}/ca.crt"
  }}
}}
listener "tcp" {{
  address         = "{api}"
  cluster_address = "{cluster}"
  tls_cert_file   = "{tls}/tls.crt"
  tls_key_file    = "{tls}/tls.key"
}}
"""


def environment(node: str, api: str, cluster: str) -> dict[str, str]:
    return {
        "VAULT_RAFT_NODE_ID": node,
        "VAULT_API_ADDR": f"https://{api}",
        "VAULT_CLUSTER_ADDR": f"https://{cluster}",
    }


# ---------------------------------------------------------------- processes on loopback


def vault_binary() -> Path:
    named = os.environ.get("BOOTSTRAP_TEST_VAULT")
    found = [Path(named)] if named else sorted(CACHE.glob("vault-*/vault"))
    assert found, "no Vault has been built: bootstrap lab up"
    return found[-1]


@contextmanager
def loopback(vault: Path, folder: Path, names: tuple[str, ...] = PODS) -> Iterator[Loopback]:
    ca = authority("Vault port test")
    tls = folder / "tls"
    tls.mkdir()
    for name, content in tls_files(ca).items():
        (tls / name).write_bytes(content)
    addresses = {pod: (f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}") for pod in names}
    running: dict[str, subprocess.Popen[bytes]] = {}

    class LoopbackDialer:
        def dial(self, pod: str, port: int) -> socket.socket:
            if pod not in addresses:
                raise ConnectionRefusedError(pod)
            host, number = addresses[pod][0].split(":")
            return socket.create_connection((host, int(number)), timeout=2)

    def start(pod: str) -> None:
        home, (api, cluster) = folder / pod, addresses[pod]
        (home / "data").mkdir(parents=True, exist_ok=True)
        text = config(addresses[names[0]][0], f"{home}/data", str(tls), api, cluster)
        (home / "vault.hcl").write_text(text)
        with (home / "log").open("ab") as log:
            running[pod] = subprocess.Popen(
                [vault, "server", "-config", home / "vault.hcl"],
                stdout=log,
                stderr=log,
                env=environment(pod, api, cluster),
            )

    def between(pod: str, work: Callable[[Path, str], object]) -> None:
        running[pod].send_signal(signal.SIGKILL)
        running[pod].wait()
        work(folder / pod, addresses[pod][1])
        start(pod)

    try:
        for pod in names:
            start(pod)
        yield Loopback(LoopbackDialer(), ca, lambda pod: between(pod, lambda *_: None), between)
    finally:
        for process in running.values():
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# ---------------------------------------------------------------- pods


@contextmanager
def pods(cluster: KubeCluster, access: Access, namespace: str) -> Iterator[Site]:
    ca = authority("Vault port test")
    for obj in manifests(namespace, ca):
        made = cluster.apply(obj)
        assert isinstance(made, dict), made

    def restart(pod: str) -> None:
        ref = Ref("v1", "Pod", pod, namespace)
        live = cluster.get(ref)
        assert live is not None
        cluster.delete(ref, uid=live["metadata"]["uid"])
        until(lambda: (cluster.get(ref) or live)["metadata"]["uid"] != live["metadata"]["uid"], 60)

    yield Site(PodDialer(access, namespace), ca, restart)


def manifests(namespace: str, ca: Authority) -> Iterator[dict[str, Any]]:
    def obj(api: str, kind: str, name: str, **more: Any) -> dict[str, Any]:
        return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **more}

    text = config("vault-0.vault-internal:8200", "/vault/data", "/vault/tls", "[::]:8200", "[::]:8201")
    yield obj("v1", "Secret", "tls", data={name: Sensitive(it) for name, it in tls_files(ca).items()})
    yield obj("v1", "ConfigMap", "vault", data={"vault.hcl": text})
    ports = [{"name": "api", "port": 8200}, {"name": "raft", "port": 8201}]
    headless = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {"app": "vault"}}
    yield obj("v1", "Service", "vault-internal", spec={**headless, "ports": ports})
    yield obj(
        "apps/v1",
        "StatefulSet",
        "vault",
        spec={
            "serviceName": "vault-internal",
            "replicas": len(PODS),
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": "vault"}},
            "template": {"metadata": {"labels": {"app": "vault"}}, "spec": pod_spec()},
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "data"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "64Mi"}},
                    },
                }
            ],
        },
    )


def pod_spec() -> dict[str, Any]:
    addresses = environment("$(POD)", "$(POD).vault-internal:8200", "$(POD).vault-internal:8201")
    container = {
        "name": "vault",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["vault", "server", "-config=/vault/config/vault.hcl"],
        "env": [
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            *({"name": name, "value": value} for name, value in addresses.items()),
        ],
        "volumeMounts": [
            {"name": "config", "mountPath": "/vault/config"},
            {"name": "tls", "mountPath": "/vault/tls"},
            {"name": "data", "mountPath": "/vault/data"},
        ],
    }
    return {
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsUser": 100, "runAsGroup": 1000, "fsGroup": 1000},
        "containers": [container],
        "volumes": [
            {"name": "config", "configMap": {"name": "vault"}},
            {"name": "tls", "secret": {"secretName": "tls"}},
        ],
    }
