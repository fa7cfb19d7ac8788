"""A byte stream to a port of a named pod, through the API server, with no local port.

The Kubernetes client does the WebSocket and its channels (the v4/v5 port-forward protocol of kubelet).
TLS inside the stream is the caller's: the API server sees ciphertext only.
"""

import contextlib
import re
import socket
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from bootstrap.adapters.kubernetes.kubeconfig import Access
from bootstrap.model.errors import PreconditionError, WorldError

CONNECT = 10.0  # seconds until the WebSocket stands


class Dialer(Protocol):
    """How a byte stream to a pod comes about; tests put a proxy here."""

    def dial(self, pod: str, port: int) -> Any: ...

    """A connected socket, or an object that has its methods. OSError when there is none to be had (now);
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
        from kubernetes.stream import ws_client

        if _NO_LOCALHOST.search(self._refusals.pop(pod, "")):
            raise _no_localhost(self._namespace, pod)
        tunnel = _tunnel_type(ws_client.PortForward, lambda error: self._refusals.update({pod: error}))
        try:
            return tunnel(self._websocket(pod, port), [port]).socket(port)
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001  (the libraries have a dozen unrelated types for "no connection")
            # Their text can hold the request's headers, so only the kind of error is kept.
            if getattr(error, "status_code", 0) in (401, 403):
                raise _forbidden(self._namespace, pod) from None
            raise ConnectionError(f"port-forward to {pod}: {type(error).__name__}") from None

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
        websocket.settimeout(None)  # from here on the reader thread waits with select
        return websocket


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


def _tunnel_type(base: type, refused: Callable[[str], None]) -> Any:
    """The library's port-forward, whose thread ends quietly and closes our half of the stream with it.

    ``refused`` hears what the node reports on the error channel.

    As it is, a reset connection prints a traceback from the thread, and a reader of the stream waits for
    its whole deadline because the stream is never closed.
    """

    class Tunnel(base):  # type: ignore[misc]  # a class of a library that is imported late
        def _proxy(self) -> None:
            try:
                super()._proxy()
            except Exception:  # noqa: BLE001, S110  (the stream's end is the message: its reader sees it at once)
                pass
            finally:
                for port in self.local_ports.values():
                    if port.error:
                        refused(port.error)
                    _shut(port.python)
                self.websocket.close()

    return Tunnel


def _shut(stream: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the other half may be gone already
        stream.shutdown(socket.SHUT_RDWR)
    stream.close()
