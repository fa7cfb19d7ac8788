"""What is known in the cluster of a restore."""

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import NONCE, Record, RecordType
from bootstrap.model.restoration import Restoration
from bootstrap.ports import Cluster, Ref
from bootstrap.steps.context.names import RESTORATION, SYSTEM_NAMESPACE
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.presence import is_alive
from bootstrap.steps.vault.states import StateStore

REF = Ref("v1", "ConfigMap", RESTORATION, SYSTEM_NAMESPACE)
FILE = "file"  # a detail of a RESTORED record: the snapshot's digest


class RestorationStore(StateStore[Restoration]):
    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster, REF, "restore", Restoration.from_data, "E_RESTORE")


def restored(ledger: Ledger) -> tuple[Record, ...]:
    """The RESTORED records of the last restore that is on record."""
    found = [record for record in ledger.records if record.fact.type is RecordType.RESTORED]
    last = found[-1].fact.details.get(NONCE) if found else None
    return tuple(record for record in found if record.fact.details.get(NONCE) == last)


def is_back(world: World, ledger: Ledger, digest: str) -> bool:
    """Whether the Vault that is here came from that file; one that was lost since can come from it again."""
    recorded = any(record.fact.details.get(FILE) == digest for record in restored(ledger))
    return recorded and is_alive(world)


def under_way(cluster: Cluster, ledger: Ledger) -> Restoration | None:
    """The restore that was begun and is not on record yet."""
    now = RestorationStore(cluster).read()
    if now is None or any(record.fact.details.get(NONCE) == now.nonce for record in restored(ledger)):
        return None
    return now
