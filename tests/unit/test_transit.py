"""The key that countersigns: only as it was made is it taken, and what is no signature is said (H4)."""

import base64
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.ledger.countersigning import Countersigner, public_key
from bootstrap.model.errors import EvidenceError, Transient, UnknownOutcome, WorldError
from bootstrap.ports import Answer
from bootstrap.steps.context.session import Session
from bootstrap.steps.vault.transit import FLAGS, KEYS, TransitSigner, live_key, signature_in
from tests.support.simulated_clock import SimulatedClock

PUBLIC = base64.b64encode(bytes(range(32))).decode()
MADE: Mapping[str, Any] = {**FLAGS, "latest_version": 1, "keys": {"1": {"public_key": PUBLIC}}}


def vault(found: Answer | WorldError) -> Any:
    def call(method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        assert (method, path) == ("GET", KEYS)
        if isinstance(found, WorldError):
            raise found
        return found

    return call


def denied(code: str = "E_VAULT_DENIED") -> WorldError:
    return WorldError("Vault answered so", code=code)


def test_h4_a_key_as_it_was_made_is_taken() -> None:
    key = live_key(vault(Answer(200, MADE)))
    assert key is not None
    assert live_key(vault(Answer(404, {}))) is None
    assert live_key(vault(denied())) is None, "by a policy of a version that knew of none"


@pytest.mark.parametrize("wrong", [*({name: not FLAGS[name]} for name in FLAGS), {"latest_version": 2}])
def test_h4_a_key_that_was_changed_may_lie_elsewhere_too(wrong: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError) as stopped:
        live_key(vault(Answer(200, {**MADE, **wrong})))
    assert stopped.value.code == "E_COUNTERSIGN"
    assert f"({', '.join(wrong)})" in stopped.value.message


@pytest.mark.parametrize("keys", [{}, {"1": {}}, {"1": {"public_key": "%"}}, None])
def test_h4_a_key_without_a_public_half_is_said(keys: Any) -> None:
    with pytest.raises(WorldError) as stopped:
        live_key(vault(Answer(200, {**MADE, "keys": keys})))
    assert (stopped.value.code, stopped.value.where) == ("E_VAULT_REFUSED", KEYS)


@pytest.mark.parametrize(
    ("found", "code"),
    [(Answer(400, {}), "E_VAULT_REFUSED"), (denied("E_VAULT_SEALED"), "E_VAULT_SEALED")],
)
def test_h4_what_is_no_answer_is_not_taken_for_no_key(found: Answer | WorldError, code: str) -> None:
    with pytest.raises(WorldError) as stopped:
        live_key(vault(found))
    assert stopped.value.code == code


def test_h4_what_vault_did_not_sign_is_no_signature() -> None:
    text = base64.b64encode(b"signed").decode()
    assert signature_in(Answer(200, {"signature": f"vault:v1:{text}"})) == b"signed"
    for answer in (Answer(400, {}), Answer(200, {"signature": "vault:v1:%"})):
        with pytest.raises(WorldError) as stopped:
            signature_in(answer, "path")
        assert (stopped.value.code, stopped.value.where) == ("E_VAULT_REFUSED", "path")


def test_h4_what_was_not_clearly_signed_is_asked_for_again() -> None:
    """The same bytes have the same signature."""
    named = Countersigner(key=public_key(PUBLIC), mount="a-mount", name="a-key", vault_cluster="c")
    asked: list[tuple[str, Mapping[str, Any]]] = []

    def ask(path: str, body: Mapping[str, Any]) -> Answer:
        asked.append((path, body))
        if len(asked) < 3:
            raise (UnknownOutcome, Transient)[len(asked) - 1]("no clear answer", code="E_VAULT_AWAY")
        return Answer(200, {"signature": f"vault:v1:{base64.b64encode(b'signed').decode()}"})

    signer = TransitSigner(cast(Session, SimpleNamespace(ask=ask, clock=SimulatedClock())), named)
    assert signer.key_id == named.key.key_id
    assert signer.sign(b"bytes") == b"signed"
    body = {"input": base64.b64encode(b"bytes").decode(), "key_version": 1}
    assert asked == [("a-mount/sign/a-key", body)] * 3
