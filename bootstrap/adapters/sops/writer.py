"""SOPS YAML, written so that ``sops`` and ``reader.py`` open it: for files that the program itself makes."""

import base64
import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bootstrap.adapters.openpgp import keys as openpgp
from bootstrap.adapters.root.root_key import encrypt_to
from bootstrap.intent.selection import SUFFIX, expression
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Opened

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VERSION = "3.13.3"  # of the format
_PRINTABLE = re.compile(r"[ !#-\[\]-~]*")
_PLAIN_KEY = re.compile(r"(?!(?i:y|n|yes|no|on|off|true|false|null)\Z)[A-Za-z_][A-Za-z0-9_-]*")


def encrypt_yaml(
    tree: Mapping[str, Opened], recipients: tuple[str, ...], *, encrypted_regex: str = ""
) -> bytes:
    """A SOPS file of text values, encrypted to age keys or armored certificates.

    With ``encrypted_regex`` only what lies below a key that it finds is encrypted; the rest stays readable.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = Sensitive(secrets.token_bytes(32), "data key")
    cipher = AESGCM(key.reveal())
    wanted = expression(encrypted_regex)
    assert wanted is not None  # a rule of ours, or one that was read before
    digest = hashlib.sha512()
    lines: list[str] = []
    for path, leaf in _walk(tree, ()):
        line = f"{'    ' * (len(path) - 1)}{_name(path[-1])}:"
        if leaf is not None:
            digest.update(leaf.reveal())
            hidden = any(wanted(part) for part in path)
            line += f" {_value(leaf, cipher, path, hidden=hidden)}"
        lines.append(line)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    rule = {"encrypted_regex": encrypted_regex} if encrypted_regex else {"unencrypted_suffix": SUFFIX}
    metadata = [
        *_wrapped(key, recipients, now),
        f'lastmodified: "{now}"',
        f"mac: {_sealed(digest.hexdigest().upper().encode(), cipher, now)}",
        *(f"{name}: {_quoted(value)}" for name, value in rule.items()),
        f"version: {VERSION}",
    ]
    return "\n".join([*lines, "sops:", *(f"    {line}" for line in metadata), ""]).encode()


def _walk(
    tree: Mapping[str, Opened], path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Sensitive | None]]:
    """Every key in order: with its value, or None above a map."""
    for name, value in tree.items():
        here = (*path, name)
        if isinstance(value, Sensitive):
            yield here, value
        else:
            yield here, None
            yield from _walk(value, here)


def _name(key: str) -> str:
    """A key as a scalar that every YAML reader takes for text."""
    return key if _PLAIN_KEY.fullmatch(key) else _quoted(key)


def _quoted(text: str) -> str:
    """A YAML scalar in double quotes. JSON's escapes would not do: they halve a large character."""
    if _PRINTABLE.fullmatch(text):
        return f'"{text}"'
    inside = (c if " " <= c <= "~" and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return '"' + "".join(inside) + '"'


def _value(leaf: Sensitive, cipher: "AESGCM", path: tuple[str, ...], *, hidden: bool) -> str:
    plain = leaf.reveal()
    # SOPS leaves an empty text as it is.
    return _sealed(plain, cipher, ":".join((*path, ""))) if hidden and plain else _quoted(plain.decode())


def _sealed(plain: bytes, cipher: "AESGCM", path: str) -> str:
    iv = secrets.token_bytes(32)
    sealed = cipher.encrypt(iv, plain, path.encode())
    data, nonce, tag = (base64.b64encode(part).decode() for part in (sealed[:-16], iv, sealed[-16:]))
    return f"ENC[AES256_GCM,data:{data},iv:{nonce},tag:{tag},type:str]"


def _wrapped(key: Sensitive, recipients: tuple[str, ...], now: str) -> Iterator[str]:
    """The data key, once for each recipient, as lines of the metadata."""
    pgp = recipients[0].lstrip().startswith("-----BEGIN PGP")
    yield "pgp:" if pgp else "age:"
    for recipient in recipients:
        if pgp:
            yield f'    - created_at: "{now}"'
            yield f"      fp: {openpgp.certificates(recipient)[0].fingerprint.upper()}"
        else:
            yield f"    - recipient: {_quoted(recipient) if ' ' in recipient else recipient}"
        yield "      enc: |"
        wrapped = encrypt_to([recipient], key).decode().strip().splitlines()
        yield from (f"        {line}".rstrip() for line in wrapped)
