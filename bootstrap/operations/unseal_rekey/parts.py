"""What `rekey-unseal` does besides the steps that it shares with `up`: the next share comes to count (B4, S5)."""

from bootstrap.engine.record import RUN
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError
from bootstrap.model.init_window import Window
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.rekey import rekeyed_to


class NextShare:
    """Its goal is that of the rekey under way, where there is one; else the generation behind the present one."""

    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self._goal = 0

    def observe(self) -> Window | None:
        window = WindowStore(self.world.cluster).read()
        if window is not None and not self._goal:
            self._goal = window.target or window.generation + 1
        return window

    def decide(self, seen: Window | None) -> Decision:
        if seen is None:
            return Blocked(unfinished("the init window is lost"))
        if seen.generation >= self._goal:
            return Satisfied(f"the share of generation {seen.generation} opens Vault")
        changes = (
            "ask Vault for another share, encrypted to the unseal key",
            "keep it in the cluster and outside, and prove that in a fresh process",
            "let it count",
        )
        return Act(f"rekey to generation {self._goal}", changes)

    def act(self, seen: Window | None) -> None:
        rekeyed_to(self.world, self._goal)


def unfinished(why: str) -> PreconditionError:
    return PreconditionError(
        why, code="E_RUN_UNFINISHED", where=str(RUN), hint="`bootstrap up` ends that; then the same command"
    )
