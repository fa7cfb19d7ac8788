"""``check --bundle``: ciphertexts that changed after Vault became the authority (G2)."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.intent.findings import Finding, Level
from bootstrap.ledger.bundle import read_bundle
from bootstrap.ledger.chain import Ledger
from bootstrap.model.catalog import Intent
from bootstrap.model.errors import DefinitionError
from bootstrap.operations.verify.drift import changed_since

if TYPE_CHECKING:
    from bootstrap.adapters.git.repository import GitRepository


def changed_since_commit(repository: "GitRepository", intent: Intent, bundle: Path) -> Iterator[Finding]:
    """W_CT_CHANGED where a file is another one than its COMMIT record names, E_CT_REPLAY where it is an older one.

    EvidenceError (exit 6) for a bundle that does not verify against the commit's ``keys/ledger.pub``.
    """
    for secret, file, recorded in changed_since(_ledger(bundle, intent), intent):
        if _older(repository, file, intent.blobs[file], recorded.blob):
            message = f"{secret.name}: {file} is older than what was handed over: put back by somebody"
            hint = f"git log --oneline -- {file}"
            yield Finding(id="E_CT_REPLAY", where=secret.where, message=message, hint=hint)
        else:
            message = f"{secret.name}: {file} was changed after the handover, which is without effect"
            hint = "Vault is the authority: `bootstrap set` gives it the new value; leave the file as it was"
            yield Finding(
                id="W_CT_CHANGED", where=secret.where, message=message, hint=hint, level=Level.WARNING
            )


def _ledger(bundle: Path, intent: Intent) -> Ledger:
    try:
        with bundle.open("rb") as source:
            return read_bundle(source, intent.keys)[0]
    except OSError as error:
        hint = "bootstrap ledger export writes one"
        raise DefinitionError(
            f"the bundle cannot be read: {error.strerror}", code="E_BUNDLE", where=str(bundle), hint=hint
        ) from None


def _older(repository: "GitRepository", path: str, now: str, recorded: str) -> bool:
    """True when the file's history had ``now`` before the blob that was handed over."""
    from bootstrap.adapters.git.history import blobs_of

    order = [blob for _, blob in blobs_of(repository, path)]
    return now in order and recorded in order and order.index(now) < order.index(recorded)
