"""Faulted runs of `up --restore`, walked as those of `up` are, and what must hold on the way."""

import shutil
import tempfile
from pathlib import Path

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import BootstrapError
from bootstrap.model.init_window import WindowPhase
from bootstrap.model.restoration import Stage
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.restoration import RestorationStore
from tests.simulator.digest import state
from tests.simulator.faults import Fault, Schedule
from tests.simulator.invariants import STRANGERS, Watch
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import overlapping
from tests.simulator.restoring import Saved
from tests.simulator.sweep import Point, Told, walked
from tests.simulator.vault import Line, Store

_GOLDEN: dict[Path, dict[str, object]] = {}


class RestoreWatch(Watch):
    """``before`` are the tokens that lived when the file was saved: none may ever live again."""

    def __init__(self, platform: SimulatedPlatform, found: Saved) -> None:
        super().__init__(platform)
        self.found = found
        self.before = frozenset(found.lost.vault.live().tokens)
        self.kept = found.lost.world().ledger.read()

    def _vault(self, vault: Store, line: Line) -> None:
        if self.before & vault.tokens.keys():
            self.breaks("B5", f"{line.method} {line.path} while a token of before lives")
        window = WindowStore(self.platform.cluster).read()
        proven = window is not None and window.phase is WindowPhase.VERIFIED
        if not proven and line.path.startswith("secret/"):
            self.breaks("I-2", f"{line.method} {line.path} before the restored store is proven")
        if proven and window is not None and window.cluster_id != vault.cluster_id:
            self.breaks("I-4", f"{line.method} {line.path} to a store that is not the proven one")

    def may_go(self) -> bool:
        """Until its share has opened the store, everything in it is in the file."""
        now = RestorationStore(self.platform.cluster).read()
        return now is not None and now.stage is Stage.VOIDING

    def at_stop(self, error: BootstrapError | None = None) -> None:
        if error is not None and not (error.code and error.message and (error.where or error.hint)):
            self.breaks("I-12", f"an error that says too little: {error.code} {error.message}")
        ledger = self.ledger()  # I-8: it verifies
        if (
            ledger.entries
            and ledger.entries[: len(self.kept.entries)] != self.kept.entries[: len(ledger.entries)]
        ):
            self.breaks("H4", "the ledger is another one than in the snapshot")
        window = WindowStore(self.platform.cluster).read()
        if window is not None:
            self._values(ledger)
        left = [p.name for p in self.platform.records.rglob(".*")] if self.platform.records.exists() else []
        if left:
            self.breaks("I-14", f"left behind: {left}")

    def _values(self, ledger: Ledger) -> None:
        vault = self.platform.vault.live()
        for path, secret in self.found.lost.vault.live().secrets.items():
            now = vault.secrets.get(path)
            if now is None or now.versions[: len(secret.versions)] != secret.versions:
                self.breaks("INV1", f"{path} is not as it was saved")
        if self.before & vault.tokens.keys():
            self.breaks("B5", "a token of before lives")
        restored = [r for r in ledger.records if r.fact.type is RecordType.RESTORED]
        if len(restored) > 1:
            self.breaks("H4", f"{len(restored)} RESTORED records")

    def expected(self) -> dict[str, object]:
        return golden(self.found)


def walk_restore(points: tuple[Point, ...], found: Saved) -> Told:
    folder = Path(tempfile.mkdtemp(prefix="walk-", dir=found.file.parent))
    try:
        with overlapping():
            platform = found.another(folder)
            return walked(points, platform, RestoreWatch(platform, found))
    finally:
        shutil.rmtree(folder)


def golden(found: Saved) -> dict[str, object]:
    """The end state of an undisturbed restore."""
    if found.file not in _GOLDEN:
        with overlapping():
            platform = found.another(found.file.parent / "golden")
            for stranger in STRANGERS:
                platform.cluster.create(dict(stranger))
            platform.up()
            _GOLDEN[found.file] = state(platform)
    return _GOLDEN[found.file]


def restore_length(fault: Fault, found: Saved, *, only_writes: bool = False) -> int:
    """How many calls of an undisturbed restore the fault concerns."""
    folder = Path(tempfile.mkdtemp(prefix="length-", dir=found.file.parent))
    schedule = Schedule(fault, 0, only_writes=only_writes)
    with overlapping():
        platform = found.another(folder)
        platform.up(**schedule.ports(platform))
    shutil.rmtree(folder)
    return schedule.count
