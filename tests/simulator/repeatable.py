"""What makes two simulated runs of one schedule the same: no threads, no wall clock, nothing verified twice.

Inside ``repeatable()`` the Lease is renewed by nobody (its thread goes by the wall clock), work that steps give to
a pool is done in order, and an envelope's signature is checked once for all worlds of the process: the same bytes
under the same key have the same answer.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from bootstrap.engine import lock
from bootstrap.intent.manifests import parse_manifests
from bootstrap.ledger import batch, canonical, chain, envelope, statement
from bootstrap.ports import Object
from bootstrap.steps import permissions
from bootstrap.steps.kinds import handover, manifests
from tests.simulator.cluster import copied


class QuietHeartbeat:
    def __init__(self, *_: Any) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def check(self) -> None: ...


class InOrder:
    """A pool of one worker: the caller."""

    def __init__(self, _: int) -> None: ...
    def __enter__(self) -> "InOrder":
        return self

    def __exit__(self, *_: object) -> None: ...
    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        return map(work, items)


@cache
def _parsed(path: str, data: bytes) -> tuple[Object, ...]:
    return tuple(parse_manifests(path, data))


def parsed(path: str, data: bytes) -> list[Object]:
    return [copied(obj) for obj in _parsed(path, data)]


PATCHES: tuple[tuple[Any, str, Any], ...] = (
    (lock, "Heartbeat", QuietHeartbeat),
    (handover, "ThreadPoolExecutor", InOrder),
    (manifests, "parse_manifests", parsed),
    (permissions, "parse_manifests", _parsed),  # it only looks
    (chain, "open_envelope", cache(envelope.open_envelope)),
    (statement, "decode", cache(statement.decode)),
    (batch, "split", cache(batch.split)),
    (canonical, "sha256", cache(canonical.sha256)),
)


@contextmanager
def repeatable() -> Iterator[None]:
    kept = [(module, name, getattr(module, name)) for module, name, _ in PATCHES]
    for module, name, double in PATCHES:
        setattr(module, name, double)
    try:
        yield
    finally:
        for module, name, value in kept:
            setattr(module, name, value)
