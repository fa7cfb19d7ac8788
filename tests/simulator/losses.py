"""What people, and what fails, take away from a finished platform."""

import json
from datetime import timedelta
from typing import Any

from bootstrap.ports import Ref
from tests.simulator.platform import SimulatedPlatform

SYSTEM, VAULT = Ref("v1", "Namespace", "bootstrap-system"), Ref("v1", "Namespace", "vault")


def delete(platform: SimulatedPlatform, *refs: Ref) -> None:
    """A second later, as the cluster's clock has it: what comes next is younger than what was there."""
    platform.cluster.now += timedelta(seconds=1)
    for ref in refs:
        live = platform.cluster.get(ref)
        assert live is not None, ref
        platform.cluster.delete(ref, uid=live["metadata"]["uid"])


def wipe_volumes(platform: SimulatedPlatform) -> None:
    """The volumes are replaced by empty ones, and the pods with them; all other objects of Vault stay."""
    for n in range(5):
        claim = Ref("v1", "PersistentVolumeClaim", f"data-vault-{n}", "vault")
        if platform.cluster.get(claim) is not None:
            delete(platform, claim)
    for n in range(5):
        pod = Ref("v1", "Pod", f"vault-{n}", "vault")
        if platform.cluster.get(pod) is not None:
            delete(platform, pod)
    assert platform.vault.seal_status("vault-0") is not None


def lose_nodes(platform: SimulatedPlatform, *numbers: int, waiting: bool = False) -> None:
    """Their volumes at once, and their pods: empty ones come in their place. ``waiting``: no volume is given to them,
    and their pods do not start."""
    delete(platform, *(Ref("v1", "PersistentVolumeClaim", f"data-vault-{n}", "vault") for n in numbers))
    delete(platform, *(Ref("v1", "Pod", f"vault-{n}", "vault") for n in numbers))
    for n in numbers if waiting else ():
        for kind, name in (("PersistentVolumeClaim", f"data-vault-{n}"), ("Pod", f"vault-{n}")):
            live = platform.cluster.get(Ref("v1", kind, name, "vault"))
            assert live is not None
            platform.cluster.set_status(live, {"phase": "Pending"})


def commit_records(platform: SimulatedPlatform, *, keep: bool = False) -> None:
    """What lies in the records folder is in the commit from now on; the folder is left behind but for ``keep``."""
    for folder in platform.records.iterdir():
        platform.heads[folder.name] = (folder / "head.json").read_bytes()
        platform.escrows[folder.name] = (folder / "escrow.json").read_bytes()
    if not keep:
        platform.records = platform.folder / "elsewhere"


def forget_records(platform: SimulatedPlatform) -> None:
    platform.records = platform.folder / "never written out"


def forget_copy(platform: SimulatedPlatform, keep: int) -> None:
    """Vault's copy of the ledger keeps its first ``keep`` batches."""
    secrets = platform.vault.live().secrets
    for path in sorted(p for p in secrets if p.startswith("bootstrap/ledger/"))[keep:]:
        del secrets[path]


def run_record(platform: SimulatedPlatform) -> dict[str, Any]:
    live = platform.cluster.get(Ref("v1", "ConfigMap", "bootstrap-run", "bootstrap-system"))
    assert live is not None
    found: dict[str, Any] = json.loads(live["data"]["run"])
    return found
