"""The serving shape: lasting certificates, the unsealer where custody is ``cluster``, the renewer, every peer known.

The first replica is restarted into it, by its pod's UID; that it comes back unsealed without a human is
the restart drill (G4, G7).
"""

from dataclasses import dataclass

from bootstrap.model.catalog import Custody
from bootstrap.model.certificates import is_due
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError, WorldError
from bootstrap.model.plan import Step
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.applied import applied, applied_in_any_order
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import SYSTEM_NAMESPACE
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.trusting import behind
from bootstrap.steps.vault.first_replica import tls_secret
from bootstrap.steps.vault.init_window import Slots, WindowStore, share_part
from bootstrap.steps.vault.objects import base_objects, certificate_names, pod_names, shape_of, stateful_set
from bootstrap.steps.vault.serving_secrets import (
    VAULT_TLS,
    give_share,
    marked,
    taken,
    tls_ref,
    unseal_ref,
    unseal_refs,
)


@dataclass(frozen=True, slots=True)
class Observation:
    """``stale`` is the pod of the first replica, where it is not in the serving shape yet; ``taken`` is what has the
    name of a Secret of ours and is not that Secret."""

    changes: tuple[str, ...]
    stale: Object | None
    taken: tuple[PreconditionError, ...] = ()


class VaultServe:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.spec = world.intent.platform.vault
        self.tls = tls_ref(world)

    def observe(self) -> Observation:
        cluster = self.world.cluster
        changes = [f"trust keys/vault-ca.crt in {ref_of(o)}" for o in behind(self.world)]
        found = cluster.get(self.tls)
        lacking = self._lacking(found)
        changes += [f"issue certificates of {', '.join(lacking)} into {self.tls}"] if lacking else []
        if found is not None and found["data"].get("ca.crt") != self._trusted:
            changes.append(f"trust keys/vault-ca.crt in {self.tls}")
        if self._unsealer and cluster.get(unseal_ref(self.world)) is None:
            changes.append(f"create {unseal_ref(self.world)}")
        live = cluster.get(Ref("apps/v1", "StatefulSet", "vault", self.spec.namespace))
        wanted = [*self._base(), self._shape(live)]
        changes += [f"apply {ref_of(o)}" for o in wanted if cluster.differs(o)]
        pod = cluster.get(Ref("v1", "Pod", "vault-0", self.spec.namespace))
        stale = pod if pod is not None and not (self._serves(pod) and self._stays(pod, live)) else None
        if stale is not None:
            changes.append("restart vault-0 into the serving shape")
        return Observation(tuple(changes), stale, tuple(taken(self.world)))

    def decide(self, seen: Observation) -> Decision:
        if seen.taken:
            return Blocked(seen.taken[0])
        if seen.changes:
            return Act("let Vault serve: lasting certificates, unsealer, peers", seen.changes)
        return Satisfied(
            "unsealer beside each Vault" if self._unsealer else "the holders unseal (offline custody)"
        )

    def act(self, seen: Observation) -> None:
        cluster = self.world.cluster
        for obj in behind(self.world):  # before anything that it must trust is made
            applied(self.world, obj)
        self._certificates()
        if self._unsealer:
            self._give_share()
        live = cluster.get(Ref("apps/v1", "StatefulSet", "vault", self.spec.namespace))
        applied_in_any_order(self.world, self._base())
        applied(self.world, self._shape(live))
        if seen.stale is not None:
            pod = ref_of(seen.stale | {"apiVersion": "v1", "kind": "Pod"})
            expect(cluster.delete(pod, uid=seen.stale["metadata"]["uid"]), pod)
        self.world.wait("vault-0 serves, unsealed", self._back, seconds=240)

    def _base(self) -> list[Object]:
        """The operator's pods may connect, and our own jobs."""
        operator = self.world.intent.platform.external_secrets.service_account.partition("/")[0]
        return base_objects(self.spec, self.peers, (operator, SYSTEM_NAMESPACE))

    @property
    def peers(self) -> tuple[str, ...]:
        return pod_names(self.spec.replicas)

    @property
    def _unsealer(self) -> bool:
        return self.spec.custody is Custody.CLUSTER

    def _shape(self, live: Object | None) -> Object:
        """As many replicas as there are; growing is the next step's."""
        now = live["spec"].get("replicas", 1) if live else 1
        return stateful_set(
            self.spec,
            replicas=max(1, now),
            tls_secret=self.tls.name,
            unseal_secrets=tuple(ref.name for ref in unseal_refs(self.world)),
        )

    def _serves(self, pod: Object) -> bool:
        volumes = {v["name"]: v for v in pod["spec"]["volumes"]}
        right = volumes["tls"]["secret"]["secretName"] == VAULT_TLS
        return right and len(pod["spec"]["containers"]) > 1

    def _stays(self, pod: Object, live: Object | None) -> bool:
        """A replica of an earlier template is the next step's, while it answers."""
        return shape_of(pod) == shape_of(self._shape(live)["spec"]["template"]) or bool(
            self.world.session.seal_status("vault-0")
        )

    def _back(self) -> bool:
        pod = self.world.cluster.get(Ref("v1", "Pod", "vault-0", self.spec.namespace))
        if pod is None or not self._serves(pod) or pod["metadata"].get("deletionTimestamp"):
            return False
        status = self.world.session.seal_status("vault-0")
        return status is not None and (not status.sealed or not self._unsealer)

    def _lacking(self, found: Object | None) -> list[str]:
        """Pods whose first certificate is not there, not of the CA that signs now, or of whose life a third is left."""
        data, now = (found["data"] if found else {}), self.world.cluster.server_time()
        known = {p: data[f"{p}.crt"] for p in self.peers if {f"{p}.crt", f"{p}.until"} <= set(data)}
        read, signed = self.world.certificates.read, self.world.certificates.is_signed_by
        signs = self.world.intent.authorities[0]
        ours = {p: read(first) for p, first in known.items() if signed(first, signs)}
        return [p for p in self.peers if is_due(ours.get(p), now)]

    @property
    def _trusted(self) -> Sensitive:
        return Sensitive(self.world.intent.keys["vault-ca.crt"], "ca.crt")

    def _certificates(self) -> None:
        """Those that are good for longer stay. What Vault serves is renewed by itself; these are for a pod that
        starts, and for one whose own has expired."""
        found = self.world.cluster.get(self.tls)
        missing = self._lacking(found)
        if not missing and found is not None and found["data"].get("ca.crt") == self._trusted:
            return
        made = tls_secret(self.world, self.tls, {p: certificate_names(self.spec, p) for p in missing})
        if found is None:
            expect(self.world.cluster.create(marked(self.world, made)), self.tls)
            return
        made["data"] = found["data"] | made["data"]
        made["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
        expect(self.world.cluster.replace(marked(self.world, made)), self.tls)

    def _give_share(self) -> None:
        ref = unseal_ref(self.world)
        if self.world.cluster.get(ref) is not None:
            return
        window = WindowStore(self.world.cluster).read()
        slots = Slots(self.world.cluster, window.volume if window else "")
        share = slots.read(share_part(window.generation)) if window else None
        if share is None:
            raise WorldError("the share's slot is gone", code="E_SLOT", where="namespace bootstrap-system")
        give_share(self.world, ref, self.world.material.unseal_key().decrypt(share.ciphertext()))
