"""A snapshot file as the source of a restore: judged whole, with the root, before anything is touched (INV1)."""

from functools import partial
from pathlib import Path

from bootstrap.adapters.vault.raft_sieve import Sieved, sieved
from bootstrap.model.errors import PreconditionError
from bootstrap.model.snapshot import RAFT
from bootstrap.operations.snapshot.judge import Trust, judged, opened_whole
from bootstrap.steps.context.source import SnapshotSource


def source_of(path: Path, environment: str, trust: Trust, *, rehearsed: bool = False) -> SnapshotSource:
    """The errors of ``judged`` and ``opened_whole``. ``rehearsed``: no lease of a dynamic secret comes back, and
    PreconditionError E_DRILL_LAYOUT where it is not known how to leave them out."""
    file = judged(path, environment)
    opened = opened_whole(file, trust)
    version = file.manifest.raft.version
    found = sieved(partial(opened.file.stream, RAFT), version, rehearsed=rehearsed)
    if rehearsed and not found.known:
        raise PreconditionError(
            f"the layout of Vault {version} was not tried, so leases of dynamic secrets cannot be left out: a rehearsed"
            " Vault would revoke those that are over, at the live systems",
            code="E_DRILL_LAYOUT",
            where=str(path),
            hint="rehearse with a snapshot of Vault 1.21; docs/how-to/rehearse-a-disaster.md",
        )
    return SnapshotSource(
        digest=file.sha256,
        where=str(path),
        manifest=file.manifest,
        ledger=opened.ledger,
        head=opened.head,
        saved={name: secret.fields for name, secret in opened.saved.items()},
        audit=opened.contents.audit,
        sent=_sent(found, version),
        send=found.send,
        rehearsed=rehearsed,
    )


def _sent(found: Sieved, version: str) -> dict[str, str]:
    """What a RESTORED record says of it."""
    dropped = (
        ", ".join(f"{count} {what}" for what, count in sorted(found.dropped.items())) or "nothing was there"
    )
    unknown = f"nothing: the layout of Vault {version} was not tried"
    return {
        "leftOut": dropped if found.known else unknown,
        "leases": str(found.leases),
        "stateSha256": found.state_sha256,
    }
