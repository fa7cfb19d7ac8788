"""A port-forward that can never work says why at the next call, not after minutes of repeating."""

from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from websocket import (
    ABNF,
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
    WebSocketProtocolException,
    WebSocketTimeoutException,
)

from bootstrap.adapters.kubernetes.portforward import MESSAGE, NothingThereError, PodDialer, PodStream
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
        start = PORT.to_bytes(2, "little")
        self._frames: Iterator[bytes] = iter((b"\0" + start, b"\1" + start, b"\1" + said.encode()))
        self.ended = False

    def recv_data_frame(self, _control: bool) -> tuple[int, Any]:
        try:
            return ABNF.OPCODE_BINARY, SimpleNamespace(data=next(self._frames))
        except StopIteration:
            raise WebSocketConnectionClosedException from None

    def shutdown(self) -> None:
        self.ended = True


class Channels:
    """A WebSocket of given frames; what is sent to it is kept."""

    def __init__(self, *frames: tuple[int, bytes] | Exception) -> None:
        start = PORT.to_bytes(2, "little")
        begun = [(ABNF.OPCODE_BINARY, b"\0" + start), (ABNF.OPCODE_BINARY, b"\1" + start)]
        self._frames = iter([*begun, *frames])
        self.sent: list[bytes] = []
        self.sock = SimpleNamespace(pending=lambda: 7, fileno=lambda: 3)

    def recv_data_frame(self, _control: bool) -> tuple[int, Any]:
        frame = next(self._frames, WebSocketConnectionClosedException())
        if isinstance(frame, Exception):
            raise frame
        return frame[0], SimpleNamespace(data=frame[1])

    def send_binary(self, data: bytes) -> None:
        self.sent.append(data)


def stream(*frames: tuple[int, bytes] | Exception) -> tuple[PodStream, Channels]:
    channels = Channels(*frames)
    return PodStream(channels, lambda _: None), channels


def data(content: bytes) -> tuple[int, bytes]:
    return ABNF.OPCODE_BINARY, b"\0" + content


def test_what_comes_in_frames_is_read_as_a_stream() -> None:
    ours, _ = stream(
        data(b"hello"), (ABNF.OPCODE_PING, b""), data(b""), data(b" world"), (ABNF.OPCODE_CLOSE, b"")
    )
    assert [ours.recv(3), ours.recv(3), ours.recv(100)] == [b"hel", b"lo", b" world"]
    assert [ours.recv(1), ours.recv(1)] == [b"", b""], "it has ended, and stays so"


def test_what_goes_out_is_divided_and_each_part_names_the_channel() -> None:
    ours, channels = stream()
    ours.sendall(b"x" * (MESSAGE + 1))
    assert [len(each) for each in channels.sent] == [MESSAGE + 1, 2]
    assert all(each.startswith(b"\0") for each in channels.sent)


def test_what_was_read_and_not_given_out_is_pending() -> None:
    ours, _ = stream(data(b"hello"))
    assert ours.recv(2) == b"he"
    assert ours.pending() == 3 + 7


@pytest.mark.parametrize(
    ("error", "expected"),
    [(WebSocketTimeoutException(), TimeoutError), (WebSocketProtocolException(), ConnectionError)],
)
def test_errors_are_those_of_sockets(error: Exception, expected: type[OSError]) -> None:
    ours, _ = stream(error)
    with pytest.raises(expected) as caught:
        ours.recv(1)
    assert isinstance(caught.value, OSError)


def refused_by(said: str, monkeypatch: pytest.MonkeyPatch) -> PodDialer:
    """A dialer whose first stream ended with these words of the node."""
    node = Node(said)
    dialer = PodDialer(SimpleNamespace(), "vault")  # type: ignore[arg-type]  # it is never asked
    monkeypatch.setattr(dialer, "_websocket", lambda pod, port: node)
    stream = dialer.dial("vault-0", PORT)
    with suppress(NothingThereError):
        assert stream.recv(1) == b""
    stream.close()
    assert node.ended
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


# What the servers really say: of no such pod, of one without a node, of one that the node does not run yet; and what
# is no word about the pod.
@pytest.mark.parametrize(
    ("status", "body", "known"),
    [
        (404, b'{"kind":"Status"}', True),
        (400, b'{"kind":"Status"}', True),
        (500, b'pod not found ("vault-0_vault")', True),
        (500, b"etcdserver: leader changed", False),
        (500, None, False),
        (429, None, False),
        (503, None, False),
    ],
)
def test_that_no_pod_is_there_is_told_from_a_server_that_is_away(
    status: int, body: bytes | None, known: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialer = PodDialer(SimpleNamespace(), "vault")  # type: ignore[arg-type]  # it is never asked

    def refused(_pod: str, _port: int) -> None:
        raise WebSocketBadStatusException("status %d", status, resp_body=body)

    monkeypatch.setattr(dialer, "_websocket", refused)
    with pytest.raises(ConnectionError) as caught:
        dialer.dial("vault-0", PORT)
    assert isinstance(caught.value, NothingThereError) is known


@pytest.mark.parametrize(
    ("said", "known"), [(CLOSED, True), (NO_NAME, False), ("the sandbox is gone", False)]
)
def test_that_nothing_listens_is_told_from_other_errors_of_the_node(said: str, known: bool) -> None:
    stream = PodStream(Node(said), lambda _: None)
    for _ in range(2):
        if known:
            with pytest.raises(NothingThereError):
                stream.recv(1)
        else:
            assert stream.recv(1) == b""
