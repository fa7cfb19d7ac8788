"""A Vault port whose server answers what a test says, over real TLS on loopback."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bootstrap.adapters.vault.client import PodVault
from bootstrap.model.sensitive import Sensitive
from tests.support.simulated_clock import SimulatedClock
from tests.support.tls_server import Authority, Cut, Observation, Server, authority, serving

TOKEN = Sensitive(b"canary-token", "token")
VALUE = Sensitive(b"canary value", "value")


@contextmanager
def vault(
    folder: Path,
    *answers: Any,
    names: tuple[str, ...] = ("vault-0.vault-internal",),
    ca: Authority | None = None,
    expired: bool = False,
) -> Iterator[tuple[PodVault, Server]]:
    """A Vault whose answers are ``answers``, the last one for ever."""
    issuer, left = authority(), list(answers)

    def script(seen: Observation) -> tuple[int, dict[str, str], bytes]:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if answer is Cut:
            raise Cut
        code, body, *headers = answer
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return code, headers[0] if headers else {}, content

    with serving(script, *issuer.leaf(*names, expired=expired), folder) as server:
        yield PodVault(server, ca_pem=(ca or issuer).pem, clock=SimulatedClock()), server


def write(port: PodVault, **more: Any) -> Any:
    return port.call("POST", "secret/data/a", {"data": {"x": VALUE}}, pod="vault-0", token=TOKEN, **more)


def read(port: PodVault) -> Any:
    return port.call("GET", "secret/data/a", pod="vault-0", token=TOKEN)
