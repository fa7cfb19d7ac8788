"""One node's volume becomes a cluster again, move by move (S4, docs/explanation/quorum.md).

Nothing of it is done twice, and no other volume is left when it begins: the node that becomes the only voter is the
only one that has the store.
"""

from bootstrap.model.catalog import Custody
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.recovery import Move, Recovery, StoreState
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.applied import applied
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.resting import rest
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.objects import shape_of, stateful_set
from bootstrap.steps.vault.presence import (
    claims_of_vault,
    node_of,
    pods_of_vault,
    stateful_set_ref,
    volumes_of_vault,
)
from bootstrap.steps.vault.quorum import voters
from bootstrap.steps.vault.recovery import RecoveryStore
from bootstrap.steps.vault.serving_secrets import VAULT_TLS, unseal_refs
from bootstrap.steps.vault.unseal import opened_shares
from bootstrap.steps.vault.voiding import Groups, uid_of, voided


class RecoveredQuorum:
    def __init__(self, world: World) -> None:
        self.world = world
        self.spec = world.intent.platform.vault
        self.store = RecoveryStore(world.cluster)

    def state(self, now: Recovery) -> StoreState:
        live = self.world.cluster.get(stateful_set_ref(self.world))
        if live is not None and not live["spec"]["template"]["spec"].get("initContainers"):
            return StoreState(grown=True, leads=self._leads())
        pod, shape = self._pod(now), self._alone(now)
        made = pod is not None and shape_of(pod) == shape_of(shape["spec"]["template"])
        if not made or self.world.cluster.differs(shape):
            return StoreState()
        status = self.world.session.seal_status(now.pod)
        leads = status is not None and status.leader
        return StoreState(
            made=True,
            sealed=None if status is None else status.sealed,
            leads=leads,
            voters=voters(self.world) if leads else (),
        )

    def make(self, move: Move, now: Recovery) -> None:
        match move:
            case Move.VOID:
                self._void(now)
            case Move.RESTART:
                self._restart(now)
            case Move.OPEN:
                self._open(now)
            case Move.WAIT:
                self.world.wait("a node of Vault leads", self._leads, seconds=90)
            case Move.GROW:
                applied(self.world, self._all(), lambda: self._is_now(now))
            case Move.FINISH:
                self._tell(f"{now.pod} leads alone, with its store; the other nodes join it")
                self.store.swap(now, now.done())
            case Move.OTHERS:
                raise _others(_pod_ref(self.world, now))
            case Move.DONE:
                pass

    # ------------------------------------------------------------ the moves

    def _void(self, now: Recovery) -> None:
        """Goes as far as what is written down. What else is found then is written down too, for another look."""
        rest(self.world)
        if not applied(self.world, self._alone(now), lambda: self._is_now(now)):
            return
        fresh = voided(self.world, others(self.world, now), now.voids)
        self.store.swap(now, now.voids_too(fresh) if fresh else now.alone())

    def _restart(self, now: Recovery) -> None:
        """By its pod's UID; returns when the pod of this recovery answers."""
        shape = self._alone(now)
        if not applied(self.world, shape, lambda: self._is_now(now)):
            return
        pod, ref = self._pod(now), _pod_ref(self.world, now)
        if pod is not None and shape_of(pod) != shape_of(shape["spec"]["template"]):
            self._tell(f"{now.pod} is restarted as the only voter")
            expect(self.world.cluster.delete(ref, uid=uid_of(pod)), ref)
        self.world.wait(
            f"{now.pod} answers as the only voter", lambda: self._answers(now, shape), seconds=180
        )

    def _answers(self, now: Recovery, shape: Object) -> bool:
        pod = self._pod(now)
        made = pod is not None and shape_of(pod) == shape_of(shape["spec"]["template"])
        return made and self.world.session.seal_status(now.pod) is not None

    def _open(self, now: Recovery) -> None:
        """By what is beside it under custody ``cluster``, else with the share that the root opens."""
        if self.spec.custody is Custody.OFFLINE:
            self._give_share(now)
        self.world.wait(f"{now.pod} is unsealed", lambda: self._is_open(now), seconds=240)

    def _give_share(self, now: Recovery) -> None:
        for share in opened_shares(self.world):
            try:
                self.world.session.vault.unseal(now.pod, share)
            except WorldError as error:
                if error.code != "E_VAULT_UNSEAL":
                    raise
                self._tell(error.message)
            else:
                return

    # ------------------------------------------------------------ small

    def _alone(self, now: Recovery) -> Object:
        return self._shape(1, now)

    def _all(self) -> Object:
        return self._shape(self.spec.replicas)

    def _shape(self, replicas: int, recovery: Recovery | None = None) -> Object:
        return stateful_set(
            self.spec,
            replicas=replicas,
            tls_secret=VAULT_TLS,
            unseal_secrets=tuple(ref.name for ref in unseal_refs(self.world)),
            recovery=recovery,
        )

    def _pod(self, now: Recovery) -> Object | None:
        return self.world.cluster.get(_pod_ref(self.world, now))

    def _is_open(self, now: Recovery) -> bool:
        status = self.world.session.seal_status(now.pod)
        return status is not None and not status.sealed

    def _leads(self) -> bool:
        return self.world.session.vault.active(self.world.session.pods) is not None

    def _is_now(self, now: Recovery) -> bool:
        return self.store.read() == now

    def _tell(self, message: str) -> None:
        self.world.narrator.event("recover", message=message)


def others(world: World, now: Recovery) -> Groups:
    """What goes before the node that is left becomes the only voter."""
    return {
        "the other pods": lambda: tuple(p for p in pods_of_vault(world) if p["metadata"]["name"] != now.pod),
        "the other data claims": lambda: tuple(c for c in claims_of_vault(world) if node_of(c) != now.pod),
        "the other data volumes": lambda: tuple(v for v in volumes_of_vault(world) if not _is_of(v, now)),
    }


def _is_of(volume: Object, now: Recovery) -> bool:
    """One that an earlier claim of the same name had is not of this one."""
    claim = volume["spec"]["claimRef"]
    return bool(claim["name"] == f"data-{now.pod}" and claim.get("uid", now.volume) == now.volume)


def _pod_ref(world: World, now: Recovery) -> Ref:
    return Ref("v1", "Pod", now.pod, world.intent.platform.vault.namespace)


def _others(pod: Ref) -> EvidenceError:
    return EvidenceError(
        f"{pod.name} leads, and its raft has other voters than itself: it did not read that it is the only one",
        code="E_RECOVERY",
        where=str(pod),
        hint=f"`kubectl --namespace {pod.namespace} logs {pod.name} --container vault` says what it read",
    )
