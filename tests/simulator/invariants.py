"""What must hold at every stop of a run (I), and at its end (F), numbered as in the fault matrix.

``Watch`` sees every change of both simulated systems just before or after it happens, and keeps what broke an
invariant; ``at_stop`` and ``at_end`` look at what lies there then.
"""

import threading
from functools import cache
from pathlib import Path

from bootstrap.ledger import store
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.head import check_head, read_head
from bootstrap.ledger.record import Audit, RecordType
from bootstrap.model.errors import BootstrapError
from bootstrap.model.init_window import WindowPhase
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.verify.invariants import prove
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.transfers import named
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref
from bootstrap.steps.vault.init_window import Slots, WindowStore
from tests.simulator.cluster import SimulatedCluster, copied
from tests.simulator.digest import differences, state
from tests.simulator.platform import SimulatedPlatform, opened
from tests.simulator.vault import Line, Store

STRANGERS = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strangers"}},
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "theirs", "namespace": "strangers"},
        "data": {"key": Sensitive(b"theirs", "theirs key")},
    },
)


class Watch:
    """``rotated`` maps a path of Vault to the values that a rotator wrote there: none may be replaced."""

    def __init__(self, platform: SimulatedPlatform) -> None:
        self.platform = platform
        self.broken: list[str] = []
        self.rotated: dict[str, int] = {}
        self._slots: dict[str, object] = {}
        commit = opened(platform.repository)
        self.intent = commit.intent
        self.key = PublicKey.parse(commit.intent.keys["ledger.pub"])
        self._scaffolds = {bootstrap_copy_ref(s): s.name for s in self.intent.scaffolds}
        self._paths = {f"secret/data/{s.path}": s.name for s in self.intent.handovers}
        for stranger in STRANGERS:
            platform.cluster.create(copied(stranger))
        self._strangers = [platform.cluster.get(_ref(s)) for s in STRANGERS]
        self._threads = threading.active_count()
        platform.cluster.mutations.clear()
        platform.cluster.controllers.insert(0, self._cluster)
        platform.vault.watchers.append(self._vault)

    def ledger(self) -> Ledger:
        return store.load(self.platform.cluster, self.key)

    def breaks(self, which: str, why: str) -> None:
        self.broken.append(f"{which}: {why}")

    # ------------------------------------------------------------ as it happens

    def _cluster(self, cluster: SimulatedCluster, verb: str, obj: Object) -> None:
        ref = _ref(obj)
        if ref.kind == "Secret" and ref.name.startswith("vault-slot-"):
            data = obj["data"]["ciphertext"]
            if self._slots.setdefault(ref.name, data) != data:
                self.breaks("I-3", f"{ref} changed its bytes")
        if verb != "deleted":
            return
        if ref in self._scaffolds and self._scaffolds[ref] not in named(self.ledger(), RecordType.COMMIT):
            self.breaks("I-7", f"{ref} was deleted before a COMMIT")
        if ref.kind == "PersistentVolumeClaim":
            lost = self.platform.vault.stores.get(obj["metadata"]["uid"])
            if lost is not None and lost.data and not self.may_go():
                self.breaks("I-1", f"{ref} was deleted with live data in it")

    def may_go(self) -> bool:
        """Whether what a volume holds lies elsewhere too."""
        return False

    def _vault(self, vault: Store, line: Line) -> None:
        window = WindowStore(self.platform.cluster).read()
        if window is None or window.phase is not WindowPhase.VERIFIED:
            self.breaks("I-2", f"{line.method} {line.path} before the key was proven")
        elif window.cluster_id != vault.cluster_id:
            self.breaks("I-4", f"{line.method} {line.path} to a store that is not the proven one")
        name = self._paths.get(line.path)
        if name is not None and line.policies != ("rotator",):
            if name not in named(self.ledger(), RecordType.INTENT):
                self.breaks("H2", f"{name} was written without an intent")
            if not vault.audit:
                self.breaks("I-9", f"{name} was written while nothing was audited")

    # ------------------------------------------------------------ at a stop

    def at_stop(self, error: BootstrapError | None = None) -> None:
        """After any run, however it ended."""
        if error is not None and not (error.code and error.message and (error.where or error.hint)):
            self.breaks("I-12", f"an error that says too little: {error.code} {error.message}")
        ledger = self.ledger()  # I-8: it verifies
        stores = {id(s): s for s in self.platform.vault.stores.values() if s.data}
        if len(stores) > 1:
            self.breaks("I-4", f"{len(stores)} stores hold data")
        for vault in stores.values():
            self._durable_key(vault)
            self._secrets(vault, ledger)
        if not stores and named(ledger, RecordType.COMMIT):
            self.breaks("I-1", "a COMMIT, and no store holds data")
        left = [p.name for p in self.platform.records.rglob(".*")] if self.platform.records.exists() else []
        if left or threading.active_count() > self._threads:
            self.breaks("I-14", f"left behind: {left}, {threading.active_count()} threads")

    def _durable_key(self, vault: Store) -> None:
        window = WindowStore(self.platform.cluster).read()
        share = Slots(self.platform.cluster, window.volume).read(Slots.SHARE) if window else None
        if share is None or _opened_share(self.platform.repository, share.ciphertext()) != vault.share:
            self.breaks("I-2", "data, and its unseal share cannot be had from the slot")

    def _secrets(self, vault: Store, ledger: Ledger) -> None:
        committed = named(ledger, RecordType.COMMIT)
        lines = {line.request: line for line in vault.log}
        for secret in self.intent.handovers:
            kept = vault.secrets.get(str(secret.path))
            versions = len(kept.versions) if kept else 0
            ours = versions - self.rotated.get(str(secret.path), 0)
            if ours > 1:
                self.breaks("I-5", f"{secret.name}: {ours} versions from us")
            if secret.name not in committed:
                continue
            if versions == 0:
                self.breaks("I-1", f"{secret.name}: committed, and not in Vault")
            audit = committed[secret.name].fact.audit
            known = audit if isinstance(audit, Audit) else None
            wrote = [i.request for i in lines.values() if known and i.txn == known.txn and "data" in i.path]
            if known is None or known.read_request_id not in lines or not wrote:
                self.breaks("I-8", f"{secret.name}: no audit line behind its COMMIT")
            elif known.write_request_id and known.write_request_id not in wrote:
                self.breaks("I-8", f"{secret.name}: COMMIT names another request than wrote it")

    # ------------------------------------------------------------ at the end

    def at_end(self) -> None:
        """After the last `up`: everything done, everything proven, and as it always ends."""
        self.at_stop()
        world = self.platform.world()
        for proof in prove(world):
            if proof.ok is not True:
                self.breaks(proof.requirement or "proof", f"{proof.title}: {proof.evidence}")
        world.session.close()
        ledger = self.ledger()
        lacking = {s.name for s in self.intent.handovers} - set(named(ledger, RecordType.RETIRED))
        if lacking:
            self.breaks("I-11", f"not retired: {', '.join(sorted(lacking))}")
        live = self.platform.vault.live()
        if any("root" in token.policies for token in live.tokens.values()):
            self.breaks("F-4", "a root token lives")
        self._head(ledger)
        self.same_end()

    def same_end(self) -> None:
        """F-2: what lies there is what an undisturbed run leaves; F-9: and nothing of anybody else changed."""
        for found in differences(self.expected(), state(self.platform)):
            self.breaks("F-2", found)
        if [self.platform.cluster.get(_ref(s)) for s in STRANGERS] != self._strangers:
            self.breaks("F-9", "a stranger's object changed")

    def expected(self) -> dict[str, object]:
        """The state in which it ends."""
        return golden(self.platform.repository)

    def _head(self, ledger: Ledger) -> None:
        folder = self.platform.records / self.platform.cluster.uid()
        try:
            head = read_head((folder / "head.json").read_bytes(), self.key)
            check_head(head, ledger, (folder / "escrow.json").read_bytes())
        except (BootstrapError, OSError) as error:
            self.breaks("F-8", f"the head outside the cluster: {error}")


def _ref(obj: Object) -> Ref:
    meta = obj["metadata"]
    return Ref(obj["apiVersion"], obj["kind"], meta["name"], meta.get("namespace", ""))


@cache
def _opened_share(repository: Path, ciphertext: bytes) -> str:
    return opened(repository).material.unseal_key().decrypt(ciphertext).reveal().decode()


_GOLDEN: dict[Path, dict[str, object]] = {}


def golden(repository: Path) -> dict[str, object]:
    """The end state of an undisturbed run."""
    if repository not in _GOLDEN:
        folder = repository.parent / "golden"
        folder.mkdir()
        platform = SimulatedPlatform(folder, repository)
        for stranger in STRANGERS:
            platform.cluster.create(copied(stranger))
        platform.up()
        _GOLDEN[repository] = state(platform)
    return _GOLDEN[repository]
