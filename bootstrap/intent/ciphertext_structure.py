"""Whether a ciphertext is whole, as far as its structure shows it: no key is needed, and none is asked for.

A file that was cut off, mailed or pasted is found by `check` before a root key is taken out of its safe. What
only opening shows (a byte that was changed) stays for the reader with the key.
"""

import base64
import binascii
import re

from bootstrap.intent.encryption_forms import is_age, is_raw

_MAGIC = b"age-encryption.org/v1\n"
_AGE_ARMOR = (b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----")
_PGP_ARMOR = (b"-----BEGIN PGP MESSAGE-----", b"-----END PGP MESSAGE-----")
_STANZA = re.compile(rb"-> [!-~]+(?: [!-~]+)*")
_LINE = re.compile(rb"[A-Za-z0-9+/]{64}")
_LAST = re.compile(rb"[A-Za-z0-9+/]{0,63}")
_MAC = re.compile(rb"--- [A-Za-z0-9+/]{43}")
_NONCE, _CHUNK, _TAG = 16, 64 * 1024, 16  # C2SP age: the payload
_CIPHERTEXT = re.compile(
    rb"ENC\[AES256_GCM,data:[A-Za-z0-9+/]*=*,iv:[A-Za-z0-9+/]+=*,tag:[A-Za-z0-9+/]+=*,type:[a-z0-9]+\]"
)
_BEGUN = b"ENC[AES256_GCM,"
_METADATA = {  # the MAC as a scalar of any form and style, in each form of file
    "mac": re.compile(
        rb"""\b(?:sops_)?mac\b["']?\s*[:=]\s*(?:!\S+\s+)?(?:[|>][-+0-9]*\s+)?["']?ENC\[AES256_GCM,"""
    ),
    "lastmodified": re.compile(rb"\b(?:sops_)?lastmodified\b"),
}


def fault(path: str, data: bytes) -> str:
    """What is missing of a file whose form is the one of its name; empty where nothing is seen."""
    if not is_raw(path):
        return _of_sops(data)
    return _of_age(data.lstrip(b" \t\r\n")) if is_age(data) else _of_openpgp(data.lstrip(b" \t\r\n"))


def _of_sops(data: bytes) -> str:
    """The same signs in each of its forms."""
    if data.count(_BEGUN) != len(_CIPHERTEXT.findall(data)):
        return "one of its ciphertexts is cut off"
    missing = [name for name, sign in _METADATA.items() if not sign.search(data)]
    return f"its metadata has no {' and no '.join(missing)}" if missing else ""


# ---------------------------------------------------------------- age


def _of_age(data: bytes) -> str:
    if data.startswith(_AGE_ARMOR[0]):
        whole = _unarmored(data, _AGE_ARMOR)
        return _of_age_file(whole) if whole is not None else "its armor has no end, or is no base64"
    return _of_age_file(data)


def _of_age_file(data: bytes) -> str:
    if not data.startswith(_MAGIC):
        return ""  # another version: the reader says which
    at, stanzas = len(_MAGIC), 0
    while True:
        line, end = _line(data, at)
        if _MAC.fullmatch(line) and end:
            break
        if not _STANZA.fullmatch(line) or not end:
            return "its header has no end"
        at, stanzas = end, stanzas + 1
        while (line := _line(data, at)[0]) and _LINE.fullmatch(line):
            at = _line(data, at)[1]
        line, following = _line(data, at)
        if not _LAST.fullmatch(line) or not following:
            return "its header has no end"
        at = following
    payload = len(data) - end
    last = (payload - _NONCE) % (_CHUNK + _TAG)
    if not stanzas:
        return "it names no recipient"
    return "its content is cut off" if payload < _NONCE + _TAG or 0 < last < _TAG else ""


def _line(data: bytes, at: int) -> tuple[bytes, int]:
    """The line that begins there and where the next one does; 0 where it has no end."""
    end = data.find(b"\n", at)
    return (data[at:end], end + 1) if end >= 0 else (data[at:], 0)


def _unarmored(data: bytes, armor: tuple[bytes, bytes]) -> bytes | None:
    lines = [line.strip() for line in data.strip().splitlines()]
    if lines[-1] != armor[1]:
        return None
    try:
        return base64.b64decode(b"".join(lines[1:-1]), validate=True)
    except binascii.Error:
        return None


# ---------------------------------------------------------------- OpenPGP


def _of_openpgp(data: bytes) -> str:
    if not data.startswith(_PGP_ARMOR[0]):
        return _of_packets(data)
    lines = [line.strip() for line in data.strip().splitlines()]
    if lines[-1] != _PGP_ARMOR[1]:
        return "its armor has no end"
    blank = lines.index(b"") if b"" in lines else 0  # behind headers such as Comment:
    body = [line for line in lines[blank + 1 : -1] if line and not line.startswith(b"=")]
    try:
        return _of_packets(base64.b64decode(b"".join(body), validate=True))
    except binascii.Error:
        return "its armor is no base64"


def _of_packets(data: bytes) -> str:
    """RFC 9580 4.2: each packet says how long it is; one of them holds what is encrypted."""
    at, tags = 0, set()
    while at < len(data):
        tag, at = _packet(data, at)
        if tag < 0 or at > len(data):
            return "it is cut off"
        tags.add(tag)
    return "" if tags & {9, 18, 20} else "it holds no encrypted data"


def _packet(data: bytes, at: int) -> tuple[int, int]:
    """The tag of a packet and where the next one begins, beyond the end where bytes are missing; -1 for none."""
    first = data[at]
    if not first & 0x80:
        return -1, at
    if first & 0x40:
        return first & 0x3F, _new_format(data, at + 1)
    octets = (1, 2, 4, 0)[first & 3]
    if not octets:
        return (first >> 2) & 0x0F, len(data)  # of no stated length: to the end
    length = int.from_bytes(data[at + 1 : at + 1 + octets], "big")
    return (first >> 2) & 0x0F, at + 1 + octets + length


def _new_format(data: bytes, at: int) -> int:
    """Behind a length of one, two or five octets, or behind all of the parts that it is given in."""
    while at < len(data):
        first = data[at]
        if first < 192:
            return at + 1 + first
        if first == 255:
            return at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
        if first < 224:
            second = data[at + 1] if at + 1 < len(data) else 0
            return at + 2 + ((first - 192) << 8) + second + 192
        at += 1 + (1 << (first & 0x1F))
    return len(data) + 1
