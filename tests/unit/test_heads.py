"""Every head that can be found, in every situation that it can be found in: one table (INV4)."""

from dataclasses import replace
from itertools import product

import pytest

from bootstrap.model.heads import STOPS, Found, Standing, Verdict, Witness, judge

SIZE = 5  # records that the head names

NOTHING = Found()
GONE = {
    "first run": NOTHING,
    "the ledger is there": Found(ledger=7),
    "traces": Found(traces=("ClusterSecretStore vault-backend",)),
    "a first run under way": Found(traces=("leftover",), unfinished=True),
    "approved": Found(new_authority=True, ledger=7, traces=("x",)),
    "a snapshot is wanted": Found(restoring=True, ledger=7, traces=("x",)),
    "cannot be read": Found(silent=True, ledger=7, traces=("x",)),
}
HERE = {
    "behind the head": Found(copy=3, ledger=7),
    "behind the head, approved": Found(copy=3, ledger=7, rollback=True),
    "behind the head, cluster too": Found(copy=3, ledger=3),
    "behind the head, a snapshot is wanted": Found(copy=3, ledger=7, restoring=True),
    "another Vault": Found(copy=0, ledger=0, other_vault=True),
    "another Vault, approved": Found(copy=0, ledger=0, other_vault=True, new_authority=True),
    "as long as the ledger": Found(copy=7, ledger=7),
    "unfinished copy": Found(copy=6, ledger=7),
    "cluster lost": Found(copy=7, ledger=0),
    "cluster behind": Found(copy=7, ledger=4),
    "cluster being rebuilt": Found(copy=7, ledger=4, rebuilding=True),
}
SITUATIONS = GONE | HERE
OWN = (Standing.EQUAL, Standing.BEHIND, Standing.AHEAD)
SPENT = (Standing.NONE, Standing.SUPERSEDED, Standing.OTHER_ENVIRONMENT)
FALSE = {
    Standing.FORKED: Verdict.FORK,
    Standing.FORGED: Verdict.FORGED,
    Standing.FOREIGN_KEY: Verdict.FOREIGN_KEY,
}
GO, LOST, OTHER = Verdict.GO_ON, Verdict.AUTHORITY_LOST, Verdict.OTHER_CLUSTER
# Of the situation: without a head that counts, with a head of this cluster, with one of another.
TABLE = {
    "first run": (GO, LOST, OTHER),
    "the ledger is there": (LOST, LOST, LOST),
    "traces": (LOST, LOST, LOST),
    "a first run under way": (GO, LOST, OTHER),
    "approved": (GO, GO, GO),
    "a snapshot is wanted": (GO, GO, GO),
    "cannot be read": (GO, GO, GO),
    "behind the head": (Verdict.FINISH_COPY, Verdict.VAULT_BEHIND, Verdict.FINISH_COPY),
    "behind the head, approved": (Verdict.FINISH_COPY,) * 3,
    "behind the head, a snapshot is wanted": (Verdict.FINISH_COPY,) * 3,
    "behind the head, cluster too": (GO, Verdict.VAULT_BEHIND, GO),
    "another Vault": (GO, LOST, GO),
    "another Vault, approved": (GO, GO, GO),
    "as long as the ledger": (GO, GO, GO),
    "unfinished copy": (Verdict.FINISH_COPY,) * 3,
    "cluster lost": (Verdict.REBUILD,) * 3,
    "cluster behind": (Verdict.CLUSTER_BEHIND,) * 3,
    "cluster being rebuilt": (Verdict.REBUILD,) * 3,
}


def expected(situation: str, standing: Standing) -> Verdict:
    if standing in FALSE:
        return FALSE[standing]
    column = 0 if standing in SPENT else 2 if standing is Standing.OTHER_CLUSTER else 1
    return TABLE[situation][column]


@pytest.mark.parametrize(("situation", "standing"), list(product(SITUATIONS, Standing)))
def test_inv4_the_whole_table(situation: str, standing: Standing) -> None:
    head = Witness(place="records", standing=standing, size=SIZE)
    found = replace(SITUATIONS[situation], witnesses=(head,))
    assert judge(found) is expected(situation, standing)


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize(
    "other", [Standing.NONE, Standing.EQUAL, Standing.SUPERSEDED, Standing.OTHER_CLUSTER]
)
def test_inv4_a_second_head_takes_nothing_away(standing: Standing, other: Standing) -> None:
    """Whatever one place says, another place that says less does not turn a stop into a go."""
    first, second = (Witness(place=p, standing=s, size=SIZE) for p, s in (("a", standing), ("b", other)))
    for found in SITUATIONS.values():
        alone, both = (judge(replace(found, witnesses=w)) for w in ((first,), (first, second)))
        assert alone not in STOPS or both in STOPS
        assert judge(replace(found, witnesses=(second, first))) is both, "the order of places means nothing"


def test_the_newest_head_counts() -> None:
    small, big = (Witness(place=p, standing=Standing.BEHIND, size=s) for p, s in (("a", 2), ("b", 6)))
    assert judge(Found(witnesses=(small, big), copy=4, ledger=7)) is Verdict.VAULT_BEHIND
    assert judge(Found(witnesses=(small,), copy=4, ledger=7)) is Verdict.FINISH_COPY
