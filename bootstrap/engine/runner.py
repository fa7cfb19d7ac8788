"""The one loop that runs steps (DESIGN 3): observe, decide, act, and observe again.

Done is seen, never claimed: after ``act`` the same eyes look, and the step must now be satisfied. A first
pass only reads, so a finished cluster is recognised before anything is touched.
"""

from collections.abc import Callable
from typing import Any, Final

from bootstrap.engine.interrupt import Interrupt, interruptible
from bootstrap.engine.lease import Lease
from bootstrap.engine.lock import RunLock
from bootstrap.engine.patience import Patience
from bootstrap.engine.record import FINISHED, RunRecord, read_run
from bootstrap.engine.result import Outcome, Result
from bootstrap.engine.resume import NEW_AUTHORITY, check_authority, check_plan
from bootstrap.journal.entries import Event, last_intended
from bootstrap.journal.store import Journal, read_journal
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import DecisionNeeded, Interrupted, Transient, UnknownOutcome, WorldError
from bootstrap.model.plan import Plan, Step
from bootstrap.steps.base import Kind, KindClass
from bootstrap.steps.world import World

CLAIM: Final = "claim"  # the kind of the first and only unjournalled act
ATTEMPTS: Final = 3  # acts of one step whose outcome stays unknown


class Runner:
    """One run of one plan; ``world.run`` names it, ``world.run.actor`` is what a second operator reads."""

    def __init__(
        self,
        plan: Plan,
        world: World,
        kinds: Callable[[str], KindClass],
        *,
        accept_plan_change: bool = False,
    ) -> None:
        self._plan = plan
        self._world = world
        self._kinds: dict[str, Kind] = {step.id: kinds(step.kind)(step, world) for step in plan.steps}
        holder = f"{world.run.actor}, run {world.run.id}"
        self._interrupt = Interrupt()
        self._patience = Patience(world.clock, world.narrator, self._interrupt)
        lease = Lease(world.cluster, world.clock, world.narrator, holder)
        self._lock = RunLock(world.cluster, world.clock, lease, self._patience, world.run.id)
        self._accept_plan_change = accept_plan_change
        self._intended = ""
        self._opened = ""

    def run(self) -> Result:
        """Raises the error that stopped it; what was reached by then stays, and ``run`` again goes on."""
        with interruptible(self._interrupt):
            try:
                return self._whole()
            except Interrupted as error:
                raise self._explained(error) from None

    def pending(self) -> tuple[Step, Act] | None:
        """The first step that would act, and what it would do; None when nothing would. Reads only."""
        with interruptible(self._interrupt):
            return self._look()[1]

    def _whole(self) -> Result:
        cluster = self._world.cluster
        record = self._run_record()
        uid = self._patience.read(cluster.uid)
        new_authority = check_authority(self._world.intent, uid, record, self._world.approvals)
        outcomes, missing = self._look()
        if missing is None and record is not None and record.state == FINISHED:
            return Result(epoch=0, outcomes=outcomes)
        accepted = check_plan(record, self._plan, self._accept_plan_change)
        if missing is not None and missing[0].kind == CLAIM:
            self._claim(missing[0])
        approvals = (NEW_AUTHORITY,) if new_authority else ()
        return self._held(accepted, approvals)

    def _run_record(self) -> RunRecord | None:
        try:
            return self._patience.read(lambda: read_run(self._world.cluster))
        except WorldError as error:
            if error.code == "E_KUBE_DENIED":
                self._look()  # preflight names this permission together with all others that are missing
            raise

    def _look(self) -> tuple[tuple[Outcome, ...], tuple[Step, Act] | None]:
        """Reads, step by step, up to the first that must act; raises where one is blocked."""
        found: list[Outcome] = []
        for step in self._plan.steps:
            self._tell("looking", step)
            begun = self._world.clock.monotonic()
            _, decision = self._observe(step)
            if isinstance(decision, Blocked):
                raise decision.error
            if isinstance(decision, Act):
                return tuple(found), (step, decision)
            found.append(self._outcome(step, decision, begun, acted=False))
        return tuple(found), None

    def _claim(self, step: Step) -> None:
        """The one act that no journal precedes: the journal lies in the namespace that it makes."""
        for _ in range(ATTEMPTS):
            seen, decision = self._observe(step)
            if not isinstance(decision, Act):
                return
            self._intended = f"{step.id}: {decision.summary}"
            self._tell("acting", step, decision.summary)
            self._act(step, seen)

    def _held(self, accepted: tuple[str, ...], approvals: tuple[str, ...]) -> Result:
        try:
            digest, run = self._plan.digest, self._world.run
            run.epoch = self._lock.acquire(
                plan=digest, commit=self._plan.commit, accepted=accepted, approvals=approvals
            )
            journal = Journal(
                self._world.cluster, self._world.clock, epoch=run.epoch, run=run.id, plan=digest
            )
            opened = last_intended(self._patience.read(lambda: read_journal(self._world.cluster)))
            self._opened = opened.step if opened else ""
            for approval in approvals:
                journal.append(Event.NOTE, "", f"approved: {approval}")
            if digest in accepted:
                journal.append(Event.NOTE, "", f"plan change accepted: {digest}")
            outcomes = tuple(self._advance(step, journal) for step in self._plan.steps)
            self._lock.finish()
            return Result(epoch=run.epoch, outcomes=outcomes)
        finally:
            self._lock.release()

    def _advance(self, step: Step, journal: Journal) -> Outcome:
        self._tell("looking", step)
        begun = self._world.clock.monotonic()
        seen, decision = self._observe(step)
        acts, certain = 0, False
        while isinstance(decision, Act):
            if certain or acts == ATTEMPTS:
                raise WorldError(
                    f"step {step.id} acted but its post-condition does not hold: {decision.summary}",
                    code="E_NOT_DONE",
                    where=f"step {step.id}",
                    hint="bootstrap status",
                )
            self._permit(step)
            journal.append(Event.INTENDED, step.id, decision.summary)
            self._intended = f"{step.id}: {decision.summary}"
            self._tell("acting", step, decision.summary)
            certain = self._act(step, seen)
            acts += 1
            seen, decision = self._observe(step)
        if isinstance(decision, Blocked):
            raise decision.error
        if acts or step.id == self._opened:  # or what an earlier run intended is now seen to be done
            journal.append(Event.DONE, step.id, decision.note)
        return self._outcome(step, decision, begun, acted=bool(acts))

    def _permit(self, step: Step) -> None:
        """The last look before a change: still our run, and approved where the step wants it."""
        self._lock.check()
        if step.gate == "approve" and step.id not in self._world.approvals:
            raise DecisionNeeded(
                f"step {step.id} wants an approval: {step.title}",
                code="E_APPROVAL",
                where=step.where,
                hint=f"bootstrap up --approve {step.id}",
            )

    def _act(self, step: Step, seen: Any) -> bool:
        """False when the outcome is unknown: then only looking again tells."""
        try:
            self._kinds[step.id].act(seen)
        except (UnknownOutcome, Transient) as error:
            self._interrupt.check()
            self._tell("unknown", step, f"no clear answer ({error.message}); looking again")
            return False
        self._interrupt.check()
        return True

    def _observe(self, step: Step) -> tuple[Any, Decision]:
        kind = self._kinds[step.id]
        seen = self._patience.read(kind.observe, step.id)
        return seen, kind.decide(seen)

    def _outcome(self, step: Step, decision: Satisfied, begun: float, *, acted: bool) -> Outcome:
        seconds = self._world.clock.monotonic() - begun
        self._tell("done" if acted else "satisfied", step, decision.note, seconds=round(seconds, 3))
        return Outcome(step=step, note=decision.note, pending=decision.pending, acted=acted, seconds=seconds)

    def _tell(self, kind: str, step: Step, message: str = "", **facts: float) -> None:
        self._world.narrator.event(kind, step.id, message, **facts)

    def _explained(self, error: Interrupted) -> Interrupted:
        last = f"last intended: {self._intended}" if self._intended else "nothing was changed by this run"
        return Interrupted(
            f"{error.message}; {last}",
            signal_number=error.signal_number,
            hint="bootstrap up goes on from here, from any machine",
        )
