"""The run's own conversation with Vault: who the active node is, and a short-lived token got by login.

The token is the fence: before the first write of a run the tokens of earlier runs are revoked, so
a forgotten process of yesterday can change nothing. A login, and revoking it at the end, are not changes.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from bootstrap.model.catalog import VaultSpec
from bootstrap.model.errors import Transient, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, Clock, Cluster, SealStatus, Vault
from bootstrap.steps.context.flight import Flight
from bootstrap.steps.context.look import Look
from bootstrap.steps.context.names import (
    CONFIGURE_POLICY,
    RUN_ACCOUNT,
    RUN_POLICY,
    RUN_ROLE,
    SYSTEM_NAMESPACE,
)
from bootstrap.waiting import NotYet, retry

TOKEN_SECONDS = 900
FRESH_SECONDS = 600
READS = ("GET", "LIST")
BUSY = "E_VAULT_BUSY"  # refused before anything was done
BUSY_SECONDS = 60  # that a busy server is waited for
ENDING_SECONDS = 10  # that a token which Vault ends is waited for
_ACCESSORS = "auth/token/accessors"
_GONE = 400  # Vault's own answer of an accessor that it does not know


class Session:
    """``call`` goes to the active node under the run's token. Thread-safe; ``flight`` says how many calls at once.

    ``guard`` raises once another run has the cluster: it is asked before tokens of others are revoked, and before a
    further login, so that a run that slept neither fences its successor nor comes back behind the fence. ``role`` and
    ``jwt`` are another identity's than the run's.
    """

    def __init__(
        self,
        cluster: Cluster,
        vault: Vault,
        spec: VaultSpec,
        clock: Clock,
        look: Look | None = None,
        *,
        role: str = RUN_ROLE,
        jwt: Callable[[], Sensitive] | None = None,
    ) -> None:
        self.cluster = cluster
        self.vault = vault
        self.spec = spec
        self.clock = clock
        self.flight = Flight()
        self.look = look or Look()
        self._role = role
        self._jwt = jwt or self._of_the_run
        self._gate = threading.Condition(threading.RLock())
        self._under_way = 0  # calls that a revocation of the token would break
        self._token: Sensitive | None = None
        self._accessor = ""
        self._since = 0.0
        self._fenced = False
        self._active = ""  # the login finds it
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
        """A fresh login; (token, accessor). WorldError E_VAULT_DENIED before the role exists."""
        answer = self.vault.call(
            "POST",
            "auth/kubernetes/login",
            {"role": self._role, "jwt": self._jwt()},
            pod=self.active(),
            token=None,
        )
        if not answer.ok:
            raise WorldError(
                f"the login as {self._role} was refused: " + "; ".join(answer.errors),
                code="E_VAULT_LOGIN",
                where=f"role {self._role}",
            )
        return answer.auth["client_token"], str(answer.auth["accessor"])

    def _of_the_run(self) -> Sensitive:
        return self.cluster.service_account_token(SYSTEM_NAMESPACE, RUN_ACCOUNT, "vault", 600)

    def token(self) -> Sensitive:
        """The run's token. One that is old is replaced once nothing is under way under it."""
        with self._gate:
            self._gate.wait_for(lambda: self._is_fresh() or not self._under_way)
            if self._token is None or not self._is_fresh():
                previous = self._accessor
                if previous:
                    self.guard()
                self._token, self._accessor = self.login()
                self._since = self.clock.monotonic()
                if previous:
                    self._revoke(previous)
            return self._token

    def _is_fresh(self) -> bool:
        return self.clock.monotonic() - self._since <= FRESH_SECONDS

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None, *, txn: str = "") -> Answer:
        """One request as the run. A write first makes sure that no earlier run can still write. What a look has read
        before is not asked for again."""
        if method in READS:
            return self.look.once(
                (method, path), lambda: self._as_run(method, path, body, txn, fenced=False), _values
            )
        try:
            return self._as_run(method, path, body, txn, fenced=True)
        finally:
            self.look.forget()

    def read(self, path: str) -> Answer:
        return self.call("GET", path)

    def ask(self, path: str, body: Mapping[str, Any]) -> Answer:
        """A POST that only asks (look-ups, capabilities, hashes): it needs no fence and changes nothing."""
        return self._as_run("POST", path, body, "", fenced=False)

    def _as_run(
        self, method: str, path: str, body: Mapping[str, Any] | None, txn: str, *, fenced: bool
    ) -> Answer:
        with self._using(fenced=fenced) as token:
            return self._send(method, path, body, token, txn)

    @contextmanager
    def _using(self, *, fenced: bool) -> Iterator[Sensitive]:
        """The token, which is not revoked while the block lasts."""
        with self._gate:
            token = self.token()
            if fenced and not self._fenced:
                self.fence()
            self._under_way += 1
        try:
            yield token
        finally:
            with self._gate:
                self._under_way -= 1
                self._gate.notify_all()

    def fence(self) -> None:
        """Revoke every other token that a run makes; they belong to earlier runs."""
        with self._gate:
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
        return {
            accessor: (*about.get("policies", ()), *(about.get("identity_policies") or ()))
            for accessor, about in self.tokens()
        }

    def tokens(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Accessor of each live token, and what Vault says of it, which is not the token."""
        token = self.token()
        for accessor in self._listed(token):
            answer = self._about(accessor, token)
            if answer.ok:  # gone meanwhile otherwise
                yield accessor, answer.data

    def _listed(self, token: Sensitive) -> tuple[str, ...]:
        return tuple(map(str, self._send("LIST", _ACCESSORS, None, token, "").data.get("keys", ())))

    def _about(self, accessor: str, token: Sensitive) -> Answer:
        """While Vault ends a token, its accessor is denied for a moment; then it is listed no more."""

        def once() -> Answer:
            try:
                return self._send("POST", "auth/token/lookup-accessor", {"accessor": accessor}, token, "")
            except WorldError as error:
                if error.code != "E_VAULT_DENIED":
                    raise
                if accessor in self._listed(token):
                    raise NotYet(error) from None
                return Answer(status=_GONE, data={})

        return retry(once, clock=self.clock, seconds=ENDING_SECONDS, pause=0.1, longest=2, errors=())

    def close(self) -> None:
        """Give the run's token back, and end its threads."""
        self.flight.close()
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
        """A Transient was never applied, so sending the same again is safe: to the new leader, or later."""

        def once() -> Answer:
            try:
                return self.vault.call(method, path, body, pod=self._active, token=token, txn=txn)
            except Transient as error:
                if error.code == BUSY:
                    self.flight.busy()
                    raise NotYet(error) from None
            try:
                return self.vault.call(method, path, body, pod=self.active(), token=token, txn=txn)
            except Transient as error:
                if error.code == BUSY:
                    raise NotYet(error) from None
                raise

        return retry(once, clock=self.clock, seconds=BUSY_SECONDS, pause=0.5, longest=4, errors=())


def _values(answer: Answer) -> list[Sensitive]:
    """What a KV read gives out."""
    inner = answer.data.get("data")
    return [v for v in inner.values() if isinstance(v, Sensitive)] if isinstance(inner, dict) else []
