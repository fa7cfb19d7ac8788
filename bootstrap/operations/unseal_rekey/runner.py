"""`bootstrap rekey-unseal`: Vault's unseal share gives way to another one, on record (B4, S5).

Through the same loop as `up`, under Lease, epoch and the fence of a run, on a cluster that `up` has finished. Killed
anywhere, the same command goes on to the generation that it began with; so does the next `up`, or it takes it back.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from bootstrap.engine.interrupt import Interrupt, interruptible
from bootstrap.engine.lock import RunLock
from bootstrap.engine.loop import StepLoop
from bootstrap.engine.record import FINISHED, REKEYING, RunRecord, read_run
from bootstrap.engine.retry import Patience
from bootstrap.journal.entries import Event, last_intended
from bootstrap.journal.store import Journal, read_journal
from bootstrap.model.decision import Act, Blocked
from bootstrap.model.errors import Interrupted
from bootstrap.model.plan import Step
from bootstrap.operations.unseal_rekey.barrier import NextBarrierKey
from bootstrap.operations.unseal_rekey.parts import NextShare, unfinished
from bootstrap.steps.base import KindClass
from bootstrap.steps.context.environment import environment_of, mismatch
from bootstrap.steps.context.world import World
from bootstrap.steps.registry import kind_class
from bootstrap.steps.secrets.values import root_needed
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.rekey import mark_ended

SHARE: Final = Step(id="rekey-share", kind="rekey-share", phase="", title="The next share opens Vault")
OLD: Final = Step(id="rekey-old", kind="vault-old-shares", phase="", title="The share before is gone")
LEDGER: Final = Step(id="rekey-ledger", kind="ledger", phase="", title="The ledger has it")
BARRIER: Final = Step(
    id="rekey-barrier", kind="rekey-barrier", phase="", title="Vault writes under another barrier key"
)
STEPS: Final = (
    SHARE,
    Step(id="rekey-unsealer", kind="vault-serve", phase="", title="The unsealers have the next share"),
    Step(id="rekey-members", kind="vault-members", phase="", title="Each node was unsealed with it"),
    OLD,
    LEDGER,
    BARRIER,
    Step(
        id="rekey-snapshots", kind="snapshots", phase="", title="What saves snapshots has the escrow with it"
    ),
    Step(id="rekey-recorded", kind="recorded", phase="", title="The ledger's copy and head have reached it"),
)


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """``generation`` is the one that opens Vault now; ``note`` says it in words."""

    generation: int
    note: str


class UnsealRekey:
    def __init__(self, world: World) -> None:
        self._world = world
        self._interrupt = Interrupt()
        self._patience = Patience(world.clock, world.narrator, self._interrupt)
        self._lock = RunLock.of(world, self._patience, "rekey")
        self._loop = StepLoop(STEPS, world, kinds().__getitem__, self._lock, self._patience, self._interrupt)

    def run(self) -> Rekeyed:
        """PreconditionError E_ROOT_NEEDED, E_ENVIRONMENT, E_RUN_UNFINISHED, before anything is changed."""
        with interruptible(self._interrupt):
            try:
                return self._held()
            except Interrupted as error:
                raise _explained(error) from None

    def _held(self) -> Rekeyed:
        world = self._world
        record = self._patience.read(lambda: read_run(world.cluster))
        self._refuse(record)
        world.run.unrecorded = record.unrecorded if record else ()
        with self._lock.held(world, plan=world.plan, state=REKEYING):
            opened = last_intended(self._patience.read(lambda: read_journal(world.cluster)))
            journal = Journal(
                world.cluster, world.clock, epoch=world.run.epoch, run=world.run.id, plan=world.plan.digest
            )
            journal.append(Event.NOTE, "", "rekey-unseal")
            left = opened.step if opened else ""
            first, *_ = [self._loop.advance(s, journal, opened=left == s.id) for s in STEPS]
            self._lock.finish(FINISHED, world.run.unrecorded)
            mark_ended(world)  # last, so that the same command never begins another one where it was killed
        window = WindowStore(world.cluster).read()
        assert window is not None  # a step has read it
        return Rekeyed(window.generation, first.note)

    def _refuse(self, record: RunRecord | None) -> None:
        """Also where a node still runs by an earlier template: its unsealer would not read the next share."""
        world = self._world
        if world.files is None:
            raise root_needed()
        wrong = mismatch(environment_of(world.cluster), world.plan.environment) if record else None
        if wrong is not None:
            raise wrong
        if record is None or record.state not in (FINISHED, REKEYING):
            raise unfinished(f"run {record.epoch} is {record.state}" if record else "the run record is lost")
        window = WindowStore(world.cluster).read()
        if window is not None and window.target:
            return  # it goes on
        for step in STEPS:
            if step in (SHARE, BARRIER):  # what is to be done
                continue
            _, decision = self._loop.observe(step)
            if isinstance(decision, Blocked):
                raise decision.error
            if isinstance(decision, Act):
                raise unfinished(f"the platform is not as `up` leaves it: {decision.summary}")


def kinds() -> Mapping[str, KindClass]:
    found: dict[str, KindClass] = {s.kind: kind_class(s.kind) for s in STEPS if s not in (SHARE, BARRIER)}
    found |= {SHARE.kind: NextShare, BARRIER.kind: NextBarrierKey}
    return found | {OLD.kind: partial(kind_class(OLD.kind), ends=False)}


def _explained(error: Interrupted) -> Interrupted:
    return Interrupted(
        error.message,
        signal_number=error.signal_number,
        hint="the same command goes on from here, from any machine",
    )
