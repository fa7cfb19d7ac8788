"""What a drill leaves out, and the cluster as it writes to it: nothing of a rehearsal reaches out (INV1, INV6).

The rehearsed platform reads what it has and starts nothing that acts: no PushSecret, no snapshots of its own, no
workload. Vault's way out is the API server, its peers and DNS. Whether that is enforced is up to the cluster's network.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from bootstrap.intent.manifests import committed_objects
from bootstrap.model.catalog import Consumer, Intent, Secret
from bootstrap.model.errors import EvidenceError, PreconditionError
from bootstrap.ports import Object, Ref, Refused
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.look import SharedCluster

OUTWARD: Final = ("PushSecret", "CronJob")  # kinds that act on others by themselves
SERVICE: Final = Ref("v1", "Service", "kubernetes", "default")
ENDPOINTS: Final = Ref("discovery.k8s.io/v1", "EndpointSlice", "kubernetes", "default")
DNS: Final = 53


def inward(intent: Intent, heads: Mapping[str, bytes]) -> Intent:
    """The same platform without what acts by itself; ``heads`` are all that are known of it.

    No consumer names a workload, since none is started: retirement does not wait for one.
    """
    return replace(
        intent,
        platform=replace(intent.platform, workloads=(), snapshots=None),
        secrets=tuple(_unused(secret) for secret in intent.secrets),
        internals=(),
        heads=heads,
    )


def _unused(secret: Secret) -> Secret:
    return replace(secret, consumers=tuple(_waited_for_by_none(c) for c in secret.consumers))


def _waited_for_by_none(consumer: Consumer) -> Consumer:
    return replace(consumer, workload=None)


def refuse_outward(intent: Intent) -> None:
    """EvidenceError E_DRILL_OUTWARD where what a drill does apply of the commit's manifests acts by itself."""
    folder = intent.platform.external_secrets.manifests.rstrip("/")
    for path, data in sorted(intent.manifests.items()):
        if folder and path.startswith(f"{folder}/"):
            for obj in committed_objects(path, data):
                if obj["kind"] in OUTWARD:
                    raise _outward(obj)


def _outward(obj: Object) -> EvidenceError:
    return EvidenceError(
        f"a drill would make {ref_of(obj)}, which acts on other systems by itself",
        code="E_DRILL_OUTWARD",
        where=str(ref_of(obj)),
        hint="take it out of the manifests of External Secrets Operator: a platform's own belong to"
        " components.workloads, which a drill does not apply",
    )


class InwardCluster(SharedCluster):
    """A cluster that takes no object which acts outward, and in whose network policies a port that is open to
    everywhere, but for DNS, is open to the API server alone."""

    def create(self, obj: Object) -> Object | Refused:
        return super().create(self._inward(obj))

    def apply(self, obj: Object, *, force: bool = False) -> Object | Refused:
        return super().apply(self._inward(obj), force=force)

    def differs(self, obj: Object, live: Object | None = None) -> bool:
        return super().differs(self._inward(obj), live)

    def _inward(self, obj: Object) -> Object:
        if obj["kind"] in OUTWARD:
            raise _outward(obj)
        return self._narrowed(obj) if obj["kind"] == "NetworkPolicy" else obj

    def _narrowed(self, policy: Object) -> Object:
        rules = policy["spec"].get("egress") or []
        if not any(_is_open(rule) for rule in rules):
            return policy
        there = {"to": [{"ipBlock": {"cidr": block}} for block in self.api_server()]}
        narrow = [rule | there if _is_open(rule) else rule for rule in rules]
        return {**policy, "spec": {**policy["spec"], "egress": narrow}}

    def api_server(self) -> tuple[str, ...]:
        """Where pods meet the API server, each as a CIDR. PreconditionError E_DRILL_API where it is not to be read."""
        found = sorted({*self._addresses()})
        if not found:
            raise PreconditionError(
                "the addresses of the API server are not to be read, so Vault's way out cannot be narrowed to it",
                code="E_DRILL_API",
                where=str(ENDPOINTS),
                hint=f"the identity of the kubeconfig reads {SERVICE} and {ENDPOINTS}",
            )
        return tuple(found)

    def _addresses(self) -> Iterator[str]:
        service, endpoints = self.get(SERVICE) or {}, self.get(ENDPOINTS) or {}
        named: list[str] = [*service.get("spec", {}).get("clusterIPs", ())]
        for endpoint in endpoints.get("endpoints") or ():
            named += endpoint.get("addresses") or ()
        return (f"{address}/{128 if ':' in address else 32}" for address in named)


def _is_open(rule: Mapping[str, Any]) -> bool:
    ports = rule.get("ports")
    return not rule.get("to") and (not ports or any(each.get("port") != DNS for each in ports))
