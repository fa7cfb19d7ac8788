"""The proxy's side towards the real servers."""

import socket
import ssl
from collections.abc import Callable
from typing import Protocol

from tests.faults.websocket import accepting, shut
from tests.faults.wire import BrokenMessageError, Message, read_answer

DEADLINE = 90.0  # seconds of one answer
Connect = Callable[[], ssl.SSLSocket]


class Pods(Protocol):
    """The way to the ports of pods, and what the proxy needs to stand in for one."""

    def dial(self, pod: str, port: int) -> socket.socket: ...
    def secure(self, stream: socket.socket, name: str) -> ssl.SSLSocket: ...

    """TLS over it, the authority checked; OSError."""

    def face(self, upstream: ssl.SSLSocket) -> ssl.SSLContext: ...

    """Shows the very certificate that ``upstream`` has shown; LookupError where its key is not to be had."""


class Upstream:
    """One connection, made when it is first needed, or given."""

    def __init__(self, connect: Connect, ready: ssl.SSLSocket | None = None) -> None:
        self._connect = connect
        self._socket = ready
        self._stream = ready.makefile("rb") if ready else None

    def ask(self, request: Message) -> Message:
        try:
            if self._socket is None or self._stream is None:
                self._socket = self._connect()
                self._stream = self._socket.makefile("rb")
            self._socket.settimeout(DEADLINE)
            self._socket.sendall(request.raw)
            found = read_answer(self._stream, request.method)
        except (OSError, ValueError):
            self.close()
            raise BrokenMessageError("the server does not answer") from None
        if found.closes:
            self.close()
        return found

    def afresh(self) -> "Upstream":
        return Upstream(self._connect)

    def close(self) -> None:
        if self._socket is not None:
            shut(self._socket)
        self._socket = self._stream = None


class Forwarding:
    """A port-forward: its one answer says whether there is a stream, and keeps it."""

    def __init__(self, pods: Pods, pod: str, port: int) -> None:
        self.pods, self.pod, self.port = pods, pod, port
        self.stream: socket.socket | None = None

    def ask(self, request: Message) -> Message:
        self.close()  # where it is asked twice
        self.stream = self.pods.dial(self.pod, self.port)
        return Message(accepting(request), b"", b"")

    def afresh(self) -> "Forwarding":
        return Forwarding(self.pods, self.pod, self.port)

    def connect(self, name: str) -> ssl.SSLSocket:
        """Another connection to the same port."""
        return self.pods.secure(self.pods.dial(self.pod, self.port), name)

    def close(self) -> None:
        if self.stream is not None:
            shut(self.stream)
        self.stream = None
