"""What a ledger says, for people and programs: one line a secret, then what it all rests on (OK3)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.completeness import Completeness
from bootstrap.ledger.head import Head
from bootstrap.ledger.record import Audit, Record, RecordType
from bootstrap.ledger.rules import HOW
from bootstrap.ledger.versions import BY, REASON, VERSION, accepted, same_fields
from bootstrap.model.catalog import Renew

GENERATED = "generated"  # a detail of a COMMIT: names of the fields made anew, blank-separated


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionLine:
    """A version behind the one that was handed over: ``how`` is ``set`` or ``adopted``, ``actor`` who began it."""

    version: int
    time: str
    actor: str
    how: str
    reason: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretLine:
    """One secret: provenance, what happened when, who is the authority now, what of it remains elsewhere."""

    name: str
    secret_class: str
    owner: str
    commit: str
    file: str
    blob: str
    destination: str
    authority: str  # Git | Vault | lost
    intent: str  # time, as the others; empty: did not happen
    committed: str
    retired: str
    actor: str
    txn: str
    audit: str  # request id of the write, "missing", or empty
    renew: str
    retire: str
    residuals: tuple[str, ...]
    note: str
    seqs: tuple[int, ...]  # its records
    versions: tuple[VersionLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteLine:
    seq: int
    time: str
    phase: str
    actor: str
    details: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """``verified`` is False when no key was at hand, so that no signature was checked. ``completeness`` is None where
    nothing asked whether these are all records."""

    verified: bool
    completeness: Completeness | None
    cluster: str
    environment: str
    vault_cluster: str
    size: int
    last: str
    root: str
    time: str
    counts: Mapping[str, int]
    secrets: tuple[SecretLine, ...]
    notes: tuple[NoteLine, ...]
    rests_on: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """Plain JSON values, in a stable order."""
        return asdict(self)


def report_of(
    ledger: Ledger, head: Head, *, verified: bool, completeness: Completeness | None = None
) -> Report:
    records = ledger.records
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
        counts=dict(sorted(Counter(each.fact.type.value for each in records).items())),
        secrets=tuple(
            _line(group, _begun(records), _changes(records, name))
            for (name, _), group in sorted(_by_secret(records).items())
        ),
        notes=tuple(_note(each) for each in records if not each.fact.of_handover),
        rests_on=_rests_on(records),
    )


def _by_secret(records: Sequence[Record]) -> dict[tuple[str, str], list[Record]]:
    found: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.fact.secret is not None and record.fact.of_handover:
            found.setdefault((record.fact.secret.name, record.subject), []).append(record)
    return found


def _begun(records: Sequence[Record]) -> int:
    """The record by which a human last decided that Git's values count again; -1 where there is none."""
    return max((r.seq for r in records if r.fact.type is RecordType.NEW_AUTHORITY), default=-1)


def _changes(records: Sequence[Record], name: str) -> tuple[Record, ...]:
    """The ACCEPTED records of this secret's later versions, the newest version last."""
    found = [(v[1], r) for r in records if (v := accepted(r.fact)) is not None and v[0] == name]
    return tuple(record for _, record in sorted(found, key=lambda each: each[0]))


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


def _line(group: Sequence[Record], begun: int, changes: Sequence[Record]) -> SecretLine:
    """``begun``: what was recorded before it is of a Vault that is lost."""
    last = {record.fact.type: record for record in group}
    leading = last.get(RecordType.COMMIT) or group[-1]
    fact = leading.fact
    assert fact.secret is not None
    assert fact.git is not None
    retired, lost = last.get(RecordType.RETIRED), group[-1].seq < begun
    audit, later = fact.audit, _of_place(changes, leading)
    return SecretLine(
        name=fact.secret.name,
        secret_class=fact.secret.secret_class.value,
        owner=fact.secret.owner,
        commit=fact.git.commit,
        file=fact.git.path,
        blob=fact.git.blob,
        destination=leading.subject,
        authority="lost" if lost else "Vault" if RecordType.COMMIT in last else "Git",
        intent=_time(last.get(RecordType.INTENT)),
        committed=_time(last.get(RecordType.COMMIT)),
        retired=_time(retired),
        actor=leading.run.actor,
        txn=audit.txn if isinstance(audit, Audit) else "",
        audit=audit.write_request_id if isinstance(audit, Audit) else audit or "",
        renew=fact.renew.value if fact.renew else "",
        retire=_how(retired),
        residuals=tuple(sorted({each for record in last.values() for each in record.fact.residuals})),
        note=f"of a Vault that was given up: record {begun}"
        if lost
        else (_replaced(leading, later[-1]) if later else _still_live(leading)) + _declared(retired),
        seqs=tuple(record.seq for record in group),
        versions=tuple(_version(record) for record in later),
    )


def _how(retired: Record | None) -> str:
    """The mode, where there was a bootstrap copy in the cluster to retire."""
    if retired is None or retired.fact.retire is None:
        return ""
    return retired.fact.retire.value if retired.fact.source else "no copy in the cluster"


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
    live = [name for name in same_fields(leading.fact, last.fact) if name not in anew]
    if not live:
        return f"changed since ({version}): the value in Git history is live only where its issuer still takes it"
    return f"changed since ({version}); {', '.join(live)} in Git history still live until reissued"


def _declared(retired: Record | None) -> str:
    """What the catalog declares of a value that stays alive, as the RETIRED record has it."""
    details = {} if retired is None else retired.fact.details
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


def _rests_on(records: Sequence[Record]) -> tuple[str, ...]:
    commits = [each for each in records if each.fact.type is RecordType.COMMIT]
    missing = sum(1 for each in commits if not isinstance(each.fact.audit, Audit))
    found = [
        f"all {len(records)} records rest on the ledger key alone; none is countersigned by Vault",
        "times and actors are what the run saw; order is the chain's",
        "equality of values needs the commitment key, audit lines need Vault's audit log",
    ]
    if missing:
        found.append(f"{missing} of {len(commits)} COMMIT records have no audit line in Vault's log any more")
    return tuple(found)


def _time(record: Record | None) -> str:
    return "" if record is None else record.time
