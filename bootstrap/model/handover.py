"""One secret's way from Git to Vault's authority, as a machine without hands (H1-H5).

    declared -> materialized (where it is scaffolded) -> copied -> verified -> consumers ready -> retired

Nothing here is remembered: each time the next step follows from what is seen. Version 1 is what counts, not the
current one: from COMMIT on, and before it too, a rotator may have written version 2.
"""

from dataclasses import dataclass
from enum import StrEnum

from bootstrap.model.catalog import RetireMode

Commitments = frozenset[tuple[str, str]]  # field to keyed digest: equal when the values are


class CopyState(StrEnum):
    """The bootstrap copy in the cluster. CHANGED holds other bytes than were handed over, EMPTIED none at all."""

    ABSENT = "absent"
    EMPTIED = "emptied"
    STANDS = "stands"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretState:
    """What was just seen of one secret.

    ``written``: Vault has a version of it. ``version`` is what version 1 holds, None where it was not read or is
    not there. ``announced``: what our INTENT records announced, ``planned`` what would be written now.
    """

    written: bool
    announced: frozenset[Commitments] = frozenset()
    version: Commitments | None = None
    planned: Commitments | None = None
    committed: bool = False
    waiting: bool = False  # a consumer is not ready, or something still holds the scaffold
    scaffold: CopyState = CopyState.ABSENT
    retire: RetireMode = RetireMode.DELETED
    retired: bool = False


class Next(StrEnum):
    INTEND = "record what will be written"
    WRITE = "write version 1, only to an empty path"
    READ = "read version 1 back"
    COMMIT = "record that Vault is the authority"
    WAIT = "wait for its consumers"
    DELETE = "delete the scaffold by its UID"
    EMPTY = "empty the scaffold by compare-and-swap"
    RECORD = "record the retirement"
    DONE = "nothing left to do"
    CONFLICT = "Vault holds a version that no intent of ours announced"
    LOST = "handed over, and gone from Vault"
    DRIFT = "the scaffold holds something else than was handed over"


def next_step(state: SecretState) -> Next:
    """The only rule book of handover and retirement."""
    if state.committed:
        return _after_commit(state)
    if not state.written:
        return Next.WRITE if state.planned in state.announced else Next.INTEND
    if not state.announced:
        return Next.CONFLICT
    if state.version is None:
        return Next.READ
    # A lost answer, or a run that is gone: version 1 is ours if one of our INTENT records announced it.
    return Next.COMMIT if state.version in state.announced else Next.CONFLICT


def over(scaffold: CopyState, retire: RetireMode) -> bool:
    """Whether nothing of the scaffold has to go any more (H3): one that is to be ignored stays as it is."""
    match retire:
        case RetireMode.IGNORED:
            return True
        case RetireMode.INERT:
            return scaffold in (CopyState.ABSENT, CopyState.EMPTIED)
        case RetireMode.DELETED:
            return scaffold is CopyState.ABSENT


def _after_commit(state: SecretState) -> Next:
    if not state.written:
        return Next.LOST
    gone = over(state.scaffold, state.retire)
    if gone and state.retired:
        return Next.DONE
    if state.waiting:
        return Next.WAIT
    if gone:
        return Next.RECORD
    if state.scaffold is CopyState.CHANGED:
        return Next.DRIFT
    # Also one that came back, or was filled again, after its retirement.
    return Next.EMPTY if state.retire is RetireMode.INERT else Next.DELETE
