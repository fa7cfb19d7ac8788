"""The decisions about a lost authority, or a lost quorum, and how long a yes holds.

It is kept in the run record as ``NAME@SIZE`` while the run is unfinished; SIZE is the length of the cluster's ledger
when it was given. A record of the decision at that place or later spends it.
"""

from collections.abc import Collection
from typing import Final

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.record import Record, RecordType
from bootstrap.model.outside import decimal

NEW_AUTHORITY: Final = "new-authority"
ROLLBACK: Final = "rollback"
RECOVER_QUORUM: Final = "recover-quorum"
DECISIONS: Final = (NEW_AUTHORITY, ROLLBACK, RECOVER_QUORUM)
WHAT: Final = "what"  # a detail of an ACCEPTED record


def given(approvals: Collection[str], name: str, ledger: Ledger) -> str:
    """The approval as it is to be kept, where it was given by this command or by one before; else empty."""
    return kept(approvals, name, ledger) or (f"{name}@{ledger.chain.size}" if name in approvals else "")


def kept(approvals: Collection[str], name: str, ledger: Ledger) -> str:
    """The approval as an earlier look of this unfinished run has kept it; empty where a record has spent it."""
    for each in sorted(approvals):
        which, _, text = each.partition("@")
        size = decimal(text)
        if which == name and size is not None and not _spent(ledger, name, size):
            return each
    return ""


def decided(ledger: Ledger) -> bool:
    """A new authority is on record, and no Vault was initialised since: nothing was handed over to anybody."""
    about = (RecordType.NEW_AUTHORITY, RecordType.VAULT_INITIALISED)
    types = [record.fact.type for record in ledger.records if record.fact.type in about]
    return bool(types) and types[-1] is RecordType.NEW_AUTHORITY


def _spent(ledger: Ledger, name: str, since: int) -> bool:
    return any(_says(record, name) for record in ledger.records[since:])


def _says(record: Record, name: str) -> bool:
    if name == NEW_AUTHORITY:
        return record.fact.type is RecordType.NEW_AUTHORITY
    return record.fact.type is RecordType.ACCEPTED and record.fact.details.get(WHAT) == name
