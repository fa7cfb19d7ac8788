"""Whether a snapshot file can be trusted, before anything is changed by it (INV1).

Without the root: its form, every digest, its end, and Vault's signature over its manifest. With the root also what
Vault does not look at when it restores: that the share opens it, that every entry is whole and in its place, and that
manifest, ledger and Vault's own data speak of the same platform.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bootstrap.adapters.snapshot.errors import ANOTHER, missigned, unsigned
from bootstrap.adapters.snapshot.file import OpenedFile, Place, SnapshotFile, read_snapshot
from bootstrap.adapters.snapshot.manifest import manifest_bytes, signed_content
from bootstrap.adapters.snapshot.values import SavedSecret
from bootstrap.adapters.vault.barrier import NOT_OPENED, Entries, check_sealed_sums
from bootstrap.adapters.vault.census import Census, Found
from bootstrap.adapters.vault.raft_archive import Archive, ArchiveReader, Poured
from bootstrap.ledger.bundle import bundle_key, read_bundle
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.countersigning import public_key
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.head import Head, read_head
from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import BootstrapError, EvidenceError, PreconditionError
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.snapshot import RAFT, LedgerPoint, Manifest
from bootstrap.ports import Commitments, RootKey, RootMaterial
from bootstrap.steps.vault.configuring import powerful


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What a file is opened with: the root, the keys under it, and the public halves of ``keys/``."""

    root: RootKey
    material: RootMaterial
    keys: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What the root shows. ``entries`` opened, ``clear`` lie in the open in every Vault. ``tokens`` are accessors of
    tokens that would live again, with their policies. ``saved`` are names of secrets whose values are in the file,
    ``unproven`` those of them whose value no record of the ledger commits to; ``audit`` are Vault's audit devices, as
    TYPE or file:PATH."""

    entries: int
    clear: tuple[str, ...]
    tokens: Mapping[str, tuple[str, ...]]
    records: int
    saved: tuple[str, ...]
    unproven: tuple[str, ...]
    audit: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that is judged whole, as the root has opened it once; ``saved`` by the secret's name."""

    contents: Contents
    file: OpenedFile
    ledger: Ledger
    head: Head
    saved: Mapping[str, SavedSecret]


def judged(place: Place | Path, environment: str = "") -> SnapshotFile:
    """Without any key. The errors of its place; EvidenceError E_SNAPSHOT_*, E_SNAPSHOT_ENVIRONMENT where it is not of
    ``environment``."""
    file = read_snapshot(place)
    found = file.manifest.environment
    if environment and found != environment:
        raise EvidenceError(
            f"this snapshot is of {f'environment {found}' if found else 'no environment'}, not of {environment}",
            code="E_SNAPSHOT_ENVIRONMENT",
            where=file.shown,
            hint="bootstrap snapshot list FOLDER shows the environment of each",
        )
    return file


def contents(file: SnapshotFile, trust: Trust) -> Contents:
    """The errors of ``opened_whole``."""
    return opened_whole(file, trust).contents


def opened_whole(file: SnapshotFile, trust: Trust) -> Opened:
    """With the root. PreconditionError E_SNAPSHOT_ROOT; EvidenceError E_SNAPSHOT_*, E_RAFT_*, and those of a bundle."""
    with _of(file):
        opened = file.opened(trust.root)
        share = _share(file.manifest, trust.material)
        ledger, head = _ledger(opened, trust.keys)
        current = ledger.meaning.countersigning.current
        _signed_by(file, current.key if current else None)
        archive, census = _vault(opened, share, file.manifest)
        _compare(file.manifest, archive, census, head)
        tokens = {token.accessor: token.policies for token in census.tokens}
        _no_power(tokens)
        saved = opened.saved()
        shown = Contents(
            entries=census.opened,
            clear=tuple(census.clear),
            tokens=tokens,
            records=head.size,
            saved=tuple(sorted(saved)),
            unproven=tuple(_unproven(saved, ledger, trust.material.commitments())),
            audit=tuple(census.audit),
        )
        return Opened(contents=shown, file=opened, ledger=ledger, head=head, saved=saved)


def signed(file: SnapshotFile, keys: Mapping[str, bytes], heads: Mapping[str, bytes]) -> PublicKey:
    """The key of Vault that signed it, by the signed heads of the repository: place to content.

    EvidenceError E_SNAPSHOT_UNSIGNED, E_SNAPSHOT_SIGNATURE; PreconditionError E_SNAPSHOT_KEY where no head of its
    cluster names a key.
    """
    with _of(file):
        ledger_key = bundle_key(keys)
        found = (read_head(content, ledger_key, place) for place, content in sorted(heads.items()))
        named = {h.countersigner for h in found if h.cluster == file.manifest.cluster and h.countersigner}
        if not named:
            raise PreconditionError(
                f"no signed head of cluster {file.manifest.cluster} names a key of Vault",
                code="E_SNAPSHOT_KEY",
                hint="commit records/ as `bootstrap up` wrote them; or --keys DIR, with records/ beside that folder",
            )
        ids = {public_key(each).key_id: public_key(each) for each in named}
        name = file.signature.key_id if file.signature else ""
        return _signed_by(file, ids.get(name) or next(iter(ids.values())))


def _signed_by(file: SnapshotFile, key: PublicKey | None) -> PublicKey:
    """``key`` is None where the ledger in the file announces none."""
    if file.signature is None or key is None:
        raise unsigned()
    if file.signature.key_id != key.key_id:
        raise missigned(f"it names key {file.signature.key_id[:16]}, and Vault's is {key.key_id[:16]}")
    if not key.accepts(file.signature.value, signed_content(manifest_bytes(file.manifest))):
        raise missigned("the signature does not fit its manifest")
    return key


@contextmanager
def _of(file: SnapshotFile) -> Iterator[None]:
    """Each error says in which file, and how to go on."""
    try:
        yield
    except BootstrapError as error:
        error.where = error.where if file.shown in error.where else f"{file.shown} {error.where}".rstrip()
        error.hint = error.hint or ANOTHER
        raise


def _share(manifest: Manifest, material: RootMaterial) -> Sensitive:
    """The share that the file names, opened. EvidenceError E_SNAPSHOT_GENERATION: it is for another unseal key."""
    key = material.unseal_key()
    if key.fingerprint.upper() != manifest.share.unseal_key.upper():
        raise EvidenceError(
            f"its share of generation {manifest.share.generation} is sealed to the unseal key"
            f" {manifest.share.unseal_key}, and this commit has {key.fingerprint}",
            code="E_SNAPSHOT_GENERATION",
            hint="give the commit that this snapshot belongs to: --rev COMMIT",
        )
    try:
        return key.decrypt(manifest.share.ciphertext)
    except BootstrapError:
        failed = True
    assert failed
    raise EvidenceError("the share in its manifest is damaged", code="E_SNAPSHOT_DAMAGED")


def _ledger(opened: OpenedFile, keys: Mapping[str, bytes]) -> tuple[Ledger, Head]:
    return read_bundle(opened.bundle(), keys)


def _vault(opened: OpenedFile, share: Sensitive, manifest: Manifest) -> tuple[Archive, Census]:
    """Twice through the archive: what opens its entries stands behind some of them."""
    found = Found()
    archive = _read(opened, found.entries)
    try:
        check_sealed_sums(archive.sealed_sums, archive.sums, share)
        barrier = found.barrier(share)
    except EvidenceError as error:
        if error.code != NOT_OPENED:
            raise
        raise _other_generation(manifest) from None
    census = Census(barrier)
    _read(opened, Entries(census.take))
    return archive, census


def _read(opened: OpenedFile, entries: Entries) -> Archive:
    reader = ArchiveReader(entries.feed)
    opened.stream(RAFT, Poured(reader.feed))
    archive = reader.close()
    entries.close()
    return archive


def _other_generation(manifest: Manifest) -> EvidenceError:
    return EvidenceError(
        f"the share of generation {manifest.share.generation} that its manifest names does not open it: file and share"
        " are of two Vaults, or of two generations",
        code="E_SNAPSHOT_GENERATION",
    )


def _compare(manifest: Manifest, archive: Archive, census: Census, head: Head) -> None:
    """EvidenceError E_SNAPSHOT_MANIFEST where manifest, Vault and ledger do not speak of the same platform."""
    point = LedgerPoint(size=head.size, last=head.last, root=head.root)
    compared = {
        "cluster": (manifest.cluster, head.cluster),
        "environment": (manifest.environment, head.environment),
        "ledger": (manifest.ledger, point),
        "Vault's cluster id by its ledger": (manifest.vault_cluster, head.vault_cluster),
        "Vault's cluster id": (manifest.vault_cluster, census.cluster),
        "Vault's version": (manifest.raft.version, census.version),
        "raft index": (manifest.raft.index, archive.index),
        "raft term": (manifest.raft.term, archive.term),
        "digest of Vault's snapshot": (manifest.raft.sha256, archive.sha256),
        "size of Vault's snapshot": (manifest.raft.size, archive.size),
    }
    for what, (named, found) in compared.items():
        if named != found:
            raise EvidenceError(
                f"its manifest names another {what} than its content: {named} and {found}",
                code="E_SNAPSHOT_MANIFEST",
            )


def _no_power(tokens: Mapping[str, tuple[str, ...]]) -> None:
    if alive := powerful(tokens):
        raise EvidenceError(
            f"{len(alive)} tokens with power over policies are alive in it, the first with accessor {alive[0]}: they"
            " would have it again after a restore",
            code="E_SNAPSHOT_ROOT_TOKEN",
        )


def _unproven(saved: Mapping[str, SavedSecret], ledger: Ledger, commitments: Commitments) -> Iterator[str]:
    known = {
        (record.fact.destination.path, record.fact.destination.version): record
        for record in ledger.current
        if record.fact.destination is not None
        and record.fact.type in (RecordType.COMMIT, RecordType.ACCEPTED)
    }
    for name, secret in sorted(saved.items()):
        record = known.get((secret.path, secret.version))
        cluster = record.run.cluster if record else ""
        made = {f: commitments.commit(cluster, name, f, v) for f, v in secret.fields.items()}
        if record is None or made != dict(record.fact.commitments):
            yield name
