"""The ledger as the steps use it: what is recorded, and making facts durable under this run's name."""

from collections.abc import Callable, Sequence
from functools import cached_property

from bootstrap.ledger.batch import Batch
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.record import Fact, Record, RecordType, Writer
from bootstrap.ledger.store import LedgerStore, VaultSigner
from bootstrap.model import layout
from bootstrap.ports import Clock, Cluster, RootMaterial


class Transfers:
    """``run`` gives the writer's name at the time of writing: the epoch is known only once the lock is held. ``vault``
    gives Vault's signer, by the key that the ledger announces.

    A signature is checked once, by the process that first sees it.
    """

    def __init__(
        self,
        cluster: Cluster,
        key: bytes,
        material: RootMaterial,
        clock: Clock,
        run: Callable[[], Writer],
        vault: VaultSigner,
    ) -> None:
        self._cluster = cluster
        self._key = key
        self._material = material
        self._clock = clock
        self._run = run
        self._vault = vault

    @cached_property
    def key(self) -> PublicKey:
        return PublicKey.parse(self._key, layout.LEDGER_KEY)

    @cached_property
    def _store(self) -> LedgerStore:
        return LedgerStore(
            self._cluster,
            signer=self._material.signer,
            vault=self._vault,
            key=self.key,
            clock=self._clock,
            run=self._run,
        )

    def seen(self, ledger: Ledger) -> None:
        """One whose signatures this process has checked already, by the same key: a snapshot's."""
        self._store.verified.keep(ledger)

    def read(self) -> Ledger:
        """The cluster's copy, wholly verified; EvidenceError where it does not hold."""
        return self._store.caught_up()

    def stored(self) -> tuple[Batch, ...]:
        """The cluster's batches, of which ``read`` is made."""
        return self._store.batches()

    def verified(self, batches: Sequence[Batch]) -> Ledger:
        """The ledger that these batches are, of whichever copy; EvidenceError where it does not hold."""
        return self._store.verified.read(each for batch in batches for each in batch.envelopes)

    def append(self, facts: Sequence[Fact]) -> tuple[Record, ...]:
        """Durable when it returns. Needs the root (the ledger key is root material), and Vault once its key is
        announced."""
        return self._store.append(facts)

    def reopen(self) -> None:
        """Read anew from the start: the cluster's copy was rebuilt."""
        self._store.load()


def named(ledger: Ledger, record_type: RecordType) -> dict[str, Record]:
    """Secret name to its record of this type (the last one, for INTENT), under the authority that holds now."""
    return {r.fact.secret.name: r for r in ledger.current if r.fact.type is record_type and r.fact.secret}
