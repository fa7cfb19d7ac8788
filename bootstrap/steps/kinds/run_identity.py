"""The run's own identity in Vault: kubernetes auth, its policy and role, and a login that proves them (B5, S2)."""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.plan import Step
from bootstrap.steps.context.names import RUN_ACCOUNT, RUN_POLICY, RUN_ROLE, SYSTEM_NAMESPACE
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.leaves import RUN_IDENTITY
from bootstrap.steps.vault.policies import RUN
from bootstrap.steps.vault.root_session import RootSession


@dataclass(frozen=True, slots=True)
class Observation:
    """``why`` is empty when a fresh login works, and ``older`` when its policy is not that of this version."""

    why: str
    older: bool = False


class RunIdentity:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.root = RootSession(world)

    def observe(self) -> Observation:
        try:
            answer = self.world.session.read(f"sys/policies/acl/{RUN_POLICY}")
        except WorldError as error:
            if error.retry:
                raise
            return Observation(error.message)
        if not answer.ok or answer.data.get("policy") != RUN:
            return Observation("the run's policy is another one" if self.root.usable() else "", older=True)
        return Observation("")

    def decide(self, seen: Observation) -> Decision:
        if not seen.why:
            older = "; its policy is another one: left to vault-configuration" if seen.older else ""
            return Satisfied(f"a fresh login as {RUN_ROLE} works{older}")
        account = f"{SYSTEM_NAMESPACE}/{RUN_ACCOUNT}"
        changes = (
            "kubernetes auth",
            f"policy {RUN_POLICY}",
            f"role {RUN_ROLE} for {account}",
            "log in with it",
        )
        return Act("make the run's own identity", changes)

    def act(self, seen: Observation) -> None:
        for leaf in RUN_IDENTITY:
            if not leaf.holds(self.root.call):
                leaf.write(self.world, self.root.call)
        self.world.session.close()
        self.world.session.token()
