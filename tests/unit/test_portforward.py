"""A port-forward that can never work says why at the next call, not after minutes of repeating."""

import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from websocket import ABNF, WebSocketConnectionClosedException

from bootstrap.adapters.kubernetes.portforward import PodDialer
from bootstrap.model.errors import PreconditionError

PORT = 8200
# As containerd 1.6 words it, with the name of the network namespace shortened.
NO_NAME = (
    "an error occurred forwarding 8200 -> 8200: failed to execute portforward in network namespace "
    '"/var/run/netns/cni-1": failed to connect to localhost:8200 inside namespace "e40f", '
    "IPv4: dial tcp4: lookup localhost: no such host IPv6 dial tcp6: lookup localhost: no such host "
)
CLOSED = NO_NAME.replace("lookup localhost: no such host", "[::1]:8200: connect: connection refused")


class Node:
    """The kubelet's end of a port-forward: both channels begin, then one error, then the end."""

    def __init__(self, said: str) -> None:
        self._ours, self.sock = socket.socketpair()
        self._ours.send(b"1")  # there is something to read
        start = PORT.to_bytes(2, "little")
        self._frames: Iterator[bytes] = iter((b"\0" + start, b"\1" + start, b"\1" + said.encode()))
        self.connected = True
        self.ended = threading.Event()

    def fileno(self) -> int:
        return self.sock.fileno()

    def recv_data_frame(self, _control: bool) -> tuple[int, Any]:
        try:
            return ABNF.OPCODE_BINARY, SimpleNamespace(data=next(self._frames))
        except StopIteration:
            raise WebSocketConnectionClosedException from None

    def close(self) -> None:
        self.connected = False
        self.ended.set()


def refused_by(said: str, monkeypatch: pytest.MonkeyPatch) -> PodDialer:
    """A dialer whose first stream ended with these words of the node."""
    node = Node(said)
    dialer = PodDialer(SimpleNamespace(), "vault")  # type: ignore[arg-type]  # it is never asked
    monkeypatch.setattr(dialer, "_websocket", lambda pod, port: node)
    stream = dialer.dial("vault-0", PORT)
    assert stream.recv(1) == b""
    assert node.ended.wait(5)
    return dialer


def test_a_node_without_localhost_is_named_at_the_second_call(monkeypatch: pytest.MonkeyPatch) -> None:
    dialer = refused_by(NO_NAME, monkeypatch)
    with pytest.raises(PreconditionError) as caught:
        dialer.dial("vault-0", PORT)
    error = caught.value
    assert (error.code, error.exit_code) == ("E_KUBE_LOCALHOST", 4)
    assert "vault/vault-0" in error.message
    assert "/etc/hosts" in error.where
    assert "127.0.0.1 localhost" in error.hint


def test_a_pod_that_does_not_listen_yet_is_dialled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    dialer = refused_by(CLOSED, monkeypatch)
    again = Node("")
    monkeypatch.setattr(dialer, "_websocket", lambda pod, port: again)
    assert dialer.dial("vault-0", PORT) is not None


def test_another_pod_is_not_suspected(monkeypatch: pytest.MonkeyPatch) -> None:
    dialer = refused_by(NO_NAME, monkeypatch)
    assert dialer.dial("vault-1", PORT) is not None
