"""That a snapshot is being restored stands in the cluster before anything of it is: no other run takes it for empty.

Where a platform was before, what is left of it makes room here: its operator stops first, then old volumes go.
"""

import secrets
from dataclasses import dataclass

from bootstrap.ledger.record import Record
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.plan import Step
from bootstrap.model.restoration import Restoration, Stage
from bootstrap.steps.authority.gather import gather
from bootstrap.steps.authority.losses import losses
from bootstrap.steps.authority.restoring import under_way_error
from bootstrap.steps.authority.traces import left_of_a_platform
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.resting import operator_ref
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.clearing import clear, remains
from bootstrap.steps.vault.restoration import REF, RestorationStore, is_back, restored, under_way
from bootstrap.steps.vault.voiding import uid_of

LOOKS = 20  # of one run, at most


@dataclass(frozen=True, slots=True)
class Observation:
    """``before`` is what lies there, ``now`` the same while it is not on record; ``wanted`` is the digest of the file
    where it is to be restored here still; ``left`` are the UIDs of what is left of a platform, ``shown`` in words."""

    before: Restoration | None
    now: Restoration | None
    recorded: tuple[Record, ...]
    given: bool
    wanted: str = ""
    left: frozenset[str] = frozenset()
    shown: tuple[str, ...] = ()

    @property
    def over(self) -> bool:
        return bool(self.shown)


class RestoreBegun:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.store = RestorationStore(world.cluster)

    def observe(self) -> Observation:
        world = self.world
        ledger, source = world.ledger.read(), world.restore
        now, before = under_way(world.cluster, ledger), self.store.read()
        recorded = restored(ledger)
        clearing = now is not None and now.stage is Stage.CLEARING
        if source is None or (now is not None and not clearing) or is_back(world, ledger, source.digest):
            return Observation(before, now, recorded, source is not None)
        left = remains(world, source)
        return Observation(
            before,
            now,
            recorded,
            True,
            source.digest,
            frozenset(map(uid_of, left)),
            tuple(str(ref_of(each)) for each in left) or left_of_a_platform(world),
        )

    def decide(self, seen: Observation) -> Decision:
        if seen.now is not None and seen.now.stage is Stage.CLEARING:
            return self._clearing(seen) if seen.given else Blocked(under_way_error(seen.now))
        if seen.now is not None:
            return Satisfied(
                f"a snapshot is being restored since {seen.now.begun}, attempt {seen.now.attempt}"
            )
        if seen.wanted:
            return (
                self._clearing(seen) if seen.over else Act("begin to restore the snapshot", (f"write {REF}",))
            )
        if seen.given:
            return Satisfied(f"restored from this file before, at {seen.recorded[-1].time}")
        return Satisfied("no snapshot is being restored")

    def _clearing(self, seen: Observation) -> Decision:
        changes = (f"stop {operator_ref(self.world.intent)}", *(f"delete {each}" for each in seen.shown))
        return Act(
            "begin to restore the snapshot over what is left of a platform", (f"write {REF}", *changes)
        )

    def act(self, seen: Observation) -> None:
        source = self.world.restore
        assert source is not None
        if seen.now is None:
            self.store.begin(self._first(seen), seen.before)
        for _ in range(LOOKS):
            now = self.store.read()
            if now is None or now.file != source.digest or now.stage is not Stage.CLEARING:
                return
            clear(self.world, source, now)
        raise WorldError(
            f"what is left of the platform is made again by others: {LOOKS} looks did not come to their end",
            code="E_RESTORE",
            where=str(REF),
            hint="see who makes objects of Vault again, and stop that; the same command goes on",
        )

    def _first(self, seen: Observation) -> Restoration:
        assert self.world.restore is not None
        return Restoration(
            file=seen.wanted,
            nonce=secrets.token_hex(16),
            begun=self.world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            stage=Stage.CLEARING if seen.over else Stage.BEGUN,
            voids=seen.left,
            lost=self._lost() if seen.over else {},
        )

    def _lost(self) -> dict[str, str]:
        assert self.world.restore is not None
        return losses(self.world, gather(self.world), self.world.restore).details
