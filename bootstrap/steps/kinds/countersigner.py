"""The key with which Vault countersigns the ledger is announced, before anything is handed over (H4, INV4).

Mount and key are leaves of the configuration, so they are there when this step looks. Each step that records anything
after this one is countersigned (``ledger/store.py``).
"""

from dataclasses import dataclass

from bootstrap.ledger.countersigning import Countersigner
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.record import Fact, Git, RecordType
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.names import TRANSIT_KEY, TRANSIT_MOUNT
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.transit import KEYS, live_key


@dataclass(frozen=True, slots=True)
class Observation:
    """``live`` is the key that Vault has, ``named`` the one that the ledger announces."""

    live: PublicKey | None
    named: Countersigner | None
    vault: str  # Vault's cluster id


class CountersignerAnnounced:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        window = WindowStore(self.world.cluster).read()
        return Observation(
            live=live_key(self.world.session.call),
            named=self.world.ledger.read().meaning.countersigning.current,
            vault=window.cluster_id if window else "",
        )

    def decide(self, seen: Observation) -> Decision:
        if seen.named is None:
            return Act("let Vault countersign the ledger", (f"record the public half of {KEYS}",))
        if seen.live != seen.named.key:
            return Blocked(
                EvidenceError(
                    f"the ledger announces Vault's key {seen.named}, and Vault has "
                    + (seen.live.key_id[:16] if seen.live else "none"),
                    code="E_COUNTERSIGN",
                    where=KEYS,
                    hint="find out who made another key (Vault's audit log), or which snapshot was restored",
                )
            )
        return Satisfied(f"each batch is countersigned by {seen.named}")

    def act(self, seen: Observation) -> None:
        if seen.live is None or seen.named is not None:
            raise WorldError("no key to announce", code="E_COUNTERSIGN", where=KEYS, hint="`bootstrap up`")
        named = Countersigner(key=seen.live, mount=TRANSIT_MOUNT, name=TRANSIT_KEY, vault_cluster=seen.vault)
        git = Git(commit=self.world.intent.commit)
        details = named.announcement()
        self.world.ledger.append([Fact(type=RecordType.COUNTERSIGNER, git=git, details=details)])
