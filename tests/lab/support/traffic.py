"""Reads and writes that go on meanwhile: a client's, on new connections, and the operator's."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.lab.support.cluster import Kube, Object
from tests.lab.support.platform import Platform
from tests.lab.support.state import authority
from tests.lab.support.vault import Vault, as_root, as_run

PATH = "applications/traffic/counter"
RUN = ("bootstrap-system", "bootstrap", "vault")  # namespace, account and audience, as ``as_run`` has them
COPIED = ("orders", "orders-payment-token")
READERS = 10  # ExternalSecrets, each refreshed once a second
PAIRS = 10  # a write and a read, so often a second
RENEWED = 300.0  # seconds after which the client logs in again: its token lives for three times that


@dataclass
class Told:
    """What was asked, and what failed; ``refreshed`` are the times at which the operator read, by object."""

    done: int = 0
    serials: set[bytes] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    refreshed: dict[str, set[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        reads = sum(map(len, self.refreshed.values()))
        return f"{self.done} requests of a client, {len(self.serials)} certificates, {reads} reads of the operator"


@contextmanager
def traffic(kube: Kube, platform: Platform, pod: str) -> Iterator[Told]:
    """``PAIRS`` a second by a client of ``pod``, and a read a second by each of ``READERS`` objects."""
    told, over = Told(), threading.Event()
    names = _readers(kube)
    try:
        with as_run(kube, authority(platform), pod) as vault:
            threads = [
                threading.Thread(target=_client, args=(kube, vault, platform, told, over)),
                threading.Thread(target=_operator, args=(kube, names, told, over)),
            ]
            for each in threads:
                each.start()
            try:
                yield told
            finally:
                over.set()
                for each in threads:
                    each.join()
    finally:
        kube.run("delete", "externalsecrets", "-n", COPIED[0], *names)
        with as_root(kube, authority(platform), pod) as root:
            root.ask("DELETE", f"secret/metadata/{PATH}")


def _readers(kube: Kube) -> list[str]:
    """Copies of an ExternalSecret, of the test's own: not until each has been read once are they returned."""
    namespace, name = COPIED
    spec = {**kube.need("externalsecret", name, namespace)["spec"], "refreshInterval": "1s"}
    names = [f"traffic-{n}" for n in range(READERS)]
    for each in names:
        spec = {**spec, "target": {**spec["target"], "name": each}}
        meta = {"name": each, "namespace": namespace}
        kube.apply(
            {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": meta, "spec": spec}
        )
    kube.run("wait", "externalsecrets", "-n", namespace, *names, "--for=condition=Ready", "--timeout=60s")
    return names


def _client(kube: Kube, vault: Vault, platform: Platform, told: Told, over: threading.Event) -> None:
    context = ssl.create_default_context(cafile=str(authority(platform)))
    begun, n = time.monotonic(), 0
    fresh = begun
    while not over.wait(max(0.0, begun + n / PAIRS - time.monotonic())):
        n += 1
        try:
            # Neither Vault's token nor that of Kubernetes lives for long.
            if time.monotonic() - fresh > RENEWED:
                vault.session.close()  # its connection was idle for as long as Vault keeps one
                vault.jwt = kube.token(*RUN)
                vault.login()
                fresh = time.monotonic()
            headers = {"X-Vault-Token": str(vault.session.headers["X-Vault-Token"])}
            _pair(urlsplit(vault.base).port or 0, context, headers, n, told)
        except (OSError, http.client.HTTPException, AssertionError) as error:
            told.failed.append(f"{type(error).__name__}: {error}")


def _pair(port: int, context: ssl.SSLContext, headers: dict[str, str], n: int, told: Told) -> None:
    """What was written is what is read, on one connection of its own."""
    link = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
    try:
        link.request("POST", f"/v1/secret/data/{PATH}", json.dumps({"data": {"n": n}}), headers)
        wrote = link.getresponse()
        written = json.load(wrote)
        assert isinstance(link.sock, ssl.SSLSocket)
        told.serials.add(link.sock.getpeercert(binary_form=True) or b"")
        link.request("GET", f"/v1/secret/data/{PATH}", headers=headers)
        answer = link.getresponse()
        read = json.load(answer)
    finally:
        link.close()
    told.done += 2
    if wrote.status != 200 or answer.status != 200 or read["data"]["data"] != {"n": n}:
        told.failed.append(f"pair {n}: {wrote.status}, {answer.status}, {written.get('errors')}")


def _operator(kube: Kube, names: list[str], told: Told, over: threading.Event) -> None:
    while not over.wait(1):
        for obj in kube.list("externalsecret", COPIED[0]):
            if obj["metadata"]["name"] in names:
                _look(obj, told)


def _look(obj: Object, told: Told) -> None:
    name, status = obj["metadata"]["name"], obj["status"]
    told.refreshed.setdefault(name, set()).add(status["refreshTime"])
    for each in status["conditions"]:
        if each["type"] == "Ready" and each["status"] != "True":
            told.failed.append(f"{name}: {each['reason']}: {each['message']}")
