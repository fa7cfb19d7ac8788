"""Saving a snapshot: streamed from the active node into one file that is sealed on the way (INV1).

The order is what makes the file mean something: no root token lives before and after; the ledger is read first, so
that what it records lies in the copy of Vault that follows; Vault signs the manifest; the token that read it is gone
before the file has a name.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bootstrap.adapters.snapshot.file import SnapshotFile
from bootstrap.adapters.snapshot.values import SavedSecret
from bootstrap.adapters.snapshot.writer import SnapshotWriter
from bootstrap.adapters.vault.census import release
from bootstrap.adapters.vault.raft_archive import Archive
from bootstrap.ledger.bundle import export
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.countersigning import public_key
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.head import Head, head_of, read_head
from bootstrap.model.errors import BootstrapError, EvidenceError, PreconditionError
from bootstrap.model.snapshot import LedgerPoint, Manifest, Part, RaftFacts, Share, Signature
from bootstrap.operations.snapshot.names import named
from bootstrap.operations.snapshot.saver import Login, Saver, account_login
from bootstrap.operations.snapshot.shelf import Folder, Shelf, Written
from bootstrap.ports import Clock, Cluster, Narrator
from bootstrap.steps.context.environment import environment_of
from bootstrap.steps.context.session import Session
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import cluster_head
from bootstrap.steps.vault.configuring import powerful
from bootstrap.steps.vault.escrow import Escrow, kept_outside
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.transit import SIGN


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """The platform that is saved, and how it is reached. ``recipients`` are the public halves of the root, ``secrets``
    name and path of each whose value is saved by itself; ``escrow`` lies at ``place``; ``key`` is the ledger's."""

    name: str
    environment: str
    recipients: tuple[str, ...]
    secrets: Mapping[str, str]
    escrow: bytes | None
    place: str
    cluster: Cluster
    session: Session
    key: PublicKey
    ledger: Callable[[], Ledger]
    login: Callable[[], Login]
    clock: Clock
    narrator: Narrator


def of_a_run(world: World, recipients: tuple[str, ...]) -> Saved:
    """Under the identity of `up`, which asks for a login of the saver's account."""
    return Saved(
        name=world.intent.platform.name,
        environment=environment_of(world.cluster),
        recipients=recipients,
        secrets={secret.name: secret.in_vault for secret in world.intent.saved},
        escrow=kept_outside(world),
        place=world.records.folder,
        cluster=world.cluster,
        session=world.session,
        key=world.ledger.key,
        ledger=world.ledger.read,
        login=lambda: account_login(world.session.cluster),
        clock=world.clock,
        narrator=world.narrator,
    )


def save(world: World, out: Path, recipients: tuple[str, ...]) -> SnapshotFile:
    """As ``write``, under the identity of `up`; ``out`` is a file, or a folder that is there."""
    return write(of_a_run(world, recipients), Folder(out)).file


def write(platform: Saved, shelf: Shelf) -> Written:
    """PreconditionError E_RUN_UNFINISHED, E_ESCROW_MISSING; EvidenceError E_ROOT_ALIVE, E_RAFT_*; DefinitionError
    E_OUT, E_EXISTS; WorldError E_SNAPSHOT_LOGIN, E_S3_*. Nothing is left of a snapshot that was not saved whole.
    """
    time = platform.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    share = _share(platform)
    bundle, head = _bundle(platform)
    key = _key(head)
    _no_power(platform)
    environment = platform.environment
    name = named(platform.name, environment, time)
    target = shelf.target(name, head.cluster, time)
    with SnapshotWriter(target, platform.recipients) as writer, _saving(platform) as saver:
        saved = dict(_values(platform, saver))
        with saver.stream() as chunks:
            archive = writer.raft(chunks)
        writer.ledger(bundle)
        writer.values(saved)

        def manifest(parts: Mapping[str, Part]) -> Manifest:
            return Manifest(
                environment=environment,
                cluster=head.cluster,
                vault_cluster=head.vault_cluster,
                raft=_raft(platform, archive),
                share=share,
                ledger=LedgerPoint(size=head.size, last=head.last, root=head.root),
                saver=saver.accessor,
                recipients=writer.holders.names,
                tool=head.tool,
                time=time,
                parts=dict(parts),
            )

        writer.manifest(manifest, partial(_signature, key, saver))
        saver.end()
        _no_power(platform)
        writer.finish()
    return shelf.back(name)


@contextmanager
def _saving(platform: Saved) -> Iterator[Saver]:
    """Its token does not outlive it, however it ends; an error of Vault's says how to go on."""
    saver = Saver(platform.session, platform.login())
    try:
        yield saver
    except BaseException as error:
        with suppress(
            BootstrapError
        ):  # it ends by itself within the hour; what went wrong first is what to hear of
            saver.end()
        if isinstance(error, BootstrapError):
            error.hint = error.hint or "save again: nothing is left of this one; Vault's own log says more"
        raise


def _bundle(platform: Saved) -> tuple[bytes, Head]:
    """The ledger as one file, with the head that the last run signed: no key is at hand to sign another."""
    ledger, escrow = platform.ledger(), platform.escrow
    content, key = cluster_head.read(platform.cluster), platform.key
    head = _head(content, key) if content is not None else None
    environment = platform.environment
    if head is None or not ledger.entries or head != head_of(ledger, escrow=escrow, environment=environment):
        raise PreconditionError(
            "the ledger has no signed head of just these records and this escrow: the last run did not end",
            code="E_RUN_UNFINISHED",
            where=str(cluster_head.REF),
            hint="bootstrap up --root ends it; records/ must be those of this cluster",
        )
    assert content is not None  # a head was read from it
    return export([entry.envelope for entry in ledger.entries], content, escrow), head


def _key(head: Head) -> PublicKey:
    if not head.countersigner:
        raise PreconditionError(
            "the ledger announces no key of Vault that would sign the snapshot: an older `up` made this platform",
            code="E_RUN_UNFINISHED",
            where=str(cluster_head.REF),
            hint="bootstrap up --root makes one, then save again",
        )
    return public_key(head.countersigner)


def _signature(key: PublicKey, saver: Saver, content: bytes) -> Signature:
    """EvidenceError E_COUNTERSIGN: Vault has another key than the one that the ledger announces."""
    value = saver.sign(content)
    if not key.accepts(value, content):
        raise EvidenceError(
            f"Vault signs with another key than {key.key_id[:16]}, which the ledger announces",
            code="E_COUNTERSIGN",
            where=SIGN,
            hint="bootstrap up says more; find out who made another key (Vault's audit log)",
        )
    return Signature(key_id=key.key_id, value=value)


def _head(content: bytes, key: PublicKey) -> Head:
    return read_head(content, key, str(cluster_head.REF))


def _share(platform: Saved) -> Share:
    if platform.escrow is None:
        raise PreconditionError(
            "no escrow of this cluster's unseal share: a snapshot without it could not be opened",
            code="E_ESCROW_MISSING",
            where=platform.place,
            hint="give --records with the folder that `up` wrote, or the commit that holds records/",
        )
    escrow = Escrow.from_bytes(platform.escrow, platform.place)
    window = WindowStore(platform.cluster).read()
    if window is not None and (window.target or window.generation != escrow.generation):
        raise PreconditionError(
            f"the escrow is of generation {escrow.generation}, and Vault's share is of {window.generation}"
            + (", a rekey is under way" if window.target else ""),
            code="E_ESCROW_MISSING",
            where=platform.place,
            hint="give --records with the folder that `bootstrap rekey-unseal` wrote, or let it end",
        )
    return Share(
        generation=escrow.generation, unseal_key=escrow.fingerprint, ciphertext=escrow.share.ciphertext()
    )


def _no_power(platform: Saved) -> None:
    """EvidenceError E_ROOT_ALIVE: a token with power over policies would live again after each restore."""
    if alive := powerful(platform.session.accessors()):
        raise EvidenceError(
            f"{len(alive)} tokens with power over policies are alive, and would be in the snapshot",
            code="E_ROOT_ALIVE",
            where=f"Vault accessor {alive[0]}",
            hint="`bootstrap up` revokes those of its own; look in Vault's audit log who makes others",
        )


def _values(platform: Saved, saver: Saver) -> Iterator[tuple[str, SavedSecret]]:
    for name, path in platform.secrets.items():
        held = saver.held(path)
        if held is None:
            platform.narrator.event(
                "waiting", message=f"{name} has no value in Vault: none is saved beside it"
            )
            continue
        yield name, SavedSecret(path=path, version=held.version, fields=dict(held.values))


def _raft(platform: Saved, archive: Archive) -> RaftFacts:
    status = platform.session.seal_status(platform.session.active())
    return RaftFacts(
        version=release(status.version if status else ""),
        index=archive.index,
        term=archive.term,
        sha256=archive.sha256,
        size=archive.size,
    )
