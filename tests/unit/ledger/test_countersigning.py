"""Vault's signature behind each batch: the ledger key alone makes no other history (H4, INV4)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.ledger import chain
from bootstrap.ledger.bundle import read_bundle, show_bundle, verify_bundle
from bootstrap.ledger.chain import Entry
from bootstrap.ledger.completeness import Completeness
from bootstrap.ledger.countersigning import Rule, rule_of
from bootstrap.ledger.envelope import open_envelope, seal
from bootstrap.ledger.head import head_of, sign_head
from bootstrap.ledger.record import CLUSTER, ROOT, SIZE, TREE, Fact, Record, RecordType
from bootstrap.ledger.statement import encode
from bootstrap.ledger.verified import Verified
from bootstrap.ledger.witnesses import naming
from bootstrap.model.errors import EvidenceError
from tests.support.ledger_facts import (
    COUNTERSIGNER,
    ESCROW,
    RUN,
    TIME,
    VAULT,
    Key,
    announcing,
    bundle_of,
    countersigned,
    entries,
    fact,
    followed,
    signed_by_both,
    story,
)

KEYS = {"ledger.pub": Key().pem}
WHOLE = signed_by_both()
NOTE = Fact(type=RecordType.ACCEPTED, details={"what": "plan"})
ANEW = Fact(type=RecordType.NEW_AUTHORITY, details={"secrets": "2"})


def bundled(found: Sequence[Entry]) -> bytes:
    return bundle_of(tuple(each.envelope for each in found))


def refused(data: bytes, **more: object) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        verify_bundle(data, KEYS, **more)  # type: ignore[arg-type]  # the names are its own
    assert caught.value.exit_code == 6
    return caught.value


def by_the_ledger_key(facts: Sequence[Fact]) -> bytes:
    """Whatever a holder of the ledger key writes: no rule is asked."""
    found = tuple(chain.write(facts, after=chain.Chain(), run=RUN, time=TIME, signer=Key()))
    return bundled(found)


def signed_by(signer: Key, behind: Sequence[Entry], what: Fact) -> bytes:
    """The bundle with one more record, by whichever key."""
    after = chain.Ledger().extended(behind).chain
    record = Record(seq=after.size, previous=after.last, time=TIME, run=RUN, fact=what)
    more = Entry(record=record, envelope=seal(encode(record), signer))
    return bundled((*behind, more))


def test_h4_a_countersigned_bundle_verifies_and_says_what_rests_on_which_key() -> None:
    report = verify_bundle(bundled(WHOLE), KEYS)
    assert (report.size, report.counts["COUNTERSIGNED"]) == (14, 3)
    assert report.countersigner == str(COUNTERSIGNER)
    alone, vaults = report.rests_on[:2]
    assert alone.startswith("records 0 to 2 were written while no key of Vault was announced")
    assert vaults.startswith(f"countersigned 3 times by Vault; the present key is {COUNTERSIGNER}")
    assert "COUNTERSIGNED" not in {note.phase for note in report.notes}
    assert show_bundle(bundled(WHOLE)).countersigner == report.countersigner


def test_a_bundle_without_a_key_of_vault_says_so_as_before() -> None:
    report = verify_bundle(bundled(entries()), KEYS)
    assert report.rests_on[0] == "all 10 records rest on the ledger key alone; none is countersigned by Vault"
    assert report.countersigner == ""


def test_h4_a_record_behind_the_announcement_without_a_countersignature_is_refused() -> None:
    error = refused(bundled(followed(WHOLE, [NOTE])))
    assert (error.code, error.where.endswith("record 14")) == ("E_COUNTERSIGN", True)
    assert error.hint
    envelopes = [each.envelope for each in followed(WHOLE, [NOTE])]
    for read in (
        lambda: Verified(Key().public).read(envelopes),
        lambda: chain.read(envelopes, Key().public),
        lambda: read_bundle(bundle_of(tuple(envelopes)), KEYS),
        lambda: show_bundle(bundle_of(tuple(envelopes))),
    ):
        with pytest.raises(EvidenceError) as caught:
            read()
        assert caught.value.code == "E_COUNTERSIGN"


@pytest.mark.parametrize(
    ("history", "code"),
    [
        (lambda: [*story()[:3], announcing(), *story()[3:]], "E_COUNTERSIGN"),
        (lambda: [announcing(), Fact(type=RecordType.COUNTERSIGNED, details={TREE: "0" * 64})], "E_CHAIN"),
    ],
    ids=["without countersignatures", "with one of its own"],
)
def test_h4_the_ledger_key_alone_writes_no_other_history(
    history: Callable[[], Sequence[Fact]], code: str
) -> None:
    assert refused(by_the_ledger_key(history())).code == code


def test_h4_the_ledger_key_does_not_countersign() -> None:
    found = followed((), [*story()[:3], announcing()])
    own = chain.countersigned(chain.Ledger().extended(found), run=RUN, time=TIME, signer=Key())
    assert refused(bundled((*found, own))).code == "E_SIGNER"


def test_h4_another_key_does_not_countersign() -> None:
    found = followed((), [*story()[:3], announcing()])
    assert refused(bundled(countersigned(found, Key(10)))).code == "E_SIG"


def test_h4_a_changed_record_breaks_the_countersignature_behind_it() -> None:
    """All that the ledger key signs is signed anew, with another commitment in it; Vault's records are kept."""
    facts = [e.record.fact for e in WHOLE]
    facts[4] = replace(facts[4], commitments={"password": "d" * 64})
    facts[7] = replace(facts[7], commitments={"password": "d" * 64})
    found: list[Entry] = []
    for old, new in zip(WHOLE, facts, strict=True):
        if new.type is RecordType.COUNTERSIGNED:
            found.append(old)
        else:
            after = chain.Chain()
            for each in found:
                after = after.extended(each.envelope)
            found += tuple(chain.write([new], after=after, run=RUN, time=TIME, signer=Key()))
    assert refused(bundled(found)).code in ("E_CHAIN", "E_SIG")


def test_h4_a_history_that_gives_up_what_vault_signed_is_believed_only_with_its_own_head() -> None:
    """The ledger key signs that another history is given up, and a head of what comes instead."""
    ledger = chain.Ledger().extended(WHOLE)
    known = head_of(ledger, escrow=ESCROW)
    other = [replace(ANEW, details={**ANEW.details, **naming(known)}), *story()]
    data, place = by_the_ledger_key(other), "records/uid-1/head.json"
    error = refused(data, heads={place: sign_head(known, Key())})
    assert (error.code, place in error.message) == ("E_COUNTERSIGN", True)
    assert verify_bundle(data, KEYS).completeness is not None
    own = chain.Ledger().extended(chain.write(other, after=chain.Chain(), run=RUN, time=TIME, signer=Key()))
    committed = sign_head(head_of(own, escrow=ESCROW), Key())
    heads = {place: committed, "records/earlier/head.json": sign_head(known, Key())}
    assert verify_bundle(data, KEYS, heads).completeness is not None


@pytest.mark.parametrize("other", [{"cluster": "uid-0"}, {"countersigner": ""}], ids=["cluster", "no key"])
def test_h4_a_head_that_vault_did_not_sign_for_this_cluster_is_given_up_by_the_ledger_key(
    other: dict[str, Any],
) -> None:
    known = replace(head_of(chain.Ledger().extended(WHOLE), escrow=ESCROW), **other)
    data = by_the_ledger_key([replace(ANEW, details={**ANEW.details, **naming(known)}), *story()])
    found = verify_bundle(data, KEYS, {"records/earlier/head.json": sign_head(known, Key())}).completeness
    assert found == Completeness()


def test_h4_a_rollback_that_holds_what_vault_signed_before_is_believed() -> None:
    """The key is announced in what is left, so the ledger key alone has not made another history of it."""
    known = head_of(chain.Ledger().extended(WHOLE), escrow=ESCROW)
    rollback = Fact(type=RecordType.ACCEPTED, details={"what": "rollback", **naming(known)})
    data = bundled(followed(WHOLE[:5], [rollback]))
    found = verify_bundle(data, KEYS, {"records/earlier/head.json": sign_head(known, Key())}).completeness
    assert found == Completeness()


@pytest.mark.parametrize("record_type", [RecordType.COMMIT, RecordType.RETIRED, RecordType.NEW_AUTHORITY])
def test_h4_vaults_key_signs_no_record_that_only_the_ledger_key_may(record_type: RecordType) -> None:
    what = ANEW if record_type is RecordType.NEW_AUTHORITY else fact(record_type, "loki")
    assert refused(signed_by(VAULT, WHOLE, what)).code == "E_SIGNER"


def test_every_type_has_one_rule_and_a_new_one_is_countersigned() -> None:
    alone = {each for each in RecordType if rule_of(each) is not Rule.BOTH}
    assert alone == {RecordType.NEW_AUTHORITY, RecordType.RESTORED, RecordType.COUNTERSIGNED}


def test_what_happened_once_is_said_as_once() -> None:
    found = countersigned(followed((), [NOTE, announcing()]))
    alone, vaults = verify_bundle(bundled(found), KEYS).rests_on[:2]
    assert alone.startswith("record 0 was written while")
    assert vaults.startswith("countersigned 1 time by Vault;")


@pytest.mark.parametrize("record_type", [RecordType.NEW_AUTHORITY, RecordType.RESTORED])
def test_inv4_a_decision_ends_the_old_key_and_a_new_one_is_announced(record_type: RecordType) -> None:
    decision = Fact(type=record_type, details={"secrets": "2"})
    lost = followed(WHOLE, [decision, NOTE])
    report = verify_bundle(bundled(lost), KEYS)
    assert report.countersigner == ""
    assert (
        report.rests_on[2] == "since the last decision about the authority nothing is countersigned by Vault"
    )
    another = replace(COUNTERSIGNER, key=Key(10).public, vault_cluster="vault-2")
    again = countersigned(followed(lost, [announcing(another)]), Key(10))
    assert verify_bundle(bundled(again), KEYS).countersigner == str(another)
    assert refused(bundled(countersigned(followed(again, [NOTE]), VAULT))).code == "E_SIG"


def test_inv4_an_accepted_rollback_ends_the_old_key_too() -> None:
    head = {CLUSTER: "uid-1", SIZE: "9", ROOT: "a" * 64}
    rollback = Fact(type=RecordType.ACCEPTED, details={"what": "rollback", **head})
    assert verify_bundle(bundled(followed(WHOLE, [rollback, NOTE])), KEYS).countersigner == ""


def test_inv4_what_stands_before_a_decision_is_countersigned() -> None:
    """Nor does the key of another Vault, announced since, make good for it."""
    lost = [NOTE, ANEW, announcing(replace(COUNTERSIGNER, key=Key(10).public))]
    written = tuple(
        chain.write(lost, after=chain.Ledger().extended(WHOLE).chain, run=RUN, time=TIME, signer=Key())
    )
    after = chain.Chain()
    for each in (*WHOLE, *written):
        after = after.extended(each.envelope)
    details = {TREE: after.root}
    by = Fact(type=RecordType.COUNTERSIGNED, details=details)
    record = Record(seq=after.size, previous=after.last, time=TIME, run=RUN, fact=by)
    last = Entry(record=record, envelope=seal(encode(record), Key(10)))
    for found in ((*WHOLE, *written[:2]), (*WHOLE, *written, last)):
        assert refused(bundled(found)).code == "E_COUNTERSIGN"


def test_another_key_counts_once_the_one_before_has_signed_it() -> None:
    another = replace(COUNTERSIGNER, key=Key(10).public)
    announced = followed(WHOLE, [announcing(another)])
    assert refused(bundled(countersigned(announced, Key(10)))).code == "E_SIG"
    taken = countersigned(announced, VAULT)
    again = countersigned(followed(taken, [NOTE]), Key(10))
    assert verify_bundle(bundled(again), KEYS).countersigner == str(another)
    assert refused(bundled(countersigned(followed(taken, [NOTE]), VAULT))).code == "E_SIG"


def test_a_part_is_read_up_to_a_countersignature() -> None:
    """Vault's copy may be batches behind the cluster's: each of them is whole in itself."""
    read = Verified(Key().public).read
    envelopes = [each.envelope for each in WHOLE]
    assert read(envelopes).chain.size == 14
    assert read(envelopes[:5]).meaning.countersigning.current == COUNTERSIGNER
    with pytest.raises(EvidenceError) as caught:
        read(envelopes[:7])
    assert caught.value.code == "E_COUNTERSIGN"


def test_what_was_kept_is_not_checked_again_and_what_differs_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot's ledger was checked when the file was judged; Vault's copy of it holds the same bytes."""
    checked: list[bytes] = []

    def opened(data: bytes, *more: Any) -> bytes:
        checked.append(data)
        return open_envelope(data, *more)

    monkeypatch.setattr(chain, "open_envelope", opened)
    envelopes = [each.envelope for each in WHOLE]
    verified = Verified(Key().public)
    ledger = verified.keep(verified.read(envelopes))
    assert len(checked) == len(envelopes)
    checked.clear()
    assert verified.read(envelopes[:5]).chain.size == 5
    assert verified.read(envelopes) == ledger
    assert checked == []
    with pytest.raises(EvidenceError):
        verified.read([*envelopes[:5], envelopes[4]])
    assert checked == [envelopes[4]]
