"""Every step looked at on its own, for ``status`` and ``plan``: what one cannot tell does not hide what another can."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bootstrap.engine.record import read_run
from bootstrap.engine.resume import carry
from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import BootstrapError
from bootstrap.model.plan import Plan, Step
from bootstrap.steps.base import KindClass
from bootstrap.steps.context.world import World

ROOT_NEEDED: Final = "E_ROOT_NEEDED"  # a look without the root key: nothing is wrong, the state is not known


class Health(StrEnum):
    HOLDS = "holds"
    WAITS = "waits"  # holds, and something may still come
    MISSING = "missing"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    step: Step
    health: Health
    message: str
    details: tuple[str, ...] = ()
    error: BootstrapError | None = None  # where one stands in the way

    @property
    def code(self) -> str:
        return self.error.code if self.error else ""


def survey(plan: Plan, world: World, kinds: Callable[[str], KindClass]) -> Iterator[StepState]:
    """One look at each step, in order; reads only. An error of ours becomes ``unknown`` with its message.

    Each is seen as the next run would see it, with the approvals that an unfinished one keeps.
    """
    with suppress(
        BootstrapError
    ):  # what keeps the record from being read is named by the first step that it stops
        carry(world, read_run(world.cluster))
    with world.look.shared():
        for step in plan.steps:
            try:
                yield _state(step, world, kinds)
            except BootstrapError as error:
                yield _failed(step, Health.UNKNOWN, error)


def _state(step: Step, world: World, kinds: Callable[[str], KindClass]) -> StepState:
    kind = kinds(step.kind)(step, world)
    match kind.decide(kind.observe()):
        case Satisfied(note=note, pending=pending):
            health = Health.WAITS if pending else Health.HOLDS
            return StepState(step=step, health=health, message=note, details=pending)
        case Act(summary=summary, changes=changes):
            return StepState(step=step, health=Health.MISSING, message=summary, details=changes)
        case Blocked(error=error):
            health = Health.UNKNOWN if error.code == ROOT_NEEDED else Health.BLOCKED
            return _failed(step, health, error)


def _failed(step: Step, health: Health, error: BootstrapError) -> StepState:
    return StepState(step=step, health=health, message=error.message, details=(error.hint,), error=error)
