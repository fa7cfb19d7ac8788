"""HTTP/1.1 messages as they stand on the wire (RFC 9112): read whole, passed on byte for byte."""

from dataclasses import dataclass
from typing import BinaryIO

LONGEST_LINE = 65536
NO_BODY = (204, 304)


class BrokenMessageError(ConnectionError):
    """The stream ended, or what came is no HTTP/1.1 message."""


@dataclass(frozen=True)
class Message:
    """A request or an answer. ``head`` ends with the empty line; ``framed`` is the body as sent, chunks and all."""

    head: bytes
    framed: bytes
    body: bytes

    @property
    def start(self) -> list[str]:
        return self.head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)

    @property
    def method(self) -> str:
        return self.start[0]

    @property
    def target(self) -> str:
        return self.start[1]

    @property
    def status(self) -> int:
        return int(self.start[1])

    @property
    def raw(self) -> bytes:
        return self.head + self.framed

    def header(self, name: str) -> str:
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == name.lower().encode():
                return value.strip().decode("latin-1")
        return ""

    @property
    def closes(self) -> bool:
        return self.header("Connection").lower() == "close"


def read_request(stream: BinaryIO) -> Message | None:
    """The next request, or None at the end of the stream."""
    head = _head(stream)
    if head is None:
        return None
    return _with_body(head, stream, until_end=False)


def read_answer(stream: BinaryIO, method: str) -> Message:
    """The next answer to a request of that method; interim answers (1xx) but 101 are passed over."""
    while True:
        head = _head(stream)
        if head is None:
            raise BrokenMessageError("no answer")
        bare = Message(head, b"", b"")
        if bare.status == 101 or not 100 <= bare.status < 200:
            break
    if method == "HEAD" or bare.status in NO_BODY or bare.status == 101:
        return bare
    return _with_body(head, stream, until_end=True)


def answer(status: int, words: str, body: bytes, *headers: str, kind: str = "application/json") -> Message:
    """An answer of our own."""
    lines = [f"HTTP/1.1 {status} {words}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return Message("\r\n".join([*lines, "", ""]).encode("latin-1"), body, body)


def _head(stream: BinaryIO) -> bytes | None:
    lines: list[bytes] = []
    while (line := stream.readline(LONGEST_LINE)) not in (b"\r\n", b"\n"):
        if not line.endswith(b"\n"):
            if lines or line:
                raise BrokenMessageError("the stream ended in a head")
            return None
        lines.append(line)
    return b"".join([*lines, b"\r\n"])


def _with_body(head: bytes, stream: BinaryIO, *, until_end: bool) -> Message:
    bare = Message(head, b"", b"")
    if "chunked" in bare.header("Transfer-Encoding").lower():
        return _chunked(head, stream)
    length = bare.header("Content-Length")
    body = stream.read() if until_end and not length else _exactly(stream, int(length or 0))
    return Message(head, body, body)


def _chunked(head: bytes, stream: BinaryIO) -> Message:
    framed, body = bytearray(), bytearray()
    while True:
        line = stream.readline(LONGEST_LINE)
        framed += line
        if not line.endswith(b"\n"):
            raise BrokenMessageError("the stream ended in a chunk")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            break
        part = _exactly(stream, size + 2)
        framed += part
        body += part[:-2]
    while (line := stream.readline(LONGEST_LINE)) not in (b"\r\n", b"\n", b""):
        framed += line
    return Message(head, bytes(framed + b"\r\n"), bytes(body))


def _exactly(stream: BinaryIO, size: int) -> bytes:
    found = stream.read(size)
    if len(found) != size:
        raise BrokenMessageError("the stream ended in a body")
    return found
