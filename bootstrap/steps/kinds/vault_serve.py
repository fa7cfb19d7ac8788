"""The serving shape: lasting certificates, the unsealer where custody is ``cluster``, every peer known.

The first replica is restarted into it, by its pod's UID; that it comes back unsealed without a human is
the restart drill (G4, G7).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from bootstrap.model.catalog import Custody
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import PreconditionError, WorldError
from bootstrap.model.plan import Step
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.applied import applied
from bootstrap.steps.context.health import kubectl, ref_of
from bootstrap.steps.context.names import SYSTEM_NAMESPACE, is_ours, labels
from bootstrap.steps.context.outcome import expect
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.first_replica import tls_secret
from bootstrap.steps.vault.init_window import Slots, WindowStore
from bootstrap.steps.vault.objects import base_objects, certificate_names, pod_names, stateful_set
from bootstrap.steps.vault.serving_secrets import VAULT_TLS, unseal_ref


@dataclass(frozen=True, slots=True)
class Observation:
    """``stale`` is the pod of the first replica, where it is not in the serving shape yet; ``taken`` says what has the
    name of a Secret of ours and is not that Secret."""

    changes: tuple[str, ...]
    stale: Object | None
    taken: tuple[tuple[Ref, str], ...] = ()


class VaultServe:
    def __init__(self, step: Step, world: World) -> None:
        self.world = world
        self.spec = world.intent.platform.vault
        self.tls = Ref("v1", "Secret", VAULT_TLS, self.spec.namespace)

    def observe(self) -> Observation:
        cluster = self.world.cluster
        changes = [f"issue certificates into {self.tls}"] if self._lacking() else []
        if self._unsealer and cluster.get(unseal_ref(self.world)) is None:
            changes.append(f"create {unseal_ref(self.world)}")
        live = cluster.get(Ref("apps/v1", "StatefulSet", "vault", self.spec.namespace))
        wanted = [*self._base(), self._shape(live)]
        changes += [f"apply {ref_of(o)}" for o in wanted if cluster.differs(o)]
        pod = cluster.get(Ref("v1", "Pod", "vault-0", self.spec.namespace))
        stale = pod if pod is not None and not self._serves(pod) else None
        if stale is not None:
            changes.append("restart vault-0 into the serving shape")
        return Observation(tuple(changes), stale, tuple(self._taken()))

    def _taken(self) -> Iterator[tuple[Ref, str]]:
        """By owner and content: a label alone is easily written. Whether the share is Vault's own, Vault tells."""
        tls, unseal = self.world.cluster.get(self.tls), self.world.cluster.get(unseal_ref(self.world))
        ca = Sensitive(self.world.intent.keys["vault-ca.crt"], "ca.crt")
        if tls is not None and (not is_ours(tls) or (tls.get("data") or {}).get("ca.crt") != ca):
            yield self.tls, "its owner is another, or its CA is not keys/vault-ca.crt"
        if unseal is not None and self._unsealer and not _holds_share(unseal):
            yield (
                unseal_ref(self.world),
                "its owner is another, or it is not one immutable share",
            )

    def decide(self, seen: Observation) -> Decision:
        for ref, why in seen.taken:
            return Blocked(
                PreconditionError(
                    f"a Secret of this name is there and is not ours: {why}",
                    code="E_NAME_TAKEN",
                    where=str(ref),
                    hint=f"ask who made it; if nothing uses it, {kubectl('delete', ref)}, then `bootstrap up`",
                )
            )
        if seen.changes:
            return Act("let Vault serve: lasting certificates, unsealer, peers", seen.changes)
        return Satisfied(
            "unsealer beside each Vault" if self._unsealer else "the holders unseal (offline custody)"
        )

    def act(self, seen: Observation) -> None:
        cluster = self.world.cluster
        self._certificates()
        if self._unsealer:
            self._give_share()
        live = cluster.get(Ref("apps/v1", "StatefulSet", "vault", self.spec.namespace))
        for obj in [*self._base(), self._shape(live)]:
            applied(self.world, obj)
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
            unseal_secret=unseal_ref(self.world).name,
        )

    def _serves(self, pod: Object) -> bool:
        volumes = {v["name"]: v for v in pod["spec"]["volumes"]}
        right = volumes["tls"]["secret"]["secretName"] == VAULT_TLS
        return right and (len(pod["spec"]["containers"]) == (2 if self._unsealer else 1))

    def _back(self) -> bool:
        pod = self.world.cluster.get(Ref("v1", "Pod", "vault-0", self.spec.namespace))
        if pod is None or not self._serves(pod) or pod["metadata"].get("deletionTimestamp"):
            return False
        status = self.world.session.seal_status("vault-0")
        return status is not None and (not status.sealed or not self._unsealer)

    def _lacking(self) -> bool:
        found = self.world.cluster.get(self.tls)
        return found is None or any(f"{p}.crt" not in found["data"] for p in self.peers)

    def _certificates(self) -> None:
        """Leaves that are there stay; a peer without one gets one."""
        found = self.world.cluster.get(self.tls)
        missing = [p for p in self.peers if found is None or f"{p}.crt" not in found["data"]]
        if not missing:
            return
        made = tls_secret(self.world, self.tls, {p: certificate_names(self.spec, p) for p in missing})
        if found is None:
            expect(self.world.cluster.create(made), self.tls)
            return
        made["data"] = found["data"] | made["data"]
        made["metadata"]["resourceVersion"] = found["metadata"]["resourceVersion"]
        expect(self.world.cluster.replace(made), self.tls)

    def _give_share(self) -> None:
        ref = unseal_ref(self.world)
        if self.world.cluster.get(ref) is not None:
            return
        window = WindowStore(self.world.cluster).read()
        share = Slots(self.world.cluster, window.volume).read(Slots.SHARE) if window else None
        if share is None:
            raise WorldError("the share's slot is gone", code="E_SLOT", where="namespace bootstrap-system")
        opened: Sensitive = self.world.material.unseal_key().decrypt(share.ciphertext())
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "immutable": True,
            "metadata": {"name": ref.name, "namespace": ref.namespace, "labels": labels("unseal-key")},
            "data": {"key": opened},
        }
        expect(self.world.cluster.create(secret), ref)


def _holds_share(secret: Object) -> bool:
    return is_ours(secret) and secret.get("immutable") is True and set(secret.get("data") or {}) == {"key"}
