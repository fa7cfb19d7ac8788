"""A head of a cluster that never was, signed by the ledger key of a repository."""

from pathlib import Path

from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.root.root_key import parse_root
from bootstrap.adapters.root.root_material import CommitMaterial
from bootstrap.adapters.sops.commit_files import CommitFiles
from bootstrap.ledger.head import Head, sign_head
from bootstrap.model.sensitive import Sensitive


def invented_head(cluster: str) -> Head:
    return Head(
        size=3,
        last="1" * 64,
        root="2" * 64,
        cluster=cluster,
        vault_cluster="v",
        escrow_sha256="",
        tool="0.1.0",
        time="2026-01-01T00:00:00Z",
    )


def signed_head(repository: Path, root_key: Path, cluster: str) -> bytes:
    """``root_key`` is an age identity without a passphrase."""
    repo = open_repository(repository, "HEAD")
    root = parse_root(Sensitive(root_key.read_bytes(), "root key"), lambda _: None)
    return sign_head(invented_head(cluster), CommitMaterial(repo, CommitFiles(repo, root)).signer())
