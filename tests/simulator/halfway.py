"""The road up to one step, and then that step alone, in the hands of a new process.

step = halfway(platform, "handover")
...                                  # whatever happens meanwhile
step.decide()                        # looks, and decides
step.take()                          # looks, and acts on what it saw
"""

from dataclasses import dataclass
from typing import Any, NoReturn

from bootstrap.engine.runner import Runner
from bootstrap.model.decision import Act, Decision
from bootstrap.model.plan import Step
from bootstrap.steps.base import Kind, KindClass
from bootstrap.steps.context.world import World
from bootstrap.steps.registry import kind_class
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import repeatable

EPOCH = 7  # of the new process: it holds the lock


class ReachedError(Exception):
    """The step is the next one."""


@dataclass
class HalfwayStep:
    world: World
    kind: Kind

    def decide(self) -> Decision:
        with repeatable():
            return self.kind.decide(self.kind.observe())

    def take(self) -> None:
        with repeatable():
            seen = self.kind.observe()
            assert isinstance(self.kind.decide(seen), Act)
            self.kind.act(seen)

    def act(self, seen: Any) -> None:
        """On what was seen before."""
        with repeatable():
            self.kind.act(seen)


def halfway(platform: SimulatedPlatform, kind: str, **ports: Any) -> HalfwayStep:
    """``ports`` as in ``SimulatedPlatform.world``, for the new process alone."""

    class Here:
        def __init__(self, step: Step, world: World) -> None: ...
        def observe(self) -> NoReturn:
            raise ReachedError

        def decide(self, seen: Any) -> NoReturn:
            raise AssertionError

        def act(self, seen: Any) -> None: ...

    def kinds(name: str) -> KindClass:
        return Here if name == kind else kind_class(name)

    world = platform.world()
    try:
        with repeatable():
            Runner(world.plan, world, kinds).run()
    except ReachedError:
        pass
    else:
        raise AssertionError(f"the road never came to {kind}")
    finally:
        world.session.close()
    return step_of(platform, kind, **ports)


def step_of(platform: SimulatedPlatform, kind: str, **ports: Any) -> HalfwayStep:
    """The same of a platform as it is."""
    world = platform.world(**ports)
    world.run.epoch = EPOCH
    step = next(each for each in world.plan.steps if each.kind == kind)
    return HalfwayStep(world, kind_class(kind)(step, world))
