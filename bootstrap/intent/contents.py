"""What lies in the clear where it must not: seen in every file's form, without any key (B2, S3)."""

import unicodedata
from collections.abc import Iterator, Sequence

from bootstrap.intent.ciphertext_structure import fault
from bootstrap.intent.encryption_forms import (
    RAW,
    SOPS,
    foreign,
    form_of,
    is_age,
    is_pgp,
    is_raw,
    is_sops,
    misnamed,
)
from bootstrap.intent.findings import Finding, of_error
from bootstrap.intent.plain_secrets import plain_secrets
from bootstrap.intent.private_keys import private_keys
from bootstrap.ports import IntentRepository


def exposed(repository: IntentRepository, encrypted: Sequence[str]) -> Iterator[Finding]:
    """Every file of a commit: what ``in_clear`` finds, and E_PLAINTEXT, E_CT_EMPTY, E_FORM below ``encrypted/``."""
    ciphertexts = frozenset(encrypted)
    yield from _collisions(repository.paths())
    for path in repository.paths():
        data = repository.read(path)
        wrong = tuple(_ciphertext(path, data)) if path in ciphertexts else ()
        yield from wrong
        reported = any(finding.id == "E_PLAINTEXT" for finding in wrong)  # of the whole file: once is enough
        yield from private_keys(path, data) if reported else in_clear(path, data)


def in_clear(path: str, data: bytes) -> Iterator[Finding]:
    """E_KEY_IN_GIT and E_PLAINTEXT of one file, whatever folder it lies in."""
    yield from private_keys(path, data)
    yield from plain_secrets(path, data)


def _collisions(paths: Sequence[str]) -> Iterator[Finding]:
    """Two files that are one where case or accents do not count: a checkout there holds only one of them."""
    first: dict[str, str] = {}
    for path in paths:
        other = first.setdefault(unicodedata.normalize("NFC", path).casefold(), path)
        if other != path:
            message = f"it differs from {other} in nothing but case or accents"
            yield Finding(
                id="E_PATH_CASE", where=path, message=message, hint=f"git mv {path} to another name"
            )


def _ciphertext(path: str, data: bytes) -> Iterator[Finding]:
    if _has_form(path, data):
        if what := fault(path, data):
            hint = "take it from an older commit, or encrypt it again"
            yield Finding(id="E_CT_DAMAGED", where=path, message=f"it is damaged: {what}", hint=hint)
        return
    if data.strip() and (error := foreign(path, data) or misnamed(path, data)):
        yield of_error(error)
    elif not path.lower().endswith((*RAW, *SOPS)):
        hint = f"`sops encrypt --in-place` it, or name it {', '.join((*SOPS, *RAW))} by the form that it has"
        yield Finding(id="E_FORM", where=path, message="a form of file that is not read here", hint=hint)
    elif not data.strip():
        yield Finding(
            id="E_CT_EMPTY", where=path, message="the encrypted file is empty", hint="encrypt it again"
        )
    else:
        hint = "encrypt it, and replace the value: Git's history keeps the plain one"
        yield Finding(id="E_PLAINTEXT", where=path, message="not encrypted (no SOPS, age or PGP)", hint=hint)


def _has_form(path: str, data: bytes) -> bool:
    """True when a file looks like what its name says; damage is found when it is opened."""
    if is_raw(path):
        return is_age(data) if path.lower().endswith(".age") else is_pgp(data)
    return is_sops(data, form_of(path))
