"""What makes two simulated runs of one schedule the same: no threads, no wall clock, nothing verified twice.

Inside ``repeatable()`` the Lease is renewed by nobody (its thread goes by the wall clock), work that steps give to
a pool is done in order, and an envelope's signature is checked once for all worlds of the process: the same bytes
under the same key have the same answer.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from typing import Any

from bootstrap.adapters.root import derived_keys
from bootstrap.engine import lock
from bootstrap.ledger import batch, canonical, chain, envelope, statement
from bootstrap.steps.context import flight
from bootstrap.steps.secrets import handing_over
from tests.support.simulated_clock import SimulatedClock


class QuietHeartbeat:
    def __init__(self, *_: Any) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def check(self) -> None: ...


class InOrder:
    """A pool of one worker: the caller."""

    def __init__(self, _: int) -> None: ...
    def shutdown(self, **_: bool) -> None: ...
    def submit(self, work: Callable[[], Any]) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)
        return done


PATCHES: tuple[tuple[Any, str, Any], ...] = (
    (lock, "Heartbeat", QuietHeartbeat),
    (derived_keys, "now", lambda: SimulatedClock().now()),
    (flight, "ThreadPoolExecutor", InOrder),
    (chain, "open_envelope", cache(envelope.open_envelope)),
    (statement, "decode", cache(statement.decode)),
    (batch, "split", cache(batch.split)),
    (canonical, "sha256", cache(canonical.sha256)),
)


@contextmanager
def repeatable() -> Iterator[None]:
    with _patched(PATCHES):
        yield


@contextmanager
def overlapping() -> Iterator[None]:
    """Repeatable, and the few secrets that there are go in three batches, of which two are always under way."""
    with _patched((*PATCHES, (handing_over, "BATCH", 3))):
        yield


@contextmanager
def _patched(patches: tuple[tuple[Any, str, Any], ...]) -> Iterator[None]:
    kept = [(module, name, getattr(module, name)) for module, name, _ in patches]
    for module, name, double in patches:
        setattr(module, name, double)
    try:
        yield
    finally:
        for module, name, value in kept:
            setattr(module, name, value)
