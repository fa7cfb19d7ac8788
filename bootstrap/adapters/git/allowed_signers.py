"""Who may sign: a file that lies outside the repository, for a commit cannot vouch for itself (INV6, S1).

Lines as in ssh-keygen(1), ALLOWED SIGNERS, and OpenPGP certificates in armor; a file may hold both.
"""

import binascii
import re
import shlex
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bootstrap.model.errors import DefinitionError

if TYPE_CHECKING:
    from pysequoia import Cert

NAMESPACE: Final = "git"
KINDS: Final = (
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
)
HINT: Final = 'NAME namespaces="git" ssh-ed25519 AAAA..., one a line, or gpg --armor --export NAME'
_ARMOR: Final = re.compile(
    r"^-----BEGIN PGP PUBLIC KEY BLOCK-----$.*?^-----END PGP PUBLIC KEY BLOCK-----$", re.M | re.S
)
_TIME: Final = re.compile(r"(\d{8}|\d{12}|\d{14})Z")
_MOST: Final = 4 << 20  # bytes
_LEAST_RSA: Final = 2048  # bits


@dataclass(frozen=True, slots=True, kw_only=True)
class SshSigner:
    """``blob`` is the public key as SSH writes it; times are in UTC, None for no limit."""

    name: str
    kind: str
    blob: bytes
    namespaces: tuple[str, ...] = (NAMESPACE,)
    after: datetime | None = None
    before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signers:
    """Never empty."""

    where: str
    ssh: tuple[SshSigner, ...]
    openpgp: tuple["Cert", ...]


def read_signers(path: Path) -> Signers:
    """DefinitionError E_SIGNERS with the line for anything that would not be understood as it was meant."""
    try:
        with path.open("rb") as file:
            text = file.read(_MOST).decode()
    except OSError as error:
        raise _wrong(f"the signers cannot be read: {error.strerror}", str(path)) from None
    except UnicodeDecodeError:
        raise _wrong("the signers are not text", str(path), "gpg --armor --export NAME") from None
    if "PRIVATE KEY" in text:
        raise _wrong(
            "the file holds a private key", str(path), "a signer's public half is what belongs there"
        )
    # The lines of a certificate are replaced by as many empty ones, so that the others keep their numbers.
    lines = _ARMOR.sub(lambda armor: "\n" * armor[0].count("\n"), text).splitlines()
    ssh = tuple(signer for n, line in enumerate(lines, 1) for signer in _signers(line.strip(), f"{path}:{n}"))
    openpgp = _certificates(_ARMOR.findall(text), str(path))
    if not ssh and not openpgp:
        raise _wrong("the file names no signer", str(path))
    return Signers(where=str(path), ssh=ssh, openpgp=openpgp)


def ssh_fingerprint(blob: bytes) -> str:
    return "SHA256:" + b64encode(sha256(blob).digest()).rstrip(b"=").decode()


def _certificates(armors: Sequence[str], where: str) -> tuple["Cert", ...]:
    """Two states of one certificate become one, so that what either of them revokes is revoked."""
    from pysequoia import Cert

    found: dict[str, Cert] = {}
    try:
        for cert in (cert for armor in armors for cert in Cert.split_bytes(armor.encode())):
            before = found.get(cert.fingerprint)
            found[cert.fingerprint] = cert if before is None else before.merge(cert)
    except Exception:  # noqa: BLE001  # the library's errors have no common base
        raise _wrong("the file holds an OpenPGP certificate that cannot be read", where) from None
    return tuple(found.values())


def _signers(line: str, where: str) -> Iterator[SshSigner]:
    """PRINCIPALS [OPTIONS] KEYTYPE BASE64 [COMMENT]; none for an empty line and a comment."""
    if not line or line.startswith("#"):
        return
    words = _words(line, where)
    options: dict[str, str] = {}
    if len(words) > 2 and words[1] not in KINDS:
        options = dict(_options(words.pop(1), where))
    if len(words) < 3 or words[1] not in KINDS:
        raise _wrong("this is not NAME, a kind of key that is known, and the key", where)
    name, kind, blob = words[0], words[1], _blob(words[1], words[2], where)
    namespaces = tuple(options.get("namespaces", NAMESPACE).split(","))
    after, before = (_time(options.get(f"valid-{side}"), where) for side in ("after", "before"))
    yield SshSigner(name=name, kind=kind, blob=blob, namespaces=namespaces, after=after, before=before)


def _words(line: str, where: str) -> list[str]:
    """Split at blanks outside of quotation marks, which stay."""
    try:
        lexer = shlex.shlex(line, posix=False)
        lexer.whitespace_split, lexer.commenters, lexer.quotes = True, "", '"'
        return [word.strip('"') if word.startswith('"') else word for word in lexer]
    except ValueError:
        raise _wrong("a quotation does not end", where) from None


def _options(text: str, where: str) -> Iterator[tuple[str, str]]:
    for option in re.findall(r'(?:[^,"]|"[^"]*")+', text):
        name, _, value = option.partition("=")
        if name.lower() not in ("namespaces", "valid-after", "valid-before"):
            # cert-authority would let in whomever that authority signs for: not what is pinned here.
            raise _wrong("an option is not one of namespaces, valid-after, valid-before", where)
        if len(value) < 2 or not value.startswith('"') or not value.endswith('"'):
            raise _wrong(f"the value of {name} is not in quotation marks", where)
        yield name.lower(), value[1:-1]


def _time(text: str | None, where: str) -> datetime | None:
    if text is None:
        return None
    if not _TIME.fullmatch(text):
        raise _wrong("a time is not in UTC", where, "YYYYMMDDZ or YYYYMMDDHHMMZ: the Z is needed")
    try:
        return datetime.strptime(text[:-1].ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        raise _wrong("a time cannot be", where, "YYYYMMDDZ or YYYYMMDDHHMMZ") from None


def _blob(kind: str, text: str, where: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_ssh_public_key

    try:
        key = load_ssh_public_key(f"{kind} {text}".encode())
        blob = b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise _wrong("the key is not a whole one", where) from None
    if isinstance(key, RSAPublicKey) and key.key_size < _LEAST_RSA:
        raise _wrong(f"the RSA key has fewer than {_LEAST_RSA} bits", where, "ssh-keygen -t ed25519")
    return blob


def _wrong(message: str, where: str, hint: str = HINT) -> DefinitionError:
    return DefinitionError(message, code="E_SIGNERS", where=where, hint=hint)
