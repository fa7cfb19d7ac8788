"""A real TLS server on loopback whose answers a test scripts; and the certificates for it."""

import datetime as dt
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BufferedIOBase
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Authority:
    """A CA of the test; ``leaf`` issues a certificate for names and addresses."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def certificate_below(self, above: "Authority") -> x509.Certificate:
        """Of this CA, signed by another one."""
        own = self.certificate
        made = _builder(own.subject, above.certificate.subject).public_key(own.public_key())
        for extension in own.extensions:
            made = made.add_extension(extension.value, extension.critical)
        return made.sign(above.key, hashes.SHA256())

    def leaf(self, *names: str, expired: bool = False) -> tuple[bytes, bytes]:
        """(certificate, key) in PEM; ``expired``: it ended a minute ago."""
        key = ec.generate_private_key(ec.SECP256R1())
        sans = [_general_name(name) for name in names]
        certificate = (
            _builder(
                x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])]),
                self.certificate.subject,
                dt.timedelta(minutes=-1 if expired else 1440),
            )
            .public_key(key.public_key())
            .add_extension(x509.SubjectAlternativeName(sans), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
            .sign(self.key, hashes.SHA256())
        )
        return certificate.public_bytes(serialization.Encoding.PEM), _pem(key)


def authority(name: str = "test CA") -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = x509.KeyUsage(*(i in (5, 6) for i in range(9)))  # key_cert_sign, crl_sign
    certificate = (
        _builder(subject, subject)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Authority(key, certificate)


def _builder(
    subject: x509.Name, issuer: x509.Name, life: dt.timedelta = dt.timedelta(days=1)
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + life)
    )


def _general_name(name: str) -> x509.GeneralName:
    import ipaddress

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@dataclass
class Observation:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Cut(Exception):
    """Raised by a script: take the request and break the connection without an answer."""


def _chunks(body: BufferedIOBase) -> Iterator[bytes]:
    """Of a chunked body (RFC 9112, 7.1)."""
    while size := int(body.readline(), 16):
        yield body.read(size)
        body.readline()
    body.readline()


Script = Callable[[Observation], tuple[int, dict[str, str], bytes]]


@dataclass
class Server:
    port: int
    seen: list[Observation] = field(default_factory=list)

    def dial(self, pod: str, port: int) -> socket.socket:
        """A dialer for the Vault adapter: every pod is this server."""
        return socket.create_connection(("127.0.0.1", self.port))


@contextmanager
def serving(script: Script, certificate: bytes, key: bytes, folder: Path) -> Iterator[Server]:
    (folder / "tls.pem").write_bytes(certificate + key)
    state = Server(0)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            chunked = self.headers.get("Transfer-Encoding") == "chunked"
            body = (
                b"".join(_chunks(self.rfile))
                if chunked
                else self.rfile.read(int(self.headers.get("Content-Length") or 0))
            )
            seen = Observation(self.command, self.path, dict(self.headers.items()), body)
            state.seen.append(seen)
            try:
                status, headers, content = script(seen)
            except Cut:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_LIST = _any

        def log_message(self, *args: object) -> None:
            pass

    class Quiet(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "tls.pem")
    with Quiet(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        state.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield state
        finally:
            server.shutdown()
