"""Rules of ``vault/**``: no declared policy reaches further than its bearer may (D6, S2, S3, INV6)."""

import re
from collections.abc import Iterator

from bootstrap.intent.findings import Finding, of_error
from bootstrap.intent.hcl import Grant, read_policy
from bootstrap.model import layout
from bootstrap.model.catalog import Intent
from bootstrap.model.errors import DefinitionError
from bootstrap.model.names import TRANSIT_MOUNT, kv_data
from bootstrap.ports import IntentRepository

_WRITES = frozenset(("create", "update", "patch", "delete", "sudo"))
# Who can write here makes itself everything else: policies, logins, identities, the seal.
_ROOTLIKE = (
    "sys/policy",
    "sys/policies",
    "sys/auth",
    "sys/generate-root",
    "sys/rekey",
    "sys/raw",
    "auth/",
    "identity/",
)
_ROOT_POLICY = re.compile(rb"""\b(?:token_)?policies["']?\s*[:=]\s*[^\n]*\broot\b""")
# Vault keeps no batch token, so nothing ends one that a restored snapshot, or a leak, has made valid again.
_BATCH = re.compile(rb"""\btoken_type["']?\s*[:=]\s*["']?(?:default-)?batch\b""")
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
        yield from _root(path, data)
        yield from _batch(path, data)


def _wide(path: str, grant: Grant, handed_over: dict[str, str]) -> Iterator[Finding]:
    where = f"{path}:{grant.line}"
    if why := _too_much(grant):
        message = f'path "{grant.path}": {why}'
        yield Finding(id="E_POLICY_WIDE", where=where, message=message, hint=_NARROW)
        return
    reached = sorted(name for below, name in handed_over.items() if _covers(grant.path, kv_data(below)))
    if grant.capabilities & _WRITES and reached:
        message = f'path "{grant.path}" lets its bearer write {", ".join(reached)}: a second authority'
        yield Finding(id="E_POLICY_WIDE", where=where, message=message, hint="grant read only")


def _too_much(grant: Grant) -> str:
    if "sudo" in grant.capabilities:
        return "sudo is for nobody"
    if grant.path.strip("/") in ("*", "+", "+/*", "secret/*", "secret/data/*", "secret/+/*"):
        return "it reaches every secret"
    if grant.capabilities & _WRITES and any(_overlaps(grant.path, prefix) for prefix in _ROOTLIKE):
        return "whoever can write there can make itself root"
    if grant.capabilities & _WRITES and _overlaps(grant.path, f"{TRANSIT_MOUNT}/"):
        return "it signs the ledger as Vault does, or changes the key that does"
    return ""


def _overlaps(pattern: str, prefix: str) -> bool:
    """True when a pattern reaches something below ``prefix``."""
    begin = re.split(r"[*+]", pattern, maxsplit=1)[0]
    return begin.startswith(prefix) or (pattern != begin and prefix.startswith(begin))


def _covers(pattern: str, path: str) -> bool:
    """Vault's globs: ``+`` is one segment, ``*`` at the end is any ending."""
    parts = re.split(r"([+*])", pattern)
    expression = "".join({"+": "[^/]+", "*": ".*"}.get(part, re.escape(part)) for part in parts)
    return re.fullmatch(expression, path) is not None


def _root(path: str, data: bytes) -> Iterator[Finding]:
    if found := _ROOT_POLICY.search(data):
        message = "the policy root is given to a role"
        yield Finding(id="E_POLICY_WIDE", where=_line(path, data, found), message=message, hint=_NARROW)


def _batch(path: str, data: bytes) -> Iterator[Finding]:
    if found := _BATCH.search(data):
        message = "it gives batch tokens: nobody can revoke one, and a restore cannot end it"
        hint = "token_type: service, with a short token_ttl"
        yield Finding(id="E_BATCH_TOKEN", where=_line(path, data, found), message=message, hint=hint)


def _line(path: str, data: bytes, found: re.Match[bytes]) -> str:
    line = data.count(b"\n", 0, found.start()) + 1
    return f"{path}:{line}"
