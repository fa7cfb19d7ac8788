"""The ledger as the steps use it: what is recorded, and making facts durable under this run's name."""

from collections.abc import Callable, Sequence

from bootstrap.ledger import store
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.record import Fact, Record, RecordType, Writer
from bootstrap.ledger.store import LedgerStore
from bootstrap.model import layout
from bootstrap.ports import Clock, Cluster, RootMaterial


class Transfers:
    """``run`` gives the writer's name at the time of writing: the epoch is known only once the lock is held."""

    def __init__(
        self, cluster: Cluster, key: bytes, material: RootMaterial, clock: Clock, run: Callable[[], Writer]
    ) -> None:
        self._cluster = cluster
        self._key = key
        self._material = material
        self._clock = clock
        self._run = run
        self._store: LedgerStore | None = None

    @property
    def key(self) -> PublicKey:
        return PublicKey.parse(self._key, layout.LEDGER_KEY)

    def read(self) -> Ledger:
        """The cluster's copy, wholly verified; EvidenceError where it does not hold."""
        return store.load(self._cluster, self.key)

    def append(self, facts: Sequence[Fact]) -> tuple[Record, ...]:
        """Durable when it returns. Needs the root (the ledger key is root material)."""
        if not facts:
            return ()
        if self._store is None:
            self._store = LedgerStore(
                self._cluster,
                signer=self._material.signer,
                key=self.key,
                clock=self._clock,
                run=self._run,
            )
        return self._store.append(facts)

    def reopen(self) -> None:
        """Forget what was read: the cluster's copy was rebuilt."""
        self._store = None


def named(ledger: Ledger, record_type: RecordType) -> dict[str, Record]:
    """Secret name to its record of this type (the last one, for INTENT), under the authority that holds now."""
    return {r.fact.secret.name: r for r in ledger.current if r.fact.type is record_type and r.fact.secret}
