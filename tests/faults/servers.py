"""The real servers of a lab as the proxy reaches them, and the kubeconfig that leads through the proxy to them."""

import base64
import contextlib
import json
import os
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.adapters.kubernetes.portforward import PodDialer
from bootstrap.adapters.local.memory_file import in_memory
from bootstrap.steps.vault.containers import SERVED
from tests.faults.proxy import Proxy
from tests.lab.support.cluster import Kube
from tests.support.tls_server import Authority, authority

ACCOUNT = "fault-proxy"  # in kube-system, so that it belongs to an empty cluster
USER = f"system:serviceaccount:kube-system:{ACCOUNT}"
CONNECT = 10.0  # seconds
CHUNK = 65536  # bytes


@dataclass(frozen=True)
class ApiServer:
    """As the lab's kubeconfig names it; its certificate is checked."""

    kubeconfig: Path

    def __call__(self) -> ssl.SSLSocket:
        cluster = yaml.safe_load(self.kubeconfig.read_text())["clusters"][0]["cluster"]
        host = urlsplit(cluster["server"])
        authority_pem = base64.b64decode(cluster["certificate-authority-data"]).decode()
        context = ssl.create_default_context(cadata=authority_pem)
        plain = socket.create_connection((host.hostname, host.port), timeout=CONNECT)
        return context.wrap_socket(plain, server_hostname=host.hostname)


def carry(source: Any, sink: Any) -> None:
    """Until one of them ends; then both do. Each has the methods of a socket that a ``Dialer`` promises."""
    with contextlib.suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    for end in (source, sink):
        with contextlib.suppress(OSError, AttributeError):  # it has ended already
            with socket.socket(fileno=os.dup(end.fileno())) as other:
                other.shutdown(socket.SHUT_RDWR)  # wakes the one who reads there, which closing does not
            end.close()


@dataclass(frozen=True)
class VaultPods:
    """Pods of Vault, dialled by the program's own dialer; ``authority`` is keys/vault-ca.crt."""

    kube: Kube
    dialer: PodDialer
    authority: bytes
    _faces: dict[bytes, ssl.SSLContext] = field(default_factory=dict)

    def dial(self, pod: str, port: int) -> socket.socket:
        """A socket, for the standard library's TLS wants one: two threads carry between it and the dialer's stream."""
        stream = self.dialer.dial(pod, port)
        stream.settimeout(None)
        mine, given = socket.socketpair()
        for ends in ((stream, mine), (mine, stream)):
            threading.Thread(target=carry, args=ends, daemon=True).start()
        return given

    def secure(self, stream: socket.socket, name: str) -> ssl.SSLSocket:
        context = ssl.create_default_context(cadata=self.authority.decode())
        context.check_hostname = False  # the client checks the name, on the same certificate
        stream.settimeout(CONNECT)
        return context.wrap_socket(stream, server_hostname=name or None)

    def face(self, upstream: ssl.SSLSocket) -> ssl.SSLContext:
        """The pod's key lies in the Secret that it starts with, or in its own memory."""
        shown = upstream.getpeercert(binary_form=True) or b""
        if shown not in self._faces:
            self._faces[shown] = _context(*self._pair(shown))
        return self._faces[shown]

    def _pair(self, shown: bytes) -> tuple[bytes, bytes]:
        for secret in self.kube.list("secret", "vault"):
            data = {name: base64.b64decode(value) for name, value in (secret.get("data") or {}).items()}
            for name, certificate in data.items():
                key = data.get(name.removesuffix(".crt") + ".key")
                if name.endswith(".crt") and key and _der(certificate) == shown:
                    return certificate, key
        for pod in self.kube.list("pod", "vault", "app.kubernetes.io/name=vault"):
            name = pod["metadata"]["name"]
            served = self.kube.try_run("exec", "-n", "vault", name, "-c", "vault", "--", "cat", SERVED).stdout
            own, begin, chain = served.partition("-----BEGIN CERTIFICATE-----")
            if begin and _der((begin + chain).encode()) == shown:
                return (begin + chain).encode(), own.encode()
        raise LookupError("nothing holds the key of the certificate that the pod shows")


def _der(pem: bytes) -> bytes:
    first = pem.decode().partition("-----END CERTIFICATE-----")
    return ssl.PEM_cert_to_DER_cert(first[0].strip() + "\n" + first[1])


def _context(certificate: bytes, key: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    path = in_memory(certificate + b"\n" + key, "face")
    context.load_cert_chain(path)
    os.close(int(Path(path).name))  # select(2), which port-forwards wait with, knows 1024 files and no more
    return context


def account(kube: Kube) -> str:
    """A bearer token of a cluster administrator: a client certificate does not pass a proxy that ends TLS."""
    metadata = {"name": ACCOUNT, "namespace": "kube-system"}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    kube.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": ACCOUNT},
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        },
    )
    return kube.run("create", "token", ACCOUNT, "-n", "kube-system", "--duration", "24h").strip()


def no_account(kube: Kube) -> None:
    kube.run("delete", "clusterrolebinding", ACCOUNT, "--ignore-not-found")
    kube.run("delete", "serviceaccount", ACCOUNT, "-n", "kube-system", "--ignore-not-found")


def proxy_of(kube: Kube, vault_authority: bytes) -> tuple[Proxy, Authority]:
    """Not serving yet; and the authority that its kubeconfig must name."""
    own = authority("fault proxy")
    shown = _context(*own.leaf("127.0.0.1"))
    dialer = PodDialer(load_kubeconfig(kube.lab.kubeconfig), "vault")
    return Proxy(shown, ApiServer(kube.lab.kubeconfig), VaultPods(kube, dialer, vault_authority)), own


def kubeconfig(proxy: Proxy, own: Authority, token: str, folder: Path) -> Path:
    cluster = {
        "server": f"https://127.0.0.1:{proxy.port}",
        "certificate-authority-data": base64.b64encode(own.pem).decode(),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "proxy",
        "contexts": [{"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}],
        "clusters": [{"name": "proxy", "cluster": cluster}],
        "users": [{"name": "proxy", "user": {"token": token}}],
    }
    path = folder / "proxy.kubeconfig"
    path.write_text(json.dumps(config))
    path.chmod(0o600)
    return path
