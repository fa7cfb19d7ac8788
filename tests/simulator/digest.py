"""The platform's end state as one value: equal for every way that leads there.

LEFT_OUT lists what differs by nature between two runs that did the same.
"""

import hashlib
import json
import re
from typing import Any

from bootstrap.ledger import store
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.record import RecordType
from bootstrap.model.names import CLAIM_ANNOTATION
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.vault.init_window import WindowStore
from tests.simulator.cluster import SERVER_SET
from tests.simulator.platform import SimulatedPlatform, opened

LEFT_OUT = {
    "metadata set by the server": ", ".join(sorted(SERVER_SET)),
    "the run's own books": "Lease, bootstrap-run, journal-*; ledger-* as phases and secrets only",
    "records of what happened on the way": "voided attempts, runs given back, decisions, configuring",
    "the init window": "attempt, nonce, volume, cluster id; certificates of attempts (vault-tls-init-*)",
    "a recovered quorum": "all but its stage and its node",
    "a restore": "all but its stage; certificates of its attempts (vault-tls-restore-*)",
    "ciphertexts and keys made at random": "slots (by volume), certificates, the unseal share, the escrow",
    "slots of a voided store": "ciphertexts that open nothing; a late request leaves one",
    "secrets that are made anew": "values of renew: generate, txn in their metadata",
    "Vault's tokens, accessors, cluster id": "live ones are counted by the invariants",
}
OF_THE_WAY = {
    RecordType.VOIDED,
    RecordType.ABANDONED,
    RecordType.ACCEPTED,
    RecordType.NEW_AUTHORITY,
    RecordType.CONFIGURING,
    RecordType.CONFIGURED,
}
BOOKS = re.compile(r"(Lease|ConfigMap) bootstrap-system/(bootstrap|bootstrap-run|journal-.*|ledger-.*)$")
ATTEMPT = re.compile(r"Secret vault/vault-tls-(init-\d+|restore-.*)$")
RANDOM = re.compile(r"Secret (vault/vault-tls|vault/vault-unseal-\d+|bootstrap-system/vault-slot-.*)$")


def state(platform: SimulatedPlatform) -> dict[str, Any]:
    """Everything that counts, as plain data: for messages, compare two of these."""
    found: dict[str, Any] = {}
    window = WindowStore(platform.cluster).read()
    volume = window.volume if window else ""
    for ref, obj in platform.cluster.everything().items():
        orphan = ref.name.startswith("vault-slot-") and not ref.name.startswith(f"vault-slot-{volume}-")
        if not (orphan or BOOKS.match(str(ref)) or ATTEMPT.match(str(ref))):
            found[_name(ref)] = _plain(ref, obj)
    vault = platform.vault.live()
    found["vault"] = {
        "mounts": sorted(vault.mounts),
        "auth": sorted(vault.auth),
        "audit": sorted(vault.audit),
        "headers": vault.headers,
        "leaves": vault.plain,
        "secrets": {path: _secret(s) for path, s in vault.secrets.items() if "ledger" not in path},
    }
    commit = opened(platform.repository)
    ledger = store.load(platform.cluster, PublicKey.parse(commit.intent.keys["ledger.pub"]))
    found["ledger"] = sorted(
        {
            f"{r.fact.type} {r.fact.secret.name if r.fact.secret else ''}"
            for r in ledger.records
            if r.fact.type not in OF_THE_WAY
        }
    )
    return found


def digest(platform: SimulatedPlatform) -> str:
    return hashlib.sha256(json.dumps(state(platform), sort_keys=True, default=str).encode()).hexdigest()


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    return [
        f"{key}: {one.get(key)} became {other.get(key)}"
        for key in sorted({*one, *other})
        if one.get(key) != other.get(key)
    ]


def _name(ref: Ref) -> str:
    return re.sub(r"uid-\d+", "UID", str(ref))


def _plain(ref: Ref, obj: Object) -> Any:
    meta = {k: v for k, v in obj["metadata"].items() if k not in SERVER_SET | {"name"}}
    rest = {k: v for k, v in obj.items() if k not in ("metadata", "data")}
    data = obj.get("data") or {}
    if str(ref) == "ConfigMap bootstrap-system/vault-init":
        data = {"phase": data["phase"]}
    elif str(ref) == "ConfigMap bootstrap-system/vault-restore":
        data = {"stage": data["stage"]}
    elif str(ref) == "ConfigMap bootstrap-system/vault-recovery":
        data = {"stage": data["stage"], "pod": data["pod"]}
    elif str(ref) == "ConfigMap bootstrap-system/snapshot-settings":
        data = {**data, "escrow.json": ""}
    elif RANDOM.match(str(ref)):
        data, meta = sorted(data), _without_digest(meta)
    elif obj["kind"] == "Secret":
        data = {k: v.reveal().hex() if isinstance(v, Sensitive) else v for k, v in data.items()}
        if _derived(ref):
            data = sorted(data)
    return json.loads(json.dumps({"metadata": meta, "data": data, **rest}, sort_keys=True, default=str))


def _without_digest(meta: dict[str, Any]) -> dict[str, Any]:
    """Of what is made at random; that there is one counts."""
    marks = {k: "" if k == CLAIM_ANNOTATION else v for k, v in (meta.get("annotations") or {}).items()}
    return {**meta, "annotations": marks}


def _derived(ref: Ref) -> bool:
    """Materialized Secrets: their values are compared with Vault's by the proofs."""
    return not ref.name.endswith("-bootstrap")


def _secret(secret: Any) -> Any:
    meta = dict(secret.metadata)
    marks = {k: v for k, v in (meta.get("custom_metadata") or {}).items() if k != "txn"}
    return {"metadata": {**meta, "custom_metadata": marks}, "versions": [sorted(v) for v in secret.versions]}
