"""Vault's store comes back from the snapshot, behind a closed door, and only then the road goes on (INV1, B5).

Afterwards the init window stands as it does behind a proven key; the steps that initialise Vault have nothing to do.
"""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.plan import Step
from bootstrap.model.restoration import ATTEMPTS, Move, Restoration, Stage, next_move
from bootstrap.steps.authority.restoring import under_way_error
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.restoration import REF, RestorationStore
from bootstrap.steps.vault.restored_store import RestoredStore

MOVES = 8  # of one attempt, at most


@dataclass(frozen=True, slots=True)
class Observation:
    """``source``: the file is at hand."""

    now: Restoration | None
    source: bool


class VaultRestored:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.store = RestorationStore(world.cluster)

    def observe(self) -> Observation:
        return Observation(self.store.read(), self.world.restore is not None)

    def decide(self, seen: Observation) -> Decision:
        if seen.now is None:
            return Satisfied("no snapshot is being restored")
        if seen.now.stage is Stage.DONE:
            return Satisfied(f"restored, attempt {seen.now.attempt}")
        if not seen.source:
            return Blocked(under_way_error(seen.now))
        changes = (
            "one replica that listens to itself alone, with a store that is thrown away",
            "force the snapshot, open it with its share",
            "end every token, compare what lets the run in with Git, prove the escrow",
        )
        return Act(f"restore Vault from the snapshot, {seen.now.stage}", changes)

    def act(self, seen: Observation) -> None:
        assert self.world.restore is not None
        restoring = RestoredStore(self.world, self.world.restore)
        first = seen.now.attempt if seen.now else 1
        for _ in range(MOVES * ATTEMPTS):
            now = self.store.read()
            if now is None:
                raise WorldError(
                    f"{REF} went away", code="E_RESTORE", where=str(REF), hint="`bootstrap status`"
                )
            if now.stage is Stage.DONE:
                return
            move = next_move(now, restoring.state())
            if move is Move.SEND and now.attempt >= first + ATTEMPTS:
                raise exhausted()
            restoring.make(move, now)


def exhausted() -> WorldError:
    return WorldError(
        f"{ATTEMPTS} attempts to restore the snapshot did not come to their end",
        code="E_RESTORE",
        where=str(REF),
        hint="look at the logs of pod vault-0; the same command tries again, from the same file",
    )
