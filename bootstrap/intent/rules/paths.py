"""Rules of Vault paths: conventions, reserved prefixes, and one owner for each path (D3, INV4)."""

import re
from collections.abc import Iterable, Iterator
from itertools import chain

from bootstrap.intent.findings import Finding, Level
from bootstrap.model.catalog import Intent, Internal, Secret

RESERVED = ("sys", "auth", "identity", "cubbyhole", "bootstrap")
PUSHERS = {"InternalSecret": "platform-data", "InternalConfig": "platform-config"}
_SEGMENT = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_PATH = re.compile(rf"{_SEGMENT}(?:/{_SEGMENT})*")
_MAX = 512
_Entry = Secret | Internal


def judge(intent: Intent) -> Iterator[Finding]:
    for entry, path in _paths(intent):
        yield from _form(entry, path)
        yield from _reach(entry, path)
        yield from _environment(entry, path, intent.platform.environments)
    yield from _owners(_paths(intent))


def _paths(intent: Intent) -> Iterator[tuple[_Entry, str]]:
    entries: Iterator[_Entry] = chain(intent.secrets, intent.internals)
    return ((entry, entry.path) for entry in entries if entry.path is not None)


def _form(entry: _Entry, path: str) -> Iterator[Finding]:
    if len(path) <= _MAX and _PATH.fullmatch(path):
        first = path.split("/", 1)[0]
        if first in RESERVED:
            message = f"{entry.name}: paths below {first}/ are not for secrets of the catalog"
            yield Finding(
                id="E_DEST_RESERVED", where=entry.where, message=message, hint="choose another prefix"
            )
        return
    hint = (
        "lower case letters, digits and hyphens, divided by single slashes, such as applications/web/session"
    )
    message = f"{entry.name}: path {path!r} does not follow the conventions"
    yield Finding(id="E_DEST_PATH", where=entry.where, message=message, hint=hint)


def _reach(entry: _Entry, path: str) -> Iterator[Finding]:
    """What pushers may write lies apart from what is handed over; the authority fence rests on it."""
    first, *rest = path.split("/")
    if isinstance(entry, Secret):
        if first in PUSHERS.values():
            message = f"{entry.name}: paths below {first}/ belong to PushSecrets"
            hint = "choose another path, or describe it as an InternalSecret or InternalConfig"
            yield Finding(id="E_DEST_PUSHER", where=entry.where, message=message, hint=hint)
        return
    prefix = PUSHERS[entry.kind]
    if first != prefix or len(rest) != 2:
        last = "consumer" if prefix == "platform-data" else "instance"
        message = f"{entry.name}: an {entry.kind}'s path is {prefix}/{{datasource}}/{{{last}}}"
        hint = f"such as path: {prefix}/{entry.source.namespace}/{entry.name}"
        yield Finding(id="E_DEST_PATH", where=entry.where, message=message, hint=hint)


def _environment(entry: _Entry, path: str, environments: tuple[str, ...]) -> Iterator[Finding]:
    """One intent serves every environment (PH4): a path that names one would be wrong in all others."""
    if not environments:
        return
    for name in sorted(set(path.split("/")) & set(environments)):
        message = f"{entry.name}: the path names the environment {name}"
        hint = "leave it out: each environment has its own Vault"
        yield Finding(id="E_DEST_PATH", where=entry.where, message=message, hint=hint)


def _owners(entries: Iterable[tuple[_Entry, str]]) -> Iterator[Finding]:
    first: dict[str, _Entry] = {}
    for entry, path in entries:
        if path in first:
            other = first[path]
            message = f"{entry.name} and {other.name} ({other.where}) have one path, {path}"
            yield Finding(id="E_DUP_DEST", where=entry.where, message=message, hint="give each its own path")
        first.setdefault(path, entry)
    for path, entry in first.items():
        for parent in _parents(path):
            if parent in first:
                message = f"{entry.name}: its path lies below that of {first[parent].name}, {parent}"
                hint = "a policy for one is easily written too wide for the other"
                where = entry.where
                yield Finding(id="W_DEST_NEST", where=where, message=message, hint=hint, level=Level.WARNING)


def _parents(path: str) -> Iterator[str]:
    end = path.rfind("/")
    while end > 0:
        yield path[:end]
        end = path.rfind("/", 0, end)
