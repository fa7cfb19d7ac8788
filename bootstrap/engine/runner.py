"""`up`: looks first, so that a finished cluster is recognised before anything is touched; then goes step by step."""

from collections.abc import Callable
from typing import Final

from bootstrap.engine.interrupt import Interrupt, interruptible
from bootstrap.engine.lock import RunLock
from bootstrap.engine.loop import ATTEMPTS, StepLoop
from bootstrap.engine.record import FINISHED, RunRecord, read_run
from bootstrap.engine.result import Outcome, Result
from bootstrap.engine.resume import carry, check_plan
from bootstrap.engine.retry import Patience
from bootstrap.journal.entries import Event, last_intended
from bootstrap.journal.store import Journal, read_journal
from bootstrap.model.decision import Act, Blocked
from bootstrap.model.errors import Interrupted, WorldError
from bootstrap.model.plan import Plan, Step
from bootstrap.steps.base import KindClass
from bootstrap.steps.context.world import World

CLAIM: Final = "claim"  # the kind of the first and only unjournalled act


class Runner:
    """One run of one plan; ``world.run`` names it, ``world.run.actor`` is what a second operator reads."""

    def __init__(
        self,
        plan: Plan,
        world: World,
        kinds: Callable[[str], KindClass],
        *,
        accept_plan_change: bool = False,
        earlier: Callable[[str], Plan | None] = lambda _: None,
    ) -> None:
        """``earlier`` gives the plan of another commit, to show what differs."""
        self._plan = plan
        self._world = world
        interrupt = Interrupt()
        self._interrupt = interrupt
        self._patience = Patience(world.clock, world.narrator, interrupt)
        self._lock = RunLock.of(world, self._patience, "run")
        self._loop = StepLoop(plan.steps, world, kinds, self._lock, self._patience, interrupt)
        self._accept_plan_change = accept_plan_change
        self._earlier = earlier

    def run(self) -> Result:
        """Raises the error that stopped it; what was reached by then stays, and ``run`` again goes on."""
        with interruptible(self._interrupt):
            try:
                return self._whole()
            except Interrupted as error:
                raise self._explained(error) from None

    def _whole(self) -> Result:
        record = self._run_record()
        carry(self._world, record)
        outcomes, missing = self._look()
        if missing is None and record is not None and record.state == FINISHED:
            for outcome in outcomes:
                self._loop.tell_end(outcome)
            return Result(epoch=0, outcomes=outcomes)
        accepted = check_plan(record, self._plan, self._accept_plan_change, self._earlier)
        if missing is not None and missing[0].kind == CLAIM:
            self._claim(missing[0])
        approvals = tuple(dict.fromkeys(each for outcome in outcomes for each in outcome.rests_on))
        return self._held(accepted, approvals, record)

    def _run_record(self) -> RunRecord | None:
        try:
            return self._patience.read(lambda: read_run(self._world.cluster))
        except WorldError as error:
            if error.code == "E_KUBE_DENIED":
                self._look()  # preflight names this permission together with all others that are missing
            raise

    def _look(self) -> tuple[tuple[Outcome, ...], tuple[Step, Act] | None]:
        """Reads, step by step, up to the first that must act; raises where one is blocked.

        What holds is not shown here: a run that goes on from this look comes by all steps again.
        """
        found: list[Outcome] = []
        with self._world.look.shared():
            for step in self._plan.steps:
                self._loop.tell("looking", step)
                begun = self._world.clock.monotonic()
                _, decision = self._loop.observe(step)
                if isinstance(decision, Blocked):
                    raise decision.error
                if isinstance(decision, Act):
                    return tuple(found), (step, decision)
                found.append(self._loop.outcome(step, decision, begun, acted=False))
                self._world.approvals |= frozenset(decision.rests_on)  # later steps are seen as they will be
        return tuple(found), None

    def _claim(self, step: Step) -> None:
        """The one act that no journal precedes: the journal lies in the namespace that it makes."""
        for _ in range(ATTEMPTS):
            seen, decision = self._loop.observe(step)
            if not isinstance(decision, Act):
                return
            self._loop.act(step, seen, decision)

    def _held(
        self, accepted: tuple[str, ...], approvals: tuple[str, ...], before: RunRecord | None
    ) -> Result:
        digest, run = self._plan.digest, self._world.run
        taken = before is not None and digest in accepted and digest not in before.accepted
        changed = (f"plan {before.plan} {digest} {run.id}",) if before is not None and taken else ()
        with self._lock.held(
            self._world, plan=self._plan, accepted=accepted, approvals=approvals, unrecorded=changed
        ):
            journal = Journal(
                self._world.cluster, self._world.clock, epoch=run.epoch, run=run.id, plan=digest
            )
            opened = last_intended(self._patience.read(lambda: read_journal(self._world.cluster)))
            for approval in approvals:
                journal.append(Event.NOTE, "", f"approved: {approval}")
            if digest in accepted:
                journal.append(Event.NOTE, "", f"plan change accepted: {digest}")
            outcomes = tuple(
                self._loop.advance(step, journal, opened=opened is not None and step.id == opened.step)
                for step in self._plan.steps
            )
            self._lock.finish(FINISHED)
            return Result(epoch=run.epoch, outcomes=outcomes)

    def _explained(self, error: Interrupted) -> Interrupted:
        intended = self._loop.intended
        last = f"last intended: {intended}" if intended else "nothing was changed by this run"
        return Interrupted(
            f"{error.message}; {last}",
            signal_number=error.signal_number,
            hint="bootstrap up goes on from here, from any machine",
        )
