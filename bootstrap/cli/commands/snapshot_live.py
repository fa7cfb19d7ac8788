"""What of ``bootstrap snapshot`` needs a commit: saving from a cluster, its bucket, and opening with the root."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from bootstrap.adapters.snapshot.file import SnapshotFile
from bootstrap.adapters.sops.commit_files import declared_recipients
from bootstrap.cli import compose, compose_job
from bootstrap.cli.narrators import PlainNarrator, narration
from bootstrap.cli.options import Options
from bootstrap.cli.require_run import need_begun
from bootstrap.model.catalog import Bucket
from bootstrap.model.errors import DefinitionError
from bootstrap.model.layout import HEAD
from bootstrap.operations.snapshot.job import save_and_note
from bootstrap.operations.snapshot.judge import Contents, Trust, contents
from bootstrap.operations.snapshot.save import of_a_run, write
from bootstrap.operations.snapshot.shelf import SCHEME, Folder, Shelf, Written
from bootstrap.steps.context.environment import environment_of, mismatch
from bootstrap.steps.context.session import Session
from bootstrap.steps.context.world import World


def saved(options: Options, out: str) -> Written:
    """The errors of ``write`` and of ``in_bucket``; DefinitionError E_KEYS where the commit names no holder of the
    root; PreconditionError E_ENVIRONMENT where the cluster is bound to another than the one that was named."""
    prepared = compose.prepare(options)
    recipients = declared_recipients(prepared.repository)
    if not recipients:
        raise DefinitionError("keys/ names no holder", code="E_KEYS", where="keys", hint="bootstrap keygen")
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        need_begun(world)
        if options.environment and (error := mismatch(environment_of(world.cluster), options.environment)):
            raise error
        return write(of_a_run(world, recipients), _shelf_of(world, out))


def bucket(options: Options, place: str) -> Shelf:
    """``place`` in the bucket's server, with the login that the platform's Vault holds: no root key is asked for. The
    errors of ``in_bucket``."""
    prepared = compose.prepare(options)
    unopened = replace(options, root="")
    with narration(prepared.plan) as narrator, compose.world(unopened, prepared, narrator) as world:
        need_begun(world)
        return _shelf_of(world, place)


def saved_by_job(folder: Path, out: str) -> Written:
    """The errors of ``save_and_note`` and of ``in_bucket``, and PreconditionError E_SNAPSHOT_SETTINGS."""
    narrator = PlainNarrator(None, sys.stderr)
    with compose_job.job(folder, narrator) as (platform, settings):
        ca = settings.bucket_ca.encode()
        shelf = _shelf(out, settings.bucket, platform.session, settings.credentials, ca)
        return save_and_note(platform, shelf, settings.keep)


def _shelf_of(world: World, out: str) -> Shelf:
    wanted = world.intent.platform.snapshots
    bucket = wanted.bucket if wanted is not None else None
    return _shelf(out, bucket, world.session, world.intent.bucket_path, world.intent.bucket_ca)


def _shelf(out: str, declared: Bucket | None, session: Session, path: str, ca: bytes) -> Shelf:
    if not out.startswith(SCHEME):
        return Folder(Path(out))
    from bootstrap.operations.snapshot.bucket import in_bucket

    return in_bucket(out, declared, session, path, ca)


def trusted(options: Options) -> tuple[Mapping[str, bytes], Mapping[str, bytes]]:
    """The public halves of the commit, and the signed heads of the commit and of the records' folder, by place."""
    prepared = compose.prepare(options)
    heads = {f"records/{cluster}/{HEAD}": head for cluster, head in prepared.intent.heads.items()}
    records = compose.records(options, prepared.repository)
    for cluster in records.clusters():
        head = records.read(cluster, HEAD)
        if head is not None:
            heads[f"{records.folder}/{cluster}/{HEAD}"] = head
    return prepared.intent.keys, heads


def opened(options: Options, file: SnapshotFile) -> Contents:
    """What the root that was named shows of it; the errors of ``contents``."""
    from bootstrap.adapters.root.root_material import CommitMaterial

    prepared = compose.prepare(options)
    root = compose.root_key(options, prepared.repository)
    assert root is not None  # the caller asked for it
    material = CommitMaterial(prepared.repository, compose.encrypted_files(prepared.repository, root))
    return contents(file, Trust(root=root, material=material, keys=prepared.intent.keys))
