"""What lies in the clear where it must not: seen in every file's form, without any key (B2, S3)."""

import re
from collections.abc import Iterator, Sequence

from bootstrap.intent.findings import Finding
from bootstrap.ports import IntentRepository

_PRIVATE = {
    "an age private key": re.compile(rb"AGE-SECRET-KEY-(PQ-)?1[0-9A-Z]{50,}"),
    "an OpenPGP private key": re.compile(rb"-----BEGIN PGP PRIVATE KEY BLOCK-----\r?\n[^<]"),
    "a private key": re.compile(rb"-----BEGIN ([A-Z]+ )*PRIVATE KEY-----\r?\n[A-Za-z0-9+/=]{40}"),
}
_SOPS = {".yaml": re.compile(rb"^sops:\s*$", re.MULTILINE), ".json": re.compile(rb'"sops"\s*:\s*\{')}
_SOPS[".yml"] = _SOPS[".yaml"]
_RAW = (".age", ".asc", ".gpg", ".pgp")
_AGE = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")
_PGP = b"-----BEGIN PGP MESSAGE-----"


def exposed(repository: IntentRepository, encrypted: Sequence[str]) -> Iterator[Finding]:
    """E_KEY_IN_GIT for a private key anywhere; E_PLAINTEXT and E_CT_EMPTY for files below ``encrypted/``."""
    ciphertexts = frozenset(encrypted)
    for path in repository.paths():
        data = repository.read(path)
        for what, pattern in _PRIVATE.items():
            if found := pattern.search(data):
                line = data.count(b"\n", 0, found.start()) + 1
                hint = "make a new one: this one is known to whoever has the repository (`bootstrap keygen`)"
                yield Finding(
                    id="E_KEY_IN_GIT",
                    where=f"{path}:{line}",
                    message=f"{what} lies in Git in the clear",
                    hint=hint,
                )
        if path in ciphertexts:
            yield from _ciphertext(path, data)


def _ciphertext(path: str, data: bytes) -> Iterator[Finding]:
    if not path.endswith((*_RAW, *_SOPS)):
        hint = f"name it {', '.join((*_SOPS, *_RAW))}, in the form that it has"
        yield Finding(id="E_FORM", where=path, message="a form of file that is not read here", hint=hint)
    elif not data.strip():
        yield Finding(
            id="E_CT_EMPTY", where=path, message="the encrypted file is empty", hint="encrypt it again"
        )
    elif not _has_form(path, data):
        hint = "encrypt it, and replace the value: Git's history keeps the plain one"
        yield Finding(id="E_PLAINTEXT", where=path, message="not encrypted (no SOPS, age or PGP)", hint=hint)


def _has_form(path: str, data: bytes) -> bool:
    """True when a file looks like what its name says; damage is found when it is opened."""
    head = data.lstrip()
    if path.endswith(_RAW):
        binary = data[0] & 0x80 != 0  # RFC 9580 4.2: bit 7 of an OpenPGP packet's first octet
        return head.startswith(_AGE) if path.endswith(".age") else head.startswith(_PGP) or binary
    return _SOPS[path[path.rindex(".") :]].search(data) is not None
