"""Faulted runs of `up --approve recover-quorum`, walked as those of `up` are, and what must hold on the way."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import BootstrapError
from bootstrap.ports import Object
from bootstrap.steps.authority.approvals import RECOVER_QUORUM, WHAT
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.digest import state
from tests.simulator.faults import Fault, Schedule
from tests.simulator.invariants import STRANGERS, Watch
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import overlapping
from tests.simulator.sweep import Point, walked


class RecoverWatch(Watch):
    """``end`` is the state in which an undisturbed recovery ends; ``kept`` are the values of before."""

    def __init__(self, platform: SimulatedPlatform, end: dict[str, object]) -> None:
        super().__init__(platform)
        self._end = end
        found = {path: s for path, s in _secrets(platform).items() if not path.startswith("bootstrap/")}
        self.kept = {path: list(secret.versions) for path, secret in found.items()}
        self.rotated = {path: len(versions) - 1 for path, versions in self.kept.items()}

    def _cluster(self, cluster: SimulatedCluster, verb: str, obj: Object) -> None:
        super()._cluster(cluster, verb, obj)
        if (verb, obj["kind"]) == ("created", "Pod") and "initContainers" in obj["spec"]:
            others = claims_but(cluster, obj["metadata"]["name"])
            if others:
                self.breaks("B5", f"{obj['metadata']['name']} becomes the only voter beside {others}")

    def at_stop(self, error: BootstrapError | None = None) -> None:
        super().at_stop(error)
        now = _secrets(self.platform)
        for path, versions in self.kept.items():
            if path not in now or now[path].versions[: len(versions)] != versions:
                self.breaks("I-1", f"{path} is not as it was")
        accepted = [r.fact.details for r in self.ledger().records if r.fact.type is RecordType.ACCEPTED]
        if len([each for each in accepted if each.get(WHAT) == RECOVER_QUORUM]) > 1:
            self.breaks("H4", "the decision is on record twice")

    def expected(self) -> dict[str, object]:
        return self._end


def claims_but(cluster: SimulatedCluster, pod: str) -> list[str]:
    """Data claims of Vault but for that of one pod."""
    found = (str(c["metadata"]["name"]) for c in cluster.list("v1", "PersistentVolumeClaim", "vault"))
    return [name for name in found if name.startswith("data-vault-") and name != f"data-{pod}"]


def walk_recovery(points: tuple[Point, ...], platform: SimulatedPlatform, end: str) -> str:
    """In a process of its own; empty where it ends well. ``end`` is what ``golden`` gave."""
    with _apart(platform):
        told = walked(points, platform, RecoverWatch(platform, json.loads(end)))
    return str(told) if told.broken else ""


def golden(platform: SimulatedPlatform) -> str:
    """In a process of its own: the end state of an undisturbed recovery, as JSON."""
    with _apart(platform):
        for stranger in STRANGERS:
            platform.cluster.create(dict(stranger))
        platform.up()
        return json.dumps(state(platform), sort_keys=True, default=str)


def recovery_length(platform: SimulatedPlatform, fault: Fault) -> str:
    """In a process of its own: how many calls of an undisturbed recovery the fault concerns."""
    schedule = Schedule(fault, 0)
    with _apart(platform):
        platform.up(**schedule.ports(platform))
    return str(schedule.count)


@contextmanager
def _apart(platform: SimulatedPlatform) -> Iterator[None]:
    """Its records lie on the disk, which processes share: here they are a copy."""
    folder = Path(tempfile.mkdtemp(prefix="walk-", dir=platform.folder))
    shutil.copytree(platform.records, folder / "records")
    platform.records = folder / "records"
    try:
        with overlapping():
            yield
    finally:
        shutil.rmtree(folder)


def _secrets(platform: SimulatedPlatform) -> dict[str, Any]:
    """Of the store that some volume holds: vault-0 may have none."""
    stores = {id(store): store for store in platform.vault.stores.values() if store.data}
    (store,) = stores.values()
    return store.secrets
