"""All declared replicas, one raft cluster, every one of them a voter and unsealed (G7).

A pod that was made from an earlier template is restarted into the present one: one at a time, the active node last,
each only while all others serve, so that the quorum holds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bootstrap.model.catalog import Custody
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import EvidenceError
from bootstrap.model.plan import Step
from bootstrap.ports import Object, Ref, SealStatus
from bootstrap.steps.context.applied import applied
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.objects import shape_of, stateful_set
from bootstrap.steps.vault.quorum import voters
from bootstrap.steps.vault.serving_secrets import VAULT_TLS, unseal_refs
from bootstrap.steps.vault.unseal import sealed_pods, unseal_all


@dataclass(frozen=True, slots=True)
class Observation:
    """``cluster_id`` is the one of the init window, whose store all nodes must have joined; ``outdated`` are pods of an
    earlier template."""

    replicas: int
    nodes: tuple[tuple[str, SealStatus | None], ...]
    cluster_id: str
    voters: int
    outdated: tuple[str, ...] = ()

    @property
    def waiting(self) -> tuple[str, ...]:
        return tuple(p for p, s in self.nodes if s is None or s.sealed)


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
            replicas,
            nodes,
            window.cluster_id if window else "",
            0 if sealed else self._voters(),
            tuple(self._outdated(live)) if live else (),
        )

    def _outdated(self, live: Object) -> Iterator[str]:
        wanted = shape_of(live["spec"]["template"])
        for pod in self.world.session.pods:
            found = self._pod(pod)
            if found is not None and shape_of(found) != wanted:
                yield pod

    def _pod(self, name: str) -> Object | None:
        return self.world.cluster.get(Ref("v1", "Pod", name, self.spec.namespace))

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
        stuck = [p for p in seen.waiting if p in seen.outdated]
        if stuck:
            return Act("restart what does not serve", tuple(f"restart {p}" for p in stuck))
        if seen.waiting:
            return Act("wait until every node is unsealed", tuple(f"wait for {p}" for p in seen.waiting))
        if seen.voters < self.spec.replicas:
            return Act("wait until every node votes", (f"{seen.voters} of {self.spec.replicas} are voters",))
        if seen.outdated:
            each = tuple(f"restart {p}" for p in seen.outdated)
            return Act("restart replicas of an earlier template, one at a time", each)
        return Satisfied(f"{seen.voters} voters, unsealed, one cluster id")

    def act(self, seen: Observation) -> None:
        shape = stateful_set(
            self.spec,
            replicas=self.spec.replicas,
            tls_secret=VAULT_TLS,
            unseal_secrets=tuple(ref.name for ref in unseal_refs(self.world)),
        )
        applied(self.world, shape)
        for pod in [p for p in seen.waiting if p in seen.outdated]:
            self._restart(pod)
        self._settle()
        for pod in self._in_turn(seen.outdated):
            self._restart(pod)
            self._settle()

    def _in_turn(self, outdated: Sequence[str]) -> Iterator[str]:
        """The active node last: who that is can change with each restart."""
        left = [p for p in outdated if self._is_outdated(p)]
        while left:
            active = self.world.session.vault.active(self.world.session.pods)
            pod = next((p for p in left if p != active), left[0])
            left.remove(pod)
            yield pod

    def _is_outdated(self, name: str) -> bool:
        live = self.world.cluster.get(self.ref)
        return live is not None and name in self._outdated(live)

    def _restart(self, name: str) -> None:
        """By its UID; returns when another pod has its place."""
        pod, ref = self._pod(name), Ref("v1", "Pod", name, self.spec.namespace)
        if pod is None:
            return
        uid = pod["metadata"]["uid"]
        expect(self.world.cluster.delete(ref, uid=uid), ref)
        self.world.wait(f"{name} is another pod", lambda: self._replaced(name, uid), seconds=120)

    def _replaced(self, name: str, uid: str) -> bool:
        found = self._pod(name)
        return found is not None and found["metadata"]["uid"] != uid

    def _settle(self) -> None:
        """Every node is unsealed and a voter, and one of them is active."""
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
        return sum(1 for pod in voters(self.world) if pod in self.world.session.pods)
