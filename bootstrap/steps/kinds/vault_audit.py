"""Auditing is on before the first secret is written (B6): a file, the container's log, and our header in their lines.

This step turns it on with the initial root token. Once that is gone, what is missing is the matter of the step
``vault-configuration``, which comes before anything is handed over as well.
"""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.plan import Step
from bootstrap.steps.context.names import AUDIT_DEVICE, AUDIT_FILE, AUDIT_STREAM
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.leaves import AUDITING, Leaf
from bootstrap.steps.vault.root_session import RootSession


@dataclass(frozen=True, slots=True)
class Observation:
    missing: tuple[Leaf, ...]
    root: bool  # the initial root token is usable


class VaultAudit:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.root = RootSession(world)

    def observe(self) -> Observation:
        usable = self.root.usable()
        read = self.root.call if usable else self.world.session.call
        return Observation(tuple(leaf for leaf in AUDITING if not leaf.holds(read)), usable)

    def decide(self, seen: Observation) -> Decision:
        changes = tuple(leaf.change for leaf in seen.missing)
        if changes and seen.root:
            return Act("turn auditing on", changes)
        if changes:
            return Satisfied(
                f"auditing is not as declared; left to vault-configuration: {', '.join(changes)}"
            )
        return Satisfied(f"audit devices {AUDIT_DEVICE}/ at {AUDIT_FILE}, and {AUDIT_STREAM}/")

    def act(self, seen: Observation) -> None:
        for leaf in seen.missing:
            leaf.write(self.world, self.root.call)
