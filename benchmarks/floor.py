"""The least that has to be done for a secret: metadata, a write with cas, version 1 read back; with http.client alone.

Requests go through one `kubectl port-forward` to the active Vault, each worker on a connection of its own, into a mount
that is made for it and removed again. Nothing is decrypted or recorded.
"""

import http.client
import json
import ssl
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.lab.support.cluster import Kube
from tests.lab.support.vault import active_pod, as_root, forwarded

MOUNT = "benchmark"
METADATA = {"cas_required": True, "custom_metadata": {"owner": "benchmark", "class": "runtime"}}


@dataclass(frozen=True, kw_only=True)
class Target:
    """A mount of KV version 2 that is ours alone: ``base`` is an https address, ``authority`` the CA's file."""

    base: str
    authority: Path
    token: str

    def connection(self) -> http.client.HTTPSConnection:
        at = urlsplit(self.base)
        context = ssl.create_default_context(cafile=str(self.authority))
        return http.client.HTTPSConnection(at.hostname or "", at.port, timeout=60, context=context)


@contextmanager
def target(kube: Kube, authority: Path) -> Iterator[Target]:
    """Made by a root token, which is revoked at the end, as the mount is removed."""
    with as_root(kube, authority) as root, forwarded(kube, active_pod(kube)) as base:
        made = root.ask("POST", f"sys/mounts/{MOUNT}", {"type": "kv", "options": {"version": "2"}})
        assert made.status_code == 204, made.text
        try:
            token = str(root.session.headers["X-Vault-Token"])
            yield Target(base=base, authority=authority, token=token)
        finally:
            root.ask("DELETE", f"sys/mounts/{MOUNT}")


def transfer(target: Target, names: Sequence[str], value: str, *, in_flight: int) -> float:
    """Seconds until every name holds ``value`` and was read back."""
    shares = [names[n::in_flight] for n in range(in_flight)]
    begun = time.monotonic()
    with ThreadPoolExecutor(in_flight) as pool:
        for each in [pool.submit(_share, target, share, value) for share in shares]:
            each.result()
    return time.monotonic() - begun


def _share(target: Target, names: Sequence[str], value: str) -> None:
    connection = target.connection()
    headers = {"X-Vault-Token": target.token}

    def ask(method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        connection.request(method, f"/v1/{MOUNT}/{path}", data, headers)
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status in (200, 204), f"{method} {path}: {answer.status} {content!r}"
        return json.loads(content) if content else None

    for name in names:
        ask("POST", f"metadata/{name}", METADATA)
        ask("POST", f"data/{name}", {"options": {"cas": 0}, "data": {"value": value}})
        found = ask("GET", f"data/{name}?version=1")
        assert found["data"]["data"]["value"] == value
    connection.close()
