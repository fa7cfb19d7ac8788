"""What the entries of a raft snapshot tell of their Vault, value-free: its version, its id, the tokens alive in it."""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bootstrap.adapters.vault.barrier import ABOVE, CLEAR, UNSEAL_KEYS, Barrier, Entries
from bootstrap.adapters.vault.raft_archive import form
from bootstrap.model.errors import EvidenceError
from bootstrap.model.outside import json_value
from bootstrap.model.sensitive import Sensitive

TOKENS: Final = "sys/token/id/"
CLUSTER: Final = "core/cluster/local/info"
VERSIONS: Final = "core/versions/"
AUDIT: Final = ("core/audit", "core/local-audit")  # tables of audit devices, compressed
_GZIP: Final = b"G"  # how Vault marks what it compressed so
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Token:
    """A token that would live again. ``display_name`` is what made it called it."""

    accessor: str
    policies: tuple[str, ...]
    display_name: str


class Found:
    """The entries that open all others, picked out of the state while it passes."""

    def __init__(self) -> None:
        self.entries = Entries(self._take)
        self._above: dict[str, bytes] = {}

    def _take(self, path: str, value: bytes) -> None:
        if path in ABOVE:
            self._above[path] = value

    def barrier(self, share: Sensitive) -> Barrier:
        """EvidenceError E_RAFT_FORM where they are not there, E_RAFT_SHARE where the share does not open them."""
        if missing := [path for path in ABOVE if path not in self._above]:
            raise form(f"it holds no {missing[0]}: what it copied was no initialised Vault")
        unseal_keys, keyring = (self._above[path] for path in ABOVE)
        return Barrier.opened(share, unseal_keys, keyring)


@dataclass(slots=True)
class Census:
    """Opens every entry; none may be left that does not. EvidenceError E_RAFT_ENTRY names the first that does not."""

    barrier: Barrier
    opened: int = 0
    clear: list[str] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    audit: list[str] = field(default_factory=list)  # devices, as TYPE or file:PATH
    cluster: str = ""

    def take(self, path: str, value: bytes) -> None:
        if path in CLEAR:
            self.clear.append(path)
            return
        if path == UNSEAL_KEYS:  # sealed by the share itself, which opened it
            return
        if path in ABOVE:
            self.opened += 1  # by the root key, before this census began
            return
        plaintext = self.barrier.open(path, value)
        self.opened += 1
        if path.startswith(TOKENS):
            self.tokens.append(_token(path, plaintext))
        elif path.startswith(VERSIONS):
            self.versions.append(path.removeprefix(VERSIONS))
        elif path in AUDIT:
            self.audit += _devices(path, plaintext)
        elif path == CLUSTER:
            self.cluster = str(_document(path, plaintext).get("id") or "")

    @property
    def version(self) -> str:
        """The newest release of Vault that wrote here; empty where none did."""
        numbered = [tuple(map(int, release(v).split("."))) for v in self.versions if release(v)]
        return ".".join(map(str, max(numbered))) if numbered else ""


def release(version: str) -> str:
    """``1.21.1`` of that and of ``1.21.1+ent``; empty for what is no version."""
    found = _VERSION.match(version)
    return found.group() if found else ""


def _token(path: str, plaintext: Sensitive) -> Token:
    document = _document(path, plaintext)
    policies = document.get("policies")
    return Token(
        accessor=str(document.get("accessor") or ""),
        policies=tuple(map(str, policies)) if isinstance(policies, list) else (),
        display_name=str(document.get("display_name") or ""),
    )


def _devices(path: str, plaintext: Sensitive) -> Iterator[str]:
    """EvidenceError E_RAFT_ENTRY where the table is of another form."""
    data = plaintext.reveal()
    try:
        plain = gzip.decompress(data[1:]) if data[:1] == _GZIP else data
    except (OSError, EOFError, zlib.error):
        plain = b""
    entries = _document(path, Sensitive(plain, path)).get("entries")
    for entry in entries if isinstance(entries, list) else ():
        options = entry.get("options") or {}
        yield (
            f"file:{options.get('file_path', '')}" if entry.get("type") == "file" else str(entry.get("type"))
        )


def _document(path: str, plaintext: Sensitive) -> dict[str, object]:
    try:
        found = json_value(plaintext.reveal())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise EvidenceError(
            f"an entry of Vault's snapshot is of no form that is known: {path}", code="E_RAFT_ENTRY"
        )
    return found
