"""Whether a snapshot may become the authority here: nothing living is overwritten, what is lost is named before (INV4).

The file was judged before. Here it is held against the cluster, the commit and every head that can be found.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bootstrap.ledger.head import Head
from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import BootstrapError, DecisionNeeded, EvidenceError, PreconditionError
from bootstrap.model.restoration import Restoration
from bootstrap.steps.authority.gather import Authority
from bootstrap.steps.authority.losses import Losses, losses, lost_since, since, written
from bootstrap.steps.authority.traces import left_of_a_platform
from bootstrap.steps.context.names import AUDIT_FILE, AUDIT_STREAM
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.presence import is_alive, stateful_set_ref
from bootstrap.steps.vault.restoration import REF, is_back, under_way
from bootstrap.steps.vault.restored_store import check_release

STALE: Final = "stale-snapshot"
SHOWN: Final = 8  # names of secrets
_TAG: Final = re.compile(r":v?(\d+\.\d+\.\d+)\b")


@dataclass(frozen=True, slots=True)
class RestoreSeen:
    """``stop`` is why it may not go on, ``rests_on`` are approvals without which it would not; ``note`` is what the
    file does not bring back although nothing is lost by it."""

    stop: BootstrapError | None = None
    rests_on: tuple[str, ...] = ()
    note: str = ""


NO_RESTORE: Final = RestoreSeen()


def restore_seen(world: World, authority: Authority) -> RestoreSeen:
    source, now = world.restore, under_way(world.cluster, authority.longest)
    if source is None:
        return RestoreSeen(under_way_error(now) if now else None)
    if now is None and is_back(world, authority.longest, source.digest):
        return NO_RESTORE
    if now is not None and now.file != source.digest:
        return RestoreSeen(under_way_error(now))
    stop = _other_environment(world, source) or _not_the_same_release(world, source) or _not_audited(source)
    if stop is None and now is None:
        stop = _living(world, authority, source) or (_left(world) if source.rehearsed else None)
    if stop is not None:
        return RestoreSeen(stop)
    return _stale(world, authority, source, begun=now is not None)


def in_place(world: World, authority: Authority) -> bool:
    """Whether what is left of a platform makes room for this restore, or did since it began."""
    if not authority.found.restoring:
        return False
    now = under_way(world.cluster, authority.longest)
    return bool(left_of_a_platform(world)) if now is None else bool(now.voids)


def under_way_error(now: Restoration) -> DecisionNeeded:
    return DecisionNeeded(
        f"a snapshot is being restored here since {now.begun}, and not at its end; SHA-256 of the file: {now.file}",
        code="E_RESTORE_UNDER_WAY",
        where=str(REF),
        hint="`bootstrap up --restore FILE` with that file goes on; docs/how-to/restore-a-platform.md",
    )


def not_in_it(world: World, source: SnapshotSource) -> tuple[str, ...]:
    """Secrets of this commit that the snapshot's ledger does not hand over: they are handed over anew, from Git."""
    committed = named(source.ledger, RecordType.COMMIT)
    return tuple(secret.name for secret in world.intent.handovers if secret.name not in committed)


def shown(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _other_environment(world: World, source: SnapshotSource) -> BootstrapError | None:
    mine, of_file = world.plan.environment, source.manifest.environment
    if mine == of_file:
        return None
    return EvidenceError(
        f"this snapshot is of {f'environment {of_file}' if of_file else 'no environment'}, and "
        + (f"--environment {mine} is given" if mine else "no --environment is given"),
        code="E_SNAPSHOT_ENVIRONMENT",
        where=source.where,
        hint=f"--environment {of_file}"
        if of_file
        else "leave --environment out, or restore another snapshot",
    )


def _not_the_same_release(world: World, source: SnapshotSource) -> BootstrapError | None:
    """By the declared image's tag; the server itself is asked before it is given the file."""
    tag = _TAG.search(world.intent.platform.vault.image)
    try:
        check_release(source, tag[1] if tag else "")
    except PreconditionError as error:
        return error
    return None


def _not_audited(source: SnapshotSource) -> BootstrapError | None:
    """A Vault none of whose audit devices can be opened is unsealed and never becomes active."""
    folder = AUDIT_FILE.rpartition("/")[0]
    opening = (f"file:{folder}/", f"file:{AUDIT_STREAM}")
    if not source.audit or any(device.startswith(opening) for device in source.audit):
        return None
    return PreconditionError(
        f"none of the snapshot's audit devices would open here ({', '.join(source.audit)}): Vault would stay standby",
        code="E_RESTORE_AUDIT",
        where=source.where,
        hint=f"restore a snapshot of a time when Vault wrote its audit log below {folder}",
    )


def _living(world: World, authority: Authority, source: SnapshotSource) -> BootstrapError | None:
    """A Vault of ours that serves, or would once it runs and is unsealed: what a restore would undo is named."""
    if not is_alive(world):
        return None
    undone = since(authority, source)
    names = written(undone)
    what = f"{len(undone)} records since the snapshot" + (f", values of {shown(names)}" if names else "")
    return PreconditionError(
        f"a Vault is here, and a restore would put another one in its place: {what} would be undone",
        code="E_RESTORE_LIVING",
        where=str(stateful_set_ref(world)),
        hint="`bootstrap up` without --restore goes on with it, once its nodes answer; where their volumes are lost, "
        "delete the claims: docs/how-to/restore-a-platform.md",
    )


def _left(world: World) -> BootstrapError | None:
    """For a drill alone."""
    found = left_of_a_platform(world)
    if not found:
        return None
    return PreconditionError(
        f"this cluster is not empty: {len(found)} parts of a platform are left:"
        + "".join(f"\n    {each}" for each in found[:SHOWN]),
        code="E_RESTORE_NOT_EMPTY",
        where=found[0],
        hint="a drill begins in an empty cluster that nothing needs: `bootstrap lab up --name drill`",
    )


def _stale(world: World, authority: Authority, source: SnapshotSource, *, begun: bool) -> RestoreSeen:
    """What was named and accepted when it began is written down; from then on heads alone may show more."""
    found = Losses(heads=lost_since(authority, source)) if begun else losses(world, authority, source)
    lacking = not_in_it(world, source)
    note = f"not in the snapshot, so Git's values count: {shown(lacking)}" if lacking else ""
    if not found:
        return RestoreSeen(note=note)
    kept = f"{STALE}@{source.digest[:16]}"
    if STALE in world.approvals or kept in world.approvals:
        return RestoreSeen(rests_on=(kept,), note=note)
    return RestoreSeen(
        DecisionNeeded(
            f"the snapshot of {source.manifest.time} does not hold all that is known of this platform; it holds "
            f"{source.ledger.chain.size} records:"
            + "".join(f"\n    {line}" for line in _stated(world, found, source)),
            code="E_SNAPSHOT_STALE",
            where=found.heads[0].witness.place if found.heads else source.where,
            hint=f"look for a newer one (bootstrap snapshot list FOLDER), and keep what is named; `--approve {STALE}` "
            "goes on without it, and that is recorded; docs/how-to/restore-a-platform.md",
        )
    )


def _stated(world: World, found: Losses, source: SnapshotSource) -> Iterator[str]:
    for placed in found.heads:
        assert placed.head is not None
        yield f"{placed.witness.place}: {_described(placed.head, source)}"
    if found.records:
        yield f"the cluster's ledger: {found.records} records that it does not hold"
    for what, names in (
        ("written since", found.changed),
        ("not handed over in it, so Git's value would count", not_in_it(world, source)),
        ("another value than its own is in Secret", found.differing),
        ("not to be compared is Secret", found.unknown),
        ("may hold a store, and is voided", found.volumes),
    ):
        if names:
            yield f"{what}: {', '.join(names)}"  # in full: some of it may have to be kept


def _described(head: Head, source: SnapshotSource) -> str:
    size = source.ledger.chain.size
    if head.cluster != source.manifest.cluster:
        return f"{head.size} records of another history, cluster {head.cluster}, the last of {head.time}"
    if head.size <= size:
        return f"{head.size} records, other ones than the snapshot has there"
    return f"{head.size} records, the last of {head.time}: {head.size - size} were written after the snapshot"
