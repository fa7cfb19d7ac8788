"""The ledger, before anything is handed over: opened in a new cluster, rebuilt from Vault's copy where it was lost.

Copies that disagree tell of a restored snapshot, and the run says so instead of writing on (H4).
"""

from dataclasses import dataclass

from bootstrap.ledger import copies, store
from bootstrap.ledger.batch import Batch
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Fact, Git, RecordType
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import EvidenceError
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import escrow_bytes, escrow_digest
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.ledger_copy import KvCopy


@dataclass(frozen=True, slots=True)
class Observation:
    ledger: Ledger
    copy: Ledger
    batches: tuple[Batch, ...]


class LedgerOpened:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        ledger = self.world.ledger.read()
        batches, copy = copies.fetch(KvCopy(self.world.session), self.world.ledger.key)
        copies.compare({"the cluster's": ledger, "Vault's": copy})  # a fork stops here
        return Observation(ledger, copy, batches)

    def decide(self, seen: Observation) -> Decision:
        have, kept = seen.ledger.chain.size, seen.copy.chain.size
        if have == 0 and kept == 0:
            return Act("open the ledger", ("record how Vault was initialised and proven",))
        if have == 0:
            return Act(
                f"rebuild the cluster's ledger from Vault's copy, {kept} records",
                tuple(b.name for b in seen.batches),
            )
        if have < kept:
            return Blocked(
                EvidenceError(
                    f"the cluster's ledger has {have} records, Vault's copy {kept}: etcd was restored from a backup",
                    code="E_ROLLBACK_CLUSTER",
                    where="namespace bootstrap-system",
                    hint="remove the ledger-* ConfigMaps to let `bootstrap up` rebuild them from Vault's copy",
                )
            )
        return Satisfied(f"{have} records")

    def act(self, seen: Observation) -> None:
        if seen.batches:
            store.restore(self.world.cluster, seen.batches)
            self.world.ledger.reopen()
            self.world.narrator.event(
                "rebuilt", message=f"ledger rebuilt from Vault's copy, {seen.copy.chain.size} records"
            )
            self.world.ledger.append(
                [self._fact(RecordType.REBUILT, {"from": "vault", "records": str(seen.copy.chain.size)})]
            )
            return
        window = WindowStore(self.world.cluster).read()
        assert window is not None
        how = {
            "attempt": str(window.attempt),
            "vaultClusterId": window.cluster_id,
            "volume": window.volume,
            "custody": self.world.intent.platform.vault.custody.value,
        }
        escrow = escrow_bytes(self.world)
        kept = {"escrowSha256": escrow_digest(escrow)} if escrow else {}
        facts = [self._fact(RecordType.VAULT_INITIALISED, how), self._fact(RecordType.VERIFIED, how | kept)]
        revoked = {"proof": "403 after revocation", "vaultClusterId": window.cluster_id}
        self.world.ledger.append([*facts, self._fact(RecordType.ROOT_REVOKED, revoked)])

    def _fact(self, record_type: RecordType, details: dict[str, str]) -> Fact:
        return Fact(type=record_type, git=Git(commit=self.world.intent.commit), details=details)
