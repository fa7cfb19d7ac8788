"""What lies in a real cluster at the end, as one value: equal for every way that leads there.

LEFT_OUT lists what differs by nature between two runs that did the same.
"""

import hashlib
import json
import re
from typing import Any

from bootstrap.model.names import CLAIM_ANNOTATION
from tests.lab.support.cluster import Kube, Object
from tests.lab.support.platform import Platform
from tests.lab.support.reset import KEPT, OURS
from tests.lab.support.state import State, authority
from tests.lab.support.vault import as_run

LEFT_OUT = {
    "kinds that controllers make": "Pod, ReplicaSet, ControllerRevision, Endpoints, EndpointSlice, Event, Lease",
    "namespaces of the cluster itself": ", ".join(sorted(KEPT)),
    "metadata set by the server": "uid, resourceVersion, generation, times, managedFields, UIDs of owners",
    "annotations of controllers": "deployment.kubernetes.io/, volume.kubernetes.io/, pv.kubernetes.io/",
    "status": "readiness is looked at by verify and by the comparison with the repository",
    "the run's own books": "bootstrap-run, journal-*; ledger-* as phases and secrets only",
    "the init window": "attempt, nonce, volume, cluster id; certificates of attempts (vault-tls-init-*)",
    "values of Secrets": "compared with Vault's and with the repository's elsewhere; here the names of their keys",
    "addresses": "clusterIP, volumeName",
    "Vault's values, tokens, accessors, cluster id": "compared elsewhere",
}
KINDS = (
    "namespaces,configmaps,secrets,serviceaccounts,services,persistentvolumeclaims,deployments,statefulsets,"
    "daemonsets,jobs,cronjobs,networkpolicies,poddisruptionbudgets,roles,rolebindings"
)
OPERATOR_KINDS = "externalsecrets,pushsecrets,secretstores,clustersecretstores"
CLUSTER_KINDS = (
    "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings"
)
BOOKS = re.compile(r"ConfigMap bootstrap-system/(bootstrap-run|journal-.*|ledger-.*)$")
ATTEMPT = re.compile(r"Secret vault/vault-tls-init-\d+$")
SLOT = re.compile(r"(Secret bootstrap-system/vault-slot)-.{36}-(share|root.*)$")
NOTES = re.compile(r"^(deployment|volume|pv|reconcile)\S*/")
ADDRESSES = ("clusterIP", "clusterIPs", "volumeName")


def state(kube: Kube, platform: Platform, now: State) -> dict[str, Any]:
    """Everything that counts, as plain data: for messages, compare two of these. ``now`` is ``actual()``."""
    found: dict[str, Any] = {}
    volume = kube.need("configmap", "vault-init", "bootstrap-system")["data"]["volume"]
    for obj in [*kube.list(KINDS), *kube.list(OPERATOR_KINDS), *kube.list(CLUSTER_KINDS, labels=OURS)]:
        name = _name(obj)
        slot = SLOT.match(name)
        orphan = bool(slot) and volume not in name  # of a voided store: it opens nothing
        if not (_elsewhere(obj) or BOOKS.match(name) or ATTEMPT.match(name) or orphan):
            found[f"{slot[1]}-UID-{slot[2]}" if slot else name] = _plain(name, obj)
    secrets = {path: [s["version"], sorted(s["data"])] for path, s in now["secrets"].items()}
    found["authority"] = {**now, "secrets": secrets}
    found["vault"] = _vault(kube, platform)
    return found


def digest(found: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [
        f"{key}: {one.get(key)} became {other.get(key)}"
        for key in sorted({*one, *other})
        if one.get(key) != other.get(key)
    ]


def _name(obj: Object) -> str:
    meta = obj["metadata"]
    return f"{obj['kind']} {meta.get('namespace', '')}/{meta['name']}".replace(" /", " ")


def _elsewhere(obj: Object) -> bool:
    meta = obj["metadata"]
    return meta.get("namespace", meta["name"] if obj["kind"] == "Namespace" else "") in KEPT


def _plain(name: str, obj: Object) -> Any:
    meta = obj["metadata"]
    kept = {k: v for k, v in obj.items() if k not in ("metadata", "status", "data", "kind")}
    kept["labels"] = meta.get("labels", {})
    kept["annotations"] = {k: v for k, v in meta.get("annotations", {}).items() if not NOTES.match(k)}
    if obj["kind"] == "Secret" and CLAIM_ANNOTATION in kept["annotations"]:
        kept["annotations"][CLAIM_ANNOTATION] = ""  # a digest of what is made at random
    kept["owners"] = [f"{o['kind']} {o['name']}" for o in meta.get("ownerReferences", [])]
    kept["finalizers"] = sorted(meta.get("finalizers", []))
    data = obj.get("data") or {}
    if name == "ConfigMap bootstrap-system/vault-init":
        kept["data"] = data["phase"]
    else:
        kept["data"] = sorted(data) if obj["kind"] == "Secret" else data
    if isinstance(kept.get("spec"), dict):
        kept["spec"] = {k: v for k, v in kept["spec"].items() if k not in ADDRESSES}
    return kept


def _vault(kube: Kube, platform: Platform) -> dict[str, Any]:
    """What the run's identity may read of Vault's configuration."""
    with as_run(kube, authority(platform)) as vault:
        mounts, logins = vault.read("sys/mounts"), vault.read("sys/auth")
        return {
            "mounts": {p: [m["type"], m["options"]] for p, m in mounts.items()},
            "logins": {p: m["type"] for p, m in logins.items()},
            "audit": sorted(vault.read("sys/audit")),
            "policies": {
                name: vault.read(f"sys/policies/acl/{name}")["policy"]
                for name in sorted(vault.ask("LIST", "sys/policies/acl").json()["data"]["keys"])
                if name.startswith(("reader-", "pusher-", "bootstrap-"))
            },
        }
