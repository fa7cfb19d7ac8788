"""A proxy that ends TLS, in front of the API server and, through its port-forwards, of Vault.

It serves HTTP/1.1 with connections that stay open, one thread each; answers are passed on whole, so not for watches.
The upstream's certificate is checked as the client would check it. Of a port-forward it ends the WebSocket too: what
travels inside is TLS of its own, for which the proxy shows the very certificate that the pod has shown. So the
client's own check of authority and name sees what it would see without a proxy.
"""

import contextlib
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from tests.faults.schedule import Exchange, Schedule, Server
from tests.faults.upstream import Connect, Forwarding, Pods, Upstream
from tests.faults.websocket import pump, shut
from tests.faults.wire import Message, read_request

HANDSHAKE = 30.0  # seconds
FORWARD = re.compile(r"/api/v1/namespaces/[^/]+/pods/([^/]+)/portforward\?ports=([0-9]+)")


class Proxy:
    """``schedule`` is the run under way; put another one there for the next."""

    def __init__(self, shown: ssl.SSLContext, api: Connect, pods: Pods | None = None) -> None:
        self.schedule = Schedule()
        self.away = threading.Event()  # while it is set nobody is let in
        self._shown, self._api, self._pods = shown, api, pods
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    @contextmanager
    def serving(self) -> Iterator["Proxy"]:
        _thread(self._accept)
        try:
            yield self
        finally:
            shut(self._listener)
            self.cut_all()

    def cut_all(self) -> None:
        """Every connection that is open now ends."""
        for stream in list(self._open):
            shut(stream)

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            if self.away.is_set():
                plain.close()
            else:
                _thread(partial(self._client, plain))

    def _client(self, plain: socket.socket) -> None:
        plain.settimeout(HANDSHAKE)
        upstream = Upstream(self._api)
        with _ending(plain), contextlib.suppress(OSError, ValueError):
            client = self._shown.wrap_socket(plain, server_side=True)
            client.settimeout(None)
            self._open.add(client)
            with _ending(client):
                self._serve("api", client, partial(self._api_server, upstream))
        upstream.close()
        self._open -= {stream for stream in list(self._open) if stream.fileno() < 0}

    def _api_server(self, upstream: Upstream, request: Message) -> Server:
        if request.header("Upgrade").lower() != "websocket":
            return upstream
        found = FORWARD.fullmatch(request.target)
        assert found and self._pods, request.target
        return Forwarding(self._pods, found[1], int(found[2]))

    def _serve(
        self, system: str, client: ssl.SSLSocket, server: Callable[[Message], Server], place: str = ""
    ) -> None:
        stream = client.makefile("rb")
        while (request := read_request(stream)) is not None:
            call = Exchange(system, request, server(request), client, place)
            answer = self.schedule.meet(call)
            if answer is None:
                return
            client.sendall(answer.raw)
            if isinstance(call.server, Forwarding) and call.server.stream is not None:
                self._tunnel(client, call.server)
                return
            if request.closes or answer.closes:
                return

    def _tunnel(self, client: ssl.SSLSocket, way: Forwarding) -> None:
        ours, theirs = socket.socketpair()
        _thread(partial(self._inside, theirs, way))
        try:
            pump(client, ours, way.port)
        finally:
            way.close()

    def _inside(self, theirs: socket.socket, way: Forwarding) -> None:
        """TLS and HTTP inside the tunnel: first the pod's handshake, then the client's with the same certificate."""
        found: list[Upstream] = []

        def named(client: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
            try:
                assert way.stream is not None
                secured = way.pods.secure(way.stream, name or "")
                client.context = way.pods.face(secured)
            except (OSError, LookupError):
                return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
            found.append(Upstream(partial(way.connect, name or ""), secured))
            return None

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = named
        with _ending(theirs), contextlib.suppress(OSError, ValueError):
            client = context.wrap_socket(theirs, server_side=True)
            with _ending(client):
                self._serve("vault", client, lambda _: found[0], way.pod)
        for upstream in found:
            upstream.close()
        way.close()


def _thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="proxy", daemon=True).start()


@contextmanager
def _ending(stream: socket.socket) -> Iterator[None]:
    try:
        yield
    finally:
        shut(stream)
