"""The Vault port against a real Vault of two nodes: as processes on loopback, and as pods."""

import logging
import ssl
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.adapters.vault.client import PodVault
from bootstrap.model.errors import BootstrapError, Transient, UnknownOutcome, WorldError
from bootstrap.model.sensitive import Sensitive
from tests.contract.objects import until
from tests.contract.vault.sites import ATTEMPT, PODS, Site, loopback, pods, vault_binary

pytestmark = pytest.mark.only("real", reason="connections, processes and pods: the simulator has none")

ACTIVE, STANDBY = PODS
CANARY = Sensitive(b"canary-value-5d0c", "canary")


@dataclass(frozen=True)
class Running:
    """An initialised Vault: ``token`` is its root token, ``share`` its unseal share."""

    site: Site
    port: PodVault
    share: Sensitive
    token: Sensitive

    def call(self, method: str, path: str, body: Any = None, *, pod: str = "", txn: str = "") -> Any:
        return self.port.call(method, path, body, pod=pod or self.active(), token=self.token, txn=txn)

    def active(self) -> str:
        return str(until(lambda: self.port.active(PODS), 180))


@pytest.fixture(scope="module", params=["loopback", "pods"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    if request.param == "loopback":
        if not request.getfixturevalue("whole"):
            pytest.skip("on loopback with --whole; the pods are what a platform has")
        with loopback(vault_binary(), tmp_path_factory.mktemp("vault")) as made:
            yield made
    else:
        cluster, access, namespace = map(request.getfixturevalue, ("real_cluster", "access", "namespace"))
        with pods(cluster, access, namespace) as made:
            yield made


@pytest.fixture(scope="module")
def vault(site: Site) -> Running:
    """Initialised over the attempt's own name, unsealed, joined, KV mounted."""
    port = PodVault(site.dialer, ca_pem=site.ca.pem)
    before = until(lambda: port.seal_status(ACTIVE), 90)
    assert (before.initialized, before.sealed, before.leader) == (False, True, False)
    share_key, root_key = PgpKey(generate("share")), PgpKey(generate("root"))
    with pytest.raises(WorldError) as wrong:
        port.initialise(ACTIVE, "init-2-x.vault-internal", share_key=b"x", root_key=b"x")
    assert wrong.value.code == "E_VAULT_TLS"
    answer = port.initialise(ACTIVE, ATTEMPT, share_key=share_key.certificate, root_key=root_key.certificate)
    running = Running(
        site, port, share_key.decrypt(answer.share), root_key.decrypt(answer.root_token).relabel("root token")
    )
    assert running.port.unseal(ACTIVE, running.share).sealed is False
    running.active()
    until(lambda: unsealed(running, STANDBY), 60)
    running.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    return running


def unsealed(vault: Running, pod: str) -> bool:
    status = vault.port.seal_status(pod)
    if status is not None and status.sealed and status.initialized:
        try:
            status = vault.port.unseal(pod, vault.share)
        except BootstrapError:
            return False  # while it joins, 1.21 answers 500 for a moment
    return status is not None and status.initialized and not status.sealed


def failed(kind: type[BootstrapError], code: str, act: Any) -> BootstrapError:
    with pytest.raises(kind) as caught:
        act()
    assert (type(caught.value), caught.value.code) == (kind, code), caught.value.message
    assert "canary" not in caught.value.message
    return caught.value


def path() -> str:
    return f"secret/data/t/{uuid.uuid4().hex[:8]}"


# ---------------------------------------------------------------- state


def test_states_of_both_nodes(vault: Running) -> None:
    active, standby = vault.port.seal_status(ACTIVE), vault.port.seal_status(STANDBY)
    assert active is not None
    assert standby is not None
    assert (active.sealed, active.leader, active.version) == (False, True, "1.21.1")
    assert (standby.sealed, standby.leader) == (False, False)
    assert active.cluster_id == standby.cluster_id != ""
    assert vault.port.active(PODS) == ACTIVE
    assert vault.port.active([STANDBY]) is None


def test_a_second_init_is_unknown(vault: Running) -> None:
    key = PgpKey(generate("again")).certificate
    error = failed(
        UnknownOutcome,
        "E_UNKNOWN_OUTCOME",
        lambda: vault.port.initialise(ACTIVE, ATTEMPT, share_key=key, root_key=key),
    )
    assert "already initialized" in error.message


def test_the_served_leaf(vault: Running) -> None:
    leaf = vault.port.certificate(ACTIVE)
    names = ssl.DER_cert_to_PEM_cert(leaf)
    assert names.startswith("-----BEGIN CERTIFICATE-----")
    assert leaf == vault.port.certificate(STANDBY)


# ---------------------------------------------------------------- calls


def test_a_value_goes_in_and_comes_back(vault: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    where = path()
    body = {"data": {"password": CANARY, "user": "x"}, "options": {"cas": 0}}
    first = vault.call("POST", where, body, txn="txn-1")
    assert (first.status, first.data["version"]) == (200, 1)
    uuid.UUID(first.request_id)
    again = vault.call("POST", where, body)
    assert again.status == 400
    assert "check-and-set parameter did not match" in again.errors[0]
    got = vault.call("GET", f"{where}?version=1")
    assert got.data["data"]["password"] == CANARY
    assert got.data["metadata"]["version"] == 1
    assert vault.call("LIST", "secret/metadata/t/").data["keys"]
    assert vault.call("DELETE", where).status == 204
    gone = vault.call("GET", where)
    assert gone.status == 404
    assert gone.data["metadata"]["deletion_time"]
    assert "canary" not in caplog.text + repr((first, again, got, gone))


def test_what_is_not_there_and_what_is_not_allowed(vault: Running) -> None:
    assert vault.call("GET", path()).status == 404
    assert "no handler" in vault.call("GET", "nowhere/x").errors[0]
    for token in (None, Sensitive(b"hvs.canary-wrong")):
        failed(
            WorldError,
            "E_VAULT_DENIED",
            lambda token=token: vault.port.call("GET", path(), pod=ACTIVE, token=token),
        )


def test_a_standby_answers_neither_reads_nor_writes(vault: Running) -> None:
    where = path()
    write = {"data": {"a": CANARY}}
    failed(Transient, "E_VAULT_STANDBY", lambda: vault.call("POST", where, write, pod=STANDBY))
    failed(Transient, "E_VAULT_STANDBY", lambda: vault.call("GET", where, pod=STANDBY))
    assert vault.call("GET", where).status == 404  # it was not handed on either


def test_the_servers_words_without_the_value(vault: Running) -> None:
    answer = vault.call("POST", "sys/policies/acl/t", {"policy": Sensitive(b'path "canary" {')})
    assert answer.status == 400
    assert "canary" not in repr(answer)


def test_tokens_come_wrapped(vault: Running) -> None:
    made = vault.call("POST", "auth/token/create", {"policies": ["default"], "ttl": "1m"})
    token = made.auth["client_token"]
    assert isinstance(token, Sensitive)
    look = vault.port.call("GET", "auth/token/lookup-self", pod=ACTIVE, token=token)
    assert look.data["id"] == token
    assert vault.port.call("POST", "auth/token/revoke-self", pod=ACTIVE, token=token).ok


def test_too_large_a_value_is_unknown(vault: Running) -> None:
    huge = Sensitive(b"x" * 1_100_000)
    failed(UnknownOutcome, "E_UNKNOWN_OUTCOME", lambda: vault.call("POST", path(), {"data": {"x": huge}}))


def test_many_at_once(vault: Running) -> None:
    def one(number: int) -> bool:
        where, value = path(), Sensitive(f"value {number}".encode())
        assert vault.call("POST", where, {"data": {"x": value}, "options": {"cas": 0}}, pod=ACTIVE).ok
        return bool(vault.call("GET", where, pod=ACTIVE).data["data"]["x"] == value)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one, range(160)))


# ---------------------------------------------------------------- restarts (last: they change who is active)


def test_a_restarted_node_is_reached_again_and_unsealed(
    vault: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    noise: list[Any] = []
    threading.excepthook, kept = noise.append, threading.excepthook
    try:
        assert vault.port.seal_status(STANDBY) is not None
        vault.site.restart(STANDBY)
        # Through a kept connection the container that is ending may answer once more.
        sealed = until(lambda: (s := vault.port.seal_status(STANDBY)) and s.sealed and s, 90)
        assert sealed.initialized
        assert sealed.sealed
        failed(Transient, "E_VAULT_SEALED", lambda: vault.call("GET", path(), pod=STANDBY))
        failed(WorldError, "E_VAULT_UNSEAL", lambda: vault.port.unseal(STANDBY, Sensitive(b"00" * 32)))
        until(lambda: unsealed(vault, STANDBY), 60)
    finally:
        threading.excepthook = kept
    assert noise == []
    assert "Traceback" not in capfd.readouterr().err


def test_the_active_node_is_restarted(vault: Running) -> None:
    where = path()
    assert vault.call("POST", where, {"data": {"x": CANARY}}).ok
    vault.site.restart(ACTIVE)
    # Each look unseals what is sealed: through a kept connection the container that is ending may say
    # "unsealed" once more, and two voters elect late where the machine is busy.
    got = until(lambda: unsealed(vault, ACTIVE) and readable(vault, where), 240)
    assert got.data["data"]["x"] == CANARY


def readable(vault: Running, where: str) -> Any:
    active = vault.port.active(PODS)
    try:
        return vault.call("GET", where, pod=active) if active else None
    except Transient:
        return None
