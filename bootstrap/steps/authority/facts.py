"""What people decided, and how Vault came to be, as facts for the ledger."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.head import VAULT_CLUSTER, Head
from bootstrap.ledger.record import NONCE, Fact, Git, RecordType
from bootstrap.ledger.witnesses import naming
from bootstrap.model.heads import Standing, Verdict, judge
from bootstrap.model.init_window import Window
from bootstrap.model.recovery import Stage
from bootstrap.ports import Ref
from bootstrap.steps.authority import approvals
from bootstrap.steps.authority.gather import Authority
from bootstrap.steps.authority.losses import lost_since
from bootstrap.steps.authority.restoring import STALE, not_in_it
from bootstrap.steps.context.names import COMMIT_ANNOTATION, PLAN_ANNOTATION, SYSTEM_NAMESPACE
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import escrow_bytes, escrow_digest
from bootstrap.steps.vault.recovery import WHICH
from bootstrap.steps.vault.recovery import under_way as recovery_under_way
from bootstrap.steps.vault.restoration import FILE, under_way

PLAN, ABANDONED = "plan", "abandoned"  # first words of ``Run.unrecorded``


def opening(world: World, authority: Authority) -> tuple[Fact, ...]:
    """The first records of a Vault: who decided that there is one more, how it was initialised, proven and left."""
    window = authority.window
    assert window is not None
    where = {"environment": world.plan.environment} if world.plan.environment else {}
    how = {
        "attempt": str(window.attempt),
        VAULT_CLUSTER: window.cluster_id,
        "volume": window.volume,
        "custody": world.intent.platform.vault.custody.value,
    }
    escrow = escrow_bytes(world)
    kept = {"escrowSha256": escrow_digest(escrow)} if escrow else {}
    notes = [*_new(world, authority), *_claimed(world, window, where)]
    notes.append(_note(world, RecordType.VAULT_INITIALISED, how | where))
    if kept:
        notes.append(_note(world, RecordType.ESCROW, kept))
    notes.append(_note(world, RecordType.VERIFIED, how | kept))
    revoked = {"proof": "403 after revocation", VAULT_CLUSTER: window.cluster_id}
    return (*notes, _note(world, RecordType.ROOT_REVOKED, revoked))


def new_authority(world: World, authority: Authority) -> tuple[Fact, ...]:
    """One record for each head that witnessed, which from then on witnesses no longer; one where there is none."""
    common = {"secrets": str(len(world.intent.handovers))}
    if world.plan.environment:
        common["environment"] = world.plan.environment
    if authority.ledger.entries:
        common["records"] = str(authority.ledger.chain.size)
    named = [common | _named(head) for head in _witnessing(authority)]
    return tuple(_note(world, RecordType.NEW_AUTHORITY, details) for details in named or [common])


def unrecorded(world: World, authority: Authority) -> tuple[Fact, ...]:
    """What the ledger lacks: an accepted rollback, that it came here, a recovered quorum, another share, accepted
    plans, runs given back.

    The rollback comes first: Vault may be one that has no key to countersign what is before it in a batch.
    """
    others = (*rekeyed(world, authority.window, authority.longest), *given_back(world, authority.longest))
    return (*_rollback(world, authority), *moved(world, authority), *recovered(world, authority), *others)


def moved(world: World, authority: Authority) -> tuple[Fact, ...]:
    """How the ledger came here from Vault's copy: by a restore, or since the cluster's own was lost."""
    if authority.found.restoring:
        return tuple(_restored(world, authority))
    if authority.found.rebuilding or judge(authority.found) is Verdict.REBUILD:
        return tuple(rebuilt(world, authority.window, authority.longest))
    return ()


def _restored(world: World, authority: Authority) -> Iterator[Fact]:
    """One record for each head that is superseded by it, the snapshot's own among them, and the escrow's."""
    source, now = world.restore, under_way(world.cluster, authority.longest)
    if source is None or now is None:
        return
    lost = [placed.head for placed in lost_since(authority, source) if placed.head is not None]
    common = {
        FILE: source.digest,
        NONCE: now.nonce,
        "from": source.manifest.cluster,
        "to": authority.cluster,
        VAULT_CLUSTER: source.manifest.vault_cluster,
        "taken": source.manifest.time,
        "ageSeconds": str(_seconds(source.manifest.time, now.begun)),
        "raftIndex": str(source.manifest.raft.index),
        "records": str(source.ledger.chain.size),
        "tokens": "none of before lives",
        **source.sent,
    }
    if world.plan.environment:
        common["environment"] = world.plan.environment
    if now.repaired:
        common["repaired"] = now.repaired
    if now.batch:
        common["batchRoles"] = now.batch
    common |= now.lost
    if lost or now.lost:
        common["accepted"] = STALE
    if lacking := not_in_it(world, source):
        common["notInIt"] = " ".join(lacking)
    for head in dict.fromkeys((source.head, *lost, *_witnessing(authority))):
        more = {"lostRecords": str(head.size - source.ledger.chain.size)} if head in lost else {}
        yield _note(world, RecordType.RESTORED, common | _named(head) | more)
    if escrow := escrow_bytes(world):
        yield _note(world, RecordType.ESCROW, {"escrowSha256": escrow_digest(escrow)})


def _seconds(begun: str, ended: str) -> int:
    return int((_time(ended) - _time(begun)).total_seconds())


def _time(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def recovered(world: World, authority: Authority) -> Iterator[Fact]:
    """That a lost quorum was recovered from one volume, once. The heads that were known stay witnesses."""
    now = recovery_under_way(world.cluster, authority.longest)
    if now is None or now.stage is not Stage.DONE or authority.window is None:
        return
    details = {
        approvals.WHAT: approvals.RECOVER_QUORUM,
        WHICH: now.nonce,
        VAULT_CLUSTER: authority.window.cluster_id,
        "begun": now.begun,
        "survivor": now.pod,
        "volume": now.volume,
        "raftIndex": now.index,
        "lost": " ".join(now.lost),
        "givenUp": " ".join(now.dropped),
    }
    yield _note(world, RecordType.ACCEPTED, {name: text for name, text in details.items() if text})


def rekeyed(world: World, window: Window | None, ledger: Ledger) -> Iterator[Fact]:
    """That the share of another generation opens this Vault, once."""
    if window is None or window.generation == 1:
        return
    named = {VAULT_CLUSTER: window.cluster_id, "generation": str(window.generation)}
    known = (r.fact.details for r in ledger.records if r.fact.type is RecordType.REKEYED)
    if not any(named.items() <= details.items() for details in known):
        escrow = escrow_bytes(world)
        kept = {"escrowSha256": escrow_digest(escrow)} if escrow else {}
        yield _note(world, RecordType.REKEYED, named | kept)


def rebuilt(world: World, window: Window | None, ledger: Ledger) -> Iterator[Fact]:
    """Once for each time that the init window was made again: by its nonce (earlier versions did not name it)."""
    nonce = window.nonce if window else ""
    found = [r.fact.details for r in ledger.records if r.fact.type is RecordType.REBUILT]
    if not any(details.get("window", nonce) == nonce for details in found):
        details = {"from": "vault", "records": str(ledger.chain.size), "window": nonce}
        yield _note(world, RecordType.REBUILT, details)


def given_back(world: World, ledger: Ledger) -> Iterator[Fact]:
    """Of ``Run.unrecorded``, what no record says yet."""
    for each in world.run.unrecorded:
        what, *rest = each.split()
        kind, details = _accepted(*rest) if what == PLAN else (RecordType.ABANDONED, {"run": rest[0]})
        if not any(r.fact.type is kind and dict(r.fact.details) == details for r in ledger.records):
            yield _note(world, kind, details)


def _accepted(before: str, after: str, run: str) -> tuple[RecordType, dict[str, str]]:
    details = {approvals.WHAT: PLAN, "from": before, "to": after, "run": run}
    return RecordType.ACCEPTED, details


def _new(world: World, authority: Authority) -> tuple[Fact, ...]:
    """Where the decision has no record yet, since the ledger that would hold it was lost with the authority."""
    yes = approvals.kept(world.approvals, approvals.NEW_AUTHORITY, authority.ledger)
    return new_authority(world, authority) if yes else ()


def _claimed(world: World, window: Window, where: dict[str, str]) -> Iterator[Fact]:
    live = world.cluster.get(Ref("v1", "Namespace", SYSTEM_NAMESPACE))
    marks = ((live or {}).get("metadata") or {}).get("annotations") or {}
    claimed = {"plan": marks.get(PLAN_ANNOTATION, ""), "commit": marks.get(COMMIT_ANNOTATION, "")}
    yield _note(world, RecordType.CLAIMED, {name: text for name, text in claimed.items() if text} | where)
    if window.attempt > 1:
        yield _note(world, RecordType.VOIDED, {"attempts": str(window.attempt - 1)})


def _rollback(world: World, authority: Authority) -> Iterator[Fact]:
    found, copy = authority.found, authority.copy.chain.size
    if not found.rollback or found.restoring:
        return
    for head in authority.own:
        if head.size > copy:
            yield _note(world, RecordType.ACCEPTED, {approvals.WHAT: approvals.ROLLBACK} | _named(head))


def _witnessing(authority: Authority) -> tuple[Head, ...]:
    """Of this cluster; those of others only where they alone stopped the run."""
    others = [p.head for p in authority.heads if p.head and p.witness.standing is Standing.OTHER_CLUSTER]
    return authority.own or tuple(dict.fromkeys(others))


def _named(head: Head) -> dict[str, str]:
    return naming(head) | ({"headVault": head.vault_cluster} if head.vault_cluster else {})


def _note(world: World, record_type: RecordType, details: Mapping[str, str]) -> Fact:
    return Fact(type=record_type, git=Git(commit=world.intent.commit), details=dict(details))
