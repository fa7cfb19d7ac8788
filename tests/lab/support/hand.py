"""A hand on a lab: plants the violations of ``tests/seeds`` with kubectl, as root in Vault, and with Git.

Each call notes what takes it back; ``undo`` runs that in reverse order. Root in Vault is made by `sys/generate-root`
from the unseal key in the cluster, as an administrator of the cluster could (docs/explanation/trust.md).
"""

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import requests

from tests.lab.support.cluster import Kube, Object
from tests.lab.support.platform import Platform
from tests.lab.support.state import authority
from tests.lab.support.vault import active_pod, forwarded, unseal_share
from tests.seeds.elsewhere import APPLIED
from tests.support.program import git

LAG = 60.0  # seconds that a deleted binding may go on refusing
SERVER_SET = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "ownerReferences")
ROOT_PATHS = (
    *("sys/policies/acl/", "auth/kubernetes/role/", "auth/token/roles/", "auth/vault-pods/"),
    *("identity/entity/name/", "identity/group/name/"),
    *("auth/kubernetes/config", "vault-pki/roles/"),
)
OPERATOR = ("deployment/external-secrets", "-n", "external-secrets")


class LabHand:
    """Implements ``tests.seeds.hand.Hand``."""

    def __init__(self, kube: Kube, platform: Platform, base: str) -> None:
        self.kube, self.platform, self._base = kube, platform, base
        self._undo: list[Callable[[], object]] = []
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(authority(platform))

    # ------------------------------------------------------------ the cluster

    def create(self, obj: Object) -> None:
        meta = obj["metadata"]
        self._create(obj)
        where = ["-n", meta["namespace"]] if "namespace" in meta else []
        self._undo.append(
            lambda: self.kube.try_run("delete", obj["kind"], meta["name"], *where, "--ignore-not-found")
        )

    def _create(self, obj: Object) -> None:
        """Once admission, which is behind its own objects, lets it in."""
        until = time.monotonic() + LAG
        while (done := self.kube.try_run("create", "-f", "-", stdin=json.dumps(obj))).returncode:
            assert "denied request" in done.stderr, done.stderr
            assert time.monotonic() < until, done.stderr
            time.sleep(0.5)
        self._noted(obj)

    def _noted(self, obj: Object) -> None:
        """What kubectl would have noted of an earlier object: it notes the one that it is given itself."""
        meta = obj["metadata"]
        if text := meta.get("annotations", {}).get(APPLIED):
            note = json.dumps({"metadata": {"annotations": {APPLIED: text}}})
            place = ("-n", meta["namespace"], obj["kind"], meta["name"])
            self.kube.run("patch", *place, "--type=merge", "--patch-file=/dev/stdin", stdin=note)

    def edit(self, kind: str, name: str, namespace: str, change: Callable[[Object], None]) -> None:
        before = self.kube.need(kind, name, namespace)
        after = json.loads(json.dumps(before))
        data = after.get("data") or {}
        if kind == "Secret":
            after["data"] = {key: base64.b64decode(value).decode() for key, value in data.items()}
        change(after)
        if kind == "Secret":
            after["data"] = {key: base64.b64encode(v.encode()).decode() for key, v in after["data"].items()}
        self.kube.run("replace", "-f", "-", stdin=json.dumps(after))
        self._undo.append(lambda: self.kube.run("replace", "-f", "-", stdin=json.dumps(_new(before))))

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        before = self.kube.need(kind, name, namespace)
        self.kube.run("delete", kind, name, *(["-n", namespace] if namespace else []))
        if kind not in ("Secret", "ExternalSecret", "PushSecret", "ValidatingAdmissionPolicyBinding"):
            self._undo.append(lambda: self.kube.run("create", "-f", "-", stdin=json.dumps(_new(before))))
        # The others are made anew by the operator, or by the `up` at the end.

    def names(self, kind: str, namespace: str) -> list[str]:
        return sorted(obj["metadata"]["name"] for obj in self.kube.list(kind, namespace))

    def stop_operator(self) -> None:
        self.kube.run("scale", *OPERATOR, "--replicas=0")
        self.kube.run("wait", "pods", "--all", "-n", "external-secrets", "--for=delete", "--timeout=120s")
        self._undo.append(lambda: self.kube.run("rollout", "status", *OPERATOR, "--timeout=180s"))
        self._undo.append(lambda: self.kube.run("scale", *OPERATOR, "--replicas=1"))

    # ------------------------------------------------------------ Vault

    def vault(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        with self._root() as ask:
            if method not in ("GET", "LIST"):
                self._note(ask, method, path)
            answer = ask(method, path, body)
            assert answer.ok, f"{method} {path}: {answer.status_code}"
            document = answer.json() if answer.content else {}
        if path in ("auth/token/create", "auth/token/create-orphan"):
            accessor = {"accessor": document["auth"]["accessor"]}
            self._undo.append(lambda: self._again("POST", "auth/token/revoke-accessor", accessor))
        if path == "identity/entity-alias":
            alias = document["data"]["id"]
            self._undo.append(lambda: self._again("DELETE", f"identity/entity-alias/id/{alias}"))
        return document.get("data") or {}

    def _note(self, ask: Callable[..., requests.Response], method: str, path: str) -> None:
        """What takes a change of Vault back."""
        if path.startswith(ROOT_PATHS):
            before = ask("GET", path)
            if before.ok:
                old = before.json()["data"]
                self._undo.append(lambda: self._again("POST", path, old))
            else:
                self._undo.append(lambda: self._again("DELETE", path))
        elif path.startswith("secret/"):
            self._undo.append(self._kept(ask, "/".join(path.split("/")[2:])))
        elif method != "DELETE" and path.startswith(("sys/audit/", "sys/config/auditing/")):
            self._undo.append(lambda: self._again("DELETE", path))
        elif method == "DELETE" and path.startswith("sys/audit/"):
            old = ask("GET", "sys/audit").json()["data"][path.removeprefix("sys/audit/") + "/"]
            body = {"type": old["type"], "options": old["options"]}
            self._undo.append(lambda: self._again("POST", path, body))

    def _kept(self, ask: Callable[..., requests.Response], path: str) -> Callable[[], None]:
        """Puts a secret of one version, or of none, back as it was."""
        about, data = ask("GET", f"secret/metadata/{path}"), ask("GET", f"secret/data/{path}?version=1")

        def restore() -> None:
            self._again("DELETE", f"secret/metadata/{path}")
            if about.ok:
                old = about.json()["data"]
                kept = {key: old[key] for key in ("cas_required", "max_versions", "custom_metadata")}
                self._again("POST", f"secret/metadata/{path}", kept)
            if data.ok:
                content = {"options": {"cas": 0}, "data": data.json()["data"]["data"]}
                self._again("POST", f"secret/data/{path}", content)

        return restore

    def _again(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
        with self._root() as ask:
            answer = ask(method, path, body)
            assert answer.ok or answer.status_code == 404, f"{method} {path}: {answer.status_code}"

    @contextmanager
    def _root(self) -> Iterator[Callable[..., requests.Response]]:
        """Asks as root; the token is gone when it leaves."""
        share = unseal_share(self.kube)
        self._send("DELETE", "sys/generate-root/attempt")
        begun = self._send("POST", "sys/generate-root/attempt", {}).json()
        ended = self._send(
            "POST", "sys/generate-root/update", {"key": share.strip(), "nonce": begun["nonce"]}
        ).json()
        token = _decoded(ended["encoded_token"], begun["otp"])

        def ask(method: str, path: str, body: Mapping[str, Any] | None = None) -> requests.Response:
            return self._send(method, path, body, token)

        try:
            yield ask
        finally:
            self._send("POST", "auth/token/revoke-self", {}, token)

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, token: str = ""
    ) -> requests.Response:
        headers = {"X-Vault-Token": token} if token else {}
        return self._session.request(
            method, f"{self._base}/v1/{path}", json=body, headers=headers, timeout=30
        )

    def value(self, path: str, field: str) -> str:
        return str(self.vault("GET", f"secret/data/{path}")["data"][field])

    # ------------------------------------------------------------ Git and the machine

    def git_value(self, secret: str, field: str) -> str:
        sources = self.platform.sources
        return sources.values(sources.secrets()[secret])[field].decode()

    def commit(self, path: str, change: Callable[[str], str]) -> None:
        file, before = self.platform.folder / path, (self.platform.folder / path).read_text()

        def put(text: str) -> None:
            """That file alone: ``records/`` is not to be committed by the way."""
            file.write_text(text)
            git(self.platform.folder, "commit", "--quiet", "--no-verify", "--message", "change", "--", path)

        put(change(before))
        self._undo.append(lambda: put(before))

    def record(self, name: str, change: Callable[[str], str] | None) -> None:
        file = self.platform.folder / "records" / self.kube.uid() / name
        before = file.read_text()
        if change is None:
            file.unlink()
        else:
            file.write_text(change(before))
        self._undo.append(lambda: file.write_text(before))
        tracked = git(self.platform.folder, "ls-files", str(file))
        assert not tracked, "records/ is committed: the commit has the escrow still"

    def forget(self) -> None:
        """Nothing is taken back: it is as it was."""
        self._undo.clear()

    def undo(self) -> None:
        while self._undo:
            with suppress(requests.ConnectionError):
                self._undo.pop()()
        time.sleep(1)  # a watch that is behind


@contextmanager
def hand_on(kube: Kube, platform: Platform) -> Iterator[LabHand]:
    with forwarded(kube, active_pod(kube)) as base:
        hand = LabHand(kube, platform, base)
        try:
            yield hand
        finally:
            hand.undo()


def _new(obj: Object) -> Object:
    meta = {key: value for key, value in obj["metadata"].items() if key not in SERVER_SET}
    return {**{k: v for k, v in obj.items() if k != "status"}, "metadata": meta}


def _decoded(encoded: str, otp: str) -> str:
    raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    return bytes(one ^ other for one, other in zip(raw, otp.encode(), strict=True)).decode()
