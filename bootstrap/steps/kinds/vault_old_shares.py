"""No share of an earlier generation is left in the cluster, once every node was unsealed with the present one (B4)."""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.plan import Step
from bootstrap.ports import Object
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.rekey import mark_ended, old_shares, remove_old_shares


@dataclass(frozen=True, slots=True)
class Observation:
    """``ended``: the window says that no rekey is under way."""

    left: tuple[Object, ...]
    generation: int
    ended: bool


class VaultOldShares:
    """``ends``: with them the rekey has come to its end; where it goes on, it is marked as ended later."""

    def __init__(self, step: Step, world: World, *, ends: bool = True) -> None:
        self.world = world
        self._ends = ends

    def observe(self) -> Observation:
        window = WindowStore(self.world.cluster).read()
        generation, target = (window.generation, window.target) if window else (1, 0)
        return Observation(old_shares(self.world), generation, not self._ends or target != generation)

    def decide(self, seen: Observation) -> Decision:
        changes = [f"delete Secret {o['metadata']['namespace']}/{o['metadata']['name']}" for o in seen.left]
        changes += [] if seen.ended else ["mark the rekey as ended"]
        if changes:
            return Act(f"remove what is left of generation {seen.generation - 1}", tuple(changes))
        return Satisfied(f"the share of generation {seen.generation} is the only one")

    def act(self, seen: Observation) -> None:
        remove_old_shares(self.world)
        if self._ends:
            mark_ended(self.world)
