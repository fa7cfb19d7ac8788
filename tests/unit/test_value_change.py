"""A changed value: its rule book, what is refused before Vault is asked, and what the ledger says of it (INV3, H4)."""

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.ledger import chain
from bootstrap.ledger.head import head_of
from bootstrap.ledger.record import Destination, Fact, RecordType
from bootstrap.ledger.report import SecretLine
from bootstrap.ledger.tally import report_of
from bootstrap.ledger.text import lines
from bootstrap.ledger.versions import (
    ADOPTED,
    SAME,
    SET,
    WHAT,
    Changed,
    accepted,
    announced,
    changed,
    committed,
    details_of,
    explained,
    same_fields,
)
from bootstrap.model.catalog import Consumer, Encoding, Secret, Source
from bootstrap.model.errors import BootstrapError, EvidenceError
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.value_change import ValueState, ValueStep, next_value_step
from bootstrap.operations.change.request import NewValue, field_of, find_secret, next_values, refuse_reason
from tests.support.ledger_facts import Key, entries, fact, story
from tests.support.small_intent import an_intent

NAME = "keycloak-admin"
OTHER = "d" * 64


@pytest.mark.parametrize(
    ("state", "step"),
    [
        (ValueState(current=1), ValueStep.WRITE),
        (ValueState(current=1, equal=True), ValueStep.DONE),
        (ValueState(current=2, explained=False), ValueStep.UNEXPLAINED),
        (ValueState(current=2, explained=False, equal=True), ValueStep.UNEXPLAINED),
        (ValueState(current=2, explained=False, announced=True), ValueStep.RECORD),
        (ValueState(current=3, announced=True, equal=True), ValueStep.RECORD),
        (ValueState(current=2, readable=False), ValueStep.LOST),
        (ValueState(current=2, readable=False, explained=False), ValueStep.LOST),
        (ValueState(current=0), ValueStep.LOST),
    ],
)
def test_inv3_each_state_has_one_step(state: ValueState, step: ValueStep) -> None:
    assert next_value_step(state) is step


# ------------------------------------------------------------ the ledger


def version(number: int, how: str = SET, commitment: str = OTHER, **more: object) -> Fact:
    given: dict[str, Any] = {
        "renew": None,
        "destination": Destination(cluster="vault-1", path=f"applications/{NAME}", version=number),
        "details": details_of(NAME, number, how, "it leaked", "anna"),
    }
    return fact(RecordType.ACCEPTED, commitment=commitment, **(given | more))


def intent(of: Fact) -> Fact:
    return replace(of, type=RecordType.INTENT)


def ledger(*facts: Fact) -> chain.Ledger:
    return chain.read((each.envelope for each in entries((*story(), *facts))), Key().public)


def test_h4_a_later_version_is_explained_by_its_record() -> None:
    found = ledger(intent(version(2)), version(2), version(3, ADOPTED))
    assert explained(found)[NAME] == {1, 2, 3}
    assert explained(ledger(intent(version(2))))[NAME] == {1}
    assert explained(ledger(Fact(type=RecordType.NEW_AUTHORITY))) == {}, "it lay in a Vault that is lost"


@pytest.mark.parametrize(
    "before",
    [
        (),
        (intent(version(3)),),
        (intent(version(2, commitment="e" * 64)),),
        (fact(RecordType.INTENT, "grafana", commitment=OTHER),),
    ],
    ids=["no intent", "another version", "another value", "another secret"],
)
def test_h4_a_version_that_was_set_was_announced(before: tuple[Fact, ...]) -> None:
    with pytest.raises(EvidenceError) as caught:
        ledger(*before, version(2))
    assert caught.value.code == "E_CHAIN"
    assert "without an earlier INTENT" in caught.value.message


def test_h4_nor_is_it_without_a_commitment() -> None:
    bare = version(2, commitments={})
    with pytest.raises(EvidenceError):
        ledger(intent(version(2)), bare)
    assert explained(ledger(version(2, ADOPTED, commitments={})))[NAME] == {1, 2}


def test_h5_what_is_kept_is_told_by_equal_commitments() -> None:
    set_once = version(2, commitments={"password": OTHER, "user": "e" * 64})
    kept = version(3, ADOPTED, commitments={"password": "c" * 64})
    assert changed(ledger()) == {}
    assert changed(ledger(intent(set_once), set_once)) == {NAME: Changed(2, ())}
    assert changed(ledger(intent(set_once), set_once, kept)) == {NAME: Changed(3, ("password",))}
    assert changed(ledger(version(2, ADOPTED, commitments={}))) == {}


def test_h4_the_report_has_one_line_a_secret_with_its_versions() -> None:
    found = ledger(intent(version(2)), version(2))
    report = report_of(found, head_of(found, escrow=None), verified=True)
    (line,) = [each for each in report.secrets if each.name == NAME]
    assert [(v.version, v.actor, v.how, v.reason) for v in line.versions] == [(2, "anna", SET, "it leaked")]
    assert line.authority == "Vault"
    assert line.note.startswith("changed since (version 2): ")
    assert "version 2 set 2026-01-01T00:00:00Z by anna: it leaked" in "\n".join(lines(report))
    unfinished = ledger(intent(version(2)))
    report = report_of(unfinished, head_of(unfinished, escrow=None), verified=True)
    (line,) = [each for each in report.secrets if each.name == NAME]
    assert line.versions == ()
    assert [note.phase for note in report.notes][-1] == "INTENT"


def test_h4_of_a_version_speaks_an_accepted_record_that_says_so_and_nothing_else() -> None:
    adopted = version(2, ADOPTED)
    plan = replace(adopted, details={**adopted.details, WHAT: "plan"})
    unnamed = replace(adopted, details={k: v for k, v in adopted.details.items() if k != "secret"})
    assert [accepted(each) for each in (intent(adopted), plan)] == [None, None]
    for told in (adopted, unnamed, replace(adopted, secret=None)):
        assert accepted(told) == (NAME, 2)
    assert explained(ledger(plan))[NAME] == {1}


def test_h4_a_value_is_committed_to_by_the_last_record_that_holds_a_commitment() -> None:
    adopted = version(2, ADOPTED)
    others = [
        replace(adopted, secret=None),
        replace(adopted, destination=None),
        version(3, ADOPTED, commitments={}),
    ]
    found = committed(ledger(intent(version(2)), *others))
    assert {place: record.seq for place, record in found.items()} == {(NAME, 1): 5, ("grafana", 1): 6}
    assert committed(ledger(adopted, adopted))[NAME, 2].seq == 11


def test_h4_announced_is_a_later_version_and_no_handover() -> None:
    assert [record.seq for record in announced(ledger(intent(version(2)), version(2)))] == [10]


def test_h5_the_newest_version_of_what_was_handed_over_here_counts() -> None:
    assert changed(ledger(version(3, ADOPTED), version(2, ADOPTED)))[NAME].version == 3
    loki = fact(RecordType.INTENT, "loki").secret
    assert changed(ledger(replace(version(2, ADOPTED), secret=loki))) == {}


def test_h5_behind_a_restore_the_record_names_what_is_kept() -> None:
    before = ledger().records[5]
    now = replace(before, run=replace(before.run, cluster="uid-2"))
    assert same_fields(before, before) == ("password",)
    assert same_fields(before, now) == ()
    kept = replace(now, fact=replace(now.fact, details={SAME: "user password"}))
    assert same_fields(before, kept) == ("password", "user")


def lines_of(found: chain.Ledger) -> list[SecretLine]:
    report = report_of(found, head_of(found, escrow=None), verified=True)
    return [each for each in report.secrets if each.name == NAME]


def test_h4_versions_of_a_vault_that_was_given_up_are_not_those_of_the_next() -> None:
    to = Destination(cluster="vault-2", path="applications/keycloak-admin")
    again = [fact(each, destination=to) for each in (RecordType.INTENT, RecordType.COMMIT)]
    before, now = lines_of(
        ledger(intent(version(2)), version(2), Fact(type=RecordType.NEW_AUTHORITY), *again)
    )
    assert (before.authority, [each.version for each in before.versions]) == ("lost", [2])
    assert (now.authority, now.versions) == ("Vault", ())
    (line,) = lines_of(ledger(version(2, ADOPTED, destination=None)))
    assert line.versions == (), "it does not say of which Vault it is"


def test_h5_what_is_still_live_in_git_behind_a_later_version_is_told() -> None:
    (bare,) = lines_of(ledger(version(2, ADOPTED, commitments={})))
    assert bare.note.startswith("version 2 was adopted without its value: ")
    (kept,) = lines_of(ledger(version(2, ADOPTED, commitment="c" * 64)))
    assert kept.note.startswith("changed since (version 2); password in Git history still live")


def test_h4_a_handover_that_only_began_is_told_as_such() -> None:
    begun = chain.Ledger().extended(entries((fact(RecordType.INTENT, renew=None),)))
    (line,) = lines_of(begun)
    assert (line.authority, line.committed, line.audit, line.renew) == ("Git", "", "", "")
    assert line.note == "the handover is not finished: Git is the authority"


# ------------------------------------------------------------ what is asked for


def refused(code: str, run: object) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        run()  # type: ignore[operator]  # a lambda of the test
    assert caught.value.code == code, caught.value.message
    return caught.value


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 501, "\x1b[31m", "\udcff"])
def test_a_reason_is_one_line_of_text(reason: str) -> None:
    refused("E_REASON", lambda: refuse_reason(reason, None))


def test_b1_a_reason_never_holds_the_value() -> None:
    error = refused("E_REASON", lambda: refuse_reason("it is hunter22 now", Sensitive(b"hunter22\n")))
    assert "hunter22" not in f"{error.message} {error.where} {error.hint}"
    refuse_reason("it leaked", Sensitive(b"hunter22"))
    refuse_reason("pin 123 is too short to be told from a word", Sensitive(b"123"))


def test_a_name_that_is_none() -> None:
    catalog = an_intent()
    assert find_secret(catalog, "zeta").name == "zeta"
    assert refused("E_SECRET_UNKNOWN", lambda: find_secret(catalog, "zetta")).hint == "did you mean zeta?"
    assert "postgres/made" in refused("E_SECRET_UNKNOWN", lambda: find_secret(catalog, "database")).hint
    sourceless = replace(catalog, secrets=(replace(catalog.secrets[0], source=None),))
    refused("E_NOT_HANDED_OVER", lambda: find_secret(sourceless, "zeta"))


def test_a_field_is_named_where_there_are_several() -> None:
    (secret, _) = an_intent().secrets
    assert field_of(secret, ["only"], "") == "only"
    assert field_of(secret, ["a", "b"], "b") == "b"
    assert "a, b" in refused("E_FIELD", lambda: field_of(secret, ["b", "a"], "")).message
    refused("E_FIELD", lambda: field_of(secret, ["only"], "other"))


def pull_secret(encoding: Encoding = Encoding.UTF8) -> Secret:
    (secret, _) = an_intent().secrets
    kind = "kubernetes.io/dockerconfigjson"
    return replace(
        secret,
        source=Source(file="encrypted/z.age", field=".dockerconfigjson", encoding=encoding),
        consumers=(Consumer(namespace="demo", secret="pull", type=kind),),
    )


def values(secret: Secret, value: bytes, **held: bytes) -> dict[str, Sensitive]:
    request = NewValue(secret=secret, field="", value=Sensitive(value), reason="it leaked")
    return next_values(request, {name: Sensitive(each) for name, each in held.items()})


def test_a_value_is_judged_as_its_consumers_need_it() -> None:
    held = {".dockerconfigjson": b"{}"}
    assert values(pull_secret(), b'{"auths": {}}', **held) == {
        ".dockerconfigjson": Sensitive(b'{"auths": {}}')
    }
    refused("E_TYPE_FIELDS", lambda: values(pull_secret(), b"not json", **held))
    refused("E_EMPTY", lambda: values(pull_secret(), b"", **held))
    refused("E_BINARY", lambda: values(pull_secret(), b"\xff", **held))


def test_bytes_are_given_as_they_are_and_held_as_base64() -> None:
    secret = replace(pull_secret(Encoding.BASE64), consumers=())
    assert values(secret, b"\xff\n", key=b"AAAA") == {"key": Sensitive(b"/wo=")}
    request = NewValue(secret=secret, field="key", value=Sensitive(b"\xff"), reason="it leaked")
    refused(
        "E_B64", lambda: next_values(request, {"key": Sensitive(b"AAAA"), "other": Sensitive(b"no base64!")})
    )
