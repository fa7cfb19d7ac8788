"""What counts of a certificate: whom it names as its issuer, and when it is renewed (G7, S1)."""

from dataclasses import replace
from datetime import datetime, timedelta

from bootstrap.model.certificates import DUE, Certificate, is_due

SINCE = datetime(2026, 1, 1)
CA = Certificate(
    subject="CN=ca",
    issuer="CN=ca",
    key="aa",
    issuer_key="",
    serial="1",
    since=SINCE,
    until=datetime(2036, 1, 1),
)
LEAF = Certificate(
    subject="CN=vault-0",
    issuer="CN=ca",
    key="bb",
    issuer_key="aa",
    serial="2",
    since=SINCE,
    until=SINCE + timedelta(days=9),
)


def test_s1_an_issuer_is_named_by_its_name_and_by_its_key() -> None:
    assert LEAF.names_as_issuer(CA)
    for another in (None, replace(CA, key="cc"), replace(CA, subject="CN=another")):
        assert not LEAF.names_as_issuer(another)


def test_g7_one_is_renewed_once_a_third_is_left_or_where_there_is_none() -> None:
    assert DUE == 1 / 3
    assert not is_due(LEAF, SINCE + timedelta(days=5))
    assert is_due(LEAF, SINCE + timedelta(days=7))
    assert is_due(None, SINCE)
