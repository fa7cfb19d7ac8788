"""Kubernetes Secrets whose content lies in the clear, wherever in the tree they are (B1, S3)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bootstrap.intent.findings import Finding
from bootstrap.intent.manifests import of_kind, parse_manifests
from bootstrap.model.errors import DefinitionError
from bootstrap.model.outside import decimal

SUFFIXES = (".yaml", ".yml", ".json")
_SECRET = of_kind("Secret", "SecretList")
_NAMED = re.compile(rb"\bkind: *[\"']?Secret(?:List)?\b")
_CONTENT = re.compile(rb"""\b(?:stringData|data)["']?\s*:""")
_SEPARATOR = re.compile(rb"^---.*$", re.MULTILINE)
_SEALED = "ENC[AES256_GCM,"


def plain_secrets(path: str, data: bytes) -> Iterator[Finding]:
    """E_PLAINTEXT with ``path:line``. Only documents that mention a Secret are parsed: bundles are large."""
    if not path.endswith(SUFFIXES) or not _SECRET.search(data):
        return
    begin = 0
    for end in [*(m.start() for m in _SEPARATOR.finditer(data)), len(data)]:
        document, start, begin = data[begin:end], begin, end
        catalog = b"bootstrap/v1" in document and b"\\" not in document and not _CONTENT.search(document)
        if _SECRET.search(document) and not catalog:
            line = data.count(b"\n", 0, start) + 1
            yield from _in_document(f"{path}:{line}", document)


def _in_document(where: str, document: bytes) -> Iterator[Finding]:
    try:
        objects = parse_manifests(where.rsplit(":", 1)[0], document)
    except DefinitionError as error:
        if not _NAMED.search(document):
            return  # reported where manifests are applied
        message = f"this manifest cannot be read: {error.message}"
        yield Finding(id=error.code, where=_within(where, error.where), message=message, hint=error.hint)
        return
    for obj in objects:
        if obj["kind"] == "Secret" and any(_in_clear(obj.get(part)) for part in ("data", "stringData")):
            hint = "encrypt it below encrypted/ and describe it in secrets/ (`bootstrap import` does both)"
            message = f"a manifest holds Secret {obj['metadata']['name']} in the clear"
            yield Finding(id="E_PLAINTEXT", where=where, message=message, hint=hint)


def _within(where: str, inner: str) -> str:
    """The line of the file, from where the document begins and the line in it."""
    path, first = where.rsplit(":", 1)
    line = inner.rpartition(":")[2]
    found = decimal(line)
    return where if found is None else f"{path}:{int(first) + found - 1}"


def _in_clear(content: Any) -> bool:
    """True when something is there that SOPS has not sealed."""
    values = content.values() if isinstance(content, Mapping) else [content]
    return any(value and not (isinstance(value, str) and value.startswith(_SEALED)) for value in values)
