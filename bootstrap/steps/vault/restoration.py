"""What is known in the cluster of a restore: one ConfigMap, changed by compare-and-swap only."""

from contextlib import suppress

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import NONCE, Record, RecordType
from bootstrap.model.errors import UnknownOutcome, WorldError
from bootstrap.model.restoration import Restoration
from bootstrap.ports import Cluster, Object, Ref, Refused
from bootstrap.steps.context.names import RESTORATION, SYSTEM_NAMESPACE, labels
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.presence import is_alive
from bootstrap.steps.vault.swapped import swapped

REF = Ref("v1", "ConfigMap", RESTORATION, SYSTEM_NAMESPACE)
FILE = "file"  # a detail of a RESTORED record: the snapshot's digest


class RestorationStore:
    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    def read(self) -> Restoration | None:
        found = self.cluster.get(REF)
        return Restoration.from_data(found["data"]) if found else None

    def begin(self, wanted: Restoration, before: Restoration | None) -> None:
        """Puts it there, in the place of one that is over; the caller looks what is there afterwards."""
        if before is not None:
            self.swap(before, wanted)
            return
        with suppress(UnknownOutcome):  # the next look tells
            answer = self.cluster.create(self._object(wanted))
            if isinstance(answer, Refused) and self.read() is None:
                raise WorldError(
                    f"what is known of a restore cannot be written: {answer.reason} {answer.detail}",
                    code="E_RESTORE",
                    where=str(REF),
                    hint="`bootstrap doctor` lists what is missing",
                )

    def swap(self, before: Restoration, after: Restoration) -> bool:
        """True when it went from ``before`` to ``after`` by this very call."""
        return swapped(self.cluster, self._object(after), lambda data: Restoration.from_data(data) == before)

    def _object(self, now: Restoration) -> Object:
        meta = {"name": RESTORATION, "namespace": SYSTEM_NAMESPACE, "labels": labels("restore")}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": now.to_data()}


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
