"""What can be asked of a real system after the last `up`, numbered as in the fault matrix."""

import hashlib
import hmac
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.faults.digest import differences as unlike
from tests.faults.digest import digest, state
from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.state import actual, authority, differences, expected, statements
from tests.lab.support.vault import as_run
from tests.support.program import ESCAPE, run_bootstrap

if TYPE_CHECKING:
    from tests.faults.bench import Bench
    from tests.lab.support.platform import Platform

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


def after_up(bench: "Bench", audit: ApiAudit, *, verified: bool) -> tuple[list[str], str]:
    """What is broken once an `up` ended with 0, and the digest of what lies there.

    ``verified``: the key was proven before the fault, so no volume may go any more.
    """
    kube, platform = bench.kube, bench.platform
    bench.settled(bench.login)
    with ThreadPoolExecutor() as pool:  # most of it is waiting for processes to start
        told = pool.submit(lambda: list(commands(bench)))
        others = pool.submit(lambda: [*uncommitted(kube, platform), *other_store(kube)])
        now = actual(kube, platform)
        found = state(kube, platform, now)
        broken = [*told.result(), *others.result()]
    broken += [f"I-1, I-5: {each}" for each in differences(expected(platform), now)]
    broken += [f"F-2: {each}" for each in unlike(bench.golden, found)]
    if verified:
        wiped = [m for m in audit.deletions() if "/persistentvolumeclaims/" in m]
        broken += [f"I-1: after VERIFIED: {each}" for each in wiped]
    return broken, digest(found)


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
    keys = bench.folder / "auditor" / "keys"  # beside them lie no heads of the points before
    shutil.copytree(bench.platform.keys, keys, dirs_exist_ok=True)
    done = run_bootstrap("ledger", "verify", bundle, "--keys", keys)
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
                    yield f"H4: {name}.{field} is not what was committed"
            for field in sources.generated(spec):
                if found[field].encode() == sources.values(spec)[field]:
                    yield f"H5: {name}.{field} is still the repository's"


def other_store(kube: Kube) -> Iterator[str]:
    """The proven store lies on the volume that is there now, and all nodes are of one cluster."""
    window = kube.need("configmap", "vault-init", "bootstrap-system")["data"]
    claim = kube.need("persistentvolumeclaim", "data-vault-0", "vault")
    if claim["metadata"]["uid"] != window["volume"]:
        yield "I-4: the volume is not the one whose key was proven"
    for pod in ("vault-0", "vault-1", "vault-2"):
        status = json.loads(kube.in_vault(pod, "vault", "status", "-format=json"))
        if status["cluster_id"] != window["clusterId"]:
            yield f"I-4: {pod} is of Vault cluster {status['cluster_id']}, proven was {window['clusterId']}"


def _last(err: str) -> str:
    return " / ".join(err.strip().splitlines()[-8:])


def _unproven(out: str) -> str:
    try:
        proofs = json.loads(out)
    except ValueError:
        return ""
    return json.dumps([p for p in proofs.get("proofs", []) if not p.get("ok")])
