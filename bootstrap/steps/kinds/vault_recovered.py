"""A quorum that was lost is there again, from the one volume that is left, where a human has decided so (INV4, S4).

Who decided it is on record once the ledger can be written: Vault countersigns that record too.
"""

import secrets
from dataclasses import dataclass

from bootstrap.ledger.chain import Ledger
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.plan import Step
from bootstrap.model.quorum import Node, Quorum, judge, survivor
from bootstrap.model.recovery import Recovery, Stage, next_move
from bootstrap.ports import Object
from bootstrap.steps.authority import approvals
from bootstrap.steps.authority.gather import begins_anew
from bootstrap.steps.authority.recovering import survivor_lost
from bootstrap.steps.context.resting import operator_ref
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.presence import claims_of_vault, node_of
from bootstrap.steps.vault.quorum import nodes
from bootstrap.steps.vault.recovered_quorum import RecoveredQuorum, others
from bootstrap.steps.vault.recovery import REF, RecoveryStore, under_way
from bootstrap.steps.vault.voiding import uid_of

MOVES = 20  # of one run, at most


@dataclass(frozen=True, slots=True)
class Observation:
    """``before`` is what lies there, ``now`` the same while it is not on record. ``lost`` are all nodes, where none is
    under way, one is approved, and the quorum is lost. ``left``: the volume from which it is recovered is there."""

    before: Recovery | None
    now: Recovery | None
    lost: tuple[Node, ...] = ()
    left: bool = True


class VaultRecovered:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.store = RecoveryStore(world.cluster)

    def observe(self) -> Observation:
        ledger, before = self.world.ledger.read(), self.store.read()
        now = under_way(self.world.cluster, ledger)
        if now is None:
            return Observation(before, None, self._lost(ledger))
        left = self._is_left(now)
        gone = not left and begins_anew(self.world, ledger)  # with all of that Vault: another one comes
        return Observation(before, None if gone else now, left=left)

    def _lost(self, ledger: Ledger) -> tuple[Node, ...]:
        if not approvals.given(self.world.approvals, approvals.RECOVER_QUORUM, ledger):
            return ()
        found = nodes(self.world)
        return found if judge(found) is Quorum.LOST else ()

    def _is_left(self, now: Recovery) -> bool:
        return any(node_of(c) == now.pod and uid_of(c) == now.volume for c in claims_of_vault(self.world))

    def decide(self, seen: Observation) -> Decision:
        if seen.now is None and not seen.lost:
            return Satisfied("no quorum is being recovered")
        if seen.now is None:
            pod = survivor(seen.lost).pod
            return Act(f"recover Vault's quorum from {pod}", self._changes(pod))
        if seen.now.stage is Stage.DONE:
            return Satisfied(f"Vault's quorum is recovered from {seen.now.pod}")
        if not seen.left:
            return Blocked(survivor_lost(seen.now))
        return Act(
            f"recover Vault's quorum from {seen.now.pod}, {seen.now.stage}", self._changes(seen.now.pod)
        )

    def _changes(self, pod: str) -> tuple[str, ...]:
        return (
            f"write {REF}",
            f"stop {operator_ref(self.world.intent)}",
            f"remove all nodes but {pod}, their data claims and volumes",
            f"restart {pod} as the only voter, and see it lead",
            "let the other nodes join it",
        )

    def act(self, seen: Observation) -> None:
        recovering = RecoveredQuorum(self.world)
        if seen.now is None:
            self.store.begin(self._first(seen), seen.before)
        for _ in range(MOVES):
            now = self.store.read()
            if now is None or now.stage is Stage.DONE:
                return
            recovering.make(next_move(now, recovering.state(now)), now)
        raise WorldError(
            f"the quorum is not recovered after {MOVES} moves: others change what is made",
            code="E_RECOVERY",
            where=str(REF),
            hint="look at the StatefulSet and the pods of Vault, and at who changes them; the same command goes on",
        )

    def _first(self, seen: Observation) -> Recovery:
        left = survivor(seen.lost)
        wanted = Recovery(
            nonce=secrets.token_hex(16),
            begun=self.world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            pod=left.pod,
            volume=left.claim,
            index="" if left.index is None else str(left.index),
            lost=tuple(node.pod for node in seen.lost if not node.holds),
            dropped=tuple(node.pod for node in seen.lost if node.holds and node is not left),
        )
        groups = others(self.world, wanted).values()
        found: list[Object] = [each for group in groups for each in group()]
        return wanted.voids_too(map(uid_of, found))
