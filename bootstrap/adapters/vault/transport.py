"""HTTPS to one pod of Vault, over connections that a dialer makes: nothing ambient, no redirects, one CA.

http.client, because it costs a quarter of what requests and hvac do for the same request, and the machine that runs
`up` is often the one that runs Vault (docs/adr/0015-lean-client.md).
"""

import http.client
import io
import select
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from bootstrap.adapters.kubernetes.portforward import Dialer, NothingThereError

PORT: Final = 8200
IDLE: Final = 64  # connections kept per pod
ANY_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME of OpenSSL, which ssl has no name for
LARGEST: Final = 10 * 1024 * 1024  # bytes of an answer
PART: Final = 64 * 1024  # bytes that are read, or held back, at once
T = TypeVar("T")


class NotConnectedError(OSError):
    """There is no connection, and nothing was sent: what makes a repetition safe."""


class NotThereError(NotConnectedError):
    """The same, and it is known that nothing is there: a repetition at once is in vain."""


def whole(response: http.client.HTTPResponse, size: int) -> Iterator[bytes]:
    """Its content in parts; http.client.IncompleteRead where fewer bytes came than its head announced."""
    while part := response.read(size):
        yield part
    if response.length:  # ``read`` of a size takes an early end for the end
        raise http.client.IncompleteRead(b"", response.length)


class TlsStream:
    """TLS in a byte stream that need not be a socket. What is written goes out with the next read, in one piece."""

    def __init__(self, stream: Any, context: ssl.SSLContext, server_name: str) -> None:
        """Shakes hands. ssl.SSLCertVerificationError where another server answers."""
        self._stream = stream
        self._came, self._goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._goes, server_hostname=server_name)
        self._readers, self._closing = 0, False
        self._turn(self._tls.do_handshake)

    def certificate(self) -> bytes | None:
        """The server's, DER."""
        return self._tls.getpeercert(binary_form=True)

    def sendall(self, data: bytes) -> None:
        self._turn(lambda: self._tls.write(data), flush=len(data) > PART)

    def recv_into(self, buffer: bytearray | memoryview) -> int:
        try:
            return int(self._turn(lambda: self._tls.read(len(buffer), buffer)))
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return 0

    def makefile(self, mode: str) -> io.BufferedReader:
        """For ``http.client``, which reads one answer from it and closes it."""
        assert mode == "rb"
        self._readers += 1
        return io.BufferedReader(_Reading(self), PART)

    def settimeout(self, seconds: float | None) -> None:
        self._stream.settimeout(seconds)

    def is_over(self) -> bool:
        """Whether anything came from the other side while nothing was asked: mostly, that it goes."""
        pending = getattr(self._stream, "pending", None)  # what a port-forward has read already
        if pending is not None and pending():
            return True
        poll = select.poll()
        poll.register(self._stream.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """As a socket: an answer that is being read is read to its end. ``http.client`` closes before it reads where
        the server says that it will."""
        self._closing = True
        if self._readers == 0:
            self.end()

    def end(self) -> None:
        """Now, also while an answer is being read."""
        self._stream.close()

    def left(self) -> None:
        """One answer was read, or given up."""
        self._readers -= 1
        if self._closing:
            self.close()

    def _turn(self, work: Callable[[], T], *, flush: bool = True) -> T:
        while True:
            try:
                found = work()
            except ssl.SSLWantReadError:
                self._flush()
                data = self._stream.recv(PART)
                if data:
                    self._came.write(data)
                else:
                    self._came.write_eof()
            else:
                if flush:
                    self._flush()
                return found

    def _flush(self) -> None:
        if self._goes.pending:
            self._stream.sendall(self._goes.read())


def _context(ca_pem: bytes) -> ssl.SSLContext:
    # Not create_default_context: that one listens to SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=ca_pem.decode("ascii"))
    return context


def _not_connected(error: OSError) -> NotConnectedError:
    kind = NotThereError if isinstance(error, NothingThereError) else NotConnectedError
    return kind(type(error).__name__)


class _Reading(io.RawIOBase):
    """Closed after one answer, while the stream stays open."""

    def __init__(self, stream: TlsStream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._stream.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._stream.left()


class _Chunked:
    """A body whose size is known at its end (RFC 9112, 7.1); parts are so large that each leaves at once."""

    def __init__(self, stream: TlsStream) -> None:
        self._stream = stream
        self._held = bytearray()

    def write(self, data: bytes) -> None:
        self._held += data
        if len(self._held) > 4 * PART:
            self._leave()

    def end(self) -> None:
        if self._held:
            self._leave()
        self._stream.sendall(b"0\r\n\r\n")

    def _leave(self) -> None:
        self._stream.sendall(b"%x\r\n%b\r\n" % (len(self._held), bytes(self._held)))
        self._held.clear()


class _Connection(http.client.HTTPConnection):
    sock: Any

    def __init__(self, server_name: str, stream: TlsStream) -> None:
        super().__init__(server_name, PORT)
        self.auto_open = 0
        self.sock = stream


class Connections:
    """Connections to pods, by (pod, TLS name), kept for the next request. Thread-safe."""

    def __init__(self, dialer: Dialer, ca_pem: bytes) -> None:
        self._dialer = dialer
        self._context, self._at_any_time = _context(ca_pem), _context(ca_pem)
        self._at_any_time.verify_flags |= ANY_TIME
        self._idle: dict[tuple[str, str], list[_Connection]] = {}
        self._lock = threading.Lock()

    def exchange(
        self,
        to: tuple[str, str],
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        *,
        connect: float,
        reply: float,
    ) -> tuple[int, bytes]:
        """Status and content of one answer. ``connect`` and ``reply`` are seconds.

        NotConnectedError: nothing was sent. ssl.SSLCertVerificationError: another server answers. Any other OSError,
        or http.client.HTTPException: it may have been done.
        """
        connection = self._kept(to) or _Connection(to[1], self.open(to, connect))
        stream = connection.sock
        try:
            stream.settimeout(reply)
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            content = answer.read(LARGEST + 1)
            if len(content) > LARGEST:
                raise ConnectionError("the answer is larger than 10 MiB")
        except BaseException:
            stream.end()
            self.drop(to)
            raise
        if answer.will_close:
            connection.close()
        else:
            self._keep(to, connection)
        return answer.status, content

    @contextmanager
    def streaming(
        self,
        to: tuple[str, str],
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        connect: float,
        reply: float,
    ) -> Iterator[http.client.HTTPResponse]:
        """An answer of any size, to be read bit by bit, over a connection of its own. Errors as ``exchange``."""
        stream = self.open(to, connect)
        try:
            stream.settimeout(reply)
            connection = _Connection(to[1], stream)
            connection.request(method, path, headers=dict(headers))
            yield connection.getresponse()
        finally:
            stream.end()

    def upload(
        self,
        to: tuple[str, str],
        method: str,
        path: str,
        headers: Mapping[str, str],
        send: Callable[[Callable[[bytes], object]], None],
        *,
        connect: float,
        reply: float,
    ) -> tuple[int, bytes]:
        """A request of any size: ``send`` writes its body bit by bit, over a connection of its own. Errors as
        ``exchange``; what ``send`` raises itself passes."""
        stream = self.open(to, connect)
        try:
            stream.settimeout(reply)
            connection = _Connection(to[1], stream)
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
                connection.putheader(name, value)
            connection.endheaders()
            body = _Chunked(stream)
            send(body.write)
            body.end()
            answer = connection.getresponse()
            return answer.status, answer.read(LARGEST)
        finally:
            stream.end()

    def open(self, to: tuple[str, str], seconds: float, *, expired: bool = False) -> TlsStream:
        """A new stream to the pod, whose certificate has been checked; the caller's to close. ``expired``: one that
        is not valid at this time is taken too."""
        pod, server_name = to
        context = self._at_any_time if expired else self._context
        try:
            stream = self._dialer.dial(pod, PORT)
        except OSError as error:
            raise _not_connected(error) from None
        try:
            stream.settimeout(seconds)
            return TlsStream(stream, context, server_name)
        except BaseException as error:
            stream.close()
            if isinstance(error, OSError) and not isinstance(error, ssl.SSLCertVerificationError):
                raise _not_connected(error) from None
            raise

    def drop(self, to: tuple[str, str]) -> None:
        """Forget what is kept: the pod behind it may be another one by now."""
        with self._lock:
            kept = self._idle.pop(to, [])
        for connection in kept:
            connection.close()

    def _kept(self, to: tuple[str, str]) -> _Connection | None:
        while True:
            with self._lock:
                idle = self._idle.get(to)
                connection = idle.pop() if idle else None
            if connection is None or not connection.sock.is_over():
                return connection
            connection.close()

    def _keep(self, to: tuple[str, str], connection: _Connection) -> None:
        with self._lock:
            idle = self._idle.setdefault(to, [])
            if len(idle) < IDLE:
                idle.append(connection)
                return
        connection.close()
