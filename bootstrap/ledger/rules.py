"""What a sequence of records must mean, apart from signatures and hashes (H1, H4, INV4).

* COMMIT follows an INTENT for the same secret at the same place with the same commitments.
* At most one COMMIT for one place; RETIRED follows the COMMIT of that place.
* ACCEPTED of a version that `bootstrap set` wrote follows an INTENT for the same place with the same commitments.
* CONFIGURED follows a CONFIGURING of the same change, once.
* Which key signs a record of which type, and where Vault countersigns: ``countersigning.py``.
* A chain belongs to one cluster; only REBUILT, RESTORED and NEW-AUTHORITY take it to another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bootstrap.ledger.countersigning import Countersignatures, Countersigning, Signed
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.record import Audit, Record, RecordType
from bootstrap.model.errors import EvidenceError

HOW, SET = "how", "set"  # a detail of an ACCEPTED record: this program wrote the version itself
Commitments = frozenset[tuple[str, str]]
_MOVES = (RecordType.REBUILT, RecordType.RESTORED, RecordType.NEW_AUTHORITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What earlier records established; ``intents`` and ``commits`` are keyed by (subject, secret name).

    ``changing`` are changes of Vault's configuration (``audit.txn``) that were announced and not ended.
    """

    cluster: str = ""
    intents: Mapping[tuple[str, str], frozenset[Commitments]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    commits: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    changing: tuple[str, ...] = ()
    countersigning: Countersigning = field(default_factory=Countersigning)


class Rules:
    """Holds one record after another to what the earlier ones established."""

    def __init__(self, known: Meaning) -> None:
        self._cluster = known.cluster
        self._intents, self._commits = dict(known.intents), dict(known.commits)
        self._changing = list(known.changing)
        self._countersignatures = Countersignatures(known.countersigning)

    @property
    def meaning(self) -> Meaning:
        return Meaning(
            cluster=self._cluster,
            intents=self._intents,
            commits=self._commits,
            changing=tuple(self._changing),
            countersigning=self._countersignatures.state,
        )

    @property
    def countersigner(self) -> PublicKey | None:
        """Of the present key, by which the next record may be signed."""
        current = self._countersignatures.current
        return current.key if current is not None else None

    def add(self, record: Record, signed: Signed) -> None:
        """EvidenceError E_CHAIN when it breaks a rule; errors of ``Countersignatures.add``."""
        self._countersignatures.add(record, signed)
        self._cluster = _cluster(record, self._cluster)
        if record.fact.type is RecordType.INTENT:
            known = self._intents.get(_key(record), frozenset())
            self._intents[_key(record)] = known | {_commitments(record)}
        elif record.fact.type is RecordType.COMMIT:
            _commit(record, self._intents, self._commits)
        elif record.fact.type is RecordType.RETIRED:
            _retired(record, self._commits)
        elif record.fact.type is RecordType.ACCEPTED:
            _accepted(record, self._intents)
        else:
            _configuration(record, self._changing)


def _key(record: Record) -> tuple[str, str]:
    return record.subject, record.fact.secret.name if record.fact.secret else ""


def _commitments(record: Record) -> Commitments:
    return frozenset(record.fact.commitments.items())


def _cluster(record: Record, cluster: str) -> str:
    if cluster and record.run.cluster != cluster and record.fact.type not in _MOVES:
        raise _broken(record, "it names another cluster, and nothing before it says why")
    return record.run.cluster


def _commit(
    record: Record, intents: Mapping[tuple[str, str], frozenset[Commitments]], commits: dict[str, str]
) -> None:
    if record.subject in commits:
        raise _broken(record, f"a second COMMIT for {record.subject}")
    if _commitments(record) not in intents.get(_key(record), frozenset()):
        raise _broken(record, "a COMMIT without an earlier INTENT for the same value")
    commits[record.subject] = _key(record)[1]


def _retired(record: Record, commits: Mapping[str, str]) -> None:
    if commits.get(record.subject) != _key(record)[1]:
        raise _broken(record, "a RETIRED without an earlier COMMIT for the same secret")


def _accepted(record: Record, intents: Mapping[tuple[str, str], frozenset[Commitments]]) -> None:
    fact = record.fact
    if fact.details.get(HOW) != SET:
        return
    place = (fact.destination.subject if fact.destination else "", _key(record)[1])
    if not fact.commitments or _commitments(record) not in intents.get(place, frozenset()):
        raise _broken(record, "an ACCEPTED version without an earlier INTENT for the same value")


def _configuration(record: Record, changing: list[str]) -> None:
    audit = record.fact.audit
    txn = audit.txn if isinstance(audit, Audit) else ""
    if record.fact.type is RecordType.CONFIGURING:
        changing.append(txn)
    elif record.fact.type is RecordType.CONFIGURED:
        if txn not in changing:
            raise _broken(record, "a CONFIGURED without an earlier CONFIGURING of the same change")
        changing.remove(txn)


def _broken(record: Record, why: str) -> EvidenceError:
    return EvidenceError(f"record {record.seq}: {why}", code="E_CHAIN", where=f"record {record.seq}")
