"""A Vault of two nodes, initialised and unsealed, as the cases of the contract see it: the same on both sides."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, Cluster, Vault
from tests.contract.objects import fresh, until
from tests.contract.vault.sites import ATTEMPT, PODS


@dataclass(frozen=True)
class Running:
    """``token`` is the root token, ``share`` the unseal share; ``restart`` brings a node back sealed. ``cluster``
    issues the tokens that it reviews. ``audit`` is the active node's audit file, on the real side."""

    port: Vault
    cluster: Cluster
    share: Sensitive
    token: Sensitive
    restart: Callable[[str], None]
    audit: Path | None = None

    def call(
        self, method: str, path: str, body: Any = None, *, token: Any = "root", pod: str = "", txn: str = ""
    ) -> Answer:
        """As root unless another token is given; on the active node unless another is named."""
        as_whom = self.token if token == "root" else token
        return self.port.call(method, path, body, pod=pod or self.active(), token=as_whom, txn=txn)

    def active(self) -> str:
        return str(until(lambda: self.port.active(PODS), 60))

    def standby(self) -> str:
        active = self.active()
        return next(pod for pod in PODS if pod != active)

    def open(self, pod: str) -> None:
        """Unsealed when it returns."""
        until(lambda: self._opened(pod), 60)

    def _opened(self, pod: str) -> bool:
        status = self.port.seal_status(pod)
        if status is not None and status.sealed and status.initialized:
            try:
                status = self.port.unseal(pod, self.share)
            except BootstrapError:
                return False  # while it joins, 1.21 answers 500 for a moment
        return status is not None and status.initialized and not status.sealed

    def login(self, namespace: str, account: str, role: str, audience: str = "vault") -> Answer:
        jwt = self.cluster.service_account_token(namespace, account, audience, 600)
        return self.call("POST", "auth/kubernetes/login", {"role": role, "jwt": jwt}, token=None)


def begin(
    port: Vault, cluster: Cluster, restart: Callable[[str], None], audit: Path | None = None
) -> Running:
    """Initialise, unseal and join an empty Vault, and mount KV v2 at ``secret/``."""
    until(lambda: port.seal_status(PODS[0]), 90)
    share_key, root_key = PgpKey(generate("share")), PgpKey(generate("root"))
    answer = port.initialise(PODS[0], ATTEMPT, share_key=share_key.certificate, root_key=root_key.certificate)
    share, token = share_key.decrypt(answer.share), root_key.decrypt(answer.root_token)
    running = Running(port, cluster, share, token, restart, audit)
    for pod in PODS:
        running.open(pod)
    assert running.call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}}).ok
    until(lambda: running.call("GET", "secret/config").ok, 30)
    return running


def failed(kind: type[BootstrapError], code: str, act: Callable[[], Any]) -> BootstrapError:
    """The error that ``act`` ends with; of that kind exactly, and without a canary."""
    with pytest.raises(kind) as caught:
        act()
    assert (type(caught.value), caught.value.code) == (kind, code), caught.value.message
    assert "canary" not in caught.value.message
    return caught.value


def path() -> str:
    """A place below the KV mount that no other case has."""
    return f"t/{fresh('k')}"
