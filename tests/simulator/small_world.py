"""A world for one step alone: an intent of a few entries, and the ports that a test gives."""

from dataclasses import replace
from typing import Any

from bootstrap.model.catalog import VaultSpec
from bootstrap.model.decision import Act, Satisfied
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World
from tests.simulator.toys import toy_plan, toy_world
from tests.support.small_intent import an_intent

STEP = Step(id="one", kind="one", phase="p", title="one")


def small_world(cluster: Any, session: Any = None, **spec: Any) -> World:
    """``spec``: what Git says of Vault besides."""
    world = toy_world(cluster, toy_plan("check"))
    intent = an_intent()
    vault: VaultSpec = replace(intent.platform.vault, **spec)
    world.intent = replace(intent, platform=replace(intent.platform, vault=vault))
    world.session = session
    return world


def each(work: Any, items: Any, _: Any) -> list[Any]:
    """A flight of one: in their order, by the caller."""
    return [work(item) for item in items]


def decided(step: Any) -> tuple[str, tuple[str, ...]]:
    """Of a step that is not blocked: summary and changes, or the note alone."""
    decision = step.decide(step.observe())
    if isinstance(decision, Act):
        return decision.summary, decision.changes
    assert isinstance(decision, Satisfied)
    return decision.note, ()
