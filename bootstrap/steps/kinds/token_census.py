"""No live token has the policy ``root``, or could configure Vault (B5).

Looked at, not remembered: a restored snapshot brings one back.
"""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.plan import Step
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.configuring import powerful


@dataclass(frozen=True, slots=True)
class Observation:
    tokens: int
    roots: tuple[str, ...]  # accessors


class TokenCensus:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Observation:
        live = self.world.session.accessors()
        return Observation(len(live), powerful(live))

    def decide(self, seen: Observation) -> Decision:
        if seen.roots:
            return Act(
                f"revoke {len(seen.roots)} tokens with root's power",
                tuple(f"revoke accessor {a}" for a in seen.roots),
            )
        return Satisfied(f"{seen.tokens} live tokens, none is root")

    def act(self, seen: Observation) -> None:
        for accessor in seen.roots:
            self.world.session.call("POST", "auth/token/revoke-accessor", {"accessor": accessor})
