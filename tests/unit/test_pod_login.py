"""The login of pods: with what the API server shows now, and with nothing else (S2)."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.errors import WorldError
from bootstrap.ports import Answer, TokenIssuer
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.pod_login import CONFIG, IssuerKeys, live_issuer

NOW = TokenIssuer("https://issuer", ("key a", "key b"))
WORLD = cast(World, SimpleNamespace(cluster=SimpleNamespace(token_issuer=lambda: NOW)))


class Vault:
    def __init__(self, answer: Answer | WorldError) -> None:
        self.answer = answer
        self.written: list[tuple[str, str, Mapping[str, Any] | None]] = []

    def __call__(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        if method != "GET":
            self.written.append((method, path, body))
        if isinstance(self.answer, WorldError):
            raise self.answer
        return self.answer


def taken(name: str | None, keys: Any) -> Answer:
    return Answer(200, {"bound_issuer": name, "jwt_validation_pubkeys": keys})


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (taken("https://issuer", [" key b\n", "key a"]), NOW),
        (taken("https://issuer", None), TokenIssuer("https://issuer", ())),
        (taken(None, ["key a"]), TokenIssuer("", ("key a",))),
        (Answer(404, {"bound_issuer": "https://issuer"}), None),
        (WorldError("403", code="E_VAULT_DENIED"), None),
    ],
)
def test_s2_whose_tokens_vault_takes_is_read(answer: Answer | WorldError, found: TokenIssuer | None) -> None:
    assert live_issuer(Vault(answer)) == found
    assert IssuerKeys(WORLD).holds(Vault(answer)) is (found == NOW)


def test_s2_an_outage_is_no_answer() -> None:
    with pytest.raises(WorldError, match="it is sealed"):
        live_issuer(Vault(WorldError("it is sealed", code="E_VAULT_SEALED")))


def test_s2_the_keys_of_now_are_given_and_a_refusal_is_said() -> None:
    vault = Vault(Answer(204, {}))
    IssuerKeys(WORLD).write(WORLD, vault)
    body = {"bound_issuer": "https://issuer", "jwt_validation_pubkeys": ["key a", "key b"]}
    assert vault.written == [("POST", CONFIG, body)]
    with pytest.raises(WorldError) as stopped:
        IssuerKeys(WORLD).write(WORLD, Vault(Answer(400, {})))
    assert stopped.value.code == "E_VAULT_REFUSED"
