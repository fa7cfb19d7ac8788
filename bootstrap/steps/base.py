"""What a step kind is: look, decide, act; only the last may change anything.

A kind is a class with ``__init__(self, step, world)``; the engine makes one instance per step and run.
"""

from typing import Any, Protocol

from bootstrap.model.decision import Decision
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World


class Kind(Protocol):
    """One entry of the closed vocabulary.

    ``observe`` reads the world and returns whatever ``decide`` and ``act`` need (its own frozen type); it may
    raise ``Transient``, which the loop retries within limits. ``decide`` is pure: besides the observation it
    knows the step, the plan and the intent, which never change in a run, so the same observation gives the same
    decision. ``act`` brings about the whole post-condition and waits for it where it converges slowly; it may
    raise ``UnknownOutcome``, upon which the loop looks again and never repeats blindly.
    """

    def observe(self) -> Any: ...
    def decide(self, seen: Any) -> Decision: ...
    def act(self, seen: Any) -> None: ...


class KindClass(Protocol):
    """What the registry gives for a kind's name."""

    def __call__(self, step: Step, world: World) -> Kind: ...
