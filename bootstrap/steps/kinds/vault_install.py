"""The first replica: one Vault that joins no other, with the certificate of the current attempt (B4).

Once the key is proven this step has nothing left to do: the serving shape is another step's.
"""

import secrets
from dataclasses import dataclass

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.plan import Step
from bootstrap.ports import Ref
from bootstrap.steps.context.names import is_ours
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.first_replica import install_first_replica
from bootstrap.steps.vault.foreign import foreign_error, foreign_store
from bootstrap.steps.vault.init_window import WindowStore


@dataclass(frozen=True, slots=True)
class Observation:
    window: Window | None
    answers: bool
    foreign: str
    rebuild: bool


class VaultInstall:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.spec = world.intent.platform.vault
        self.windows = WindowStore(world.cluster)

    def observe(self) -> Observation:
        window = self.windows.read()
        if window is not None and window.phase is WindowPhase.VERIFIED:
            return Observation(window, True, "", False)
        foreign = foreign_store(self.world)
        live = self.world.cluster.get(Ref("apps/v1", "StatefulSet", "vault", self.spec.namespace))
        if window is None and live is not None and is_ours(live):
            return Observation(None, False, foreign, True)
        status = self.world.session.seal_status("vault-0") if live is not None else None
        return Observation(window, status is not None, foreign, False)

    def decide(self, seen: Observation) -> Decision:
        if seen.foreign:
            return Blocked(foreign_error(seen.foreign))
        if seen.window is not None and seen.window.phase is WindowPhase.VERIFIED:
            return Satisfied("Vault is past its first replica")
        if seen.rebuild:
            return Satisfied("a Vault of ours is here; its window is rebuilt next")
        if seen.window is not None and seen.window.phase is WindowPhase.VOIDING:
            return Satisfied("a voided store is removed next")
        if seen.window is not None and seen.answers:
            return Satisfied(f"one replica answers, attempt {seen.window.attempt}")
        ns = self.spec.namespace
        return Act(
            "install one replica of Vault",
            (f"namespace {ns}", f"StatefulSet {ns}/vault with TLS and volumes"),
        )

    def act(self, seen: Observation) -> None:
        first = Window(attempt=1, nonce=secrets.token_hex(4), phase=WindowPhase.CLAIMED)
        window = seen.window or self.windows.create(first)
        install_first_replica(self.world, window)
