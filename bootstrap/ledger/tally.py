"""A report made while a ledger is gone through: of each secret its line, and no more records than it needs (OK3)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.completeness import Completeness
from bootstrap.ledger.countersigning import Countersigning, rests
from bootstrap.ledger.head import Head
from bootstrap.ledger.record import Audit, Fact, Record, RecordType
from bootstrap.ledger.report import NoteLine, Report, SecretLine, VersionLine
from bootstrap.ledger.rules import HOW
from bootstrap.ledger.versions import BY, REASON, VERSION, accepted, same_fields
from bootstrap.model.catalog import Renew

GENERATED = "generated"  # a detail of a COMMIT: names of the fields made anew, blank-separated


def report_of(ledger: Ledger, head: Head, *, verified: bool) -> Report:
    """What the records of ``ledger`` say, whose head is ``head``."""
    tally = Tally()
    for record in ledger.records:
        tally.add(record)
    return tally.report(head, ledger.meaning.countersigning, verified=verified)


class Tally:
    """Counts, notes, and for each secret at each place what its line is made of."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._stories: dict[tuple[str, str], _Story] = {}
        self._changes: dict[str, list[tuple[int, Record]]] = {}
        self._notes: list[NoteLine] = []
        self._begun, self._missing = -1, 0

    def add(self, record: Record) -> None:
        fact = record.fact
        self._counts[fact.type.value] += 1
        if fact.type is RecordType.COMMIT:
            self._missing += not isinstance(fact.audit, Audit)
        elif fact.type is RecordType.NEW_AUTHORITY:
            self._begun = record.seq
        if fact.of_handover and fact.secret is not None:
            self._stories.setdefault((fact.secret.name, record.subject), _Story()).add(record)
        if not fact.of_handover and fact.type is not RecordType.COUNTERSIGNED:
            self._notes.append(_note(record))
        if (version := accepted(fact)) is not None:
            self._changes.setdefault(version[0], []).append((version[1], record))

    def report(
        self,
        head: Head,
        countersigning: Countersigning,
        *,
        verified: bool,
        completeness: Completeness | None = None,
    ) -> Report:
        """Once: what a line was made of is gone with it."""
        return Report(
            verified=verified,
            completeness=completeness,
            cluster=head.cluster,
            environment=head.environment,
            vault_cluster=head.vault_cluster,
            size=head.size,
            last=head.last,
            root=head.root,
            time=head.time,
            counts=dict(sorted(self._counts.items())),
            secrets=tuple(
                self._stories.pop(key).line(self._begun, self._changed(key[0]))
                for key in sorted(self._stories)
            ),
            notes=tuple(self._notes),
            countersigner=str(countersigning.current or ""),
            rests_on=self._rests_on(countersigning),
        )

    def _changed(self, name: str) -> tuple[Record, ...]:
        """The ACCEPTED records of this secret's later versions, the newest version last."""
        found = self._changes.get(name, ())
        return tuple(record for _, record in sorted(found, key=lambda each: each[0]))

    def _rests_on(self, countersigning: Countersigning) -> tuple[str, ...]:
        commits = self._counts[RecordType.COMMIT.value]
        found = (
            *rests(countersigning, self._counts.total()),
            "times and actors are what the run saw; order is the chain's",
            "equality of values needs the commitment key, audit lines need Vault's audit log",
        )
        if not self._missing:
            return found
        return (
            *found,
            f"{self._missing} of {commits} COMMIT records have no audit line in Vault's log any more",
        )


@dataclass(slots=True)
class _Story:
    """What happened to one secret at one place. ``leading`` is its last COMMIT, or its last record where there is none;
    of the others only times and residuals are kept, and how it was retired."""

    leading: Record | None = None
    retire: str = ""
    declared: str = ""
    seqs: list[int] = field(default_factory=list)
    last: dict[RecordType, tuple[str, tuple[str, ...]]] = field(default_factory=dict)  # time, residuals

    def add(self, record: Record) -> None:
        fact = record.fact
        self.seqs.append(record.seq)
        self.last[fact.type] = record.time, fact.residuals
        if fact.type is RecordType.COMMIT or RecordType.COMMIT not in self.last:
            self.leading = record
        if fact.type is RecordType.RETIRED:
            self.retire, self.declared = _how(fact), _declared(fact)

    def line(self, begun: int, changes: Sequence[Record]) -> SecretLine:
        """``begun``: what was recorded before it is of a Vault that is lost."""
        leading = self.leading
        assert leading is not None
        fact = leading.fact
        assert fact.secret is not None
        assert fact.git is not None
        lost, audit, later = self.seqs[-1] < begun, fact.audit, _of_place(changes, leading)
        return SecretLine(
            name=fact.secret.name,
            secret_class=fact.secret.secret_class.value,
            owner=fact.secret.owner,
            commit=fact.git.commit,
            file=fact.git.path,
            blob=fact.git.blob,
            destination=leading.subject,
            authority="lost" if lost else "Vault" if RecordType.COMMIT in self.last else "Git",
            intent=self._time(RecordType.INTENT),
            committed=self._time(RecordType.COMMIT),
            retired=self._time(RecordType.RETIRED),
            actor=leading.run.actor,
            txn=audit.txn if isinstance(audit, Audit) else "",
            audit=audit.write_request_id if isinstance(audit, Audit) else audit or "",
            renew=fact.renew.value if fact.renew else "",
            retire=self.retire,
            residuals=tuple(sorted({each for _, found in self.last.values() for each in found})),
            note=f"of a Vault that was given up: record {begun}"
            if lost
            else (_replaced(leading, later[-1]) if later else _still_live(leading)) + self.declared,
            seqs=tuple(self.seqs),
            versions=tuple(_version(record) for record in later),
        )

    def _time(self, kind: RecordType) -> str:
        return self.last.get(kind, ("", ()))[0]


def _of_place(changes: Sequence[Record], leading: Record) -> tuple[Record, ...]:
    """Those in the same Vault: a secret can be handed over again, to another one."""
    to = leading.fact.destination
    return tuple(c for c in changes if to and c.fact.destination and c.fact.destination.cluster == to.cluster)


def _version(record: Record) -> VersionLine:
    details = record.fact.details
    return VersionLine(
        version=int(details[VERSION]),
        time=record.time,
        actor=details.get(BY, record.run.actor),
        how=details.get(HOW, ""),
        reason=details.get(REASON, ""),
        seq=record.seq,
    )


def _how(retired: Fact) -> str:
    """The mode, where there was a bootstrap copy in the cluster to retire."""
    assert retired.retire is not None
    return retired.retire.value if retired.source else "no copy in the cluster"


def _still_live(leading: Record) -> str:
    if leading.fact.type is not RecordType.COMMIT:
        return "the handover is not finished: Git is the authority"
    if leading.fact.renew is Renew.KEEP:
        return "kept: the value in Git history is the one in Vault, until it is rotated there"
    if leading.fact.renew is not Renew.GENERATE:
        return "the value in Git history is still live until it is reissued"
    made = leading.fact.details.get(GENERATED, "").split()
    if not made:
        return "made anew at handover; a field that was not is still live in Git history"
    kept = sorted(set(leading.fact.commitments) - set(made))
    if kept:
        return f"{', '.join(kept)} in Git history still live until reissued; the other fields were made anew"
    return "made anew at handover: the value in Git is dead"


def _replaced(leading: Record, last: Record) -> str:
    """Equal fields have equal commitments: what was not changed is still the value that was handed over."""
    version = f"version {last.fact.details[VERSION]}"
    if not last.fact.commitments:
        return f"{version} was adopted without its value: whether the one in Git history is still live is not recorded"
    anew = leading.fact.details.get(GENERATED, "").split()
    live = [name for name in same_fields(leading, last) if name not in anew]
    if not live:
        return f"changed since ({version}): the value in Git history is live only where its issuer still takes it"
    return f"changed since ({version}); {', '.join(live)} in Git history still live until reissued"


def _declared(retired: Fact) -> str:
    """What the catalog declares of a value that stays alive, as the RETIRED record has it."""
    details = retired.details
    parts = [details.get("reason", ""), f"until {details['until']}" if "until" in details else ""]
    return "".join(f"; {part}" for part in parts if part)


def _note(record: Record) -> NoteLine:
    return NoteLine(
        seq=record.seq,
        time=record.time,
        phase=record.fact.type.value,
        actor=record.run.actor,
        details=dict(record.fact.details),
    )
