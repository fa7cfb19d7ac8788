"""What a finished cluster looks like, worked out from the repository alone, and what it does look like.

Every road must end here: the uninterrupted one and the one that was killed many times.
"""

import base64
import json
from pathlib import Path
from typing import Any

from tests.lab.support.cluster import Kube
from tests.lab.support.platform import Platform
from tests.lab.support.vault import Vault, as_run

JOURNAL = "bootstrap.dev/record=journal"
LEDGER = "bootstrap.dev/ledger=batch"
State = dict[str, Any]


def authority(platform: Platform) -> Path:
    return platform.folder / "keys/vault-ca.crt"


def expected(platform: Platform) -> State:
    sources = platform.sources
    return {
        "window": "VERIFIED",
        "run": "finished",
        "voters": ["vault-0", "vault-1", "vault-2"],
        "sealed": [],
        "roots": 0,
        "secrets": {
            spec["runtime"]["path"]: {
                "version": 1,
                "fields": sorted(sources.values(spec)),
                "kept": sources.in_vault(spec),
            }
            for spec in sources.secrets().values()
        },
        "published": sorted(spec["path"] for spec in sources.internals().values()),
        "committed": sorted(sources.secrets()),
        "retired": sorted(sources.secrets()),
        "scaffolds": [],
        "materialized": sorted(
            f"{c['namespace']}/{c['secret']}"
            for spec in [*sources.secrets().values(), *sources.internals().values()]
            for c in spec.get("consumers", [])
        ),
    }


def actual(kube: Kube, platform: Platform) -> State:
    with as_run(kube, authority(platform)) as vault:
        return {
            "window": kube.need("configmap", "vault-init", "bootstrap-system")["data"]["phase"],
            "run": run_record(kube)["state"],
            "voters": voters(vault),
            "sealed": sealed(kube),
            "roots": sum("root" in policies for policies in token_policies(vault)),
            "secrets": {path: _secret(vault, path) for path in _handed(vault)},
            "published": [p for p in vault.paths() if p.startswith("platform-data/")],
            "committed": recorded(kube, "COMMIT"),
            "retired": recorded(kube, "RETIRED"),
            "scaffolds": [
                o["metadata"]["name"] for o in kube.list("secret", labels="bootstrap.dev/role=scaffold")
            ],
            "materialized": materialized(kube, platform),
        }


def differences(want: State, have: State) -> list[str]:
    """The parts that differ, without a value of a secret in the message."""
    found = [key for key in want if key != "secrets" and want[key] != have[key]]
    messages = [f"{key}: wanted {want[key]}, is {have[key]}" for key in found]
    if set(want["secrets"]) != set(have["secrets"]):
        messages.append(f"paths: wanted {sorted(want['secrets'])}, are {sorted(have['secrets'])}")
    for path in set(want["secrets"]) & set(have["secrets"]):
        one, other = want["secrets"][path], have["secrets"][path]
        if one["version"] != other["version"]:
            messages.append(f"{path}: version {other['version']}")
        if one["fields"] != sorted(other["data"]):
            messages.append(f"{path}: fields {sorted(other['data'])}")
        for name, value in one["kept"].items():
            if other["data"].get(name) != value:
                messages.append(f"{path}: field {name} is not what Git introduced")
    return messages


def _handed(vault: Vault) -> list[str]:
    return [p for p in vault.paths() if not p.startswith(("bootstrap/", "platform-data/"))]


def _secret(vault: Vault, path: str) -> dict[str, Any]:
    current = vault.read(f"secret/metadata/{path}")["current_version"]
    return {"version": current, "data": vault.read(f"secret/data/{path}?version=1")["data"]}


def run_record(kube: Kube) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        kube.need("configmap", "bootstrap-run", "bootstrap-system")["data"]["run"]
    )
    return found


def voters(vault: Vault) -> list[str]:
    servers = vault.read("sys/storage/raft/configuration")["config"]["servers"]
    return sorted(s["node_id"] for s in servers if s["voter"])


def sealed(kube: Kube) -> list[str]:
    found = []
    for pod in ("vault-0", "vault-1", "vault-2"):
        done = kube.try_run(
            "exec", "-n", "vault", pod, "-c", "vault", "--", "vault", "status", "-format=json"
        )
        if not done.stdout.strip() or json.loads(done.stdout)["sealed"]:
            found.append(pod)
    return found


def token_policies(vault: Vault) -> list[list[str]]:
    """Policies of each live token."""
    accessors = vault.ask("LIST", "auth/token/accessors").json()["data"]["keys"]
    answers = [vault.ask("POST", "auth/token/lookup-accessor", {"accessor": a}) for a in accessors]
    found = [a.json()["data"] for a in answers if a.status_code == 200]
    return [[*(d.get("policies") or []), *(d.get("identity_policies") or [])] for d in found]


def statements(kube: Kube) -> list[dict[str, Any]]:
    """Every record of the cluster's ledger, in order: the predicates, read without the program."""

    found = []
    for batch in sorted(
        kube.list("configmap", "bootstrap-system", LEDGER), key=lambda o: str(o["metadata"]["name"])
    ):
        (content,) = batch["data"].values()
        for envelope in json.loads(content):
            found.append(json.loads(base64.b64decode(envelope["payload"]))["predicate"])
    return found


def by_ledger_key(kube: Kube) -> list[dict[str, Any]]:
    """The same without those by which Vault countersigns a batch."""
    return [each for each in statements(kube) if each["phase"] != "COUNTERSIGNED"]


def recorded(kube: Kube, phase: str) -> list[str]:
    return sorted(p["secret"]["name"] for p in statements(kube) if p["phase"] == phase)


def materialized(kube: Kube, platform: Platform) -> list[str]:
    """Secrets that the operator owns, in the namespaces of the catalog."""
    sources = platform.sources
    internal = {f"{s['source']['namespace']}/{s['source']['secret']}" for s in sources.internals().values()}
    found = set()
    for namespace in sources.namespaces():
        for secret in kube.list("secret", namespace):
            owners = secret["metadata"].get("ownerReferences", [])
            if any(o["kind"] == "ExternalSecret" for o in owners):
                found.add(f"{namespace}/{secret['metadata']['name']}")
    return sorted(found - internal)
