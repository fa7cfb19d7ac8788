"""What a restore gives up of records and heads: all that the snapshot does not hold, each once (INV4)."""

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.ledger.record import Destination, Fact, RecordType
from bootstrap.ledger.versions import ADOPTED, details_of
from bootstrap.model.heads import Standing
from bootstrap.steps.authority.losses import Losses, lost_since, since, written
from tests.support.authorities import (
    ELSEWHERE,
    NEW,
    NOTE,
    authority,
    head,
    head_of,
    junk,
    ledger,
    snapshot_source,
)
from tests.support.ledger_facts import fact

INTENT, COMMIT = fact(RecordType.INTENT, "a"), fact(RecordType.COMMIT, "a")


def adopted(name: str, version: int) -> Fact:
    place = Destination(cluster="vault-1", path=f"applications/{name}", version=version)
    details = details_of(name, version, ADOPTED, "why", "who")
    return replace(
        fact(RecordType.INTENT, name), type=RecordType.ACCEPTED, destination=place, details=details
    )


@pytest.mark.parametrize(
    "more",
    [
        {"heads": (head(Standing.EQUAL, "a"),)},
        {"records": 1},
        {"differing": ("a/b",)},
        {"unknown": ("a/b",)},
        {"volumes": ("vault-0",)},
    ],
    ids=str,
)
def test_inv4_each_loss_alone_is_one(more: dict[str, Any]) -> None:
    assert Losses(**more)
    assert not Losses()


def test_h4_what_is_lost_is_on_record_and_what_is_not_is_not() -> None:
    assert Losses().details == {}
    assert Losses(records=3, changed=("a", "b"), unknown=("n/c",), volumes=("vault-1", "old")).details == {
        "recordsOfTheCluster": "3",
        "changedSince": "a b",
        "notCompared": "n/c",
        "voided": "vault-1 old",
    }
    assert Losses(differing=("n/c",)).details == {"differed": "n/c"}


def test_inv4_heads_that_the_snapshot_does_not_hold_the_newest_first_and_each_once() -> None:
    source = snapshot_source(NOTE, INTENT, COMMIT)
    newer, other = (
        head(Standing.AHEAD, "a clone", size=9),
        head(Standing.OTHER_CLUSTER, "b", cluster=ELSEWHERE),
    )
    longer = head_of(ledger(NOTE, INTENT, COMMIT, NOTE), place="ConfigMap ledger-head")
    again = replace(longer, witness=replace(longer.witness, place="a folder"))
    found = authority(
        other,
        longer,
        again,
        newer,
        head_of(source.ledger, place="the snapshot's own"),
        head_of(ledger(NOTE, INTENT), Standing.BEHIND),
        head(Standing.SUPERSEDED, "decided", size=12),
        head(Standing.OTHER_ENVIRONMENT, "staging", size=12, cluster="uid-3"),
        head(Standing.FORGED, "a forgery", size=12),
        head(Standing.FOREIGN_KEY, "theirs", size=12),
        junk(Standing.FORKED, "no head"),
    )
    assert [p.witness.place for p in lost_since(found, source)] == ["a clone", "a folder", "b"]


@pytest.mark.parametrize(
    ("here", "lost"),
    [
        ((), ()),
        ((NOTE,), ()),
        ((NOTE, INTENT, COMMIT), ()),
        ((NOTE, INTENT, COMMIT, NOTE), (NOTE,)),
        ((NOTE, NEW, NOTE), (NEW, NOTE)),
        ((NEW,), (NEW,)),
    ],
)
def test_inv4_records_from_the_first_on_that_the_snapshot_does_not_hold(
    here: tuple[Fact, ...], lost: tuple[Fact, ...]
) -> None:
    source = snapshot_source(NOTE, INTENT, COMMIT)
    assert tuple(r.fact for r in since(authority(here=here), source)) == lost
    assert tuple(r.fact for r in since(authority(copy=here), source)) == lost


def test_inv4_secrets_are_named_of_which_a_value_was_written() -> None:
    b_first = (fact(RecordType.INTENT, "b"), fact(RecordType.COMMIT, "b"))
    facts = (NOTE, *b_first, INTENT, COMMIT, adopted("a", 2), adopted("c", 4), fact(RecordType.INTENT, "d"))
    assert written(ledger(*facts).records) == ("b", "a", "c")
    plain = Fact(type=RecordType.ACCEPTED, details=details_of("e", 2, ADOPTED, "why", "who"))
    other = Fact(type=RecordType.ACCEPTED, details={"what": "plan"})
    assert written(ledger(NOTE, plain, other).records) == ("e",), "one that says it in its details alone"
