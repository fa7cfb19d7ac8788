"""A whole, signed ledger may still be cut off, or another cluster's: what heads from elsewhere say of it (H4)."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bootstrap.ledger import chain
from bootstrap.ledger.bundle import export, verify_bundle
from bootstrap.ledger.chain import Chain, Ledger
from bootstrap.ledger.head import Head, head_of, sign_head
from bootstrap.ledger.record import Fact, RecordType, Writer
from bootstrap.ledger.text import lines
from bootstrap.ledger.witnesses import naming
from bootstrap.model.errors import EvidenceError
from tests.support.ledger_facts import ESCROW, RUN, TIME, Key, story

KEY = Key()
OLD_RUN = replace(RUN, cluster="uid-0")


def ledger(*facts: Fact, run: Writer = RUN) -> Ledger:
    return Ledger().extended(chain.write(facts, after=Chain(), run=run, time=TIME, signer=KEY))


def head(of: Ledger, **other: object) -> Head:
    return replace(head_of(of, escrow=ESCROW), **other)  # type: ignore[arg-type]  # names of Head's own


def signed(of: Ledger, **other: object) -> bytes:
    return sign_head(head(of, **other), KEY)


def bundle(of: Ledger) -> bytes:
    return export([e.envelope for e in of.entries], signed(of), ESCROW)


WHOLE = ledger(*story())
SHORT = ledger(*story()[:6])
FORK = ledger(*story()[1:])
STAGING = ledger(*story(), run=replace(RUN, cluster="uid-staging"))
P = "records/uid-1/head.json"


def first(of: Ledger, heads: Mapping[str, bytes], **more: object) -> str:
    report = verify_bundle(bundle(of), {"ledger.pub": KEY.pem}, heads, **more)  # type: ignore[arg-type]  # its options
    return next(lines(report))


def refused(of: Ledger, heads: Mapping[str, bytes], **more: object) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        first(of, heads, **more)
    assert caught.value.exit_code == 6
    assert caught.value.hint
    return caught.value


def test_h4_a_ledger_without_a_head_from_elsewhere_is_called_a_prefix() -> None:
    line = first(WHOLE, {})
    assert line.startswith("A PREFIX, verified: 10 records")
    assert "nothing says that these are all" in line


def test_h4_a_ledger_that_holds_the_head_is_all_that_it_names() -> None:
    assert first(WHOLE, {P: signed(WHOLE)}).startswith("verified: 10 records")
    assert f"all that {P} names" in first(WHOLE, {P: signed(WHOLE)})


def test_h4_what_follows_the_head_may_be_cut_and_the_line_says_so() -> None:
    line = first(WHOLE, {P: signed(SHORT)})
    assert "names the first 6, and nothing says that what follows is all" in line


@pytest.mark.parametrize("size", range(1, 10))
def test_h4_a_ledger_cut_to_any_older_head_is_refused(size: int) -> None:
    error = refused(ledger(*story()[:size]), {P: signed(WHOLE)})
    assert (error.code, f"names 10 records, here are {size}" in error.message) == ("E_PREFIX", True)


def test_h4_one_of_several_heads_that_is_not_held_is_enough() -> None:
    assert refused(SHORT, {"a": signed(SHORT), "b": signed(WHOLE), "c": signed(SHORT)}).code == "E_PREFIX"


def test_h4_another_history_is_refused() -> None:
    assert refused(FORK, {P: signed(SHORT)}).code == "E_FORK"
    assert refused(WHOLE, {P: signed(WHOLE, root="0" * 64)}).code == "E_FORK"


@pytest.mark.parametrize("all_known", [True, False])
def test_h4_the_ledger_of_another_environment_is_refused(all_known: bool) -> None:
    error = refused(STAGING, {P: signed(WHOLE)}, all_known=all_known)
    assert (error.code, "uid-staging" in error.message) == ("E_CLUSTER", True)
    both = {P: signed(WHOLE), "s": signed(STAGING)}
    assert refused(STAGING, both, all_known=False).code == "E_CLUSTER", "each that is named must be held"
    assert refused(STAGING, {}, cluster="uid-1").code == "E_CLUSTER"
    assert refused(STAGING, {"s": signed(STAGING), P: signed(WHOLE)}, cluster="uid-1").code == "E_CLUSTER"


def test_h4_a_head_from_before_the_cluster_was_rebuilt_is_held_as_any_other() -> None:
    before = ledger(*story(), run=OLD_RUN)
    more = chain.write([Fact(type=RecordType.REBUILT)], after=before.chain, run=RUN, time=TIME, signer=KEY)
    assert "names the first 10" in first(before.extended(more), {P: signed(before)})


def test_h4_where_two_clusters_are_known_the_line_asks_which_is_meant() -> None:
    both = {"s": signed(STAGING), P: signed(WHOLE)}
    assert "heads of 1 other clusters are there: --cluster UID says which is meant" in first(STAGING, both)
    assert "--cluster" not in first(STAGING, both, cluster="uid-staging")
    assert first(STAGING, {P: signed(WHOLE)}, cluster="uid-staging").startswith("A PREFIX")


def test_h4_a_head_is_believed_only_if_it_is_signed() -> None:
    assert refused(WHOLE, {P: sign_head(head(WHOLE), Key(2))}).code == "E_SIG"
    assert refused(WHOLE, {P: b"{}"}).code in ("E_SIG", "E_HEAD")


def test_h4_another_escrow_than_the_head_names_is_refused() -> None:
    assert refused(WHOLE, {P: signed(WHOLE, escrow_sha256="0" * 64)}).code == "E_HEAD"
    assert "all that" in first(WHOLE, {P: signed(WHOLE, escrow_sha256="")}), "it names none"
    assert "the first 6" in first(WHOLE, {P: signed(SHORT, escrow_sha256="0" * 64)}), "it was another then"


def test_a_head_that_a_record_gave_up_asks_for_nothing() -> None:
    """A cluster that was rebuilt under another UID, and one whose Vault went back in time by decision."""
    old = head(ledger(*story(), run=OLD_RUN))
    facts = (Fact(type=RecordType.NEW_AUTHORITY, details=naming(old)), *story())
    anew = ledger(*facts)
    assert first(anew, {"old": sign_head(old, KEY), P: signed(anew)}).startswith("verified: 11 records")
    assert first(anew, {"old": sign_head(old, KEY)}).startswith("A PREFIX")
    assert refused(ledger(*facts[:3]), {"old": sign_head(old, KEY), P: signed(anew)}).code == "E_PREFIX"


def test_the_report_says_it_as_data() -> None:
    report = verify_bundle(bundle(WHOLE), {"ledger.pub": KEY.pem}, {P: signed(SHORT)})
    assert report.document()["completeness"] == {"places": (P,), "size": 6, "others": ()}
