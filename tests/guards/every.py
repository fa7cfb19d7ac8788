"""All guards of the table."""

from tests.guards import (
    rows_evidence,
    rows_handover,
    rows_recovery,
    rows_restore,
    rows_retirement,
    rows_snapshot,
    rows_values,
    rows_vault,
)
from tests.guards.table import Guard

GUARDS: tuple[Guard, ...] = (
    *rows_handover.HANDED_OVER,
    *rows_handover.INIT_WINDOW,
    *rows_vault.PROOF,
    *rows_vault.ROOT_TOKEN,
    *rows_vault.FENCE,
    *rows_vault.NODES,
    *rows_vault.CERTIFICATES,
    *rows_retirement.RETIREMENT,
    *rows_retirement.BOOTSTRAP_COPIES,
    *rows_retirement.PRECONDITIONS,
    *rows_retirement.VOIDS,
    *rows_evidence.HEADS,
    *rows_evidence.LEDGER,
    *rows_evidence.ONE_RUN,
    *rows_snapshot.JUDGED,
    *rows_snapshot.SAVED,
    *rows_restore.RESTORED,
    *rows_restore.DAMAGED,
    *rows_restore.REHEARSED,
    *rows_recovery.RECOVERED,
    *rows_snapshot.KEPT_IN_THE_CLUSTER,
    *rows_values.VALUES,
    *rows_values.RECORDS,
)
