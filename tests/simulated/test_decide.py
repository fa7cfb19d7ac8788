"""Deciding asks nobody: with every port shut, one observation gives the same decision twice, on any road."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.records.folder import FolderRecords
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import BootstrapError
from bootstrap.model.plan import Step
from bootstrap.operations.abandon.runner import PARTS
from bootstrap.operations.abandon.runner import STEPS as ABANDON
from bootstrap.steps.authority.approvals import RECOVER_QUORUM
from bootstrap.steps.base import Kind
from bootstrap.steps.context.world import World
from bootstrap.steps.registry import KINDS, kind_class
from tests.simulator.faults import Fault, Killed, Schedule
from tests.simulator.losses import lose_nodes
from tests.simulator.platform import SimulatedPlatform, scaffolded, with_snapshots
from tests.simulator.repeatable import repeatable
from tests.simulator.restoring import begun
from tests.support.simulated_clock import SimulatedClock

NEVER_ACT = {"root-trust", "preflight"}  # what they want, people bring
ONLY_RESTORING = {"restore-begun", "vault-restored"}
ONLY_RECOVERING = {"vault-recovered"}
ONLY_REKEYED = {"vault-old-shares"}  # what an interrupted rekey left
EVERY = 6  # writes between two places to kill a run at; the root token lives for more of them


class TouchedError(Exception):
    """Something was asked while deciding."""


@dataclass
class Gate:
    shut: bool = False


class Guarded:
    """A port that answers while the gate is open."""

    def __init__(self, target: Any, gate: Gate) -> None:
        self._target = target
        self._gate = gate

    def __getattr__(self, name: str) -> Any:
        if self._gate.shut:
            raise TouchedError(f"{type(self._target).__name__}.{name}")
        return getattr(self._target, name)


def guarded(platform: SimulatedPlatform, gate: Gate) -> World:
    """The world of a new process, all of whose ports are behind the gate."""
    world = platform.world(
        cluster=Guarded(platform.cluster, gate),
        vault=Guarded(platform.vault, gate),
        records=Guarded(FolderRecords(platform.records), gate),
        clock=Guarded(SimulatedClock(), gate),
    )
    for name in ("session", "material", "files", "ledger", "proof", "narrator"):
        setattr(world, name, Guarded(getattr(world, name), gate))
    return world


def decided(kind: Kind, gate: Gate) -> Decision:
    """The decision that two calls agree on. TouchedError where one of them asked a port."""
    seen = kind.observe()
    gate.shut = True
    try:
        first, second = kind.decide(seen), kind.decide(seen)
    finally:
        gate.shut = False
    assert told(first) == told(second)
    return first


def told(decision: Decision) -> Any:
    """Errors are made anew each time, and equal only to themselves."""
    if isinstance(decision, Blocked):
        error = decision.error
        return type(error), error.message, error.code, error.where, error.hint
    return decision


def decisions(platform: SimulatedPlatform) -> Iterator[tuple[str, Decision]]:
    """By kind and part, wherever something can be observed."""
    gate = Gate()
    with repeatable():
        world = guarded(platform, gate)
        kinds = [(s.kind, kind_class(s.kind)(s, world)) for s in world.plan.steps]
        kinds += [(s.kind, PARTS[s.kind](s, world)) for s in ABANDON]
        for name, kind in kinds:
            with suppress(BootstrapError):
                yield name, decided(kind, gate)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"), with_snapshots)


def test_no_decision_asks_a_port_on_any_road(tmp_path: Path, repository: Path) -> None:
    """An empty cluster, runs killed all along the road, a finished one: each kind is seen to act, and satisfied."""
    found: dict[str, set[type]] = {}
    killed = True
    for writes in count(0, EVERY):
        platform = SimulatedPlatform(tmp_path / str(writes), repository)
        if writes:
            killed = stopped(platform, writes)
        for name, decision in decisions(platform):
            found.setdefault(name, set()).add(type(decision))
        if not killed:
            break
    assert set(found) == {*KINDS, *PARTS}
    assert {name for name, kinds in found.items() if Act not in kinds} == (
        NEVER_ACT | ONLY_RESTORING | ONLY_RECOVERING | ONLY_REKEYED
    )
    assert {name for name, kinds in found.items() if Satisfied not in kinds} == set()


def test_no_decision_asks_a_port_while_a_snapshot_is_restored(tmp_path: Path, repository: Path) -> None:
    with repeatable():
        lost = begun(tmp_path / "lost", repository)
    found: dict[str, set[type]] = {}
    for writes in range(0, 120, 12):
        platform = lost.another(tmp_path / str(writes))
        if writes:
            stopped(platform, writes)
        for name, decision in decisions(platform):
            found.setdefault(name, set()).add(type(decision))
        platform.restore = None  # as a plain `up` sees it
        for name, decision in decisions(platform):
            found.setdefault(name, set()).add(type(decision))
    assert all({Act, Satisfied} <= found[name] for name in ONLY_RESTORING)
    assert Blocked in found["vault-restored"]


def test_no_decision_asks_a_port_while_a_quorum_is_recovered(tmp_path: Path, repository: Path) -> None:
    found: set[type] = set()
    platform = SimulatedPlatform(tmp_path, repository)
    with repeatable():
        platform.up()
    lose_nodes(platform, 0, 2)
    platform.approved = (RECOVER_QUORUM,)
    for writes in (2, 3, 4, 5, 6):
        found |= {type(decision) for name, decision in decisions(platform) if name in ONLY_RECOVERING}
        with repeatable():
            stopped(platform, writes)
    lose_nodes(platform, 1, waiting=True)
    found |= {type(decision) for name, decision in decisions(platform) if name in ONLY_RECOVERING}
    assert found == {Act, Blocked}


def stopped(platform: SimulatedPlatform, writes: int) -> bool:
    """One `up`, killed after so many writes; False where it came to its end before."""
    schedule = Schedule(Fault.KILL_AFTER, writes, only_writes=True)
    with suppress(Killed):
        platform.up(**schedule.ports(platform))
    return schedule.fired


class Looks:
    """Decides by a look of its own."""

    def __init__(self, step: Step, world: World) -> None:
        self.world = world

    def observe(self) -> Any:
        return self.world.cluster.version()

    def decide(self, seen: Any) -> Decision:
        return Satisfied(self.world.cluster.version())

    def act(self, seen: Any) -> None: ...


class Counts(Looks):
    """Decides by how often it was asked."""

    asked = 0

    def decide(self, seen: Any) -> Decision:
        self.asked += 1
        return Satisfied(f"asked {self.asked} times")


@pytest.mark.parametrize(("kind", "error"), [(Looks, TouchedError), (Counts, AssertionError)])
def test_an_impure_decision_is_found(
    kind: Any, error: type[Exception], tmp_path: Path, repository: Path
) -> None:
    gate = Gate()
    world = guarded(SimulatedPlatform(tmp_path, repository), gate)
    with pytest.raises(error):
        decided(kind(Step(id="x", kind="x", phase="", title=""), world), gate)
