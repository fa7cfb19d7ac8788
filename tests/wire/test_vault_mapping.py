"""Vault's answers in our words, over real TLS: what is applied, what is not, what is unknown."""

import base64
import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.kubernetes.portforward import NothingThereError
from bootstrap.adapters.local.redaction import WITHHELD
from bootstrap.adapters.vault.certificates import X509Certificates
from bootstrap.adapters.vault.client import PodVault
from bootstrap.adapters.vault.response import answer_of, checked_path
from bootstrap.model.errors import BootstrapError, DefinitionError, Transient, UnknownOutcome, WorldError
from bootstrap.model.sensitive import Sensitive
from tests.support.scripted_vault import TOKEN, VALUE, read, vault, write
from tests.support.tls_server import Cut, authority


def failed(kind: type[BootstrapError], code: str, act: Any) -> BootstrapError:
    with pytest.raises(kind) as caught:
        act()
    assert type(caught.value) is kind, caught.value.message
    assert caught.value.code == code
    assert "canary" not in caught.value.message
    return caught.value


def test_values_go_out_and_come_back_wrapped(tmp_path: Path) -> None:
    body = {"request_id": "r1", "data": {"data": {"x": "canary value", "n": 3}, "metadata": {"version": 1}}}
    with vault(tmp_path, (200, body)) as (port, server):
        write(port, txn="txn-1")
        sent = server.seen[-1]
        assert json.loads(sent.body) == {"data": {"x": "canary value"}}
        assert (sent.method, sent.path) == ("POST", "/v1/secret/data/a")
        assert sent.headers["X-Vault-Token"] == "canary-token"
        assert sent.headers["X-Bootstrap-Txn"] == "txn-1"
        assert sent.headers["X-Vault-No-Request-Forwarding"] == "true"
        got = read(port)
        assert (got.status, got.request_id, got.ok) == (200, "r1", True)
        assert got.data["data"]["x"] == VALUE
        assert got.data["metadata"] == {"version": 1}
        assert "canary" not in repr(got)


def test_an_answer_of_a_server_that_goes_is_read_to_its_end(tmp_path: Path) -> None:
    body = {"data": {"data": {"x": "long " * 50_000}}}
    with vault(tmp_path, (200, body, {"Connection": "close"})) as (port, server):
        for _ in range(3):
            assert len(read(port).data["data"]["x"].reveal()) == 250_000
        assert len(server.seen) == 3


def test_nothing_ambient_reaches_vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".vault-token").write_text("ambient")
    for name, value in {
        "HOME": str(tmp_path), "VAULT_TOKEN": "ambient", "VAULT_ADDR": "https://127.0.0.1:1",
        "HTTPS_PROXY": "http://127.0.0.1:1", "REQUESTS_CA_BUNDLE": "/nonexistent", "VAULT_NAMESPACE": "ambient",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with vault(tmp_path, (200, {})) as (port, server):
        port.call("GET", "sys/health", pod="vault-0", token=None)
        assert "ambient" not in str(server.seen[-1].headers)
        assert "X-Vault-Token" not in server.seen[-1].headers


@pytest.mark.parametrize("code", [400, 404, 405, 412])
def test_some_refusals_are_answers(tmp_path: Path, code: int) -> None:
    words = ["invalid role name: x", "bad: canary value", "no"]
    with vault(tmp_path, (code, {"errors": words})) as (port, _):
        answer = write(port)
        assert (answer.status, answer.errors) == (code, ("invalid role name", WITHHELD, WITHHELD))
        assert not answer.ok


@pytest.mark.parametrize("form", ["canary v", "y2FuYXJ5IHZhb", "canary%20value"])
def test_b2_no_piece_of_what_was_sent_is_shown(tmp_path: Path, form: str) -> None:
    with vault(tmp_path, (400, {"errors": [f"cannot parse {form}"], "request_id": form})) as (port, _):
        answer = write(port)
        assert (answer.errors, answer.request_id) == ((WITHHELD,), "")


def test_b2_nor_a_piece_of_the_token(tmp_path: Path) -> None:
    token = Sensitive(b"hvs.CAESIJ-canary-token")
    with vault(tmp_path, (400, {"errors": ["no", "token CAESIJ-canary was revoked"]})) as (port, _):
        answer = port.call("POST", "sys/mounts/x", {"type": "kv"}, pod="vault-0", token=token)
        assert answer.errors == ("no", WITHHELD)


@pytest.mark.parametrize("code", [500, 502, 504])
def test_a_5xx(tmp_path: Path, code: int) -> None:
    with vault(tmp_path, (code, {"errors": ["broken", "canary value"]})) as (port, server):
        failed(UnknownOutcome, "E_UNKNOWN_OUTCOME", lambda: write(port))
        assert len(server.seen) == 1
    with vault(tmp_path, (code, {"errors": ["broken"]})) as (port, _):
        failed(Transient, "E_VAULT_AWAY", lambda: read(port))


def test_refusals_before_anything_was_done(tmp_path: Path) -> None:
    with vault(tmp_path, (403, {"errors": ["permission denied"]})) as (port, _):
        failed(WorldError, "E_VAULT_DENIED", lambda: write(port))
    with vault(tmp_path, (503, {"errors": ["Vault is sealed"]})) as (port, _):
        failed(Transient, "E_VAULT_SEALED", lambda: write(port))
    with vault(tmp_path, (429, {"errors": ["quota"]})) as (port, _):
        failed(Transient, "E_VAULT_BUSY", lambda: write(port))


def test_a_standbys_redirect_is_never_followed(tmp_path: Path) -> None:
    away = (307, b"", {"Location": "https://127.0.0.1:1/v1/secret/data/a"})
    with vault(tmp_path, away) as (port, server):
        failed(Transient, "E_VAULT_STANDBY", lambda: write(port))
        failed(Transient, "E_VAULT_STANDBY", lambda: read(port))
        assert len(server.seen) == 2
    words = ["local node not active but active cluster node not found"]
    with vault(tmp_path, (500, {"errors": words})) as (port, _):
        failed(Transient, "E_VAULT_STANDBY", lambda: write(port))


def test_a_lost_answer_is_repeated_for_reads_only(tmp_path: Path) -> None:
    with vault(tmp_path, Cut, Cut, (200, {"data": {}})) as (port, server):
        failed(UnknownOutcome, "E_UNKNOWN_OUTCOME", lambda: write(port))
        assert len(server.seen) == 1
        assert read(port).ok
        assert len(server.seen) == 3


def test_an_answer_that_is_not_vaults(tmp_path: Path) -> None:
    with vault(tmp_path, (200, b"<html>")) as (port, _):
        failed(UnknownOutcome, "E_UNKNOWN_OUTCOME", lambda: write(port))
        failed(Transient, "E_VAULT_AWAY", lambda: read(port))
    with vault(tmp_path, (200, b'{"data":"' + b"x" * (11 * 1024 * 1024) + b'"}')) as (port, _):
        failed(UnknownOutcome, "E_UNKNOWN_OUTCOME", lambda: write(port))


def test_no_connection_is_never_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with vault(tmp_path, (200, {})) as (port, server):
        nowhere = ("127.0.0.1", 1)
        monkeypatch.setattr(server, "dial", lambda pod, port: socket.create_connection(nowhere))
        failed(Transient, "E_VAULT_AWAY", lambda: write(port))
        assert port.seal_status("vault-0") is None
        assert port.active(["vault-0"]) is None
        failed(Transient, "E_VAULT_AWAY", lambda: port.certificate("vault-0"))


@pytest.mark.parametrize(("error", "dials"), [(NothingThereError("no pod"), 1), (ConnectionError("away"), 3)])
def test_where_nothing_is_there_one_look_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: ConnectionError, dials: int
) -> None:
    dialled = []

    def dial(pod: str, port: int) -> None:
        dialled.append(pod)
        raise error

    with vault(tmp_path, (200, {})) as (port, server):
        monkeypatch.setattr(server, "dial", dial)
        assert port.seal_status("vault-0") is None
        assert len(dialled) == dials
        with pytest.raises(Transient) as caught:
            read(port)
        assert caught.value.code == "E_VAULT_AWAY"


def test_only_the_pods_own_name_and_our_ca_will_do(tmp_path: Path) -> None:
    with vault(tmp_path, (200, {}), names=("vault-1.vault-internal",)) as (port, server):
        failed(WorldError, "E_VAULT_TLS", lambda: write(port))
        failed(WorldError, "E_VAULT_TLS", lambda: port.certificate("vault-0"))
        assert not server.seen
    with vault(tmp_path, (200, {}), ca=authority()) as (port, server):
        failed(WorldError, "E_VAULT_TLS", lambda: write(port))
        failed(WorldError, "E_VAULT_TLS", lambda: port.seal_status("vault-0"))
        assert not server.seen


def test_a_server_whose_certificate_has_expired_is_away_and_is_asked_nothing(tmp_path: Path) -> None:
    """It is shown all the same: its CA and its name are right."""
    with vault(tmp_path, (200, {}), expired=True) as (port, server):
        failed(Transient, "E_VAULT_EXPIRED", lambda: write(port))
        failed(Transient, "E_VAULT_EXPIRED", lambda: read(port))
        assert port.seal_status("vault-0") is None
        assert port.active(["vault-0"]) is None
        shown = X509Certificates().read(port.certificate("vault-0"))
        assert shown.left(datetime.now(UTC)) < 0
        assert not server.seen
    with vault(tmp_path, (200, {}), expired=True, ca=authority()) as (port, server):
        failed(WorldError, "E_VAULT_TLS", lambda: port.certificate("vault-0"))
        failed(WorldError, "E_VAULT_TLS", lambda: port.seal_status("vault-0"))
        assert not server.seen
    with vault(tmp_path, (200, {}), expired=True, names=("vault-1.vault-internal",)) as (port, _):
        failed(WorldError, "E_VAULT_TLS", lambda: port.certificate("vault-0"))


def init(port: PodVault) -> Any:
    return port.initialise("vault-0", "init-1-abc.vault-internal", share_key=b"s", root_key=b"r")


def test_init_checks_the_attempts_own_name(tmp_path: Path) -> None:
    both = ("vault-0.vault-internal", "init-1-abc.vault-internal")
    text = base64.b64encode(b"ciphertext").decode()
    answer = (200, {"keys": ["00"], "keys_base64": [text], "root_token": text})
    with vault(tmp_path, answer, names=both) as (port, server):
        got = init(port)
        assert (got.share, got.root_token) == (b"ciphertext", b"ciphertext")
        assert json.loads(server.seen[0].body)["pgp_keys"] == ["cw=="]
    with vault(tmp_path, answer, names=both[:1]) as (port, server):
        failed(WorldError, "E_VAULT_TLS", lambda: init(port))
        assert not server.seen


@pytest.mark.parametrize(
    "answer",
    [
        Cut,
        (400, {"errors": ["Vault is already initialized"]}),
        (500, {"errors": ["x"]}),
        (200, {"keys_base64": [], "root_token": "eA=="}),
        (200, {"keys_base64": ["eA=="], "root_token": ""}),
        (200, {"keys_base64": ["not base64!"], "root_token": "eA=="}),
        (307, b""),
    ],
)
def test_every_other_answer_to_init_is_unknown(tmp_path: Path, answer: Any) -> None:
    with vault(tmp_path, answer, names=("init-1-abc.vault-internal",)) as (port, server):
        failed(UnknownOutcome, "E_UNKNOWN_OUTCOME", lambda: init(port))
        assert len(server.seen) == 1


def test_unseal_may_be_repeated(tmp_path: Path) -> None:
    with vault(tmp_path, Cut, (400, {"errors": ["bad canary value"]}), (200, {"sealed": False})) as (port, _):
        failed(Transient, "E_VAULT_AWAY", lambda: port.unseal("vault-0", VALUE))
        failed(WorldError, "E_VAULT_UNSEAL", lambda: port.unseal("vault-0", VALUE))
        assert not port.unseal("vault-0", VALUE).sealed


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/sys/health",
        "a//b",
        "a/../b",
        "..",
        "a/.",
        "./a",
        "a%2e",
        "a b",
        "a\nb",
        "a?b c",
        "ä",
        "a#b",
        "a/..?x=1",
    ],
)
def test_paths_that_vault_would_redirect_are_refused(path: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        checked_path(path)
    assert caught.value.code == "E_DEST_PATH"


@pytest.mark.parametrize(
    "path",
    ["sys/health", "secret/metadata/a/", "secret/data/a?version=1", "auth/kubernetes/role/a-b", "a/b..c/.d"],
)
def test_paths_that_are_in_use_pass(path: str) -> None:
    assert checked_path(path) == path


def test_tokens_are_wrapped_wherever_vault_puts_them() -> None:
    login = answer_of(
        "auth/kubernetes/login", 200, b'{"auth":{"client_token":"canary","accessor":"a"}}', None
    )
    assert login is not None
    assert login.auth["client_token"] == Sensitive(b"canary")
    assert login.auth["accessor"] == "a"
    look = answer_of("auth/token/lookup-self", 200, b'{"data":{"id":"canary","policies":["root"]}}', None)
    made = answer_of("sys/policies/password/p/generate", 200, b'{"data":{"password":"canary"}}', None)
    listed = answer_of("secret/metadata/", 200, b'{"data":{"keys":["a","b/"]}}', None)
    assert "canary" not in repr((login, look, made))
    assert listed is not None
    assert listed.data["keys"] == ["a", "b/"]
    health = answer_of("sys/health", 200, b'{"initialized":true,"cluster_id":"c"}', None)
    assert health is not None
    assert health.data["cluster_id"] == "c"


def test_a_value_that_is_not_text_is_refused_without_it(tmp_path: Path) -> None:
    with vault(tmp_path, (200, {})) as (port, server):
        with pytest.raises(DefinitionError) as caught:
            port.call(
                "POST", "secret/data/a", {"x": Sensitive(b"\xffcanary", "x")}, pod="vault-0", token=TOKEN
            )
        assert caught.value.code == "E_BINARY"
        assert "canary" not in caught.value.message
        assert not server.seen
