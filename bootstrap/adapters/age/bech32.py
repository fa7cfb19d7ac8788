"""Bech32 (BIP 173), in which age writes its keys: only the way from bytes to text, which pyrage does not offer."""

from collections.abc import Iterator, Sequence

_LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)


def identity_of(scalar: bytes) -> str:
    """``AGE-SECRET-KEY-1...`` of the 32 bytes of an X25519 key."""
    return _encoded("age-secret-key-", scalar).upper()


def _encoded(prefix: str, data: bytes) -> str:
    values = [*_fives(data)]
    head = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix]
    check = _polymod([*head, *values, 0, 0, 0, 0, 0, 0]) ^ 1
    tail = [(check >> 5 * (5 - i)) & 31 for i in range(6)]
    return f"{prefix}1" + "".join(_LETTERS[v] for v in (*values, *tail))


def _fives(data: bytes) -> Iterator[int]:
    bits = held = 0
    for byte in data:
        held, bits = (held << 8) | byte, bits + 8
        while bits >= 5:
            bits -= 5
            yield (held >> bits) & 31
    if bits:
        yield (held << (5 - bits)) & 31


def _polymod(values: Sequence[int]) -> int:
    found = 1
    for value in values:
        top, found = found >> 25, ((found & 0x1FFFFFF) << 5) ^ value
        for bit, part in enumerate(_GENERATOR):
            found ^= part if (top >> bit) & 1 else 0
    return found
