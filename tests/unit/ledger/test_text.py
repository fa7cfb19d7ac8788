"""What the terminal shows of a ledger of which little is known: no words for what is not there (OK3)."""

from dataclasses import replace

from bootstrap.ledger import chain
from bootstrap.ledger.head import head_of
from bootstrap.ledger.record import Fact, Git, RecordType
from bootstrap.ledger.tally import report_of
from bootstrap.ledger.text import lines
from tests.support.ledger_facts import entries, fact, story

PLACE = "vault:vault-1/secret/applications/keycloak-admin#v1"


def shown(*facts: Fact, environment: str = "") -> list[str]:
    ledger = chain.Ledger().extended(entries(facts))
    return list(
        lines(report_of(ledger, head_of(ledger, escrow=None, environment=environment), verified=True))
    )


def test_before_vault_is_there_a_dash_stands_for_it() -> None:
    noted = Fact(type=RecordType.CLAIMED, details={"attempt": "1"})
    assert shown(noted)[:2] == [
        "verified: 1 records (1 CLAIMED) until 2026-01-01T00:00:00Z",
        "cluster uid-1  vault -",
    ]
    assert shown(noted, environment="staging")[1] == "cluster uid-1  environment staging  vault -"


def test_a_handover_that_only_began_has_its_own_time_and_no_audit_line_yet() -> None:
    begun = fact(RecordType.INTENT, git=Git(commit="a" * 40, path="encrypted/x.age"))
    told = shown(begun)
    assert f"keycloak-admin  authority Git  encrypted/x.age -> {PLACE}  2026-01-01T00:00:00Z" in told
    assert "    bootstrap, identity-team; by admin; not retired; audit none yet" in told
    assert told.count("") == 2, "there are no notes between the secrets and what it all rests on"


def test_the_time_of_a_handover_is_that_of_its_commit() -> None:
    ledger = chain.Ledger().extended(entries())
    report = report_of(ledger, head_of(ledger, escrow=None), verified=True)
    later = replace(report.secrets[1], committed="2026-01-02T00:00:00Z")
    told = "\n".join(lines(replace(report, secrets=(later,))))
    assert f"-> {PLACE}  2026-01-02T00:00:00Z\n" in told


def test_a_write_is_told_by_its_request_or_as_missing() -> None:
    told = "\n".join(shown(*story()))
    assert "(deleted); audit request w-1, txn t-1\n" in told
    assert "audit missing\n" in told
