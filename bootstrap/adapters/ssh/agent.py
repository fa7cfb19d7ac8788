"""An agent for one SSH key and one client process, so that the key itself never leaves this process (B2).

The protocol is draft-ietf-sshm-ssh-agent, of which ``ssh`` needs two questions; signatures are those of RFC 8332,
RFC 5656 and RFC 8709. The socket lies in a folder of our own, and only the process that was named is answered.
"""

import socket
import struct
import threading
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bootstrap.adapters.ssh.wire import mpint, packed, take
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization.ssh import SSHPrivateKeyTypes

FAILURE: Final = b"\x05"
IDENTITIES: Final = (11, b"\x0c")
SIGN: Final = (13, b"\x0e")
RSA_SHA2_256, RSA_SHA2_512 = 2, 4  # flags; without one it would be SHA-1, which is refused
_MOST: Final = 256 << 10
_PATIENCE: Final = 30.0  # seconds


class KeyAgent:
    """A context; ``path`` is the socket. No request is answered before ``serve`` names the client."""

    def __init__(self, key: Sensitive, folder: Path) -> None:
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

        self._key = load_ssh_private_key(key.reveal(), None)
        public = self._key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        self._blob = b64decode(public.split()[1])
        self.path = folder / "agent"
        self._client = 0
        self._known = threading.Event()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(self.path))
        self._socket.listen(1)

    def __enter__(self) -> "KeyAgent":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._known.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def serve(self, client: int) -> None:
        """From now on the process with this id is answered."""
        self._client = client
        self._known.set()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            with connection:
                connection.settimeout(_PATIENCE)
                if self._known.wait(_PATIENCE) and _peer(connection) == self._client:
                    self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rwb") as stream:
                while head := stream.read(4):
                    (size,) = struct.unpack(">L", head)
                    if not 0 < size <= _MOST:
                        return
                    stream.write(packed(self._answer(stream.read(size))))
                    stream.flush()
        except (OSError, struct.error):
            return  # the client is gone

    def _answer(self, question: bytes) -> bytes:
        kind, rest = question[0], question[1:]
        if kind == IDENTITIES[0]:
            return IDENTITIES[1] + struct.pack(">L", 1) + packed(self._blob) + packed(b"bootstrap")
        if kind != SIGN[0]:
            return FAILURE
        try:
            blob, rest = take(rest)
            data, rest = take(rest)
            (flags,) = struct.unpack(">L", rest)
        except (ValueError, struct.error):
            return FAILURE
        signature = signed(self._key, data, flags) if blob == self._blob else b""
        return SIGN[1] + packed(signature) if signature else FAILURE


def signed(key: "SSHPrivateKeyTypes", data: bytes, flags: int) -> bytes:
    """Algorithm and signature as SSH writes them; empty where it would be one that is not made any more."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

    if isinstance(key, ed25519.Ed25519PrivateKey):
        return packed(b"ssh-ed25519") + packed(key.sign(data))
    if isinstance(key, rsa.RSAPrivateKey) and flags & (RSA_SHA2_256 | RSA_SHA2_512):
        name, digest = (b"512", SHA512()) if flags & RSA_SHA2_512 else (b"256", SHA256())
        return packed(b"rsa-sha2-" + name) + packed(key.sign(data, padding.PKCS1v15(), digest))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        bits = key.curve.key_size
        chosen = {256: SHA256(), 384: SHA384(), 521: SHA512()}[bits]
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(chosen)))
        return packed(b"ecdsa-sha2-nistp%d" % bits) + packed(mpint(r) + mpint(s))
    return b""


def _peer(connection: socket.socket) -> int:
    """Process id of the other end (socket(7), SO_PEERCRED)."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return int(struct.unpack("3i", credentials)[0])
