"""What can be asked of a real system after the last `up`, numbered as in the fault matrix."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.program import ESCAPE, run_bootstrap
from tests.lab.support.state import actual, authority, differences, expected, statements
from tests.lab.support.vault import as_run

if TYPE_CHECKING:
    from tests.conftest import Platform
    from tests.faults.bench import Bench

# 1 failed, 2 definition, 4 precondition, 5 a decision, 6 evidence, 7 held, 8 a retirement waits.
KNOWN = (0, 1, 4, 5, 6, 7, 8)


def decent(code: int, err: str, expected: int | None) -> Iterator[str]:
    """A run into pipes ends with a code of ours, says why, and shows no inside."""
    if expected is not None and code != expected:
        yield f"exit {code} instead of {expected}: {_last(err)}"
    elif code not in KNOWN:
        yield f"exit {code}: {_last(err)}"
    if code and "error: " not in err:
        yield f"exit {code} and no error is told: {_last(err)}"
    if "Traceback" in err or "a fault in the program" in err or ESCAPE in err:
        yield f"a traceback or escape codes: {_last(err)}"


def after_up(bench: "Bench", audit: ApiAudit, *, verified: bool) -> list[str]:
    """Everything that must hold once an `up` ended with 0; ``verified``: the key was proven before the fault."""
    kube, platform = bench.kube, bench.platform
    broken = [f"state: {found}" for found in differences(expected(platform), actual(kube, platform))]
    broken += [f"H4: {found}" for found in uncommitted(kube, platform)]
    broken += [f"I-4: {found}" for found in other_store(kube)]
    if verified:
        wiped = [m for m in audit.deletions() if "/persistentvolumeclaims/" in m]
        broken += [f"I-1: after VERIFIED: {each}" for each in wiped]
    broken += commands(bench)
    return broken


def commands(bench: "Bench") -> Iterator[str]:
    """`verify --deep`, and the bundle of the ledger, by the real commands from a machine that has the records."""
    clone = bench.folder / f"machine-{bench.runs}"  # the last `up` wrote its records there
    to_cluster = bench.platform.to_cluster(clone)
    done = run_bootstrap("verify", *to_cluster, "--deep", "-o", "json")
    if done.returncode:
        yield f"F-6: verify --deep: exit {done.returncode}: {_unproven(done.stdout) or _last(done.stderr)}"
    bundle = bench.folder / f"bundle-{bench.runs}.json"
    done = run_bootstrap("ledger", "export", *to_cluster, "--out", bundle)
    if done.returncode:
        yield f"I-8: ledger export: exit {done.returncode}: {_last(done.stderr)}"
        return
    done = run_bootstrap("ledger", "verify", bundle, "--keys", bench.platform.keys)
    if done.returncode:
        yield f"I-8: ledger verify: exit {done.returncode}: {_last(done.stderr)}"


def uncommitted(kube: Kube, platform: "Platform") -> Iterator[str]:
    """Fields in Vault that are not what the ledger's COMMIT says, generated ones too."""
    sources = platform.sources
    key = bytes.fromhex(sources.open_raw("encrypted/root-material/commitment.age").decode().strip())
    committed = {s["secret"]["name"]: s["commitments"] for s in statements(kube) if s["phase"] == "COMMIT"}
    uid = kube.uid().encode()
    with as_run(kube, authority(platform)) as vault:
        for name, spec in sources.secrets().items():
            found = vault.read(f"secret/data/{spec['runtime']['path']}?version=1")["data"]
            for field, value in found.items():
                text = b"\0".join([b"bootstrap/v1", uid, name.encode(), field.encode(), value.encode()])
                if committed.get(name, {}).get(field) != hmac.new(key, text, hashlib.sha256).hexdigest():
                    yield f"{name}.{field} is not what was committed"
            for field in sources.generated(spec):
                if found[field].encode() == sources.values(spec)[field]:
                    yield f"{name}.{field} is still the repository's"


def other_store(kube: Kube) -> Iterator[str]:
    """The proven store lies on the volume that is there now, and all nodes are of one cluster."""
    window = kube.need("configmap", "vault-init", "bootstrap-system")["data"]
    claim = kube.need("persistentvolumeclaim", "data-vault-0", "vault")
    if claim["metadata"]["uid"] != window["volume"]:
        yield "the volume is not the one whose key was proven"
    for pod in ("vault-0", "vault-1", "vault-2"):
        status = json.loads(kube.in_vault(pod, "vault", "status", "-format=json"))
        if status["cluster_id"] != window["clusterId"]:
            yield f"{pod} is of Vault cluster {status['cluster_id']}, proven was {window['clusterId']}"


def _last(err: str) -> str:
    return " / ".join(err.strip().splitlines()[-4:])


def _unproven(out: str) -> str:
    try:
        proofs = json.loads(out)
    except ValueError:
        return ""
    return json.dumps([p for p in proofs.get("proofs", []) if not p.get("ok")])
