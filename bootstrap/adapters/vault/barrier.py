"""Vault's barrier without Vault: what opens the entries of a raft snapshot's ``state.bin``, given the unseal share.

The share of a seal with one share is the key itself: it opens the sealed sums and ``core/hsm/barrier-unseal-keys``; the
root key in that opens ``core/keyring``, and the keys in that open every other entry, each bound to its path. Source:
Vault's vault/barrier_aes_gcm.go and github.com/hashicorp/go-kms-wrapping (BlobInfo); tried on Vault 1.21.
"""

import base64
import binascii
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from bootstrap.adapters.vault.raft_archive import form, parse_sums, sums
from bootstrap.model.errors import EvidenceError
from bootstrap.model.outside import json_value
from bootstrap.model.sensitive import Sensitive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

UNSEAL_KEYS: Final = "core/hsm/barrier-unseal-keys"
KEYRING: Final = "core/keyring"
ABOVE: Final = (UNSEAL_KEYS, KEYRING)  # what opens the barrier lies beside it
# What Vault writes past its barrier: the lock of the active node, how it is sealed, backups under PGP of a rekey.
CLEAR: Final = frozenset(
    {"core/lock", "core/seal-config", "core/cluster/local/name", "core/unseal-keys-backup"}
)
LARGEST: Final = 64 << 20  # bytes of an entry
NONCE: Final = 12
BOUND_TO_PATH: Final = 2  # the barrier's version whose ciphertexts hold their path
NOT_OPENED: Final = "E_RAFT_SHARE"


class Entries:
    """Splits ``state.bin`` into its entries, as it comes. EvidenceError E_RAFT_FORM.

    ``message`` is given each entry's name and its bytes as they lie there, length included.
    """

    def __init__(
        self,
        take: Callable[[str, bytes], None],
        message: Callable[[str, bytes], None] = lambda *_: None,
    ) -> None:
        self._take = take
        self._message = message
        self._held = bytearray()
        self.count = 0

    def feed(self, data: bytes) -> None:
        self._held += data
        start = 0
        while (found := _prefix(self._held, start)) is not None:
            size, begin = found
            if size > LARGEST:
                raise form(f"an entry of {size} bytes")
            if len(self._held) < begin + size:
                break
            end = begin + size
            self._entry(bytes(self._held[begin:end]), bytes(self._held[start:end]))
            start = end
        del self._held[:start]

    def close(self) -> None:
        if self._held:
            raise form("its state ends inside an entry")

    def _entry(self, data: bytes, whole: bytes) -> None:
        found = _fields(data)
        try:
            name = found[1].decode("utf-8")
        except (KeyError, UnicodeDecodeError):
            raise form("an entry has no name") from None
        self.count += 1
        self._take(name, found.get(2, b""))
        self._message(name, whole)


class Barrier:
    """Opens entries by their path."""

    def __init__(self, keys: dict[int, "AESGCM"]) -> None:
        self._keys = keys

    @classmethod
    def opened(cls, share: Sensitive, unseal_keys: bytes, keyring: bytes) -> "Barrier":
        """``share`` as Vault gives it, in hex. EvidenceError E_RAFT_SHARE where it does not open them, E_RAFT_FORM
        where what is in them is no keyring."""
        stored = _sealed_by_share(unseal_keys, share, UNSEAL_KEYS)
        found: dict[int, AESGCM] | None
        try:
            root = base64.b64decode(json_value(stored.reveal())[0])
            ring = json_value(_barrier_open(_cipher(root), KEYRING, keyring).reveal())
            found = {int(key["Term"]): _cipher(base64.b64decode(key["Value"])) for key in ring["Keys"]}
        except (ValueError, KeyError, TypeError, IndexError):
            found = None
        if found is None:
            raise form("its keyring is of no form that is known")
        return cls(found)

    def open(self, path: str, value: bytes) -> Sensitive:
        """EvidenceError E_RAFT_ENTRY: another key, another path, or changed."""
        cipher = self._keys.get(int.from_bytes(value[:4], "big"))
        if cipher is None:
            raise _entry(path, "no key of the keyring is for it")
        return _barrier_open(cipher, path, value)


def check_sealed_sums(sealed: bytes, clear: bytes, share: Sensitive) -> None:
    """EvidenceError E_RAFT_SHARE where the share does not open them; E_RAFT_SUMS where they say something else."""
    opened = _sealed_by_share(sealed, share, "SHA256SUMS.sealed")
    if parse_sums(opened.reveal()) != parse_sums(clear):
        raise sums("its sums were made anew: the sealed ones are others")


def _sealed_by_share(blob: bytes, share: Sensitive, what: str) -> Sensitive:
    from cryptography.exceptions import InvalidTag

    sealed = _fields(blob).get(1, b"")
    opened: bytes | None
    try:
        key = binascii.unhexlify(share.reveal().strip())
        opened = _cipher(key).decrypt(sealed[:NONCE], sealed[NONCE:], None)
    except (InvalidTag, ValueError):
        opened = None
    if opened is None:
        raise EvidenceError(f"the unseal share does not open {what} of this snapshot", code=NOT_OPENED)
    return Sensitive(opened, what)


def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _barrier_open(cipher: "AESGCM", path: str, value: bytes) -> Sensitive:
    """Four bytes of term, one of version, a nonce, the ciphertext with its tag."""
    from cryptography.exceptions import InvalidTag

    bound = path.encode() if value[4:5] == bytes([BOUND_TO_PATH]) else None
    opened: bytes | None
    try:
        opened = cipher.decrypt(value[5 : 5 + NONCE], value[5 + NONCE :], bound)
    except (InvalidTag, ValueError):
        opened = None
    if opened is None:
        raise _entry(path, "it was changed, or belongs elsewhere")
    return Sensitive(opened, path)


def _entry(path: str, why: str) -> EvidenceError:
    return EvidenceError(f"an entry of Vault's snapshot does not open: {path}: {why}", code="E_RAFT_ENTRY")


# ------------------------------------------------------------ protobuf, as far as it is needed


def _prefix(data: bytes | bytearray, at: int) -> tuple[int, int] | None:
    """A varint at ``at`` and where it ends; None where it is not whole yet."""
    value = shift = 0
    for place in range(at, min(len(data), at + 10)):
        value |= (data[place] & 0x7F) << shift
        if data[place] < 0x80:
            return value, place + 1
        shift += 7
    if len(data) >= at + 10:
        raise form("a length without end")
    return None


def _fields(data: bytes) -> dict[int, bytes]:
    """The first value of each length-delimited field. EvidenceError E_RAFT_FORM where ``data`` is no message."""
    return dict(reversed(list(_each_field(data))))


def _each_field(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, at = _whole(data, at)
        if tag & 7 == 0:
            _, at = _whole(data, at)
        elif tag & 7 == 2:
            size, at = _whole(data, at)
            if at + size > len(data):
                raise form("a message is cut")
            yield tag >> 3, data[at : at + size]
            at += size
        else:
            raise form("a message has a field that Vault does not write")


def _whole(data: bytes, at: int) -> tuple[int, int]:
    found = _prefix(data, at)
    if found is None:
        raise form("a message is cut")
    return found
