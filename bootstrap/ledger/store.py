"""The cluster's copy of the ledger: create-only, immutable ConfigMaps, named by position in the chain.

One ``append`` is one object (several, when it exceeds ``LIMIT``); an object is there whole or not at all. A
lost race is seen by the 409, a lost answer by a look; both end in the same way, so no batch is ever written
twice or between the records of another (H1).
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from bootstrap.ledger import batch, chain
from bootstrap.ledger.batch import Batch
from bootstrap.ledger.chain import Entry, Ledger
from bootstrap.ledger.countersigning import Countersigner
from bootstrap.ledger.envelope import PublicKey, accepts
from bootstrap.ledger.record import NONCE, Fact, Record, RecordType, Writer
from bootstrap.ledger.verified import Verified
from bootstrap.ledger.versions import accepted, explained
from bootstrap.model.errors import EvidenceError, HeldError, UnknownOutcome, WorldError
from bootstrap.model.names import MANAGED_BY, OURS, SYSTEM_NAMESPACE
from bootstrap.ports import Clock, Cluster, Object, Reason, Ref, Refused, Signer
from bootstrap.waiting import NotYet, retry

LABEL = "bootstrap.dev/ledger"
LABELS = {MANAGED_BY: OURS, LABEL: "batch"}
TRIES = 5  # of one write
VaultSigner = Callable[[Countersigner], Signer]
RETRY_FOR = 60.0  # seconds within which a further one begins
PAUSE = 0.2  # seconds before it
T = TypeVar("T")


class LedgerStore:
    """Reads and extends the ledger in the cluster. For one thread: group commit is the caller's.

    ``signer`` and ``run`` are asked at the first ``append`` only: reading needs neither root key nor lock. ``vault``
    gives Vault's signer by the key that is announced, once for each batch.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        key: PublicKey,
        clock: Clock,
        signer: Callable[[], Signer],
        vault: VaultSigner,
        run: Callable[[], Writer],
    ) -> None:
        self._cluster = cluster
        self._signer = signer
        self._vault = vault
        self.verified = Verified(key)
        self._clock = clock
        self._run = run
        self._ledger: Ledger | None = None
        self._batches: list[Batch] = []  # those of which it is made

    def load(self) -> Ledger:
        """All records, read anew and wholly verified (EvidenceError otherwise)."""
        self._batches = list(stored(self._cluster))
        self._ledger = self.verified.read(_envelopes(self._batches))
        return self._ledger

    def batches(self) -> tuple[Batch, ...]:
        """The objects of which ``caught_up`` is made."""
        self.caught_up()
        return tuple(self._batches)

    def caught_up(self) -> Ledger:
        """All records: read once, then only what has come behind them is looked for. No object changes, and
        each is named by its place, so the next place tells."""
        if self._ledger is None:
            return self.load()
        while (more := self._next(self._ledger)) is not None:
            self._batches.append(more)
            self._ledger = self.verified.read(_envelopes(self._batches))
        return self._ledger

    def _next(self, ledger: Ledger) -> Batch | None:
        name = batch.name_at(ledger.chain.size)
        live = self._cluster.get(_ref(name))
        return None if live is None else Batch.parse(name, _content(live))

    def current(self) -> Ledger:
        """The ledger as last loaded or appended to; loaded when it was not yet."""
        return self._ledger or self.load()

    def append(self, facts: Sequence[Fact]) -> tuple[Record, ...]:
        """Make ``facts`` durable, in order, and return the records that were written, Vault's own among them.

        HeldError E_LEDGER_RACED when another run recorded the same COMMIT meanwhile, or does not cease to
        write; WorldError E_LEDGER_WRITE when the server refuses; EvidenceError when a fact breaks a rule.
        """
        written: list[Entry] = []
        done = 0
        while done < len(facts):
            entries, count = self._append_one(facts[done:])
            written, done = [*written, *entries], done + count
        return tuple(entry.record for entry in written)

    def _append_one(self, facts: Sequence[Fact]) -> tuple[Sequence[Entry], int]:
        """What was written, and how many of ``facts`` are among it."""
        before: Ledger | None = None

        def once() -> tuple[Sequence[Entry], int]:
            nonlocal before
            ledger = self.current()
            if before is not None and ledger.chain == before.chain:
                raise _foreign(batch.name_at(ledger.chain.size))
            _refuse_raced(facts, ledger)
            signed = self._sign(facts, ledger)
            entries = (*signed, *self._countersigned(ledger, signed))
            extended = ledger.extended(entries)  # the rules hold before anything is written
            # Until the outcome is known, nothing is: what was loaded may be one batch old.
            before, self._ledger = ledger, None
            if not self._create(Batch.of(entries)):
                raise NotYet(_without_pause())
            self._ledger = self.verified.keep(extended)
            self._batches.append(Batch.of(entries))
            return entries, len(signed)

        return self._again(once)

    def _sign(self, facts: Sequence[Fact], ledger: Ledger) -> tuple[Entry, ...]:
        time = self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        entries = chain.write(facts, after=ledger.chain, run=self._run(), time=time, signer=self._signer())
        return batch.fitting(entries)

    def _countersigned(self, ledger: Ledger, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
        """Vault's entry behind ``entries``, where a key of it is announced. EvidenceError E_COUNTERSIGN: it signed
        with another one."""
        after = ledger.extended(entries)
        named = after.meaning.countersigning.current
        if named is None:
            return ()
        last = entries[-1].record
        entry = chain.countersigned(after, run=last.run, time=last.time, signer=self._vault(named))
        if not accepts(entry.envelope, named.key, "the countersignature"):
            raise EvidenceError(
                f"Vault signs with another key than {named}, which the ledger announces",
                code="E_COUNTERSIGN",
                where=f"{named.mount}/keys/{named.name}",
                hint="find out who made another key of this name (Vault's audit log), or which snapshot was restored",
            )
        return (entry,)

    def _create(self, wanted: Batch) -> bool:
        """True when this batch is in the cluster, False when another one has its place."""

        def once() -> bool:
            try:
                answer = self._cluster.create(_config_map(wanted))
            except UnknownOutcome:
                answer = Refused(Reason.EXISTS)  # perhaps: look
            if not isinstance(answer, Refused):
                return True
            if answer.reason is not Reason.EXISTS:
                raise _refused(wanted, answer)
            live = self._cluster.get(_ref(wanted.name))
            if live is not None:
                return _content(live) == wanted.content
            # not applied; the same object again is safe, whatever of the first request is still under way
            raise NotYet(_refused(wanted, Refused(Reason.NOT_FOUND, "created, but not there")))

        return self._again(once)

    def _again(self, once: Callable[[], T]) -> T:
        """Only what ``once`` calls not yet: an error of the cluster leaves at once."""
        return retry(once, clock=self._clock, seconds=RETRY_FOR, pause=PAUSE, tries=TRIES, errors=())


def load(cluster: Cluster, key: PublicKey) -> Ledger:
    """The cluster's ledger, wholly verified; empty when there is none."""
    return chain.read(_envelopes(stored(cluster)), key)


def stored(cluster: Cluster) -> tuple[Batch, ...]:
    """The batches as they lie in the cluster, by name; EvidenceError E_BATCH for one that is none."""
    found = cluster.list("v1", "ConfigMap", SYSTEM_NAMESPACE, f"{LABEL}=batch")
    batches = (Batch.parse(str(each["metadata"]["name"]), _content(each)) for each in found)
    return tuple(sorted(batches, key=lambda each: each.name))


def restore(cluster: Cluster, batches: Sequence[Batch]) -> tuple[str, ...]:
    """Create those of ``batches`` that the cluster lacks, byte for byte; their names. Safe to repeat.

    The caller has verified them. EvidenceError E_FORK when another batch has one's place.
    """
    present = {each.name: each.content for each in stored(cluster)}
    made = []
    for each in batches:
        if each.name not in present:
            _restore_one(cluster, each)
            made.append(each.name)
        elif present[each.name] != each.content:
            raise _fork(each)
    return tuple(made)


def _restore_one(cluster: Cluster, wanted: Batch) -> None:
    try:
        answer = cluster.create(_config_map(wanted))
    except UnknownOutcome:
        answer = Refused(Reason.EXISTS)
    if not isinstance(answer, Refused):
        return
    live = cluster.get(_ref(wanted.name)) if answer.reason is Reason.EXISTS else None
    if live is None:
        raise _refused(wanted, answer)
    if _content(live) != wanted.content:
        raise _fork(wanted)


def _envelopes(batches: Sequence[Batch]) -> tuple[bytes, ...]:
    """All envelopes in order; EvidenceError E_CHAIN when an object is missing or misnamed."""
    found: list[bytes] = []
    for each in batches:
        if each.name != batch.name_at(len(found)):
            raise EvidenceError(
                f"{each.name} stands where {batch.name_at(len(found))} belongs",
                code="E_CHAIN",
                where=f"ConfigMap {SYSTEM_NAMESPACE}/{each.name}",
            )
        found.extend(each.envelopes)
    return tuple(found)


def _ref(name: str) -> Ref:
    return Ref("v1", "ConfigMap", name, SYSTEM_NAMESPACE)


def _config_map(wanted: Batch) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": wanted.name, "namespace": SYSTEM_NAMESPACE, "labels": dict(LABELS)},
        "immutable": True,
        "data": {batch.KEY: wanted.content.decode("utf-8")},
    }


def _content(obj: Object) -> bytes:
    return str((obj.get("data") or {}).get(batch.KEY, "")).encode("utf-8")


def _refuse_raced(facts: Sequence[Fact], ledger: Ledger) -> None:
    for fact in facts:
        if fact.type is RecordType.RESTORED and fact.details.get(NONCE) in _restores(ledger):
            raise _raced("this restore", "on record")
        version = accepted(fact)
        if fact.type is RecordType.COMMIT and fact.subject in ledger.meaning.commits:
            raise _raced(fact.subject, "committed")
        if version is not None and version[1] in explained(ledger)[version[0]]:
            raise _raced(f"{version[0]} version {version[1]}", "on record")


def _restores(ledger: Ledger) -> frozenset[str | None]:
    return frozenset(r.fact.details.get(NONCE) for r in ledger.records if r.fact.type is RecordType.RESTORED)


def _raced(what: str, how: str) -> HeldError:
    return HeldError(
        f"{what} is already {how} in the ledger",
        code="E_LEDGER_RACED",
        where=what,
        hint="another run recorded it: bootstrap status, then bootstrap up",
    )


def _without_pause() -> HeldError:
    return HeldError(
        "another run writes to the ledger without pause",
        code="E_LEDGER_RACED",
        where=f"namespace {SYSTEM_NAMESPACE}",
        hint="bootstrap status",
    )


def _foreign(name: str) -> EvidenceError:
    where = f"ConfigMap {SYSTEM_NAMESPACE}/{name}"
    return EvidenceError("a foreign object has the ledger's next place", code="E_BATCH", where=where)


def _refused(wanted: Batch, answer: Refused) -> WorldError:
    where = f"ConfigMap {SYSTEM_NAMESPACE}/{wanted.name}"
    why = f"{answer.reason.value} {answer.detail}".rstrip()
    return WorldError(f"the ledger cannot be written: {why}", code="E_LEDGER_WRITE", where=where)


def _fork(wanted: Batch) -> EvidenceError:
    return EvidenceError(
        f"{wanted.name} in the cluster and in its copy differ: two histories",
        code="E_FORK",
        where=f"ConfigMap {SYSTEM_NAMESPACE}/{wanted.name}",
        hint="bootstrap ledger verify with each exported bundle tells which one it belongs to",
    )
