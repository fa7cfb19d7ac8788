"""Strings and numbers as SSH writes them (RFC 4251, section 5)."""

import struct


def packed(data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + data


def take(data: bytes) -> tuple[bytes, bytes]:
    """The first string, and the rest. ValueError where there is none."""
    if len(data) < 4 or len(data) - 4 < (size := int.from_bytes(data[:4])):
        raise ValueError("no string")
    return data[4 : 4 + size], data[4 + size :]


def mpint(number: int) -> bytes:
    """A positive number; its first bit is its sign."""
    return packed(number.to_bytes(number.bit_length() // 8 + 1))
