"""The proxy before servers whose answers are known: it changes nothing but what it was told to."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.kubernetes.kubeconfig import load_kubeconfig
from bootstrap.adapters.kubernetes.portforward import PodDialer
from bootstrap.adapters.vault.client import PodVault
from bootstrap.model.errors import UnknownOutcome, WorldError
from bootstrap.ports import Answer
from tests.faults.kinds import Fault
from tests.faults.proxy import Proxy
from tests.faults.schedule import Schedule
from tests.support.simulated_clock import SimulatedClock
from tests.support.tls_server import Authority, Observation, Server, authority, serving

NAME = "vault-0.vault-internal"


@dataclass
class Bench:
    """A server, the proxy before it, and who trusts whom."""

    server: Server
    proxy: Proxy
    trusted: ssl.SSLContext
    behind: Authority
    folder: Path

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.proxy.port, context=self.trusted, timeout=10
        )
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body))
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def schedule(self, fault: Fault | None = None, at: int = 0, **more: Any) -> Schedule:
        self.proxy.schedule = Schedule(fault, at, **more)
        return self.proxy.schedule


@dataclass
class OnePod:
    """Every pod is that server, whose certificate and key lie in ``pem``."""

    server: Server
    authority: Authority
    pem: Path

    def dial(self, pod: str, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port))

    def secure(self, stream: socket.socket, name: str) -> ssl.SSLSocket:
        context = ssl.create_default_context(cadata=self.authority.pem.decode())
        context.check_hostname = False  # the client checks the name, on the same certificate
        return context.wrap_socket(stream, server_hostname=name)

    def face(self, upstream: ssl.SSLSocket) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pem)
        return context


def told(seen: Observation) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps({"method": seen.method, "path": seen.path, "size": len(seen.body)}).encode()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    behind, before = authority("behind"), authority("before")
    (tmp_path / "before.pem").write_bytes(before.pem)
    (tmp_path / "shown.pem").write_bytes(b"".join(before.leaf("127.0.0.1")))
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(tmp_path / "shown.pem")
    upstream = ssl.create_default_context(cadata=behind.pem.decode())
    with serving(told, *behind.leaf("127.0.0.1", NAME), tmp_path) as server:

        def connect() -> ssl.SSLSocket:
            return upstream.wrap_socket(
                socket.create_connection(("127.0.0.1", server.port)), server_hostname="127.0.0.1"
            )

        with Proxy(shown, connect, OnePod(server, behind, tmp_path / "tls.pem")).serving() as proxy:
            trusted = ssl.create_default_context(cadata=before.pem.decode())
            yield Bench(server, proxy, trusted, behind, tmp_path)


def test_what_is_asked_arrives_and_what_is_answered_comes_back(bench: Bench) -> None:
    run = bench.schedule()
    assert bench.ask("POST", "/api/v1/things?a=b", {"x": 1}) == (
        200,
        {"method": "POST", "path": "/api/v1/things?a=b", "size": 8},
    )
    assert bench.ask("GET", "/api") == (200, {"method": "GET", "path": "/api", "size": 0})
    assert run.log == ["api POST /api/v1/things - 200", "api GET /api - 200"]
    assert run.count == 1


def test_a_connection_serves_many_requests(bench: Bench) -> None:
    run = bench.schedule()
    connection = http.client.HTTPSConnection("127.0.0.1", bench.proxy.port, context=bench.trusted, timeout=10)
    for size in (0, 10, 100_000):
        connection.request("PUT", f"/{size}", body=b"x" * size)
        assert json.loads(connection.getresponse().read())["size"] == size
    connection.request(
        "PUT",
        "/chunked",
        body=iter([b"ab", b"cde"]),
        encode_chunked=True,
        headers={"Transfer-Encoding": "chunked"},
    )
    connection.getresponse().read()
    connection.close()
    assert run.count == 4


@pytest.mark.parametrize(
    ("fault", "arrived", "status"),
    [
        (Fault.LOST_REQUEST, 0, None),
        (Fault.LOST_ANSWER, 1, None),
        (Fault.ZOMBIE, 0, None),
        (Fault.TWICE, 2, 200),
        (Fault.ERROR_NOT_APPLIED, 0, 500),
        (Fault.ERROR_APPLIED, 1, 500),
        (Fault.BUSY, 0, 429),
        (Fault.UNAVAILABLE_APPLIED, 1, 503),
        (Fault.DENIED, 0, 403),
    ],
)
def test_each_fault_is_what_it_says(bench: Bench, fault: Fault, arrived: int, status: int | None) -> None:
    run = bench.schedule(fault, 2)
    assert bench.ask("POST", "/first")[0] == 200
    if status is None:
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            bench.ask("POST", "/second")
    else:
        assert bench.ask("POST", "/second")[0] == status
    assert [s.path for s in bench.server.seen].count("/second") == arrived
    assert run.where == "api POST /second"
    assert bench.ask("POST", "/third")[0] == 200
    for call in run.late:
        call.deliver()
    assert [s.path for s in bench.server.seen].count("/second") == arrived + (fault is Fault.ZOMBIE)


def test_a_truncated_answer_is_noticed(bench: Bench) -> None:
    bench.schedule(Fault.TRUNCATED, 1)
    with pytest.raises(http.client.IncompleteRead):
        bench.ask("POST", "/first")
    assert len(bench.server.seen) == 1


def test_reads_count_only_where_they_shall(bench: Bench) -> None:
    bench.schedule(Fault.DENIED, 1)
    assert bench.ask("GET", "/one")[0] == 200
    bench.schedule(Fault.DENIED, 1, reads=True)
    assert bench.ask("GET", "/one")[0] == 403


def test_a_delete_without_a_uid_is_remarked(bench: Bench) -> None:
    run = bench.schedule()
    bench.ask("DELETE", "/api/v1/namespaces/a/secrets/b", {"preconditions": {"uid": "1"}})
    assert run.broken == []
    bench.ask("DELETE", "/api/v1/namespaces/a/secrets/b", {})
    assert run.broken == ["I-7: api DELETE /api/v1/namespaces/a/secrets/b without a UID"]


# ------------------------------------------------------------ Vault, inside a port-forward


@pytest.fixture
def vault(bench: Bench) -> PodVault:
    """The real adapter over the real dialer, through the proxy."""
    cluster = {
        "server": f"https://127.0.0.1:{bench.proxy.port}",
        "certificate-authority": str(bench.folder / "before.pem"),
    }
    config = {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": cluster}],
        "users": [{"name": "it", "user": {"token": "t"}}],
    }
    (bench.folder / "kubeconfig").write_text(json.dumps(config))
    dialer = PodDialer(load_kubeconfig(bench.folder / "kubeconfig"), "vault")
    return PodVault(dialer, ca_pem=bench.behind.pem, clock=SimulatedClock())


def enable(vault: PodVault) -> Answer:
    return vault.call("POST", "sys/mounts/a", {"type": "kv"}, pod="vault-0", token=None)


def test_vault_is_reached_through_it(bench: Bench, vault: PodVault) -> None:
    run = bench.schedule()
    assert enable(vault).status == 200
    assert enable(vault).status == 200
    assert bench.server.seen[-1].headers["Host"] == f"{NAME}:8200"
    forward = "api GET /api/v1/namespaces/vault/pods/vault-0/portforward - 101"
    assert run.log == [forward, *["vault POST /v1/sys/mounts/a on vault-0 - 200"] * 2]
    assert run.count == 2


def test_the_certificate_is_the_pod_s_own(bench: Bench, vault: PodVault) -> None:
    assert (
        ssl.DER_cert_to_PEM_cert(vault.certificate("vault-0")).strip()
        in (bench.folder / "tls.pem").read_text()
    )


def test_a_pod_of_another_name_is_refused_as_without_a_proxy(bench: Bench, vault: PodVault) -> None:
    with pytest.raises(WorldError) as caught:
        vault.call("POST", "sys/mounts/a", {}, pod="vault-1", token=None)
    assert caught.value.code == "E_VAULT_TLS"
    assert bench.server.seen == []


@pytest.mark.parametrize("fault", [Fault.LOST_REQUEST, Fault.LOST_ANSWER, Fault.TRUNCATED, Fault.PAGE])
def test_an_answer_of_vault_s_that_does_not_come_is_unknown(
    bench: Bench, vault: PodVault, fault: Fault
) -> None:
    run = bench.schedule(fault, 1)
    with pytest.raises(UnknownOutcome):
        enable(vault)
    assert run.where == "vault POST /v1/sys/mounts/a on vault-0"
    assert len(bench.server.seen) == (fault is not Fault.LOST_REQUEST)
    assert enable(vault).status == 200


def test_a_late_request_arrives_by_a_connection_of_its_own(bench: Bench, vault: PodVault) -> None:
    run = bench.schedule(Fault.ZOMBIE, 1)
    with pytest.raises(UnknownOutcome):
        enable(vault)
    assert bench.server.seen == []
    (late,) = run.late
    late.deliver()
    assert [s.path for s in bench.server.seen] == ["/v1/sys/mounts/a"]


def test_a_write_of_a_secret_without_cas_is_remarked(bench: Bench, vault: PodVault) -> None:
    run = bench.schedule()
    vault.call("POST", "secret/data/a", {"data": {}, "options": {"cas": 0}}, pod="vault-0", token=None)
    assert run.broken == []
    vault.call("POST", "secret/data/a", {"data": {}}, pod="vault-0", token=None)
    assert run.broken == ["H2: vault POST /v1/secret/data/a on vault-0 without cas"]


def test_while_it_is_away_nobody_is_let_in(bench: Bench) -> None:
    bench.schedule()
    bench.proxy.away.set()
    with pytest.raises(OSError):
        bench.ask("GET", "/one")
    bench.proxy.away.clear()
    assert bench.ask("GET", "/one")[0] == 200
