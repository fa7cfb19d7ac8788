"""A byte stream to a port of a named pod, through the API server, with no local port.

The WebSocket is the Kubernetes client's; in it are the channels of kubelet's port-forward protocol, v4: the first byte
of a message is its channel, 0 for data and 1 for errors, and the first message of each channel is the port's number.
TLS inside the stream is the caller's: the API server sees ciphertext only.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from bootstrap.adapters.kubernetes.kubeconfig import Access
from bootstrap.model.errors import PreconditionError, WorldError

CONNECT = 10.0  # seconds until the WebSocket stands
DATA = b"\0"  # the channel
PORT_NUMBER = 2  # bytes
# The API server's word of a pod that is not there, or has no node yet, and the node's of one that it does not run.
NO_POD, NOT_RUN = (400, 404), (500, b"pod not found")
NOT_HEARD = "connection refused"  # the node's word of a port on which nothing listens
MESSAGE = 128 * 1024  # bytes of data in one


class NothingThereError(ConnectionError):
    """No such pod, or nothing listens in it, by the word of those who know: asked again at once they say the same."""


class Dialer(Protocol):
    """How a byte stream to a pod comes about; tests put a proxy here."""

    def dial(self, pod: str, port: int) -> Any: ...

    """A connected socket, or an object that has its ``sendall``, ``recv``, ``settimeout``, ``fileno`` and ``close``.

    OSError when there is none to be had (now), NothingThereError where that is known (``recv`` may say it);
    WorldError E_KUBE_DENIED when we may not; PreconditionError E_KUBE_LOCALHOST when it can never be."""


class PodDialer:
    """Dials through the API server that ``access`` describes. Thread-safe: it shares no client object.

    A node that cannot reach its pod says so after the stream stands. Where no repetition helps, the next call says it.
    """

    def __init__(self, access: Access, namespace: str) -> None:
        self._access = access
        self._namespace = namespace
        self._refusals: dict[str, str] = {}  # by pod: the last error that its node reported

    def dial(self, pod: str, port: int) -> Any:
        if _NO_LOCALHOST.search(self._refusals.pop(pod, "")):
            raise _no_localhost(self._namespace, pod)
        try:
            return PodStream(self._websocket(pod, port), lambda error: self._refusals.update({pod: error}))
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  (the libraries have a dozen unrelated types for "no connection")
            # Their text can hold the request's headers, so only the kind of error is kept.
            if getattr(error, "status_code", 0) in (401, 403):
                raise _forbidden(self._namespace, pod) from None
            kind = NothingThereError if _says_no_pod(error) else ConnectionError
            raise kind(f"port-forward to {pod}: {type(error).__name__}") from None

    def _websocket(self, pod: str, port: int) -> Any:
        from kubernetes.stream import ws_client

        library: Any = ws_client
        configuration = self._access.configuration
        path = f"/api/v1/namespaces/{quote(self._namespace, safe='')}/pods/{quote(pod, safe='')}/portforward"
        websocket = library.WebSocket(sslopt=_tls(configuration), skip_utf8_validation=True)
        websocket.connect(
            f"wss{self._access.server.removeprefix('https').rstrip('/')}{path}?ports={port}",
            header=_headers(configuration),
            timeout=CONNECT,
            **_proxy(configuration),
        )
        return websocket


def _says_no_pod(error: Exception) -> bool:
    status, body = getattr(error, "status_code", 0), getattr(error, "resp_body", None) or b""
    return status in NO_POD or (status == NOT_RUN[0] and body.startswith(NOT_RUN[1]))


# containerd dials the pod's port as ``localhost``, a name that it looks up on its node.
_NO_LOCALHOST = re.compile(r"lookup localhost\b")


def _no_localhost(namespace: str, pod: str) -> PreconditionError:
    return PreconditionError(
        f"the node of pod {namespace}/{pod} does not know the name localhost, so no port-forward to it can work",
        code="E_KUBE_LOCALHOST",
        where=f"/etc/hosts of the node of Pod {namespace}/{pod}",
        hint="add the line `127.0.0.1 localhost` there (a lab: on this machine, then `lab down` and `up`)",
    )


def _forbidden(namespace: str, pod: str) -> WorldError:
    return WorldError(
        f"port-forward to pod {namespace}/{pod} is not allowed",
        code="E_KUBE_DENIED",
        where=f"Pod {namespace}/{pod}",
        hint="bootstrap doctor names every missing permission",
    )


def _tls(configuration: Any) -> dict[str, Any]:
    import ssl

    options: dict[str, Any] = {"cert_reqs": ssl.CERT_REQUIRED, "ca_certs": configuration.ssl_ca_cert}
    if configuration.cert_file:
        options |= {"certfile": configuration.cert_file, "keyfile": configuration.key_file}
    if configuration.tls_server_name:
        options["server_hostname"] = configuration.tls_server_name
    return options


def _headers(configuration: Any) -> list[str]:
    bearer = configuration.get_api_key_with_prefix("BearerToken")
    login = [f"authorization: {bearer}"] if bearer else []
    return ["sec-websocket-protocol: v4.channel.k8s.io", *login]


def _proxy(configuration: Any) -> dict[str, Any]:
    """The kubeconfig's proxy or none: without this the WebSocket library reads HTTPS_PROXY itself."""
    if not configuration.proxy:
        # It looks at http_no_proxy only beside a proxy's name, so it gets one that "*" then passes by.
        return {"http_proxy_host": "none.invalid", "http_proxy_port": 1, "http_no_proxy": ["*"]}
    proxy = urlsplit(configuration.proxy)
    return {"http_proxy_host": proxy.hostname, "http_proxy_port": proxy.port, "proxy_type": proxy.scheme}


class PodStream:
    """One connection to a port of a pod, with the methods of a socket that its users need.

    Frames are packed and unpacked by the caller's own thread: the library's port-forward has a thread and a pair of
    sockets for each connection, by which thirty-two of them cost more than all else that is done with a request.
    Errors are OSErrors; a stream that the other side ended reads as empty.
    """

    def __init__(self, websocket: Any, refused: Callable[[str], None]) -> None:
        """``refused`` hears what the node reports on the error channel."""
        self._websocket = websocket
        self._refused = refused
        self._begun: set[int] = set()  # channels whose first frame, the port's number, has come
        self._left = b""
        self._ended = self._unheard = False

    def settimeout(self, seconds: float | None) -> None:
        self._websocket.settimeout(seconds)

    def sendall(self, data: bytes) -> None:
        with _as_os_errors():
            for start in range(0, len(data), MESSAGE):
                self._websocket.send_binary(DATA + data[start : start + MESSAGE])

    def recv(self, size: int) -> bytes:
        with _as_os_errors():
            while not (self._left or self._ended):
                self._receive()
        if self._unheard and not self._left:
            raise NothingThereError("nothing listens there")
        found, self._left = self._left[:size], self._left[size:]
        return found

    def fileno(self) -> int:
        return int(self._websocket.sock.fileno())

    def pending(self) -> int:
        """Bytes that have come and are not given out."""
        return len(self._left) + int(self._websocket.sock.pending())

    def close(self) -> None:
        with contextlib.suppress(Exception):  # it may be gone already, in any way
            self._websocket.shutdown()

    def _receive(self) -> None:
        from websocket import ABNF, WebSocketConnectionClosedException

        try:
            opcode, frame = self._websocket.recv_data_frame(True)
        except WebSocketConnectionClosedException:
            self._ended = True
            return
        if opcode == ABNF.OPCODE_CLOSE:
            self._ended = True
        elif opcode == ABNF.OPCODE_BINARY and frame.data:
            self._take(frame.data[0], bytes(frame.data[1:]))

    def _take(self, channel: int, data: bytes) -> None:
        if channel not in self._begun:
            self._begun.add(channel)
            data = data[PORT_NUMBER:]
        if channel == DATA[0]:
            self._left += data
        elif data:
            words = data.decode("utf-8", "replace")
            self._ended, self._unheard = True, NOT_HEARD in words
            self._refused(words)


@contextlib.contextmanager
def _as_os_errors() -> Iterator[None]:
    """The library's own errors are of no common kind with those of sockets; their text stays with them."""
    from websocket import WebSocketException, WebSocketTimeoutException

    try:
        yield
    except WebSocketTimeoutException:
        raise TimeoutError("no answer through the port-forward") from None
    except WebSocketException as error:
        raise ConnectionError(f"the port-forward broke: {type(error).__name__}") from None
