"""Where a head stands against a ledger, and which head may be written over which (INV4, H4)."""

import json
from dataclasses import replace

import pytest

from bootstrap.ledger import canonical, chain
from bootstrap.ledger.chain import Chain, Ledger
from bootstrap.ledger.envelope import peek, seal
from bootstrap.ledger.head import Head, glance_head, head_of, read_head, sign_head
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.ledger.tally import report_of
from bootstrap.ledger.witnesses import Known, extends, naming, superseded, witness
from bootstrap.model.errors import EvidenceError
from bootstrap.model.heads import Standing
from tests.support.ledger_facts import RUN, TIME, Key, story

KEY = Key()


def ledger(*facts: Fact) -> Ledger:
    return Ledger().extended(chain.write(facts or story(), after=Chain(), run=RUN, time=TIME, signer=KEY))


def head(of: Ledger, **other: object) -> Head:
    return replace(head_of(of, escrow=None), **other)  # type: ignore[arg-type]  # names of Head's own


def unsigned(data: bytes) -> bytes:
    return canonical.dumps(json.loads(data) | {"signatures": []})


WHOLE = ledger()
SHORT = ledger(*story()[:4])
OTHER = ledger(*story()[1:4])  # another history


def known(of: Ledger = WHOLE, environment: str = "") -> Known:
    return Known(ledger=of, key=KEY.public, cluster=RUN.cluster, environment=environment)


@pytest.mark.parametrize(
    ("data", "of", "standing"),
    [
        (None, WHOLE, Standing.NONE),
        (sign_head(head(WHOLE), KEY), WHOLE, Standing.EQUAL),
        (sign_head(head(SHORT), KEY), WHOLE, Standing.BEHIND),
        (sign_head(head(WHOLE), KEY), SHORT, Standing.AHEAD),
        (sign_head(head(WHOLE), KEY), Ledger(), Standing.AHEAD),
        (sign_head(head(OTHER), KEY), WHOLE, Standing.FORKED),
        (sign_head(head(SHORT, root="0" * 64), KEY), WHOLE, Standing.FORKED),
        (sign_head(head(WHOLE, cluster="uid-2"), KEY), WHOLE, Standing.OTHER_CLUSTER),
        (sign_head(head(WHOLE), Key(2)), WHOLE, Standing.FOREIGN_KEY),
        (b"junk", WHOLE, Standing.FORGED),
        (b"{}", WHOLE, Standing.FORGED),
        (sign_head(head(WHOLE), KEY).replace(b'"sig":"', b'"sig":"A'), WHOLE, Standing.FORGED),
        (sign_head(head(WHOLE), KEY)[:-20], WHOLE, Standing.FORGED),
        (unsigned(sign_head(head(WHOLE), KEY)), WHOLE, Standing.FORGED),
    ],
)
def test_inv4_where_a_head_stands(data: bytes | None, of: Ledger, standing: Standing) -> None:
    assert witness("here", data, known(of)).standing is standing


@pytest.mark.parametrize(
    ("of_head", "of_run", "standing"),
    [
        ("", "", Standing.OTHER_CLUSTER),
        ("", "production", Standing.OTHER_CLUSTER),
        ("staging", "production", Standing.OTHER_ENVIRONMENT),
        ("production", "production", Standing.OTHER_CLUSTER),
        ("staging", "", Standing.OTHER_CLUSTER),  # who forgets the option is asked
    ],
)
def test_ph4_heads_of_another_environment_stop_nobody(of_head: str, of_run: str, standing: Standing) -> None:
    data = sign_head(head(WHOLE, cluster="uid-2", environment=of_head), KEY)
    assert witness("here", data, known(environment=of_run)).standing is standing


def test_ph4_a_head_of_this_cluster_counts_in_any_environment() -> None:
    data = sign_head(head(WHOLE, environment="staging"), KEY)
    assert witness("here", data, known(environment="production")).standing is Standing.EQUAL


@pytest.mark.parametrize("how", [RecordType.NEW_AUTHORITY, RecordType.RESTORED, RecordType.ACCEPTED])
def test_inv4_a_decided_head_witnesses_no_longer(how: RecordType) -> None:
    lost = head(WHOLE)
    anew = ledger(Fact(type=how, details=naming(lost)), *story())
    data = sign_head(lost, KEY)
    assert witness("here", data, known(anew)).standing is Standing.SUPERSEDED
    assert extends(anew, lost)
    assert superseded(anew) == {(lost.cluster, str(lost.size), lost.root)}
    # Of that head alone: one record more, or another root, is not what was decided about.
    assert not extends(anew, head(WHOLE, root="0" * 64))
    assert not extends(anew, head(SHORT))


def test_inv4_a_decision_about_something_else_names_no_head() -> None:
    decided = ledger(Fact(type=RecordType.ACCEPTED, details={"what": "plan"}), *story())
    assert superseded(decided) == frozenset()
    half = ledger(Fact(type=RecordType.ACCEPTED, details={"headCluster": "uid-1"}), *story())
    assert superseded(half) == frozenset()


def test_inv4_an_ordinary_note_decides_nothing() -> None:
    lost = head(WHOLE)
    noted = ledger(Fact(type=RecordType.ESCROW, details=naming(lost)), *story())
    assert not extends(noted, lost)


def test_inv4_a_head_is_written_over_what_it_holds_only() -> None:
    assert extends(WHOLE, head(SHORT))
    assert extends(WHOLE, head(WHOLE))
    assert not extends(SHORT, head(WHOLE))
    assert not extends(WHOLE, head(OTHER))


def test_h4_the_report_says_what_lay_in_a_vault_that_is_lost() -> None:
    anew = ledger(*story(), Fact(type=RecordType.NEW_AUTHORITY, details=naming(head(WHOLE))))
    told = report_of(anew, head(anew), verified=True)
    assert {line.authority for line in told.secrets} == {"lost"}
    assert "record 10" in told.secrets[0].note
    assert {line.authority for line in report_of(WHOLE, head(WHOLE), verified=True).secrets} == {"Vault"}


@pytest.mark.parametrize(
    ("member", "other"),
    [
        ("size", True),
        ("size", "10"),
        ("size", 10.5),
        ("cluster", 1),
        ("escrowSha256", None),
        ("more", "x"),
        ("countersigner", "QUJD"),
        ("countersigner", "a key"),
    ],
)
def test_h4_a_head_has_one_form_whoever_signed_it(member: str, other: object) -> None:
    value = json.loads(peek(sign_head(head(WHOLE), KEY), "head"))
    value["predicate"][member] = other
    data = seal(json.dumps(value, sort_keys=True, separators=(",", ":")).encode(), KEY)
    with pytest.raises(EvidenceError) as caught:
        read_head(data, KEY.public)
    assert caught.value.code == "E_HEAD"
    with pytest.raises(EvidenceError):
        glance_head(data)
    assert witness("here", data, known()).standing is Standing.FORGED


def test_h4_a_head_of_another_form_without_a_predicate() -> None:
    for payload in (b"{}", b"[]", b'{"predicate":{}}', b'{"predicate":[]}'):
        with pytest.raises(EvidenceError) as caught:
            read_head(seal(payload, KEY), KEY.public)
        assert caught.value.code == "E_HEAD"


def test_a_ledger_without_a_record_has_no_head() -> None:
    with pytest.raises(EvidenceError) as caught:
        head_of(Ledger(), escrow=None)
    assert caught.value.code == "E_EMPTY"


def test_h4_of_another_platform_s_head_the_cluster_is_shown() -> None:
    seen = witness("here", sign_head(head(WHOLE), Key(2)), known())
    assert (seen.standing, seen.cluster, seen.size) == (Standing.FOREIGN_KEY, RUN.cluster, 0)
    of_none = witness("here", seal(b"{}", Key(2)), known())
    assert (of_none.standing, of_none.cluster) == (Standing.FOREIGN_KEY, "")
