"""All declared replicas, one raft cluster, every one of them a voter and unsealed (G7)."""

from dataclasses import dataclass

from bootstrap.model.catalog import Custody
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import EvidenceError
from bootstrap.model.plan import Step
from bootstrap.ports import Ref, SealStatus
from bootstrap.steps.context.applied import applied
from bootstrap.steps.context.outcome import granted
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.objects import stateful_set
from bootstrap.steps.vault.root_session import RootSession
from bootstrap.steps.vault.serving_secrets import VAULT_TLS, unseal_ref
from bootstrap.steps.vault.unseal import sealed_pods, unseal_all


@dataclass(frozen=True, slots=True)
class Observation:
    """``cluster_id`` is the one of the init window, whose store all nodes must have joined."""

    replicas: int
    nodes: tuple[tuple[str, SealStatus | None], ...]
    cluster_id: str
    voters: int


class VaultMembers:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.spec = world.intent.platform.vault
        self.ref = Ref("apps/v1", "StatefulSet", "vault", self.spec.namespace)

    def observe(self) -> Observation:
        live = self.world.cluster.get(self.ref)
        window = WindowStore(self.world.cluster).read()
        nodes = tuple((pod, self.world.session.seal_status(pod)) for pod in self.world.session.pods)
        replicas = int(live["spec"]["replicas"]) if live else 0
        sealed = any(s is None or s.sealed for _, s in nodes)
        return Observation(
            replicas, nodes, window.cluster_id if window else "", 0 if sealed else self._voters()
        )

    def decide(self, seen: Observation) -> Decision:
        strangers = [
            p for p, s in seen.nodes if s and not s.sealed and s.cluster_id not in ("", seen.cluster_id)
        ]
        if strangers:
            return Blocked(
                EvidenceError(
                    f"{', '.join(strangers)} belongs to another raft cluster",
                    code="E_SECOND_CLUSTER",
                    where=str(self.ref),
                    hint="scale to one replica and look at that pod's volume before anything else",
                )
            )
        answering = [s for _, s in seen.nodes if s]
        if answering and not any(s.initialized for s in answering):
            return Blocked(
                EvidenceError(
                    "no node has a store any more; the one that was here had a proven key and is never made anew",
                    code="E_STORE_LOST",
                    where=str(self.ref),
                    hint="restore Vault's own snapshot; `kubectl -n "
                    f"{self.spec.namespace} get pvc` shows which volumes were replaced",
                )
            )
        if seen.replicas != self.spec.replicas:
            return Act(
                f"grow to {self.spec.replicas} replicas",
                (f"{self.ref}: {seen.replicas} to {self.spec.replicas}",),
            )
        waiting = [p for p, s in seen.nodes if s is None or s.sealed]
        if waiting:
            return Act("wait until every node is unsealed", tuple(f"wait for {p}" for p in waiting))
        if seen.voters < self.spec.replicas:
            return Act("wait until every node votes", (f"{seen.voters} of {self.spec.replicas} are voters",))
        return Satisfied(f"{seen.voters} voters, unsealed, one cluster id")

    def act(self, seen: Observation) -> None:
        shape = stateful_set(
            self.spec,
            replicas=self.spec.replicas,
            tls_secret=VAULT_TLS,
            unseal_secret=unseal_ref(self.world).name,
        )
        applied(self.world, shape)
        if self.spec.custody is Custody.OFFLINE:
            unseal_all(self.world, seconds=240)  # the user who runs `up` holds the root
        self.world.wait(
            f"{self.spec.replicas} nodes are unsealed", lambda: not sealed_pods(self.world), seconds=240
        )
        self.world.wait(
            f"{self.spec.replicas} voters", lambda: self._voters() >= self.spec.replicas, seconds=120
        )
        self.world.wait(
            "an active node", lambda: self.world.session.vault.active(self.world.session.pods), seconds=60
        )

    def _voters(self) -> int:
        """Raft's own word. A new peer votes after autopilot has found it stable, about 10 s."""
        answer = RootSession(self.world).reading("GET", "sys/storage/raft/configuration")
        servers = granted(answer, "raft configuration").data["config"]["servers"]
        return sum(1 for s in servers if s["voter"] and s["node_id"] in self.world.session.pods)
