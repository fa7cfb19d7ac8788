"""Toy kinds for the engine's tests: each makes one object, or two, and knows nothing of Vault."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.plan import Phase, Plan, Step
from bootstrap.ports import Cluster, Ref
from bootstrap.steps.context.look import Look
from bootstrap.steps.context.world import Run, World
from tests.simulator.narrator import Remembered
from tests.support.simulated_clock import SimulatedClock

SYSTEM = Ref("v1", "Namespace", "bootstrap-system")


class Nothing:
    """A check that finds nothing to do."""

    def __init__(self, step: Step, world: World) -> None:
        self.step, self.world = step, world

    def observe(self) -> Any:
        return self.world.cluster.version()

    def decide(self, seen: Any) -> Decision:
        return Satisfied(str(seen))

    def act(self, seen: Any) -> None:
        raise AssertionError("a check has nothing to do")


class Make(Nothing):
    """Makes what ``wanted`` says, in order, create-only; satisfied when all of it is there."""

    def wanted(self) -> list[Ref]:
        return [Ref("v1", "ConfigMap", self.step.id, "bootstrap-system")]

    def observe(self) -> list[Ref]:
        return [ref for ref in self.wanted() if self.world.cluster.get(ref) is None]

    def decide(self, seen: list[Ref]) -> Decision:
        return Act(f"create {seen[0]}") if seen else Satisfied("all there")

    def act(self, seen: list[Ref]) -> None:
        for ref in seen:
            metadata = {"name": ref.name, "namespace": ref.namespace}
            self.world.cluster.create({"apiVersion": ref.api, "kind": ref.kind, "metadata": metadata})


class Claim(Make):
    def wanted(self) -> list[Ref]:
        return [SYSTEM]


class Pair(Make):
    def wanted(self) -> list[Ref]:
        return [Ref("v1", "ConfigMap", f"{self.step.id}-{n}", "bootstrap-system") for n in "ab"]


TOYS: dict[str, Any] = {"check": Nothing, "claim": Claim, "make": Make, "pair": Pair}


def toy_plan(*kinds: str, commit: str = "c0ffee") -> Plan:
    """A plan of one phase with a step per kind, named by its position."""
    steps = tuple(Step(id=f"s{n}-{k}", kind=k, phase="p", title=f"step {n}") for n, k in enumerate(kinds))
    phase = Phase(id="p", title="toy", authority="Vault", steps=steps)
    return Plan(commit=commit, tool="0", phases=(phase,), document={"commit": commit, "steps": list(kinds)})


def toy_world(
    cluster: object, plan: Plan, run: str = "run-1", approvals: frozenset[str] = frozenset(), **heads: bytes
) -> World:
    """A world that has a cluster, a clock and a narrator; ``heads`` are those of the commit."""
    absent = cast("Any", None)
    return World(
        plan=plan,
        intent=cast("Any", SimpleNamespace(commit=plan.commit, heads=heads)),
        cluster=cast("Cluster", cluster),
        direct=cast("Cluster", cluster),
        look=Look(),
        session=cast("Any", SimpleNamespace()),
        material=absent,
        certificates=absent,
        files=None,
        ledger=absent,
        records=absent,
        proof=absent,
        clock=SimulatedClock(),
        narrator=Remembered(),
        run=Run(id=run, actor="tester"),
        approvals=approvals,
    )


def toy_kinds(**more: Any) -> Callable[[str], Any]:
    return lambda name: {**TOYS, **more}[name]
