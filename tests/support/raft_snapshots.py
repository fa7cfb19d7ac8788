"""Vault's raft snapshot as Vault 1.21 writes it, from entries that a test chooses. Held to the real server by
``tests/contract/vault/test_snapshot.py``."""

import base64
import gzip
import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MEMBERS = ("meta.json", "state.bin", "SHA256SUMS", "SHA256SUMS.sealed")


@dataclass(frozen=True)
class Store:
    """A barrier of two terms. ``share`` is the key that the seal keeps."""

    share: bytes = bytes(range(32))
    root: bytes = bytes(range(32, 64))
    keys: Mapping[int, bytes] = field(default_factory=lambda: {1: b"\1" * 32, 2: b"\2" * 32})

    def entry(self, path: str, content: bytes, term: int = 2) -> tuple[str, bytes]:
        return path, self._under(self.keys[term], path, content, term)

    def entries(self, *more: tuple[str, bytes], cluster: str = "vault-1") -> list[tuple[str, bytes]]:
        ring = {"Keys": [{"Term": t, "Value": base64.b64encode(k).decode()} for t, k in self.keys.items()]}
        info = json.dumps({"name": "vault", "id": cluster}).encode()
        return sorted(
            [
                self.entry("core/cluster/local/info", info, term=1),
                self.entry("core/versions/1.21.1", b'{"Version":"1.21.1"}'),
                ("core/hsm/barrier-unseal-keys", self.blob(json.dumps([_text(self.root)]).encode())),
                ("core/keyring", self._under(self.root, "core/keyring", json.dumps(ring).encode(), 1)),
                ("core/lock", b"an-id-in-the-open"),
                ("core/seal-config", b'{"type":"shamir","secret_shares":1}'),
                *more,
            ]
        )

    def token(self, accessor: str, *policies: str) -> tuple[str, bytes]:
        content = {
            "id": f"hvs.{accessor}",
            "accessor": accessor,
            "policies": policies,
            "display_name": "test",
        }
        return self.entry(f"sys/token/id/h{accessor}", json.dumps(content).encode())

    def blob(self, content: bytes) -> bytes:
        """Sealed under the share (BlobInfo: nonce and ciphertext as field 1)."""
        nonce = os.urandom(12)
        return _bytes_field(1, nonce + AESGCM(self.share).encrypt(nonce, content, None))

    def _under(self, key: bytes, path: str, content: bytes, term: int) -> bytes:
        nonce = os.urandom(12)
        sealed = AESGCM(key).encrypt(nonce, content, path.encode())
        return term.to_bytes(4, "big") + b"\2" + nonce + sealed


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def state(entries: Iterable[tuple[str, bytes]]) -> bytes:
    found = b""
    for path, value in entries:
        message = _bytes_field(1, path.encode()) + _bytes_field(2, value)
        found += varint(len(message)) + message
    return found


def meta(index: int = 41, term: int = 3) -> bytes:
    return json.dumps({"Version": 1, "ID": "bolt-snapshot", "Index": index, "Term": term, "Size": 1}).encode()


def sums(members: Mapping[str, bytes]) -> bytes:
    lines = [f"{hashlib.sha256(members[n]).hexdigest()}  {n}\n" for n in ("meta.json", "state.bin")]
    return "".join(lines).encode()


def parts(store: Store, content: bytes, about: bytes | None = None) -> dict[str, bytes]:
    """The four members by their names."""
    found = {"meta.json": about or meta(), "state.bin": content}
    found["SHA256SUMS"] = sums(found)
    found["SHA256SUMS.sealed"] = store.blob(found["SHA256SUMS"])
    return found


def archive(members: Mapping[str, bytes]) -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o600
            tar.addfile(info, io.BytesIO(content))
    closed = held.getvalue().rstrip(b"\0")
    whole = (
        closed + bytes(-len(closed) % 512) + bytes(1024)
    )  # Go closes with two blocks, Python fills a record
    return gzip.compress(whole, mtime=0)


def snapshot(store: Store, entries: Iterable[tuple[str, bytes]]) -> bytes:
    return archive(parts(store, state(entries)))


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def _bytes_field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def unpacked(data: bytes) -> dict[str, bytes]:
    """The members of an archive, in their order."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as tar:
        found = ((member.name, tar.extractfile(member)) for member in tar.getmembers())
        return {name: content.read() for name, content in found if content is not None}
