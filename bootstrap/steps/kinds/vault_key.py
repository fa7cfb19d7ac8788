"""The key is proven before anything else may be written to this Vault (B4): escrow out, fresh process, VERIFIED."""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.layout import ESCROW
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import Escrow
from bootstrap.steps.vault.init_window import Slots, WindowStore
from bootstrap.steps.vault.rekey import give_up_target, settle


@dataclass(frozen=True, slots=True)
class Observation:
    window: Window | None
    rekeying: bool  # a rekey was interrupted before its share counted
    folder: str  # where the escrow outside the cluster goes


class VaultKey:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.windows = WindowStore(world.cluster)

    def observe(self) -> Observation:
        window = self.windows.read()
        rekeying = window is not None and window.target > window.generation
        return Observation(window, rekeying, self.world.records.folder)

    def decide(self, seen: Observation) -> Decision:
        if seen.rekeying:
            return Act("end an interrupted rekey", ("prove which share opens Vault, and keep that one",))
        if seen.window is not None and seen.window.phase is WindowPhase.VERIFIED:
            return Satisfied(f"VERIFIED, cluster {seen.window.cluster_id}")
        changes = (
            f"write the share's ciphertext to {seen.folder}",
            "open it in a fresh process, unseal",
        )
        return Act("prove the unseal key from outside the cluster", changes)

    def act(self, seen: Observation) -> None:
        window = seen.window
        if seen.rekeying:
            settle(self.world)
            give_up_target(self.world)
            return
        if window is None or window.phase is not WindowPhase.KEYS:
            raise WorldError("no keys to prove", code="E_WINDOW", hint="`bootstrap up` looks again")
        share = Slots(self.world.cluster, window.volume).read(Slots.SHARE)
        if share is None:
            raise WorldError("the share's slot is gone", code="E_SLOT", where="namespace bootstrap-system")
        uid = self.world.cluster.uid()
        escrow = Escrow(uid, window.volume, self.world.material.unseal_key().fingerprint, share)
        self.world.records.write(uid, ESCROW, escrow.to_bytes())
        proof = self.world.proof.prove(uid)
        self.windows.swap(window, window.verified(proof["vaultClusterId"]))
