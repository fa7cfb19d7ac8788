"""A snapshot that was judged and opened with the root: where the authority comes from in a restore (INV1)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.head import Head
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.snapshot import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotSource:
    """``digest`` is the hex SHA-256 of the file, ``where`` its path.

    ``saved`` are the strings that Vault held of bootstrap secrets, by secret and field. ``sent`` says in words and
    numbers what a restore sends of Vault's snapshot; ``send`` gives those bytes away in parts. ``audit`` are its audit
    devices, as TYPE or file:PATH. ``rehearsed``: for a drill, which begins in an empty cluster.
    """

    digest: str
    where: str
    manifest: Manifest
    ledger: Ledger
    head: Head
    saved: Mapping[str, Mapping[str, Sensitive]]
    audit: tuple[str, ...]
    sent: Mapping[str, str]
    send: Callable[[Callable[[bytes], object]], None]
    rehearsed: bool = False
