"""Ciphertexts changed in Git after handover: Vault is the authority, so they are ignored and named (G2)."""

from collections.abc import Iterator

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Git, RecordType
from bootstrap.model.catalog import Intent, Secret
from bootstrap.steps.context.transfers import named


def changed_since(ledger: Ledger, intent: Intent) -> Iterator[tuple[Secret, str, Git]]:
    """Each secret whose file is another one than its COMMIT record names: the file, and what is recorded of it."""
    committed = named(ledger, RecordType.COMMIT)
    for secret in intent.handovers:
        recorded = committed[secret.name].fact.git if secret.name in committed else None
        if secret.source is None or recorded is None:
            continue
        if intent.blobs.get(secret.source.file) not in (None, recorded.blob):
            yield secret, secret.source.file, recorded


def without_effect(ledger: Ledger, intent: Intent) -> Iterator[str]:
    """One sentence a file: it may hold several secrets, and any change of it makes it another one."""
    names: dict[str, list[str]] = {}
    for secret, file, _ in changed_since(ledger, intent):
        names.setdefault(file, []).append(secret.name)
    for file, those in names.items():
        were = "was" if len(those) == 1 else "were"
        yield (
            f"{file} was changed after {', '.join(those)} {were} handed over: "
            "what Vault holds counts, the change has no effect"
        )
