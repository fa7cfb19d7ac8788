"""Whether the authority that this cluster had is still there: the one rule over all heads of the ledger.

A head says how long the ledger was when Vault's copy had reached it. It is written only then, so a copy that is
shorter than a head has lost records, and a head without any Vault speaks of an authority that is lost.
"""

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """One place where a head may lie, against the longest chain that was found."""

    NONE = "none"
    EQUAL = "equal"
    BEHIND = "behind"  # the chain holds it and goes on
    AHEAD = "ahead"  # it names more records than there are
    FORKED = "forked"  # the chain has other records there
    SUPERSEDED = "superseded"  # a record of the chain names it, by decision of a human
    OTHER_CLUSTER = "of another cluster"
    OTHER_ENVIRONMENT = "of another environment"
    FOREIGN_KEY = "signed by a foreign key"
    FORGED = "not a signed head"


OWN = frozenset({Standing.EQUAL, Standing.BEHIND, Standing.AHEAD})


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """What was found in one place; ``size`` is the number of records that the head names, 0 for none."""

    place: str
    standing: Standing
    size: int = 0
    cluster: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known of the authority, in numbers of records.

    ``ledger`` is that of the cluster, ``copy`` Vault's, None where no Vault of ours is. ``silent``: a Vault is there
    and its copy cannot be read now (sealed, say). ``traces`` are objects that only a finished handover leaves.
    ``rebuilding``: the cluster's ledger was lost and is coming back, perhaps in part.
    ``unfinished``: the init window stands before its proof, so nothing can have been handed over yet.
    ``other_vault``: the Vault that is here is none that a record or a head names. Approvals are those that were given
    and not yet recorded; a new authority also one that is on record and that no Vault has followed yet.
    ``restoring``: a snapshot is the authority that is wanted, and that is not on record yet.
    """

    witnesses: tuple[Witness, ...] = ()
    ledger: int = 0
    copy: int | None = None
    silent: bool = False
    traces: tuple[str, ...] = ()
    rebuilding: bool = False
    unfinished: bool = False
    other_vault: bool = False
    new_authority: bool = False
    rollback: bool = False
    restoring: bool = False

    @property
    def newest(self) -> int:
        """Records that some head of this cluster and environment names, and no record supersedes."""
        return max((w.size for w in self.witnesses if w.standing in OWN), default=0)

    def of(self, standing: Standing) -> tuple[Witness, ...]:
        return tuple(w for w in self.witnesses if w.standing is standing)


class Verdict(StrEnum):
    GO_ON = "go on"
    FINISH_COPY = "an unfinished run: Vault's copy is completed"
    REBUILD = "the cluster's ledger comes back from Vault's copy"
    AUTHORITY_LOST = "an authority was here and is gone: a human decides"
    OTHER_CLUSTER = "another cluster's authority is known and none of this one: a human decides"
    VAULT_BEHIND = "Vault has lost records that it held"
    CLUSTER_BEHIND = "the cluster has lost records that Vault holds"
    FORK = "two histories"
    FORGED = "a head is not what it says"
    FOREIGN_KEY = "a head is signed by a key that keys/ does not have"


STOPS = frozenset(Verdict) - {Verdict.GO_ON, Verdict.FINISH_COPY, Verdict.REBUILD}


def judge(found: Found) -> Verdict:
    """What the heads mean together. Evidence that is false is named before anything that rests on it."""
    for standing, verdict in _FALSE:
        if found.of(standing):
            return verdict
    if found.silent:
        return Verdict.GO_ON  # judged again once it answers, before anything is written to it
    return _without_vault(found) if found.copy is None else _with_vault(found, found.copy)


_FALSE = (
    (Standing.FOREIGN_KEY, Verdict.FOREIGN_KEY),
    (Standing.FORGED, Verdict.FORGED),
    (Standing.FORKED, Verdict.FORK),
)


def _without_vault(found: Found) -> Verdict:
    if found.new_authority or found.restoring:
        return Verdict.GO_ON
    if found.newest or found.ledger or (found.traces and not found.unfinished):
        return Verdict.AUTHORITY_LOST
    if found.of(Standing.OTHER_CLUSTER):
        return Verdict.OTHER_CLUSTER
    return Verdict.GO_ON


def _with_vault(found: Found, copy: int) -> Verdict:
    if found.newest > copy and not (found.rollback or found.new_authority or found.restoring):
        return Verdict.AUTHORITY_LOST if found.other_vault else Verdict.VAULT_BEHIND
    if copy > found.ledger:
        behind = found.ledger and not found.rebuilding
        return Verdict.CLUSTER_BEHIND if behind else Verdict.REBUILD
    return Verdict.FINISH_COPY if copy < found.ledger else Verdict.GO_ON
