"""The run's own conversation with Vault: who the active node is, and a short-lived token got by login.

The token is the fence: before the first write of a run the tokens of earlier runs are revoked, so
a forgotten process of yesterday can change nothing. A login, and revoking it at the end, are not changes.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from bootstrap.model.catalog import VaultSpec
from bootstrap.model.errors import Transient, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, Clock, Cluster, SealStatus, Vault
from bootstrap.steps.context.names import (
    CONFIGURE_POLICY,
    RUN_ACCOUNT,
    RUN_POLICY,
    RUN_ROLE,
    SYSTEM_NAMESPACE,
)

TOKEN_SECONDS = 900
FRESH_SECONDS = 600


class Session:
    """``call`` goes to the active node under the run's token.

    ``guard`` raises once another run has the cluster: it is asked before tokens of others are revoked, and before a
    further login, so that a run that slept neither fences its successor nor comes back behind the fence.
    """

    def __init__(self, cluster: Cluster, vault: Vault, spec: VaultSpec, clock: Clock) -> None:
        self.cluster = cluster
        self.vault = vault
        self.spec = spec
        self.clock = clock
        self._token: Sensitive | None = None
        self._accessor = ""
        self._since = 0.0
        self._fenced = False
        self._active = ""
        self.guard: Callable[[], None] = lambda: None

    @property
    def pods(self) -> tuple[str, ...]:
        return tuple(f"vault-{n}" for n in range(self.spec.replicas))

    def seal_status(self, pod: str) -> SealStatus | None:
        return self.vault.seal_status(pod)

    def active(self) -> str:
        """The pod of the active node. Transient E_NO_LEADER while there is none."""
        found = self.vault.active(self.pods)
        if not found:
            raise Transient(
                "no Vault node is active",
                code="E_NO_LEADER",
                where=f"StatefulSet {self.spec.namespace}/vault",
                hint="`bootstrap status` shows each node; a sealed node waits for its unseal key",
            )
        self._active = found
        return found

    def login(self) -> tuple[Sensitive, str]:
        """A fresh login as the run; (token, accessor). WorldError E_VAULT_DENIED before the role exists."""
        jwt = self.cluster.service_account_token(SYSTEM_NAMESPACE, RUN_ACCOUNT, "vault", 600)
        answer = self.vault.call(
            "POST",
            "auth/kubernetes/login",
            {"role": RUN_ROLE, "jwt": jwt},
            pod=self.active(),
            token=None,
        )
        if not answer.ok:
            raise WorldError(
                "the run's login was refused: " + "; ".join(answer.errors),
                code="E_VAULT_LOGIN",
                where=f"role {RUN_ROLE}",
            )
        return answer.auth["client_token"], str(answer.auth["accessor"])

    def token(self) -> Sensitive:
        if self._token is None or self.clock.monotonic() - self._since > FRESH_SECONDS:
            previous = self._accessor
            if previous:
                self.guard()
            self._token, self._accessor = self.login()
            self._since = self.clock.monotonic()
            if previous:
                self._revoke(previous)
        return self._token

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, txn: str = "") -> Answer:
        """One request as the run. A write first makes sure that no earlier run can still write."""
        token = self.token()
        if method not in ("GET", "LIST") and not self._fenced:
            self.fence()
        return self._send(method, path, body, token, txn)

    def read(self, path: str) -> Answer:
        return self.call("GET", path)

    def ask(self, path: str, body: Mapping[str, Any]) -> Answer:
        """A POST that only asks (look-ups, capabilities, hashes): it needs no fence and changes nothing."""
        return self._send("POST", path, body, self.token(), "")

    def fence(self) -> None:
        """Revoke every other token that a run makes; they belong to earlier runs."""
        token = self.token()
        self.guard()
        for accessor in self.others():
            self._send("POST", "auth/token/revoke-accessor", {"accessor": accessor}, token, "")
        self._fenced = True

    def others(self) -> tuple[str, ...]:
        """Accessors of the run's and of the configuring policy that are not ours."""
        found, of_a_run = self.accessors().items(), {RUN_POLICY, CONFIGURE_POLICY}
        return tuple(a for a, policies in found if of_a_run.intersection(policies) and a != self._accessor)

    def accessors(self) -> dict[str, tuple[str, ...]]:
        """Accessor of each live token to its policies (identity policies too). Batch tokens do not show."""
        token = self.token()
        listed = self._send("LIST", "auth/token/accessors", None, token, "")
        found: dict[str, tuple[str, ...]] = {}
        for accessor in listed.data.get("keys", ()):
            answer = self._send("POST", "auth/token/lookup-accessor", {"accessor": accessor}, token, "")
            if answer.ok:  # gone meanwhile otherwise
                policies = (*answer.data.get("policies", ()), *(answer.data.get("identity_policies") or ()))
                found[str(accessor)] = policies
        return found

    def close(self) -> None:
        """Give the run's token back."""
        if self._token is not None:
            # Failing that, it ends by itself within its 15 minutes, and the next run's fence revokes it.
            with suppress(WorldError):
                self._send("POST", "auth/token/revoke-self", {}, self._token, "")
            self._token = None
            self._accessor = ""

    def _revoke(self, accessor: str) -> None:
        assert self._token is not None
        self._send("POST", "auth/token/revoke-accessor", {"accessor": accessor}, self._token, "")

    def _send(
        self, method: str, path: str, body: Mapping[str, Any] | None, token: Sensitive, txn: str
    ) -> Answer:
        pod = self._active or self.active()
        try:
            return self.vault.call(method, path, body, pod=pod, token=token, txn=txn)
        except Transient:
            # The leader may have moved; a Transient was never applied, so asking the new one is safe.
            return self.vault.call(method, path, body, pod=self.active(), token=token, txn=txn)
