"""The first replica: one Vault that joins no other, with the certificate of the current attempt (B4).

Once the key is proven this step has nothing left to do: the serving shape is another step's.
"""

import secrets
from dataclasses import dataclass

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import Transient, UnknownOutcome
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.plan import Step
from bootstrap.ports import Object
from bootstrap.steps.authority.gather import begins_anew
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import is_ours
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.first_replica import first_replica_answers, install_first_replica
from bootstrap.steps.vault.foreign import foreign_error, foreign_store
from bootstrap.steps.vault.init_window import REF, WindowStore
from bootstrap.steps.vault.leftovers import leftovers
from bootstrap.steps.vault.presence import is_gone, stateful_set_ref


@dataclass(frozen=True, slots=True)
class Observation:
    """``answers``: the replica of this window's attempt does. ``lost``: the window is of a Vault that is gone, and a
    human decided that there is another one; ``leftovers`` are what it left."""

    window: Window | None
    answers: bool
    foreign: str
    rebuild: bool
    lost: bool = False
    leftovers: tuple[Object, ...] = ()


class VaultInstall:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.spec = world.intent.platform.vault
        self.windows = WindowStore(world.cluster)

    def observe(self) -> Observation:
        window = self.windows.read()
        proven = window is not None and window.phase is WindowPhase.VERIFIED
        lost = (proven or window is None) and self._lost()
        # What is there before a window is seen once more belongs to no attempt of that one.
        left = leftovers(self.world, window) if lost else ()
        if lost and self.windows.read() != window:
            raise Transient("the init window moves", code="E_WINDOW")
        if proven and not lost:
            return Observation(window, True, "", False)
        foreign = foreign_store(self.world)
        live = self.world.cluster.get(stateful_set_ref(self.world))
        if window is None and not lost and live is not None and is_ours(live):
            return Observation(None, False, foreign, True)
        answers = (
            live is not None and not lost and window is not None and first_replica_answers(self.world, window)
        )
        return Observation(window, answers, foreign, False, lost, left)

    def _lost(self) -> bool:
        return begins_anew(self.world, self.world.ledger.read()) and is_gone(self.world)

    def decide(self, seen: Observation) -> Decision:
        if seen.foreign:
            return Blocked(foreign_error(seen.foreign))
        if seen.window is not None and seen.window.phase is WindowPhase.VERIFIED and not seen.lost:
            return Satisfied("Vault is past its first replica")
        if seen.rebuild:
            return Satisfied("a Vault of ours is here; its window is rebuilt next")
        if seen.window is not None and seen.window.phase is WindowPhase.VOIDING:
            return Satisfied("a voided store is removed next")
        if seen.window is not None and seen.answers:
            return Satisfied(f"one replica answers, attempt {seen.window.attempt}")
        ns = self.spec.namespace
        gone = [f"delete {ref_of(o)}, of the lost Vault" for o in seen.leftovers]
        return Act(
            "install one replica of Vault",
            (*gone, f"namespace {ns}", f"StatefulSet {ns}/vault with TLS and volumes"),
        )

    def act(self, seen: Observation) -> None:
        for obj in seen.leftovers:
            expect(self.world.cluster.delete(ref_of(obj), uid=obj["metadata"]["uid"]), ref_of(obj))
        first = Window(attempt=1, nonce=secrets.token_hex(4), phase=WindowPhase.CLAIMED)
        window = seen.window or self.windows.create(first)
        if seen.lost and seen.window is not None:
            if not self.windows.swap(seen.window, first):
                raise UnknownOutcome("the init window moved on meanwhile", code="E_WINDOW", where=str(REF))
            window = first
        install_first_replica(self.world, window)
