"""The one loop: observe, decide, act, and observe again; `up`, `set` and `abandon` go through it.

Done is seen, never claimed: after ``act`` the same eyes look, and the step must now be satisfied.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from bootstrap.engine.interrupt import Interrupt
from bootstrap.engine.lock import RunLock
from bootstrap.engine.result import Outcome
from bootstrap.engine.retry import Patience
from bootstrap.journal.entries import Event
from bootstrap.journal.store import Journal
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import DecisionNeeded, Transient, UnknownOutcome, WorldError
from bootstrap.model.plan import Step
from bootstrap.steps.base import Kind, KindClass
from bootstrap.steps.context.world import World

ATTEMPTS: Final = 3  # acts of one step whose outcome stays unknown
NAMED: Final = 5  # changes that an error names


class StepLoop:
    """``intended`` is the last act that was begun, for the report of an interrupted run."""

    def __init__(
        self,
        steps: Iterable[Step],
        world: World,
        kinds: Callable[[str], KindClass],
        lock: RunLock,
        patience: Patience,
        interrupt: Interrupt,
    ) -> None:
        self._world = world
        self._kinds: dict[str, Kind] = {step.id: kinds(step.kind)(step, world) for step in steps}
        self._lock = lock
        self._patience = patience
        self._interrupt = interrupt
        self.intended = ""

    def observe(self, step: Step) -> tuple[Any, Decision]:
        """What a step asks for twice is read once; after an answer that did not come, all is asked anew."""
        kind, look = self._kinds[step.id], self._world.look

        def seen_anew() -> Any:
            with look.shared():
                try:
                    return kind.observe()
                except Transient:
                    look.forget()
                    raise

        seen = self._patience.read(seen_anew, step.id)
        return seen, kind.decide(seen)

    def act(self, step: Step, seen: Any, decision: Act) -> bool:
        """False when the outcome is unknown: then only looking again tells."""
        self.intended = f"{step.id}: {decision.summary}"
        self.tell("acting", step, decision.summary)
        try:
            self._kinds[step.id].act(seen)
        except (UnknownOutcome, Transient) as error:
            self._interrupt.check()
            self.tell("unknown", step, f"no clear answer ({error.message}); looking again")
            return False
        self._interrupt.check()
        return True

    def advance(self, step: Step, journal: Journal, *, opened: bool) -> Outcome:
        """``opened``: an earlier run intended this step, and it was not seen done since."""
        self.tell("looking", step)
        begun = self._world.clock.monotonic()
        seen, decision = self.observe(step)
        acts, certain = 0, False
        while isinstance(decision, Act):
            if certain or acts == ATTEMPTS:
                raise _not_done(step, decision)
            self._permit(step)
            journal.append(Event.INTENDED, step.id, decision.summary)
            certain = self.act(step, seen, decision)
            acts += 1
            seen, decision = self.observe(step)
        if isinstance(decision, Blocked):
            raise decision.error
        if acts or opened:
            journal.append(Event.DONE, step.id, decision.note)
        outcome = self.outcome(step, decision, begun, acted=bool(acts))
        self.tell_end(outcome)
        return outcome

    def outcome(self, step: Step, decision: Satisfied, begun: float, *, acted: bool) -> Outcome:
        seconds = self._world.clock.monotonic() - begun
        return Outcome(
            step=step,
            note=decision.note,
            pending=decision.pending,
            acted=acted,
            seconds=seconds,
            rests_on=decision.rests_on,
        )

    def tell_end(self, outcome: Outcome) -> None:
        word = "done" if outcome.acted else "satisfied"
        self.tell(word, outcome.step, outcome.note, seconds=round(outcome.seconds, 3))

    def tell(self, kind: str, step: Step, message: str = "", **facts: float) -> None:
        self._world.narrator.event(kind, step.id, message, **facts)

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


def _not_done(step: Step, decision: Act) -> WorldError:
    """What still differs, so that the reader knows where to look."""
    lines = [f"\n    {change}" for change in decision.changes[:NAMED]]
    more = len(decision.changes) - NAMED
    lines += [f"\n    and {more} more"] if more > 0 else []
    return WorldError(
        f"step {step.id} acted but its post-condition does not hold: {decision.summary}" + "".join(lines),
        code="E_NOT_DONE",
        where=f"step {step.id}",
        hint="`bootstrap status` shows it live; something else may be changing it back",
    )
