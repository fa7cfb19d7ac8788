"""Vault as a test sees it: its HTTP interface through a port-forward of kubectl's, and its audit files."""

import base64
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.lab.support.cluster import Kube

# Requests that are writes by their verb only: logins and their end, and POSTs that ask.
QUESTIONS = {
    "auth/kubernetes/login",
    "auth/vault-pods/login",
    "auth/token/revoke-self",
    "auth/token/lookup-accessor",
    "auth/token/lookup-self",
    "sys/capabilities-self",
    "sys/audit-hash/file",
    "identity/lookup/entity",
}


@dataclass
class Vault:
    """Requests as one service account; ``role`` says as what it logs in, ``login_at`` by which login."""

    base: str
    authority: Path
    jwt: str
    role: str
    login_at: str = "kubernetes"
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.login()

    def login(self) -> None:
        answer = self.try_login(self.role, self.jwt)
        assert answer.status_code == 200, answer.text
        self.session.headers["X-Vault-Token"] = answer.json()["auth"]["client_token"]

    def try_login(self, role: str, jwt: str) -> requests.Response:
        return self._send("POST", f"auth/{self.login_at}/login", {"role": role, "jwt": jwt})

    def ask(self, method: str, path: str, body: Any = None) -> requests.Response:
        answer = self._send(method, path, body)
        if answer.status_code == 403:  # a run's fence revokes the tokens of its predecessors
            self.login()
            answer = self._send(method, path, body)
        return answer

    def read(self, path: str) -> dict[str, Any]:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}"
        data: dict[str, Any] = answer.json()["data"]
        return data

    def close(self) -> None:
        self._send("POST", "auth/token/revoke-self", {})

    def _send(self, method: str, path: str, body: Any) -> requests.Response:
        return self.session.request(
            method, f"{self.base}/v1/{path}", json=body, verify=str(self.authority), timeout=30
        )

    def paths(self, folder: str = "") -> list[str]:
        """Every path below the KV mount, sorted."""
        answer = self.ask("LIST", f"secret/metadata/{folder}")
        names = answer.json()["data"]["keys"] if answer.status_code == 200 else []
        found: list[str] = []
        for name in names:
            found += self.paths(folder + name) if name.endswith("/") else [folder + name]
        return sorted(found)


@contextmanager
def forwarded(kube: Kube, pod: str = "vault-0") -> Iterator[str]:
    """The base address of one pod on this machine."""
    process = subprocess.Popen(
        kube.command("port-forward", "-n", "vault", f"pod/{pod}", ":8200", "--address", "127.0.0.1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        found = re.search(r"127\.0\.0\.1:(\d+)", process.stdout.readline())
        assert found, "kubectl forwards no port"
        # It says a line of each connection, and would wait for ever once nobody has read some two thousand.
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield f"https://localhost:{found[1]}"
    finally:
        process.terminate()
        process.wait()


def active_pod(kube: Kube) -> str:
    """The one that answers for itself: a standby has words of its own for some requests."""
    return next(pod for pod in ("vault-0", "vault-1", "vault-2") if _is_active(kube, pod))


def _is_active(kube: Kube, pod: str) -> bool:
    return bool(json.loads(kube.in_vault(pod, "vault", "status", "-format=json")).get("is_self"))


@contextmanager
def as_run(kube: Kube, authority: Path, pod: str = "vault-0") -> Iterator[Vault]:
    """As the run's identity: it may read what `verify` reads."""
    with forwarded(kube, pod) as base:
        jwt = kube.token("bootstrap-system", "bootstrap", "vault")
        vault = Vault(base, authority, jwt, "bootstrap-run")
        try:
            yield vault
        finally:
            vault.close()


def unseal_share(kube: Kube) -> str:
    """Of the newest generation that the unsealers read."""
    found = [s for s in kube.list("secret", "vault") if s["metadata"]["name"].startswith("vault-unseal-")]
    newest = max(found, key=lambda s: int(s["metadata"]["name"].rsplit("-", 1)[1]))
    return base64.b64decode(newest["data"]["key"]).decode()


@contextmanager
def as_root(kube: Kube, authority: Path, pod: str = "vault-0") -> Iterator[Vault]:
    """As root, by the unseal key that the cluster holds (custody ``cluster``); the token is revoked at the end."""
    share = unseal_share(kube)
    with as_run(kube, authority, pod) as vault:
        vault.session.request("DELETE", f"{vault.base}/v1/sys/generate-root/attempt", verify=str(authority))
        begun = vault.ask("PUT", "sys/generate-root/attempt", {}).json()
        ended = vault.ask("PUT", "sys/generate-root/update", {"key": share, "nonce": begun["nonce"]}).json()
        encoded = ended["encoded_token"]
        pairs = zip(base64.b64decode(encoded + "=" * (-len(encoded) % 4)), begun["otp"].encode(), strict=True)
        mine = vault.session.headers["X-Vault-Token"]
        vault.session.headers["X-Vault-Token"] = bytes(a ^ b for a, b in pairs).decode()
        try:
            yield vault
        finally:
            vault.close()
            vault.session.headers["X-Vault-Token"] = mine


@contextmanager
def as_namespace(kube: Kube, authority: Path, namespace: str) -> Iterator[Vault]:
    """As the operator is when it asks for that namespace."""
    with forwarded(kube) as base:
        jwt = kube.token(namespace, "external-secrets", "vault")
        vault = Vault(base, authority, jwt, "external-secrets")
        try:
            yield vault
        finally:
            vault.close()


def audit_lines(kube: Kube, pod: str) -> list[str]:
    """One pod's audit file; a node that was never asked anything has none."""
    return kube.in_vault(pod, "sh", "-c", "cat /vault/audit/audit.log 2>/dev/null || true").splitlines()


@dataclass
class VaultAudit:
    """The audit files of all three pods, from here on."""

    kube: Kube
    pods: tuple[str, ...] = ("vault-0", "vault-1", "vault-2")
    start: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start = {pod: len(self._lines(pod)) for pod in self.pods}

    def _lines(self, pod: str) -> list[str]:
        return audit_lines(self.kube, pod)

    def text(self) -> str:
        return "\n".join(line for pod in self.pods for line in self._lines(pod)[self.start[pod] :])

    def mutations(self) -> list[str]:
        found = []
        for line in self.text().splitlines():
            entry = json.loads(line)
            request = entry.get("request") or {}
            path = request.get("path", "")
            who = str((entry.get("auth") or {}).get("display_name", ""))
            by_us = who in ("", "kubernetes-bootstrap-system-bootstrap", "root")  # no name: without a token
            if (
                entry["type"] == "request"
                and by_us
                and request.get("operation") in ("create", "update", "delete", "patch")
                and path not in QUESTIONS
            ):
                found.append(f"{request['operation']} {path}")
        return found
