"""The cluster as a test sees it: kubectl of the lab's own version, and the API server's audit log."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Object = dict[str, Any]
MUTATING = {"create", "update", "patch", "delete", "deletecollection"}
QUESTIONS = {  # requests that are writes by their verb only
    "serviceaccounts/token",
    "selfsubjectaccessreviews",
    "selfsubjectreviews",
    "pods/portforward",
}


@dataclass(frozen=True, kw_only=True)
class Lab:
    """What `bootstrap lab status -o json` says of it."""

    name: str
    kubeconfig: Path
    audit_log: Path
    manifests: Path
    binaries: Path
    state: Path
    server: str
    containers: tuple[str, ...] = ()  # of a lab of kind

    @staticmethod
    def of(facts: dict[str, Any]) -> "Lab":
        return Lab(
            name=facts["name"],
            kubeconfig=Path(facts["kubeconfig"]),
            audit_log=Path(facts["auditLog"]),
            manifests=Path(facts["manifests"]),
            binaries=Path(facts["binaries"]),
            state=Path(facts["stateDir"]),
            server=facts["server"],
            containers=tuple(facts.get("containers", ())),
        )


@dataclass(frozen=True)
class Kube:
    """kubectl as the cluster's administrator."""

    lab: Lab
    cache: str = field(default_factory=lambda: tempfile.mkdtemp(prefix="bootstrap-test-kubectl-"))

    def command(self, *arguments: str) -> list[str]:
        program = str(self.lab.binaries / "kubectl")
        return [program, "--kubeconfig", str(self.lab.kubeconfig), "--cache-dir", self.cache, *arguments]

    def try_run(
        self, *arguments: str, stdin: str = "", timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments),
            env={"PATH": os.defpath, "HOME": self.cache},
            input=stdin,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )

    def run(self, *arguments: str, stdin: str = "", timeout: float = 120) -> str:
        done = self.try_run(*arguments, stdin=stdin, timeout=timeout)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        where = ["--namespace", namespace] if namespace else []
        done = self.try_run("get", kind, name, *where, "--ignore-not-found", "-o", "json")
        if done.returncode and "doesn't have a resource type" in done.stderr:
            return None
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    def need(self, kind: str, name: str, namespace: str = "") -> Object:
        found = self.get(kind, name, namespace)
        assert found is not None, f"{kind} {namespace}/{name} is not there"
        return found

    def list(self, kind: str, namespace: str = "", labels: str = "") -> list[Object]:
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        done = self.try_run("get", kind, *where, *(["-l", labels] if labels else []), "-o", "json")
        if done.returncode and "doesn't have a resource type" in done.stderr:
            return []
        assert done.returncode == 0, done.stderr
        items: list[Object] = json.loads(done.stdout)["items"]
        return items

    def apply(self, *objects: Object) -> None:
        document = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.run("apply", "-f", "-", stdin=json.dumps(document))

    def in_vault(self, pod: str, *command: str) -> str:
        return self.run("exec", "-n", "vault", pod, "-c", "vault", "--", *command)

    def uid(self) -> str:
        return str(self.need("namespace", "kube-system")["metadata"]["uid"])

    def token(self, namespace: str, account: str, audience: str, pod: str = "") -> str:
        """``pod`` is one that mounts it, or seems to."""
        bound = ["--bound-object-kind", "Pod", "--bound-object-name", pod] if pod else []
        return self.run(
            "create", "token", account, "-n", namespace, "--audience", audience, "--duration", "10m", *bound
        ).strip()


@dataclass
class ApiAudit:
    """The API server's audit log from here on."""

    log: Path
    start: int = 0

    def __post_init__(self) -> None:
        self.start = self.log.stat().st_size

    def entries(self) -> Iterator[Object]:
        with self.log.open("rb") as stream:
            stream.seek(self.start)
            for line in stream.read().splitlines():
                yield json.loads(line)

    def mutations(self, user: str = "kubernetes-admin") -> list[str]:
        """Calls of ``user`` that change something, or would like to: refused ones count too."""
        found = []
        for entry in self.entries():
            ref = entry.get("objectRef") or {}
            what = "/".join(filter(None, (ref.get("resource"), ref.get("subresource"))))
            if (
                entry["user"]["username"] == user
                and entry["stage"] == "ResponseComplete"
                and entry["verb"] in MUTATING
                and what not in QUESTIONS
            ):
                found.append(f"{entry['verb']} {entry['requestURI']}")
        return found

    def deletions(self) -> list[str]:
        """Calls of anybody that delete something."""
        done = [e for e in self.entries() if e["stage"] == "ResponseComplete" and e["verb"] == "delete"]
        return [e["requestURI"] for e in done if e["responseStatus"]["code"] < 300]

    def bytes(self) -> bytes:
        with self.log.open("rb") as stream:
            stream.seek(self.start)
            return stream.read()
