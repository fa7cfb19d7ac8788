"""A root token by generate-root: by the share alone, encrypted to an OpenPGP key, cancelled by anybody."""

import base64
from collections.abc import Iterator

import pytest

from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from tests.contract.vault.running import Running, failed

KEY = PgpKey(generate("generate-root"))
BODY = {"pgp_key": base64.b64encode(KEY.certificate).decode()}
WRONG = Sensitive(b"00" * 32)
ANOTHER = "11111111-2222-3333-4444-555555555555"


def ask(vault: Running, method: str, what: str = "attempt", **body: object) -> Answer:
    """Without a token: 1.21 wants none."""
    return vault.call(method, f"sys/generate-root/{what}", body or None, token=None)


@pytest.fixture
def nonce(vault: Running) -> Iterator[str]:
    """An attempt that has begun."""
    assert ask(vault, "DELETE").ok
    begun = ask(vault, "PUT", **BODY)
    assert begun.status == 200
    yield str(begun.data["nonce"])
    assert ask(vault, "DELETE").ok


def token_of(answer: Answer) -> Sensitive:
    message = answer.data["encoded_token"]
    assert isinstance(message, Sensitive)
    return KEY.decrypt(message.from_base64().ciphertext())


def test_nothing_is_under_way(vault: Running) -> None:
    assert ask(vault, "DELETE").ok
    status = ask(vault, "GET").data
    assert (status["started"], status["nonce"], status["pgp_fingerprint"]) == (False, "", "")


def test_an_attempt_says_whose_it_is(vault: Running, nonce: str) -> None:
    status = ask(vault, "GET").data
    assert (status["started"], status["nonce"], status["progress"]) == (True, nonce, 0)
    assert (status["required"], status["complete"]) == (1, False)
    assert str(status["pgp_fingerprint"]).upper() == KEY.fingerprint


def test_only_one_at_a_time(vault: Running, nonce: str) -> None:
    again = ask(vault, "PUT", **BODY)
    assert again.status == 400
    assert "already in progress" in again.errors[0]
    assert ask(vault, "GET").data["nonce"] == nonce


def test_the_share_makes_a_root_token(vault: Running, nonce: str) -> None:
    answer = ask(vault, "PUT", "update", key=vault.share, nonce=nonce)
    assert (answer.status, answer.data["complete"]) == (200, True)
    root = token_of(answer)
    assert list(vault.call("GET", "auth/token/lookup-self", token=root).data["policies"]) == ["root"]
    assert ask(vault, "GET").data["started"] is False
    assert vault.call("POST", "auth/token/revoke-self", {}, token=root).status == 204
    failed(WorldError, "E_VAULT_DENIED", lambda: vault.call("GET", "sys/mounts", token=root))


def test_an_orphan_outlives_the_root_token_that_made_it(vault: Running, nonce: str) -> None:
    root = token_of(ask(vault, "PUT", "update", key=vault.share, nonce=nonce))
    body = {
        "policies": ["one-change"],
        "no_default_policy": True,
        "ttl": "300s",
        "explicit_max_ttl": "300s",
        "renewable": False,
        "type": "service",
        "display_name": "contract",
    }
    made = vault.call("POST", "auth/token/create-orphan", body, token=root)
    assert (made.status, list(made.auth["policies"])) == (200, ["one-change"])
    assert vault.call("POST", "auth/token/revoke-self", {}, token=root).status == 204
    accessor = {"accessor": made.auth["accessor"]}
    assert list(vault.call("POST", "auth/token/lookup-accessor", accessor).data["policies"]) == ["one-change"]
    assert vault.call("POST", "auth/token/revoke-accessor", accessor).status == 204


@pytest.mark.parametrize("key", [WRONG, Sensitive(b"canary")], ids=["another", "garbage"])
def test_a_wrong_key_is_refused_and_the_attempt_stays(vault: Running, nonce: str, key: Sensitive) -> None:
    answer = ask(vault, "PUT", "update", key=key, nonce=nonce)
    assert answer.status == 400
    assert not answer.data.get("complete")
    assert ask(vault, "GET").data["nonce"] == nonce


def test_another_nonce_is_refused(vault: Running, nonce: str) -> None:
    assert ask(vault, "PUT", "update", key=vault.share, nonce=ANOTHER).status == 400
    assert ask(vault, "GET").data["nonce"] == nonce


def test_nothing_begun_takes_no_share(vault: Running) -> None:
    assert ask(vault, "DELETE").ok
    assert ask(vault, "PUT", "update", key=vault.share, nonce=ANOTHER).status == 400


@pytest.mark.parametrize("named", ["", ANOTHER], ids=["none", "another"])
def test_anybody_cancels_it(vault: Running, nonce: str, named: str) -> None:
    """Without its nonce: so an attempt of ours may end at any time."""
    assert ask(vault, "DELETE", **({"nonce": named} if named else {})).ok
    assert ask(vault, "GET").data["started"] is False
    assert ask(vault, "PUT", "update", key=vault.share, nonce=nonce).status == 400


def test_the_same_share_again_is_refused(vault: Running, nonce: str) -> None:
    first = ask(vault, "PUT", "update", key=vault.share, nonce=nonce)
    assert vault.call("POST", "auth/token/revoke-self", {}, token=token_of(first)).status == 204
    assert ask(vault, "PUT", "update", key=vault.share, nonce=nonce).status == 400
