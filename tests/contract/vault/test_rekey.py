"""Rekey with verification: how the right key is told from a wrong one without changing anything."""

import base64
from collections.abc import Iterator

import pytest

from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.model.errors import UnknownOutcome
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from tests.contract.vault.running import Running

KEY = PgpKey(generate("rekey"))
WRONG = Sensitive(b"00" * 32)
BODY = {
    "secret_shares": 1,
    "secret_threshold": 1,
    "pgp_keys": [base64.b64encode(KEY.certificate).decode()],
    "require_verification": True,
}


def ask(vault: Running, method: str, what: str, **body: object) -> Answer:
    """Without a token: 1.21 wants none."""
    return vault.call(method, f"sys/rekey/{what}", body or None, token=None)


def cancel(vault: Running) -> None:
    nonce = ask(vault, "GET", "init").data["nonce"]
    if nonce:
        assert ask(vault, "DELETE", "init", nonce=nonce).ok


@pytest.fixture
def nonce(vault: Running) -> Iterator[str]:
    """A rekey that has begun."""
    cancel(vault)
    begun = ask(vault, "PUT", "init", **BODY)
    assert begun.status == 200
    yield str(begun.data["nonce"])
    cancel(vault)


@pytest.fixture
def waiting(vault: Running, nonce: str) -> Answer:
    """A rekey that took the right key and waits for the new one."""
    answer = ask(vault, "PUT", "update", key=vault.share, nonce=nonce)
    assert answer.status == 200
    return answer


def new_share(waiting: Answer) -> Sensitive:
    [text] = waiting.data["keys_base64"]
    return KEY.decrypt(base64.b64decode(text.reveal()))


def test_nothing_is_under_way(vault: Running) -> None:
    cancel(vault)
    status = ask(vault, "GET", "init").data
    assert (status["started"], status["nonce"]) == (False, "")


def test_it_begins_without_a_token(vault: Running, nonce: str) -> None:
    status = ask(vault, "GET", "init").data
    assert status["started"] is True
    assert (status["nonce"], status["progress"], status["required"]) == (nonce, 0, 1)
    assert status["verification_required"] is True
    assert [found.upper() for found in status["pgp_fingerprints"]] == [KEY.fingerprint]


def test_only_one_at_a_time(vault: Running, nonce: str) -> None:
    again = ask(vault, "PUT", "init", **BODY)
    assert again.status == 400
    assert "rekey already in progress" in again.errors[0]
    assert ask(vault, "GET", "init").data["nonce"] == nonce


def test_the_right_key_completes(vault: Running, waiting: Answer) -> None:
    assert waiting.data["complete"] is True
    assert waiting.data["verification_required"] is True
    assert waiting.data["verification_nonce"]
    assert len(new_share(waiting).reveal()) == 64


@pytest.mark.parametrize("key", [WRONG, Sensitive(b"canary")], ids=["another", "garbage"])
def test_a_wrong_key_is_refused(vault: Running, nonce: str, key: Sensitive) -> None:
    """A key of the right form is a 500 on 1.21, so unknown; it did nothing all the same."""
    try:
        answer = ask(vault, "PUT", "update", key=key, nonce=nonce)
        assert answer.status == 400
        assert not answer.data.get("complete")
    except UnknownOutcome as error:
        assert key is WRONG
        assert error.code == "E_UNKNOWN_OUTCOME"
    cancel(vault)
    assert_old_share_opens(vault)


def test_another_nonce_is_refused(vault: Running, nonce: str) -> None:
    answer = ask(vault, "PUT", "update", key=vault.share, nonce="11111111-2222-3333-4444-555555555555")
    assert answer.status == 400


def test_a_cancel_without_its_nonce_ends_nothing(vault: Running, nonce: str) -> None:
    refused = ask(vault, "DELETE", "init")
    assert refused.status == 400
    wrong = ask(vault, "DELETE", "init", nonce="11111111-2222-3333-4444-555555555555")
    assert wrong.status == 400
    assert ask(vault, "GET", "init").data["nonce"] == nonce


@pytest.mark.parametrize("stage", ["begun", "verification waits"])
def test_a_cancel_with_its_nonce_ends_it(vault: Running, nonce: str, stage: str) -> None:
    if stage != "begun":
        assert ask(vault, "PUT", "update", key=vault.share, nonce=nonce).data["complete"] is True
    assert ask(vault, "DELETE", "init", nonce=nonce).ok
    assert ask(vault, "GET", "init").data["started"] is False


def test_a_cancel_of_nothing(vault: Running) -> None:
    cancel(vault)
    assert ask(vault, "DELETE", "init", nonce="").status in (200, 204, 400)
    assert ask(vault, "GET", "init").data["started"] is False


def test_the_old_share_opens_until_the_new_one_is_verified(vault: Running, waiting: Answer) -> None:
    share = new_share(waiting)
    assert share != vault.share
    cancel(vault)
    assert_old_share_opens(vault)


def test_a_wrong_verification_changes_the_nonce(vault: Running, waiting: Answer) -> None:
    before = waiting.data["verification_nonce"]
    refused = ask(vault, "PUT", "verify", key=WRONG, nonce=before)
    assert refused.status == 400
    status = ask(vault, "GET", "verify").data
    assert status["started"] is True
    assert status["nonce"] not in ("", before)


def assert_old_share_opens(vault: Running) -> None:
    """A fresh rekey takes the share as far as its own verification, which is never done here."""
    begun = ask(vault, "PUT", "init", **BODY)
    answer = ask(vault, "PUT", "update", key=vault.share, nonce=begun.data["nonce"])
    assert answer.data["complete"] is True
    cancel(vault)
