"""The root of trust opens every encrypted file of the commit, and the keys under it fit their public halves (G5)."""

from dataclasses import dataclass

from bootstrap.model.decision import Blocked, Decision, Satisfied
from bootstrap.model.errors import BootstrapError
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.values import vault_values


@dataclass(frozen=True, slots=True)
class Observation:
    opened: int
    error: BootstrapError | None


class RootTrust:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self._opened: Observation | None = None

    def observe(self) -> Observation:
        """What this root has opened of this commit it opens again: neither changes while the process lives."""
        seen = self._opened or self._look()
        self._opened = None if seen.error else seen
        return seen

    def _look(self) -> Observation:
        try:
            for secret in self.world.intent.handovers:
                vault_values(self.world, secret)
            material = self.world.material
            material.unseal_key()
            material.signer()
            material.commitments()
            material.authority()
        except BootstrapError as error:
            return Observation(0, error)
        return Observation(len(self.world.intent.handovers), None)

    def decide(self, seen: Observation) -> Decision:
        if seen.error is not None:
            return Blocked(seen.error)
        return Satisfied(f"opens all {seen.opened} secrets and the keys under it")

    def act(self, seen: Observation) -> None:
        """Nothing: a root of trust is brought, never made here (S1)."""
