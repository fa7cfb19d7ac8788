"""How long a yes about a lost authority holds: until a record of the decision spends it (INV4)."""

import pytest

from bootstrap.ledger import chain
from bootstrap.ledger.chain import Chain, Ledger
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.steps.authority.approvals import NEW_AUTHORITY, ROLLBACK, WHAT, decided, given, kept
from tests.support.ledger_facts import RUN, TIME, Key

NOTE = Fact(type=RecordType.CLAIMED)
NEW = Fact(type=RecordType.NEW_AUTHORITY)
VAULT = Fact(type=RecordType.VAULT_INITIALISED)
ACCEPTED_ROLLBACK = Fact(type=RecordType.ACCEPTED, details={WHAT: ROLLBACK})
NOTE_OF_ROLLBACK = Fact(type=RecordType.CLAIMED, details={WHAT: ROLLBACK})
ACCEPTED_PLAN = Fact(type=RecordType.ACCEPTED, details={WHAT: "plan"})


def ledger(*facts: Fact) -> Ledger:
    if not facts:
        return Ledger()
    return Ledger().extended(chain.write(facts, after=Chain(), run=RUN, time=TIME, signer=Key()))


@pytest.mark.parametrize(
    ("approvals", "name", "now", "as_kept"),
    [
        ({"new-authority"}, NEW_AUTHORITY, ledger(), "new-authority@0"),
        ({"new-authority"}, NEW_AUTHORITY, ledger(NOTE, NOTE), "new-authority@2"),
        ({"rollback"}, NEW_AUTHORITY, ledger(NOTE), ""),
        (set(), NEW_AUTHORITY, ledger(NOTE), ""),
        ({"new-authority@1"}, NEW_AUTHORITY, ledger(NOTE, NOTE), "new-authority@1"),
        ({"rollback@1"}, NEW_AUTHORITY, ledger(NOTE, NOTE), ""),
        ({"new-authority@one"}, NEW_AUTHORITY, ledger(NOTE), ""),
        ({"new-authority@"}, NEW_AUTHORITY, ledger(NOTE), ""),
        ({"new-authority@1"}, NEW_AUTHORITY, ledger(NOTE, NEW), ""),
        ({"new-authority@1"}, NEW_AUTHORITY, ledger(NEW, NOTE), "new-authority@1"),
        ({"rollback@1"}, ROLLBACK, ledger(NOTE, NEW), "rollback@1"),
        ({"rollback@1"}, ROLLBACK, ledger(NOTE, ACCEPTED_PLAN), "rollback@1"),
        ({"rollback@1"}, ROLLBACK, ledger(NOTE, NOTE_OF_ROLLBACK), "rollback@1"),
        ({"rollback@1"}, ROLLBACK, ledger(NOTE, ACCEPTED_ROLLBACK), ""),
        ({"rollback@1", "rollback"}, ROLLBACK, ledger(NOTE, ACCEPTED_ROLLBACK), "rollback@2"),
    ],
)
def test_inv4_a_yes_holds_until_a_record_spends_it(
    approvals: set[str], name: str, now: Ledger, as_kept: str
) -> None:
    assert given(approvals, name, now) == as_kept
    assert kept(approvals, name, now) == (as_kept if as_kept in approvals else "")


def test_inv4_a_new_authority_is_begun_once_a_vault_was_initialised_under_it() -> None:
    assert not decided(ledger())
    assert not decided(ledger(NOTE, VAULT))
    assert decided(ledger(VAULT, NEW))
    assert decided(ledger(VAULT, NEW, NOTE))
    assert not decided(ledger(VAULT, NEW, VAULT))
