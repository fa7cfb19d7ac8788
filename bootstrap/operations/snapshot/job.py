"""One snapshot, saved by the cluster itself: without a person, a repository, or any key of the root (INV1, G4)."""

from bootstrap.model.last_snapshot import LastSnapshot
from bootstrap.operations.snapshot.retention import prune
from bootstrap.operations.snapshot.save import Saved, write
from bootstrap.operations.snapshot.shelf import Shelf, Written
from bootstrap.steps.vault import last_snapshot


def save_and_note(platform: Saved, shelf: Shelf, keep: int) -> Written:
    """The errors of ``write``; HeldError E_SNAPSHOT_HELD; WorldError E_SNAPSHOT_NOT_NOTED once the file is there."""
    with shelf.alone():
        written = write(platform, shelf)
        kept = prune(shelf, keep, written, platform.narrator)
    manifest = written.file.manifest
    last = LastSnapshot(
        file=written.name,
        time=manifest.time,
        size=written.file.size,
        sha256=written.file.sha256,
        raft_index=manifest.raft.index,
        records=manifest.ledger.size,
        kept=kept,
    )
    last_snapshot.write(platform.cluster, platform.clock, last)
    return written
