"""The server's half of a port-forward: WebSocket frames (RFC 6455) and channels (v4.channel.k8s.io).

Channel 0 is the stream, channel 1 the errors; each begins with the port's number, two bytes, little-endian.
"""

import base64
import contextlib
import hashlib
import select
import socket
import ssl
import struct
from dataclasses import dataclass

from tests.faults.wire import BrokenMessageError, Message

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PROTOCOL = "v4.channel.k8s.io"
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
PART = 65536


def accepting(request: Message) -> bytes:
    """The answer that upgrades the connection."""
    digest = hashlib.sha1(request.header("Sec-WebSocket-Key").encode() + MAGIC).digest()  # the RFC's choice
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
        f"Sec-WebSocket-Protocol: {PROTOCOL}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def framed(opcode: int, payload: bytes) -> bytes:
    """One whole frame as a server sends it: not masked."""
    size = len(payload)
    if size < 126:
        return bytes([0x80 | opcode, size]) + payload
    if size < 65536:
        return bytes([0x80 | opcode, 126]) + struct.pack("!H", size) + payload
    return bytes([0x80 | opcode, 127]) + struct.pack("!Q", size) + payload


@dataclass
class Frames:
    """Cuts what a client sends into frames."""

    buffer: bytes = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        self.buffer += data
        found = []
        while (frame := self._next()) is not None:
            found.append(frame)
        return found

    def _next(self) -> tuple[int, bytes] | None:
        data = self.buffer
        if len(data) < 2:
            return None
        if not data[1] & 0x80:
            raise BrokenMessageError("a client's frame is masked")
        size, at = data[1] & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(data) < at + width:
                return None
            size, at = int.from_bytes(data[at : at + width], "big"), at + width
        if len(data) < at + 4 + size:
            return None
        mask, payload = data[at : at + 4], data[at + 4 : at + 4 + size]
        self.buffer = data[at + 4 + size :]
        key = (mask * (size // 4 + 1))[:size]
        plain = (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
        return data[0] & 0x0F, plain


def pump(client: ssl.SSLSocket, inner: socket.socket, port: int) -> None:
    """Carries bytes between a client's frames and ``inner`` until one of them ends; then both are at their end."""
    try:
        number = struct.pack("<H", port)
        client.sendall(framed(BINARY, b"\0" + number) + framed(BINARY, b"\1" + number))
        frames = Frames()
        while True:
            if not client.pending():
                ready, _, _ = select.select([client, inner], [], [])
                if inner in ready:
                    data = inner.recv(PART)
                    if not data:
                        client.sendall(framed(CLOSE, struct.pack("!H", 1000)))
                        return
                    client.sendall(framed(BINARY, b"\0" + data))
                if client not in ready:
                    continue
            data = client.recv(PART)
            if not data or not _carried(frames.feed(data), client, inner):
                return
    except (OSError, ValueError):  # one side is gone: that is the end
        return
    finally:
        shut(inner)
        shut(client)


def _carried(frames: list[tuple[int, bytes]], client: ssl.SSLSocket, inner: socket.socket) -> bool:
    for opcode, payload in frames:
        if opcode == CLOSE:
            return False
        if opcode == PING:
            client.sendall(framed(PONG, payload))
        if opcode == BINARY and payload[:1] == b"\0":
            inner.sendall(payload[1:])
    return True


def shut(stream: socket.socket) -> None:
    """Ends a connection in both directions, so that whoever reads it sees that."""
    with contextlib.suppress(OSError, ValueError):
        stream.shutdown(socket.SHUT_RDWR)
    stream.close()
