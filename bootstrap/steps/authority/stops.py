"""What stops a run over the authority of its cluster, in words: what is known, why, and the ways on."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from bootstrap.ledger.head import Head
from bootstrap.ledger.record import Record, RecordType
from bootstrap.model.errors import BootstrapError, DecisionNeeded, DefinitionError, EvidenceError
from bootstrap.model.heads import Standing, Verdict, Witness, judge
from bootstrap.steps.authority.approvals import NEW_AUTHORITY, ROLLBACK, decided
from bootstrap.steps.authority.gather import Authority
from bootstrap.steps.context.transfers import named

PAGE = "docs/how-to/answer-exit-5.md"
RESTORE = "bring Vault back from a snapshot: `bootstrap up --restore FILE`"
LIVING = f"{RESTORE} in an empty cluster, Vault's own tools here"
SHOWN = 8  # names of secrets


def stopped(authority: Authority) -> BootstrapError | None:
    """None where the run may go on."""
    verdict = judge(authority.found)
    return STOPS[verdict](authority) if verdict in STOPS else None


def _lost(authority: Authority) -> BootstrapError:
    return DecisionNeeded(
        "this cluster had an authority, and the Vault that was it is gone:"
        + "".join(f"\n    {line}" for line in known(authority))
        + f"\nhanding over now would give {authority.secrets} secrets the value that Git has, whatever it was "
        "rotated to since",
        code="E_AUTHORITY_LOST",
        where=_where(authority),
        hint=f"{RESTORE}; or `bootstrap up --approve new-authority`: {authority.secrets} secrets go back to "
        f"Git's value, and that is recorded; {PAGE}",
    )


def known(authority: Authority) -> Iterator[str]:
    """What speaks of the authority that was here, line by line."""
    yield f"cluster {authority.cluster}"
    for placed in authority.heads:
        if placed.head in authority.own and placed.head is not None:
            yield f"{placed.witness.place}: {_described(placed.head)}"
    ledger = authority.ledger
    if ledger.entries:
        committed = len(named(ledger, RecordType.COMMIT))
        yield f"the cluster's ledger: {ledger.chain.size} records, {committed} secrets handed over"
    yield from authority.found.traces


def _described(head: Head) -> str:
    vault = f", Vault {head.vault_cluster}" if head.vault_cluster else ""
    return f"{head.size} records, the last of {head.time}{vault}"


def _where(authority: Authority) -> str:
    places = [p.witness.place for p in authority.heads if p.head in authority.own]
    return next(iter([*places, *authority.found.traces]), "namespace bootstrap-system")


def _other_cluster(authority: Authority) -> BootstrapError:
    others = [p for p in authority.heads if p.witness.standing is Standing.OTHER_CLUSTER]
    names = ", ".join(dict.fromkeys(p.witness.cluster for p in others))
    listed = "".join(f"\n    {p.witness.place}: {_described(p.head)}" for p in others if p.head is not None)
    return DecisionNeeded(
        f"the records of another cluster are here ({names}) and none of this one ({authority.cluster}): either that "
        f"cluster was lost, and its Vault holds newer values than Git, or this one starts anew{listed}",
        code="E_OTHER_CLUSTER",
        where=others[0].witness.place,
        hint=f"`bootstrap up --restore FILE` brings the lost one back; `--approve new-authority` hands "
        f"{authority.secrets} secrets over with Git's values, and records that; which of the two it is: {PAGE}",
    )


def _vault_behind(authority: Authority) -> BootstrapError:
    newest, have = authority.own[0], authority.copy.chain.size
    lacking = authority.ledger.records[have:]
    since = lacking[0].time if lacking else f"before {newest.time}"
    return EvidenceError(
        f"Vault's copy of the ledger has {have} records and had {newest.size}: Vault was put back to a time "
        f"{'before ' if lacking else ''}{since}" + _about(lacking, have, newest),
        code="E_ROLLBACK_VAULT",
        where=_where(authority),
        hint=f"{LIVING}, from a newer one than this; or `bootstrap up --approve rollback` goes on with what Vault "
        "holds now, and that is recorded",
    )


def _about(lacking: tuple[Record, ...], have: int, newest: Head) -> str:
    """Which secrets the records that Vault lacks speak of, where these records still lie somewhere."""
    if not lacking:
        return f"; nobody here has records {have} to {newest.size - 1}, so which secrets they were of cannot be told"
    names = list(dict.fromkeys(r.fact.secret.name for r in lacking if r.fact.secret is not None))
    if not names:
        return "; the records that it lacks are of no secret"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"; the records that it lacks are of {', '.join(names[:SHOWN])}{more}"


def _cluster_behind(authority: Authority) -> BootstrapError:
    have, kept = authority.ledger.chain.size, authority.copy.chain.size
    return EvidenceError(
        f"the cluster's ledger has {have} records, Vault's copy {kept}: etcd was restored from a backup",
        code="E_ROLLBACK_CLUSTER",
        where="namespace bootstrap-system",
        hint="remove the ledger-* ConfigMaps to let `bootstrap up` rebuild them from Vault's copy",
    )


def _fork(authority: Authority) -> BootstrapError:
    bad = authority.found.of(Standing.FORKED)[0]
    return EvidenceError(
        f"two histories: {bad.place} names {bad.size} records, and the ledger, {authority.longest.chain.size} records, "
        "has others there",
        code="E_FORK",
        where=bad.place,
        hint="find which was restored or written by another hand: bootstrap ledger show, and an exported bundle; the "
        "head of a history that is given up is removed",
    )


def _forged(authority: Authority) -> BootstrapError:
    bad = authority.found.of(Standing.FORGED)[0]
    return EvidenceError(
        f"{bad.place} {_why(bad)}", code="E_HEAD", where=bad.place, hint="restore the file from Git"
    )


def _why(bad: Witness) -> str:
    if bad.cluster:
        return f"is the signed head of another cluster, {bad.cluster}"
    return "is no signed head of the ledger: it was changed, or cut off"


def _foreign_key(authority: Authority) -> BootstrapError:
    bad = authority.found.of(Standing.FOREIGN_KEY)[0]
    return DefinitionError(
        f"{bad.place} is signed by a key that keys/ does not have: it belongs to another platform",
        code="E_HEAD_KEY",
        where=bad.place,
        hint="remove this folder",
    )


STOPS: dict[Verdict, Callable[[Authority], BootstrapError]] = {
    Verdict.AUTHORITY_LOST: _lost,
    Verdict.OTHER_CLUSTER: _other_cluster,
    Verdict.VAULT_BEHIND: _vault_behind,
    Verdict.CLUSTER_BEHIND: _cluster_behind,
    Verdict.FORK: _fork,
    Verdict.FORGED: _forged,
    Verdict.FOREIGN_KEY: _foreign_key,
}


def rests_on(authority: Authority) -> tuple[str, ...]:
    """The approvals without which the run would be stopped, or that it follows already, as they are to be kept."""
    found = authority.found
    alone = judge(replace(found, new_authority=False, rollback=False))
    asked = {
        Verdict.AUTHORITY_LOST: NEW_AUTHORITY,
        Verdict.OTHER_CLUSTER: NEW_AUTHORITY,
        Verdict.VAULT_BEHIND: ROLLBACK,
    }
    kept = [
        yes for yes in authority.approved if _name(yes) == asked.get(alone) and not _recorded(authority, yes)
    ]
    if found.new_authority:
        kept += [yes for yes in authority.carried if _name(yes) == NEW_AUTHORITY and yes not in kept]
    return tuple(kept)


def _name(approval: str) -> str:
    return approval.partition("@")[0]


def _recorded(authority: Authority, approval: str) -> bool:
    return _name(approval) == NEW_AUTHORITY and decided(authority.ledger)
