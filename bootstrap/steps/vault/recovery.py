"""What is known in the cluster of a quorum that is being recovered."""

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import RecordType
from bootstrap.model.recovery import Recovery
from bootstrap.ports import Cluster, Ref
from bootstrap.steps.context.names import RECOVERY, SYSTEM_NAMESPACE
from bootstrap.steps.vault.states import StateStore

REF = Ref("v1", "ConfigMap", RECOVERY, SYSTEM_NAMESPACE)
WHICH = "recovery"  # a detail of the ACCEPTED record: the nonce


class RecoveryStore(StateStore[Recovery]):
    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster, REF, "recovery", Recovery.from_data, "E_RECOVERY")


def under_way(cluster: Cluster, ledger: Ledger) -> Recovery | None:
    """The recovery that was begun and is not on record yet."""
    now = RecoveryStore(cluster).read()
    return None if now is None or _is_recorded(ledger, now) else now


def _is_recorded(ledger: Ledger, now: Recovery) -> bool:
    accepted = (r.fact.details for r in ledger.records if r.fact.type is RecordType.ACCEPTED)
    return any(details.get(WHICH) == now.nonce for details in accepted)
