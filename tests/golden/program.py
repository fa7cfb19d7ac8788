"""The one place of these tests that knows modules of the program: a command reaches a simulated platform."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from bootstrap.cli import compose
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import repeatable


@contextmanager
def reaching(platform: SimulatedPlatform, ports: dict[str, Any]) -> Iterator[None]:
    """Commands inside reach the simulated platform; ``ports`` are given instead of its own (``world``)."""

    @contextmanager
    def world(
        _: Any,
        prepared: Any,
        narrator: Any,
        *,
        approvals: frozenset[str] = frozenset(),
        restore: Path | None = None,
    ) -> Iterator[Any]:
        assert restore is None, "no road of these restores"
        made = platform.world(**ports)
        assert made.plan == prepared.plan, "the simulated platform is of another commit"
        made.narrator, made.approvals = narrator, approvals
        try:
            yield made
        finally:
            made.session.close()

    with repeatable(), mock.patch.object(compose, "world", world):
        yield
