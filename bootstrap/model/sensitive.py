"""The type of a secret value (B1, B2).

Neither ``str`` nor ``bytes``: it cannot be printed, formatted, pickled, copied, hashed or put into
JSON by accident. The one way out is ``reveal()``, and an architecture test holds where that may be called.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Iterable
from typing import NoReturn, final

_TELLING = 4  # bytes of a value that a text is not taken to hold by chance


@final
class Sensitive:
    """Bytes of a secret, with a label that may be shown."""

    __slots__ = ("_label", "_value")

    def __init__(self, value: bytes, label: str = "secret") -> None:
        self._value = bytes(value)
        self._label = label

    def reveal(self) -> bytes:
        """The bytes themselves; for adapters, on the way to the outside world."""
        return self._value

    def relabel(self, label: str) -> "Sensitive":
        return Sensitive(self._value, label)

    def ciphertext(self) -> bytes:
        """The bytes, where they are an encrypted message by their form (age, or OpenPGP to a key).

        TypeError for anything else: this is no second ``reveal``.
        """
        armored = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE", b"-----BEGIN PGP MESSAGE")
        if self._value.startswith(armored) or _is_pgp_message(self._value):
            return self._value
        raise TypeError(f"a secret value ({self._label}) is not ciphertext")

    def is_utf8(self) -> bool:
        try:
            self._value.decode()
        except UnicodeDecodeError:
            return False
        return True

    def is_json_mapping(self) -> bool:
        """True for what Kubernetes takes as a Docker configuration: a JSON mapping, or null."""
        try:
            found = json.loads(self._value)
        except ValueError:
            return False
        except RecursionError:  # deeper than is read here, which says nothing
            return True
        return found is None or isinstance(found, dict)

    def ends_in_stray_newline(self) -> bool:
        """True for one line of text that ends in a newline: rarely meant, and part of the value."""
        return self._value.endswith(b"\n") and self._value.count(b"\n") == 1

    def occurs_in(self, text: str) -> bool:
        """True where ``text``, which is to be kept in the open, holds the value (or the value without its line end)."""
        needle = self._value.strip()
        return len(needle) >= _TELLING and needle in text.encode(errors="replace")

    def base64(self) -> "Sensitive":
        """Standard, padded base64 (RFC 4648 section 4)."""
        return Sensitive(base64.b64encode(self._value), self._label)

    def from_base64(self) -> "Sensitive":
        """The bytes that standard, padded base64 stands for; ValueError, without the text, if it is not.

        Line ends are read over, as Go does it: ``base64`` wraps at 76 columns, and Kubernetes takes that.
        """
        try:
            return Sensitive(
                base64.b64decode(self._value.translate(None, b"\r\n"), validate=True), self._label
            )
        except (binascii.Error, ValueError):
            raise ValueError(f"{self._label} is not base64") from None

    @staticmethod
    def exceed(values: "Iterable[Sensitive]", limit: int) -> bool:
        """True when the values together are longer than ``limit`` bytes."""
        return sum(len(value._value) for value in values) > limit

    def record(self) -> bytes:
        """The bytes, where they are a batch of signed ledger records: value-free by their form.

        TypeError for anything else: this is no second ``reveal``.
        """
        if self._value.startswith(b'[{"payload":"') and self._value.endswith(b"}]"):
            return self._value
        raise TypeError(f"a secret value ({self._label}) is not a ledger record")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sensitive):
            return NotImplemented
        return hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]  # a hash would leak equality and let a value be a key

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"<sensitive {self._label}>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(f"a secret value ({self._label}) is not copied, pickled or serialised")

    __reduce__ = _refuse
    __reduce_ex__ = _refuse
    __copy__ = _refuse
    __deepcopy__ = _refuse
    __getstate__ = _refuse


def _is_pgp_message(data: bytes) -> bool:
    """A session key packet of version 3 or 6, whole, and behind it another one or encrypted data (RFC 9580, 4)."""
    tag, start, length = _packet(data)
    if tag != 1 or length < 2 or data[start] not in (3, 6):
        return False
    return _packet(data[start + length :])[0] in (1, 18, 20)


def _packet(data: bytes) -> tuple[int, int, int]:
    """Tag, start and length of the body of the first packet; tag 0 for what is none. A partial length gives 0."""
    if len(data) < 2 or not data[0] & 0x80:
        return 0, 0, 0
    if data[0] & 0x40:
        tag, first = data[0] & 0x3F, data[1]
        if first < 192:
            return tag, 2, first
        if first < 224 and len(data) > 2:
            return tag, 3, ((first - 192) << 8) + data[2] + 192
        return tag, 0, 0
    tag, octets = (data[0] >> 2) & 0x0F, (1, 2, 4, 0)[data[0] & 3]
    return tag, 1 + octets, int.from_bytes(data[1 : 1 + octets], "big")
