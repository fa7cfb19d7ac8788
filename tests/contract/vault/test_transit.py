"""Transit at ``bootstrap-transit/``: a key that never leaves, and the same signature for the same bytes."""

import base64
from collections.abc import Iterator

import pytest

from bootstrap.ledger.countersigning import public_key
from bootstrap.model.errors import UnknownOutcome, WorldError
from bootstrap.steps.vault.policies import CONFIGURE, RUN, saver
from bootstrap.steps.vault.transit import FLAGS, KEYS, MADE, SIGN, live_key, sign_body, signature_in
from tests.contract.objects import until
from tests.contract.vault.running import Running, failed

MOUNT = "sys/mounts/bootstrap-transit"
DATA = b"DSSEv1 4 text 5 bytes"


@pytest.fixture(scope="module", autouse=True)
def key(vault: Running) -> Iterator[None]:
    assert vault.call("GET", KEYS).status == 404  # before there is a mount
    assert vault.call("POST", MOUNT, {"type": "transit"}).ok
    until(lambda: "bootstrap-transit/" in vault.call("GET", "sys/mounts").data, 30)
    assert vault.call("GET", KEYS).status == 404
    assert vault.call("POST", SIGN, sign_body(DATA)).status == 400  # before there is a key
    assert vault.call("POST", KEYS, MADE).ok
    yield


def test_it_is_as_it_was_made_and_making_it_again_changes_nothing(vault: Running) -> None:
    before = live_key(vault.call)
    assert before is not None
    data = vault.call("GET", KEYS).data
    assert {name: data[name] for name in FLAGS} == FLAGS
    assert vault.call("POST", KEYS, {**MADE, "exportable": True}).ok
    assert live_key(vault.call) == before


def test_a_signature_is_the_public_halfs_and_the_same_each_time(vault: Running) -> None:
    public = live_key(vault.call)
    assert public is not None
    signatures = {signature_in(vault.call("POST", SIGN, sign_body(DATA))) for _ in range(2)}
    assert len(signatures) == 1
    (signature,) = signatures
    assert public.accepts(signature, DATA)
    assert not public.accepts(signature, DATA + b" ")
    assert public_key(base64.b64encode(public.raw).decode()) == public


def test_another_version_signs_nothing(vault: Running) -> None:
    """A 500 on 1.21, so unknown; it signed nothing all the same."""
    body = {**sign_body(DATA), "key_version": 2}
    failed(UnknownOutcome, "E_UNKNOWN_OUTCOME", lambda: vault.call("POST", SIGN, body))


def test_root_itself_takes_it_neither_out_nor_away(vault: Running) -> None:
    assert vault.call("GET", "bootstrap-transit/export/signing-key/countersign").status == 400
    assert vault.call("DELETE", KEYS).status == 400
    assert live_key(vault.call) is not None


@pytest.mark.parametrize("policy", ["run", "configure", "saver"])
def test_s2_none_of_our_policies_changes_it_and_few_sign(
    vault: Running, side: str, request: pytest.FixtureRequest, policy: str
) -> None:
    if side == "simulator":
        return  # it enforces no policy
    text = {"run": RUN, "configure": CONFIGURE, "saver": saver(())}[policy]
    assert vault.call("PUT", f"sys/policies/acl/transit-{policy}", {"policy": text}).ok
    body = {"policies": [f"transit-{policy}"], "no_default_policy": True, "ttl": "60s"}
    token = vault.call("POST", "auth/token/create-orphan", body).auth["client_token"]
    config = f"{KEYS}/config"
    failed(
        WorldError,
        "E_VAULT_DENIED",
        lambda: vault.call("POST", config, {"deletion_allowed": True}, token=token),
    )
    for method, path in (
        ("POST", f"{KEYS}/rotate"),
        ("DELETE", KEYS),
        ("GET", "bootstrap-transit/keys/other"),
    ):
        failed(WorldError, "E_VAULT_DENIED", lambda m=method, p=path: vault.call(m, p, token=token))  # type: ignore[misc]  # bound early
    if policy == "configure":
        failed(WorldError, "E_VAULT_DENIED", lambda: vault.call("POST", SIGN, sign_body(DATA), token=token))
    else:
        assert signature_in(vault.call("POST", SIGN, sign_body(DATA), token=token))
