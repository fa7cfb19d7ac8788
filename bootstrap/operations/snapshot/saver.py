"""The identity that saves a snapshot: its own account, its own role, a token for this one file (S2)."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass

from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.names import kv_data
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, Cluster, Ref
from bootstrap.steps.context.names import SNAPSHOT_ACCOUNT, SNAPSHOT_ROLE, SYSTEM_NAMESPACE
from bootstrap.steps.context.session import Session
from bootstrap.steps.secrets.versions import Held, held_in
from bootstrap.steps.vault.transit import SIGN, sign_body, signature_in
from bootstrap.waiting import LOST, retry

SECONDS = 600  # that the account's own token lives: it logs in with it once


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """A role, and the token of the account that it is for."""

    role: str
    jwt: Sensitive


def account_login(cluster: Cluster) -> Login:
    """Of the account by which people save. WorldError E_SNAPSHOT_LOGIN where it is not there."""
    account = Ref("v1", "ServiceAccount", SNAPSHOT_ACCOUNT, SYSTEM_NAMESPACE)
    if cluster.get(account) is None:
        raise _not_made(SNAPSHOT_ROLE, f"there is no {account}")
    jwt = cluster.service_account_token(SYSTEM_NAMESPACE, SNAPSHOT_ACCOUNT, "vault", SECONDS)
    return Login(role=SNAPSHOT_ROLE, jwt=jwt)


class Saver:
    """Logged in until ``end``; ``accessor`` names its token, which is alive in what it reads.

    WorldError E_SNAPSHOT_LOGIN where the role is not there: an older `up` made this platform.
    """

    def __init__(self, session: Session, login: Login) -> None:
        self._session = session
        self._pod = session.active()
        body = {"role": login.role, "jwt": login.jwt}
        answer = session.vault.call("POST", "auth/kubernetes/login", body, pod=self._pod, token=None)
        if not answer.ok:
            raise _not_made(login.role, "Vault refused: " + "; ".join(answer.errors))
        self._token: Sensitive = answer.auth["client_token"]
        self.accessor = str(answer.auth["accessor"])

    def stream(self) -> AbstractContextManager[Iterator[bytes]]:
        return self._session.vault.raft_snapshot(self._pod, self._token)

    def held(self, path: str) -> Held | None:
        answer = self._session.vault.call("GET", kv_data(path), pod=self._pod, token=self._token)
        return held_in(answer, path)

    def sign(self, content: bytes) -> bytes:
        """Vault's signature; asked for again where the answer was lost, since it is the same each time."""
        session = self._session

        def once() -> Answer:
            return session.vault.call("POST", SIGN, sign_body(content), pod=self._pod, token=self._token)

        answer = retry(once, clock=session.clock, seconds=60, pause=0.5, longest=4, errors=LOST)
        return signature_in(answer)

    def end(self) -> None:
        """EvidenceError E_SNAPSHOT_TOKEN unless the token is proven gone, whatever the answer was."""
        vault = self._session.vault
        with suppress(WorldError):  # the look below tells
            vault.call("POST", "auth/token/revoke-self", {}, pod=self._pod, token=self._token)
        if self.accessor in self._session.accessors():
            raise EvidenceError(
                "the token that read the snapshot lives on after its revocation",
                code="E_SNAPSHOT_TOKEN",
                where=f"Vault accessor {self.accessor}",
                hint="it ends by itself within an hour; bootstrap snapshot save makes another file",
            )


def _not_made(role: str, why: str) -> WorldError:
    return WorldError(
        f"no login that may save a snapshot: {why}",
        code="E_SNAPSHOT_LOGIN",
        where=f"role {role}",
        hint="bootstrap up --root makes its account and role, then save again",
    )
