"""`bootstrap set`: the next version of a secret that Vault owns, or one that another wrote, on record (INV3, H4).

Through the same loop as `up`, under Lease, epoch and the fence of a run, on a cluster that `up` has finished. Killed
anywhere, the next `set` or `up` records what was written; nothing is written a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from bootstrap.engine.interrupt import Interrupt, interruptible
from bootstrap.engine.lock import RunLock
from bootstrap.engine.loop import StepLoop
from bootstrap.engine.record import FINISHED, SETTING, read_run
from bootstrap.engine.result import Outcome
from bootstrap.engine.retry import Patience
from bootstrap.journal.entries import Event, last_intended
from bootstrap.journal.store import Journal, read_journal
from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import Interrupted, PreconditionError
from bootstrap.model.plan import Step
from bootstrap.operations.change.parts import ConsumersServed, ValueSet, VersionAdopted
from bootstrap.operations.change.request import Adoption, NewValue, refuse_unready
from bootstrap.steps.base import KindClass
from bootstrap.steps.context.world import World
from bootstrap.steps.registry import kind_class
from bootstrap.steps.secrets.versions import current_version

VALUE: Final = Step(id="set-value", kind="set-value", phase="", title="Vault holds the value, on record")
LEDGER: Final = Step(id="set-ledger", kind="ledger", phase="", title="The ledger is as `up` left it")
RECORDED: Final = Step(
    id="set-recorded", kind="recorded", phase="", title="The ledger's copy and head have reached it"
)
SERVED: Final = Step(id="set-served", kind="set-served", phase="", title="Consumers hold it")
STEPS: Final = (VALUE, RECORDED, SERVED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """``changed`` is False where the value was there, or the version on record, before."""

    changed: bool
    version: int
    note: str
    waits: tuple[str, ...] = ()


class Change:
    def __init__(self, world: World, request: NewValue | Adoption) -> None:
        self._world, self._request = world, request
        self._interrupt = Interrupt()
        self._patience = Patience(world.clock, world.narrator, self._interrupt)
        self._lock = RunLock.of(world, self._patience, "set")
        kinds = parts(request)
        steps = (LEDGER, *STEPS)
        self._loop = StepLoop(steps, world, kinds.__getitem__, self._lock, self._patience, self._interrupt)

    def run(self) -> Done:
        """Looks first: a value that is there already is seen before Lease and epoch are touched."""
        with interruptible(self._interrupt):
            try:
                return self._whole()
            except Interrupted as error:
                raise _explained(error) from None

    def _whole(self) -> Done:
        world = self._world
        record = self._patience.read(lambda: read_run(world.cluster))
        self._patience.read(lambda: refuse_unready(world, self._request.secret, record))
        world.run.unrecorded = record.unrecorded if record else ()
        self._refuse_ledger()
        seen = self._look()
        if seen is not None and record is not None and record.state == FINISHED:
            return Done(changed=False, version=self._version(), note=seen.note)
        return self._held()

    def _look(self) -> Satisfied | None:
        """What is seen of the value where nothing is to be done, for its consumers too; raises where it is blocked."""
        decisions = []
        for step in STEPS:
            _, decision = self._loop.observe(step)
            if isinstance(decision, Blocked):
                raise decision.error
            if isinstance(decision, Act):
                return None
            decisions.append(decision)
        return decisions[0]

    def _refuse_ledger(self) -> None:
        """Heads that disagree, a Vault that went back, a ledger that was lost: `up` stops there, or mends it."""
        _, decision = self._loop.observe(LEDGER)
        if isinstance(decision, Blocked):
            raise decision.error
        if isinstance(decision, Act):
            raise PreconditionError(
                f"the ledger is not as `up` leaves it: {decision.summary}",
                code="E_RUN_UNFINISHED",
                where="step ledger",
                hint="`bootstrap up` ends that; then set the value",
            )

    def _held(self) -> Done:
        world = self._world
        with self._lock.held(world, plan=world.plan, state=SETTING):
            opened = last_intended(self._patience.read(lambda: read_journal(world.cluster)))
            journal = Journal(
                world.cluster, world.clock, epoch=world.run.epoch, run=world.run.id, plan=world.plan.digest
            )
            name = self._request.secret.name
            journal.append(Event.NOTE, "", f"set: {name}")
            value, _, served = (self._advance(s, journal, opened.step if opened else "") for s in STEPS)
            self._lock.finish(FINISHED, world.run.unrecorded)
            return Done(changed=value.acted, version=self._version(), note=value.note, waits=served.pending)

    def _version(self) -> int:
        request = self._request
        if isinstance(request, Adoption):
            return request.version
        return self._patience.read(lambda: current_version(self._world, request.secret.in_vault))

    def _advance(self, step: Step, journal: Journal, opened: str) -> Outcome:
        return self._loop.advance(step, journal, opened=opened == step.id)


def parts(request: NewValue | Adoption) -> Mapping[str, KindClass]:
    value: KindClass
    if isinstance(request, NewValue):
        value = partial(ValueSet, request=request)
    else:
        value = partial(VersionAdopted, request=request)
    return {
        VALUE.kind: value,
        LEDGER.kind: kind_class(LEDGER.kind),
        RECORDED.kind: kind_class(RECORDED.kind),
        SERVED.kind: partial(ConsumersServed, secret=request.secret),
    }


def _explained(error: Interrupted) -> Interrupted:
    return Interrupted(
        error.message,
        signal_number=error.signal_number,
        hint="the same command goes on from here; `bootstrap up` records what was written, from any machine",
    )
