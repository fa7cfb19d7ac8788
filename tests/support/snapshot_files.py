"""Snapshot files of a small platform, and what opens them."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bootstrap.adapters.age.root import AgeRoot, generate
from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.root.derived_keys import (
    Commitment,
    PgpUnsealKey,
    generate_commitment,
    generate_unseal,
)
from bootstrap.adapters.snapshot.values import SavedSecret
from bootstrap.adapters.snapshot.writer import SnapshotWriter
from bootstrap.ledger.bundle import Bundle
from bootstrap.ledger.head import glance_head
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.snapshot import RAFT, LedgerPoint, Manifest, Part, RaftFacts, Share, Signature
from bootstrap.operations.snapshot.judge import Trust
from tests.support.ledger_facts import VAULT, Key, bundle_of, signed_by_both
from tests.support.raft_snapshots import Store, snapshot

STORE = Store()
BUNDLE = bundle_of(tuple(each.envelope for each in signed_by_both()))
VALUES = {
    "registry": SavedSecret(
        path="platform/registry", version=2, fields={"password": Sensitive(b"canary-9c41", "password")}
    )
}


class Material:
    """``RootMaterial``, as far as a snapshot asks for it."""

    def __init__(self, secret: Sensitive) -> None:
        self._unseal = PgpUnsealKey(secret)
        self._commitments = Commitment(generate_commitment())

    def unseal_key(self) -> PgpUnsealKey:
        return self._unseal

    def commitments(self) -> Commitment:
        return self._commitments


@dataclass(frozen=True)
class Platform:
    root: AgeRoot
    material: Material
    certificate: bytes

    @property
    def trust(self) -> Trust:
        return Trust(root=self.root, material=self.material, keys={"ledger.pub": Key().pem})  # type: ignore[arg-type]

    def share(self, store: Store = STORE, generation: int = 1) -> Share:
        text = Sensitive(store.share.hex().encode(), "share")
        sealed = openpgp.encrypt([self.certificate.decode()], text)
        return Share(
            generation=generation, unseal_key=self.material.unseal_key().fingerprint, ciphertext=sealed
        )

    def manifest(self, parts: Mapping[str, Part], sent: bytes, **changed: object) -> Manifest:
        head = glance_head(Bundle.parse(BUNDLE).head)
        made = Manifest(
            environment="",
            cluster=head.cluster,
            vault_cluster=head.vault_cluster,
            raft=facts(sent),
            share=self.share(),
            ledger=LedgerPoint(size=head.size, last=head.last, root=head.root),
            saver="accessor-of-the-saver",
            recipients=self.root.recipients,
            tool="0.1.0",
            time="2026-01-01T00:00:00Z",
            parts=dict(parts),
        )
        return replace(made, **changed)  # type: ignore[arg-type]  # the names are Manifest's own

    def write(self, path: Path, sent: bytes, **changed: object) -> Path:
        """A file around whatever Vault ``sent``: the writer's own watch over the stream is left out."""
        with SnapshotWriter(path, self.root.recipients) as writer:
            unwatched(writer, sent)
            writer.ledger(BUNDLE)
            writer.values(VALUES)
            writer.manifest(lambda parts: self.manifest(parts, sent, **changed), by_vault)
            writer.finish()
        return path


def by_vault(content: bytes, key: Key = VAULT) -> Signature:
    return Signature(key_id=key.key_id, value=key.sign(content))


def facts(sent: bytes, **changed: object) -> RaftFacts:
    made = RaftFacts(
        version="1.21.1", index=41, term=3, sha256=hashlib.sha256(sent).hexdigest(), size=len(sent)
    )
    return replace(made, **changed)  # type: ignore[arg-type]  # the names are RaftFacts' own


def platform() -> Platform:
    secret, certificate = generate_unseal()
    return Platform(root=generate(), material=Material(secret), certificate=certificate)


def whole(store: Store = STORE, *more: tuple[str, bytes]) -> bytes:
    values = [store.entry(f"logical/kv/{n}", f"canary-{n}".encode() * 20) for n in range(30)]
    tokens = [store.token("accessor-of-the-saver", "bootstrap-snapshot")]
    return snapshot(store, store.entries(*values, *tokens, *more))


def pieces(data: bytes, size: int = 700) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def unwatched(writer: SnapshotWriter, raft: bytes) -> None:
    writer.begin()
    writer._seal(RAFT, io.BytesIO(raft))
