"""What a run comes to, step by step."""

from dataclasses import dataclass

from bootstrap.model.plan import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a step ended: satisfied, with what may still wait; ``acted`` when this run brought it about.
    ``rests_on`` are approvals without which it would not be."""

    step: Step
    note: str
    pending: tuple[str, ...]
    acted: bool
    seconds: float
    rests_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """``epoch`` is 0 when the cluster was finished already and nothing was touched."""

    epoch: int
    outcomes: tuple[Outcome, ...]
