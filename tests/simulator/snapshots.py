"""Raft snapshots of the simulated Vault: written as the real one writes them, and what one becomes when it is forced.

The entries hold digests of what is there; the content itself stays in this process, found by an entry's name. Which
tokens live again, the entries say: those that a restore leaves out do not.
"""

import gzip
import hashlib
import itertools
import json
import tarfile
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bootstrap.adapters.vault.barrier import Entries
from bootstrap.model.errors import EvidenceError
from tests.simulator.cluster import copied
from tests.support import raft_snapshots

if TYPE_CHECKING:
    from tests.simulator.vault import Secret, Store

LOOKS = 3  # at a node until what was forced has taken the store's place
CONTENT = "logical/simulated/"  # an entry whose name says which content it is
TOKEN = "sys/token/id/h"

_kept: dict[str, "Store"] = {}
_numbers = itertools.count(1)


@dataclass
class Forced:
    """Taken, and not there yet. ``process`` is the pod's UID: with it the work ends."""

    store: "Store"
    process: str
    looks: int = LOOKS

    def is_done(self) -> bool:
        self.looks -= 1
        return self.looks <= 0


def archived(store: "Store") -> bytes:
    number = str(next(_numbers))
    _kept[number] = _copy(store)
    barrier = raft_snapshots.Store(share=bytes.fromhex(store.share))
    tokens = [barrier.token(t.accessor, *t.policies) for t in store.tokens.values()]
    accessors = [barrier.entry(f"sys/token/accessor/h{t.accessor}", b"{}") for t in store.tokens.values()]
    named = [(path, json.dumps(str(secret.versions)).encode()) for path, secret in store.secrets.items()]
    secrets = [barrier.entry(f"logical/{path}", content) for path, content in named]
    audit = barrier.entry("core/audit", b"G" + gzip.compress(json.dumps(_table(store)).encode(), mtime=0))
    more = (audit, *tokens, *accessors, *secrets, barrier.entry(CONTENT + number, b"{}"))
    return raft_snapshots.snapshot(barrier, barrier.entries(*more, cluster=store.cluster_id))


def _table(store: "Store") -> dict[str, object]:
    entries = [{"path": path, **device} for path, device in sorted(store.audit.items())]
    return {"type": "audit", "entries": entries}


def opened(data: bytes) -> "Store | None":
    """The store that the file makes; None for a file that the server refuses."""
    try:
        members = raft_snapshots.unpacked(data)
        names: list[str] = []
        entries = Entries(lambda name, _: names.append(name))
        entries.feed(members["state.bin"])
        entries.close()
    except (OSError, EOFError, KeyError, gzip.BadGzipFile, tarfile.TarError, EvidenceError):
        return None
    sums = {name: hashlib.sha256(members[name]).hexdigest() for name in ("meta.json", "state.bin")}
    if members.get("SHA256SUMS", b"").decode() != "".join(f"{d}  {n}\n" for n, d in sums.items()):
        return None
    store = _copy(_kept[next(name for name in names if name.startswith(CONTENT)).removeprefix(CONTENT)])
    live = {name.removeprefix(TOKEN) for name in names if name.startswith(TOKEN)}
    store.tokens = {text: token for text, token in store.tokens.items() if token.accessor in live}
    return store


def _copy(store: "Store") -> "Store":
    """Of what is stored; what is under way, and the log, is not in it."""
    return type(store)(
        share=store.share,
        cluster_id=store.cluster_id,
        tokens={text: copy(token) for text, token in store.tokens.items()},
        mounts=copied(store.mounts),
        auth=copied(store.auth),
        audit=copied(store.audit),
        headers=copied(store.headers),
        plain=copied(store.plain),
        secrets={path: _secret(secret) for path, secret in store.secrets.items()},
        transit_keys={name: replace(key, flags=dict(key.flags)) for name, key in store.transit_keys.items()},
        pki=replace(store.pki, waiting=list(store.pki.waiting), issuers=dict(store.pki.issuers)),
    )


def _secret(secret: "Secret") -> "Secret":
    return replace(
        secret,
        metadata=copied(secret.metadata),
        versions=copied(secret.versions),
        deleted=set(secret.deleted),
        destroyed=set(secret.destroyed),
    )
