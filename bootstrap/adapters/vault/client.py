"""Vault behind the ``Vault`` port: one request to one named pod at a time."""

import base64
import binascii
import http.client
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

from bootstrap.adapters.kubernetes.portforward import Dialer
from bootstrap.adapters.vault.response import METHODS, READS, answer_of, checked_path, refusal, revealed
from bootstrap.adapters.vault.transport import LARGEST, Connections, NotConnectedError, NotThereError, whole
from bootstrap.model.errors import BootstrapError, Transient, UnknownOutcome, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, InitAnswer, SealStatus
from bootstrap.waiting import NotYet, Ticks, retry

CONNECT, REPLY, INIT_REPLY, LOOK = 10.0, 30.0, 60.0, 5.0  # seconds
UPLOAD_REPLY = 600.0  # seconds for a snapshot to be taken
TRIES = 3  # of a read whose connection failed
RETRY_FOR = 90.0  # seconds within which a further one begins
PAUSE = 0.2  # seconds before the second try; twice as long before the third
OK = 200
EXPIRED = 10  # X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL
CHUNK = 64 * 1024  # bytes of a snapshot that are given away at once


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    method: str
    path: str
    pod: str
    server_name: str
    body: Mapping[str, Any] | None = None
    token: Sensitive | None = None
    txn: str = ""
    timeout: float = REPLY

    @property
    def what(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]} on {self.pod}"

    @property
    def line(self) -> tuple[tuple[str, str], str, str]:
        return (self.pod, self.server_name), self.method, f"/v1/{self.path}"

    @property
    def patience(self) -> float:
        """Seconds for a connection."""
        return min(CONNECT, self.timeout)

    def headers(self) -> dict[str, str]:
        # A standby that may hand a request on answers 307 also when the active node did it and the way back
        # broke. Forbidden to, it answers 307 before anything happened, and a read is the active node's own.
        found = {"X-Vault-No-Request-Forwarding": "true", "X-Vault-Request": "true"}
        if self.token:
            found["X-Vault-Token"] = self.token.reveal().decode()
        if self.txn:
            found["X-Bootstrap-Txn"] = self.txn
        if self.body is not None:
            found["Content-Type"] = "application/json"
        return found


class PodVault:
    """One Vault. ``service`` is the headless Service that completes a pod's TLS name. Thread-safe."""

    def __init__(
        self,
        dialer: Dialer,
        *,
        ca_pem: bytes,
        service: str = "vault-internal",
        clock: Ticks = time,
    ) -> None:
        self._connections = Connections(dialer, ca_pem)
        self._service = service
        self._clock = clock

    # ------------------------------------------------------------ one pod's state

    def seal_status(self, pod: str) -> SealStatus | None:
        """None: the pod does not answer (yet). WorldError E_VAULT_TLS: another server answers."""
        try:
            status = self._ask(pod, "sys/seal-status", LOOK)
            sealed = bool(status.data.get("sealed", True))
            leader = not sealed and self._is_active(pod)
        except Transient:
            return None
        return _seal_status(status.data, leader=leader)

    def active(self, pods: Sequence[str]) -> str | None:
        """The first pod whose health is that of an active, unsealed node."""
        for pod in pods:
            try:
                if self._is_active(pod):
                    return pod
            except Transient:
                continue
        return None

    def certificate(self, pod: str) -> bytes:
        """See the port; over a connection of its own, on which nothing is asked. WorldError E_VAULT_TLS."""
        try:
            with closing(self._connections.open((pod, self._name(pod)), LOOK, expired=True)) as stream:
                leaf = stream.certificate()
        except ssl.SSLCertVerificationError as error:
            raise _untrusted(pod, error.verify_message) from None
        except OSError as error:
            raise _away(f"certificate of {pod}", type(error).__name__) from None
        if leaf is None:
            raise _untrusted(pod, "it shows none")
        return leaf

    def _is_active(self, pod: str) -> bool:
        """sys/health answers 200 for the active node only, by default."""
        return self._once(self._request("GET", "sys/health", pod, timeout=LOOK)).status == 200

    def _ask(self, pod: str, path: str, timeout: float) -> Answer:
        return self._judged(self._request("GET", path, pod, timeout=timeout))

    # ------------------------------------------------------------ beginning and unsealing

    def initialise(self, pod: str, server_name: str, *, share_key: bytes, root_key: bytes) -> InitAnswer:
        """See the port. Transient or WorldError E_VAULT_TLS only when nothing at all was sent."""
        request = _Request(
            method="POST",
            path="sys/init",
            pod=pod,
            server_name=server_name,
            body={
                "secret_shares": 1,
                "secret_threshold": 1,
                "pgp_keys": [base64.b64encode(share_key).decode()],
                "root_token_pgp_key": base64.b64encode(root_key).decode(),
            },
            timeout=INIT_REPLY,
        )
        answer = self._once(request)
        try:
            (share,) = answer.data["keys_base64"]
            root = answer.data["root_token"]
            ciphertexts = [base64.b64decode(text, validate=True) for text in (share, root)]
        except (KeyError, ValueError, TypeError, binascii.Error):
            ciphertexts = []
        if not answer.ok or not all(ciphertexts) or not ciphertexts:
            words = "; ".join(answer.errors) or "no ciphertexts"
            raise _unknown(request, f"Vault answered {answer.status}: {words}")
        return InitAnswer(share=ciphertexts[0], root_token=ciphertexts[1])

    def unseal(self, pod: str, share: Sensitive) -> SealStatus:
        """Gives one share. Harmless to repeat, so a lost answer is Transient. WorldError E_VAULT_UNSEAL."""
        request = self._request("POST", "sys/unseal", pod, body={"key": share})
        try:
            answer = self._judged(request)
        except UnknownOutcome as error:
            raise Transient(error.message, code="E_VAULT_AWAY", where=error.where) from None
        if not answer.ok:
            raise WorldError(
                f"{pod} does not take this unseal share: {'; '.join(answer.errors) or answer.status}",
                code="E_VAULT_UNSEAL",
                where=pod,
            )
        return _seal_status(answer.data)

    # ------------------------------------------------------------ everything else

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        pod: str,
        token: Sensitive | None,
        txn: str = "",
    ) -> Answer:
        """See the port and ``Answer``. Transient E_VAULT_STANDBY: ask ``active()`` and call that pod."""
        if method not in METHODS:
            raise ValueError(f"not a method of Vault: {method}")
        return self._judged(self._request(method, path, pod, body=body, token=token, txn=txn))

    @contextmanager
    def raft_snapshot(self, pod: str, token: Sensitive) -> Iterator[Iterator[bytes]]:
        """See the port. Sent once: what came is given away at once, so nothing here can be repeated."""
        request = self._request("GET", "sys/storage/raft/snapshot", pod, token=token)
        lost = (http.client.HTTPException, OSError)

        def chunks(response: http.client.HTTPResponse) -> Iterator[bytes]:
            try:
                yield from whole(response, CHUNK)
            except lost as error:
                raise _lost(request, error) from None

        with ExitStack() as open_:
            try:
                response = open_.enter_context(
                    self._connections.streaming(
                        *request.line, request.headers(), connect=request.patience, reply=request.timeout
                    )
                )
                if response.status != OK:
                    raise self._refused(request, response)
            except lost as error:
                raise _lost(request, error) from None
            yield chunks(response)

    def raft_restore(
        self, pod: str, token: Sensitive, send: Callable[[Callable[[bytes], object]], None]
    ) -> Answer:
        """See the port. The answer comes once the upload was checked, which takes as long as its size."""
        path = "sys/storage/raft/snapshot-force"
        request = self._request("POST", path, pod, token=token, timeout=UPLOAD_REPLY)
        try:
            status, content = self._connections.upload(
                *request.line, request.headers(), send, connect=CONNECT, reply=request.timeout
            )
        except (http.client.HTTPException, OSError) as error:
            raise _lost(request, error) from None
        answer = answer_of(request.path, status, content, None, request.token)
        if answer is None:
            raise _broken(request, f"status {status} with a body that is not Vault's")
        refused = refusal(answer, request.method, request.what)
        if refused is not None:
            raise refused
        return answer

    def _refused(self, request: _Request, response: http.client.HTTPResponse) -> BootstrapError:
        content = response.read(LARGEST)
        answer = answer_of(request.path, response.status, content, None, request.token)
        error = refusal(answer, request.method, request.what) if answer is not None else None
        return error or _broken(request, f"status {response.status}")

    def _name(self, pod: str) -> str:
        return f"{pod}.{self._service}"

    def _request(self, method: str, path: str, pod: str, **more: Any) -> _Request:
        return _Request(method=method, path=checked_path(path), pod=pod, server_name=self._name(pod), **more)

    def _judged(self, request: _Request) -> Answer:
        answer = self._repeated(request) if request.method in READS else self._once(request)
        error = refusal(answer, request.method, request.what)
        if error is not None:
            raise error
        return answer

    def _repeated(self, request: _Request) -> Answer:
        def once() -> Answer:
            try:
                return self._once(request)
            except _NothingThere:
                raise  # those who wait for a pod look often: at each of them, the pauses here would come on top
            except Transient as error:
                raise NotYet(error) from None

        return retry(
            once,
            clock=self._clock,
            seconds=RETRY_FOR,
            pause=PAUSE,
            longest=2 * PAUSE,
            tries=TRIES,
            errors=(),
        )

    def _once(self, request: _Request) -> Answer:
        """One request, one answer whatever its status; else the error that a lost one amounts to."""
        try:
            status, content = self._exchange(request)
        except (http.client.HTTPException, OSError) as error:
            raise _lost(request, error) from None
        answer = answer_of(request.path, status, content, request.body, request.token)
        if answer is None:
            raise _broken(request, f"status {status} with a body that is not Vault's")
        return answer

    def _exchange(self, request: _Request) -> tuple[int, bytes]:
        body = None if request.body is None else json.dumps(revealed(request.body)).encode()
        return self._connections.exchange(
            *request.line, request.headers(), body, connect=request.patience, reply=request.timeout
        )


class _NothingThere(Transient):
    """To ask again at once is in vain."""


def _lost(request: _Request, error: Exception) -> BootstrapError:
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code == EXPIRED:
        return _expired(request.pod)
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(request.pod, f"not one of our CA for {request.server_name}")
    if isinstance(error, NotThereError):
        return _away(request.what, "nothing is there", _NothingThere)
    if isinstance(error, NotConnectedError):
        return _away(request.what, "no connection")
    return _broken(request, type(error).__name__)


def _broken(request: _Request, why: str) -> BootstrapError:
    """The request may have arrived; what came back is no answer of Vault."""
    return _away(request.what, why) if request.method in READS else _unknown(request, why)


def _unknown(request: _Request, why: str) -> UnknownOutcome:
    return UnknownOutcome(
        f"{request.what}: {why}; it may have been done",
        code="E_UNKNOWN_OUTCOME",
        where=request.what,
        hint="run bootstrap up again: it looks before it acts",
    )


def _away(what: str, why: str, kind: type[Transient] = Transient) -> Transient:
    return kind(f"{what}: Vault does not answer: {why}", code="E_VAULT_AWAY", where=what)


def _expired(pod: str) -> Transient:
    """Nothing was sent. It is waited for like a server that is away."""
    return Transient(
        f"{pod} serves a certificate that has expired",
        code="E_VAULT_EXPIRED",
        where=pod,
        hint="`bootstrap up` with the root key makes a new one; `bootstrap status` shows each pod's",
    )


def _untrusted(pod: str, why: str) -> WorldError:
    return WorldError(
        f"{pod} is not proven to be Vault: its certificate is refused: {why}",
        code="E_VAULT_TLS",
        where=pod,
        hint="compare keys/vault-ca.crt with the Secret that the pod mounts",
    )


def _seal_status(data: Mapping[str, Any], *, leader: bool = False) -> SealStatus:
    return SealStatus(
        initialized=bool(data.get("initialized")),
        sealed=bool(data.get("sealed", True)),
        cluster_id=str(data.get("cluster_id") or ""),
        version=str(data.get("version") or ""),
        progress=int(data.get("progress") or 0),
        leader=leader,
    )
