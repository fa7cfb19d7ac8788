"""The run's own identity in Vault: kubernetes auth, its policy and role, and a login that proves them (B5, S2)."""

from dataclasses import dataclass

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.plan import Step
from bootstrap.steps.context.names import RUN_ACCOUNT, RUN_POLICY, RUN_ROLE, SYSTEM_NAMESPACE
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.session import TOKEN_SECONDS
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.root_session import RootSession
from bootstrap.steps.vault.run_policy import RUN

ROLE = {
    "bound_service_account_names": [RUN_ACCOUNT],
    "bound_service_account_namespaces": [SYSTEM_NAMESPACE],
    "audience": "vault",
    "token_policies": [RUN_POLICY],
    "token_ttl": TOKEN_SECONDS,
    "token_explicit_max_ttl": TOKEN_SECONDS,
    "token_no_default_policy": True,
    "token_type": "service",
}


@dataclass(frozen=True, slots=True)
class Observation:
    """``why`` is empty when a fresh login works and holds the policy of this version of the tool."""

    why: str


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
            # Only root may change it; after the root is gone an older policy goes on serving its cluster.
            return Observation("the run's policy is another one" if self.root.usable() else "")
        return Observation("")

    def decide(self, seen: Observation) -> Decision:
        if not seen.why:
            return Satisfied(f"a fresh login as {RUN_ROLE} works")
        account = f"{SYSTEM_NAMESPACE}/{RUN_ACCOUNT}"
        changes = (
            "kubernetes auth",
            f"policy {RUN_POLICY}",
            f"role {RUN_ROLE} for {account}",
            "log in with it",
        )
        return Act("make the run's own identity", changes)

    def act(self, seen: Observation) -> None:
        root = self.root.call
        mounted = granted(root("GET", "sys/auth"), "sys/auth")
        if "kubernetes/" not in mounted.data:
            granted(root("POST", "sys/auth/kubernetes", {"type": "kubernetes"}), "sys/auth/kubernetes")
        # No reviewer token is given: Vault reviews with its own, so it never goes stale with a pod.
        host = {"kubernetes_host": "https://kubernetes.default.svc"}
        granted(root("POST", "auth/kubernetes/config", host), "auth/kubernetes/config")
        granted(root("PUT", f"sys/policies/acl/{RUN_POLICY}", {"policy": RUN}), f"policy {RUN_POLICY}")
        granted(root("POST", f"auth/kubernetes/role/{RUN_ROLE}", ROLE), f"role {RUN_ROLE}")
        self.world.session.close()
        self.world.session.token()
