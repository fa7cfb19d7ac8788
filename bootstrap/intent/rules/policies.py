"""Rules of ``vault/**``: no declared policy reaches further than its bearer may (D6, S2, S3, INV6)."""

import re
from collections.abc import Iterator
from typing import Any

from bootstrap.intent.findings import Finding, of_error
from bootstrap.intent.hcl import Grant, read_policy
from bootstrap.intent.manifests import documents_of
from bootstrap.intent.plain_secrets import SUFFIXES
from bootstrap.intent.vault_reach import control, reads_all, writes
from bootstrap.model import layout
from bootstrap.model.catalog import Intent
from bootstrap.model.errors import DefinitionError
from bootstrap.ports import IntentRepository

# A key and its value: one line, a list in brackets over several, or a list of lines with a dash.
_SETTING = re.compile(
    rb"""^[^#\n]*?\b(token_type|\w*policies)["']?\s*[:=]\s*(\[[^\]]{0,2000}\]|(?:-[^\n]*\s*)+|[^\n]*)""",
    re.MULTILINE,
)
_WORD = re.compile(r"[A-Za-z0-9_.-]+")
_COMMENT = re.compile(r"(?:^|\s)#[^\n]*")
# Vault keeps no batch token, so nothing ends one that a restored snapshot, or a leak, has made valid again.
_BATCH = frozenset(("batch", "default-batch"))
_NARROW = "name the paths and capabilities that it needs"


def judge(repository: IntentRepository, intent: Intent | None) -> Iterator[Finding]:
    """E_POLICY for what cannot be read, E_POLICY_WIDE with ``file:line`` for what grants too much, E_BATCH_TOKEN for
    what gives tokens that cannot be revoked."""
    handed_over = {s.path: s.name for s in intent.handovers if s.path} if intent else {}
    for path in (p for p in repository.paths() if p.startswith(layout.VAULT)):
        data = repository.read(path)
        if path.endswith(".hcl"):
            try:
                for grant in read_policy(path, data):
                    yield from _wide(path, grant, handed_over)
            except DefinitionError as error:
                yield of_error(error)
        yield from _roles(path, data)


def _wide(path: str, grant: Grant, handed_over: dict[str, str]) -> Iterator[Finding]:
    where = f"{path}:{grant.line}"
    if why := _too_much(grant):
        message = f'path "{grant.path}": {why}'
        yield Finding(id="E_POLICY_WIDE", where=where, message=message, hint=_NARROW)
    elif reached := sorted(name for below, name in handed_over.items() if writes((grant,), below)):
        message = f'path "{grant.path}" lets its bearer write {", ".join(reached)}: a second authority'
        yield Finding(id="E_POLICY_WIDE", where=where, message=message, hint="grant read only")


def _too_much(grant: Grant) -> str:
    if "sudo" in grant.capabilities:
        return "sudo is for nobody"
    if reads_all(grant):
        return "it reaches every secret"
    if power := ", ".join(control((grant,))):
        return f"whoever can write there has power over who may do what: {power}"
    return ""


def _roles(path: str, data: bytes) -> Iterator[Finding]:
    """What a role gives. Vault takes names of policies in any case."""
    for line, name, value in _settings(path, data):
        words = set(_WORD.findall(value))
        if name.endswith("policies") and "root" in {word.lower() for word in words}:
            message = "the policy root is given to a role"
            yield Finding(id="E_POLICY_WIDE", where=f"{path}:{line}", message=message, hint=_NARROW)
        if name == "token_type" and words & _BATCH:
            message = "it gives batch tokens: nobody can revoke one, and a restore cannot end it"
            hint = "token_type: service, with a short token_ttl"
            yield Finding(id="E_BATCH_TOKEN", where=f"{path}:{line}", message=message, hint=hint)


def _settings(path: str, data: bytes) -> Iterator[tuple[int, str, str]]:
    """Line, key and value of what says which policies or tokens a role gives: as YAML has it, else as text."""
    try:
        read = documents_of(path, data) if path.endswith(SUFFIXES) else []
    except DefinitionError:
        read = []
    documents = [document for document in read if isinstance(document, dict | list)]
    for key, value in (found for document in documents for found in _leaves(document)):
        at = max(data.find(key.encode()), 0)
        yield data.count(b"\n", 0, at) + 1, key, value
    if not documents:
        for found in _SETTING.finditer(data):
            text = _COMMENT.sub("", found[2].decode("utf-8", "replace"))
            yield data.count(b"\n", 0, found.start(1)) + 1, found[1].decode(), text


def _leaves(node: Any) -> Iterator[tuple[str, str]]:
    """Keys with what they hold as text; a list's items in one."""
    if isinstance(node, list):
        for item in node:
            yield from _leaves(item)
    if isinstance(node, dict):
        for key, value in node.items():
            held = value if isinstance(value, list) else [value]
            yield str(key), " ".join(str(item) for item in held if not isinstance(item, list | dict))
            yield from _leaves(value)
