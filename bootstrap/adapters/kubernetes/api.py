"""One request to the API server at a time: deadlines, our errors, no blind repetition.

Reads may be repeated within limits. Writes are sent once; a lost answer is ``UnknownOutcome``.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bootstrap.adapters.kubernetes.errors import Failure, failure, read_error, refusal, write_error
from bootstrap.adapters.kubernetes.kubeconfig import Access
from bootstrap.model.errors import BootstrapError, PreconditionError, Transient, UnknownOutcome
from bootstrap.model.outside import json_value
from bootstrap.ports import Refused
from bootstrap.waiting import NotYet, Ticks, retry

CONNECT, ANSWER = 5.0, 30.0  # seconds
TRIES = 4  # of a read
RETRY_FOR = 120.0  # seconds within which a further one begins
LOST_PAUSE = 0.2  # seconds after a lost answer
BUSY_PAUSE = 0.5  # seconds after one that says "not now", and not when
LONGEST_PAUSE = 5.0  # seconds, whatever Retry-After says


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """``what`` names the object in errors; ``sent`` is the body before encoding, whose values stay secret."""

    method: str
    path: str
    what: str
    body: Any = None
    query: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json"
    accept: str = "application/json"
    sent: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A success. ``document`` is the JSON object of the body, empty when another type was asked for."""

    body: bytes
    document: dict[str, Any]
    headers: Mapping[str, str]


class KubeApi:
    """Two verbs over the client library, which serves as a pool of authenticated connections."""

    def __init__(self, access: Access, *, clock: Ticks = time) -> None:
        self.access = access
        self._clock = clock
        self._client: Any = None

    def read(self, request: Request) -> Reply | None:
        """Also for calls that POST but store nothing (reviews, dry runs). None: 404.

        Transient E_UNREACHABLE or E_KUBE_BUSY, WorldError E_KUBE_DENIED, PreconditionError E_KUBE_AUTH.
        """
        return retry(
            lambda: self._read(request),
            clock=self._clock,
            seconds=RETRY_FOR,
            pause=LOST_PAUSE,
            tries=TRIES,
            errors=(),
        )

    def _read(self, request: Request) -> Reply | None:
        try:
            found = self._once(request)
        except _AnswerLostError as lost:
            raise NotYet(_away(request, lost.why)) from None
        if isinstance(found, Reply):
            return found
        if found.status == 404:
            return None
        error = read_error(found, request.what)
        if error.retry:
            raise NotYet(error, pause=min(found.pause or BUSY_PAUSE, LONGEST_PAUSE))
        raise error

    def write(self, request: Request) -> Reply | Refused:
        """Sent once. UnknownOutcome: it may have been applied. Transient: it certainly was not."""
        try:
            found = self._once(request)
        except _AnswerLostError as lost:
            raise UnknownOutcome(
                f"{request.what}: {lost.why} after the request was sent",
                code="E_UNKNOWN_OUTCOME",
                where=request.what,
                hint="run bootstrap up again: it looks before it acts",
            ) from None
        if isinstance(found, Reply):
            return found
        refused = refusal(found)
        if refused is None:
            raise write_error(found, request.what)
        return refused

    def _once(self, request: Request) -> Reply | Failure:
        from kubernetes.client.exceptions import ApiException
        from urllib3 import exceptions

        try:
            answer = self._send(request)
            return _reply(answer.data, answer.headers, request)
        except ApiException as error:
            if not error.status:
                raise self._tls(error.reason or "") from None
            pause = (error.headers or {}).get("Retry-After", "")
            return failure(error.status, error.body or "", pause, request.sent)
        except (exceptions.NewConnectionError, exceptions.ConnectTimeoutError) as error:
            raise _away(request, _words(error)) from None
        except exceptions.HTTPError as error:
            raise _AnswerLostError(_words(error)) from None

    def _send(self, request: Request) -> Any:
        return self._dynamic().request(
            request.method,
            request.path,
            body=request.body,
            query_params=list(request.query),
            content_type=request.content_type,
            header_params={"Accept": request.accept},
            serialize=False,
            _request_timeout=(CONNECT, ANSWER),
        )

    def _dynamic(self) -> Any:
        """Built at the first call. Discovery is ours (``discovery.py``): the library's own writes what it
        learnt to a file with a predictable name in /tmp, readable and writable by neighbours."""
        if self._client is None:
            from kubernetes.client import ApiClient
            from kubernetes.dynamic import DynamicClient

            client: Any = ApiClient(self.access.configuration)
            client.user_agent = "bootstrap"
            dynamic: Any = DynamicClient
            self._client = dynamic(client, discoverer=lambda *_: None)
        return self._client

    def _tls(self, reason: str) -> BootstrapError:
        if "CERTIFICATE_VERIFY_FAILED" in reason:
            return PreconditionError(
                f"{self.access.server} is not the API server of the kubeconfig: its certificate is refused",
                code="E_KUBE_TRUST",
                where=self.access.context,
                hint="check --context and the kubeconfig's certificate-authority",
            )
        return _AnswerLostError("the TLS connection failed")


class _AnswerLostError(BootstrapError):
    """The request may have arrived, the answer did not."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def _reply(body: bytes, headers: Mapping[str, str], request: Request) -> Reply:
    if request.accept != "application/json":
        return Reply(body=body, document={}, headers=headers)
    try:
        document = json_value(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise _AnswerLostError("the answer is not a JSON object")
    return Reply(body=body, document=document, headers=headers)


def _away(request: Request, why: str) -> Transient:
    return Transient(
        f"{request.what}: the API server does not answer: {why}",
        code="E_UNREACHABLE",
        where=request.what,
        hint="check --kubeconfig and --context, and that the API server runs",
    )


def _words(error: Exception) -> str:
    """The kind of error only: a library's text can hold a URL, a header, a value."""
    name = type(error).__name__
    known = {
        "NewConnectionError": "connection refused",
        "NameResolutionError": "its name cannot be resolved",
        "ConnectTimeoutError": "no connection within the deadline",
        "ReadTimeoutError": "no answer within the deadline",
        "ProtocolError": "the connection broke",
        "ProxyError": "the kubeconfig's proxy-url does not answer",
    }
    return known.get(name, name)
