"""What lies below manifests/ is applied as Kubernetes would take it, in an order that works (G5)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.resting import rest
from bootstrap.steps.context.world import World
from bootstrap.steps.kinds.manifests import Manifests
from tests.simulator.concurrent import At
from tests.simulator.controllers import OPERATOR, definitions, deployments
from tests.simulator.faults import Call
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.platform import SimulatedPlatform, opened
from tests.support.program import commit_all
from tests.support.simulated_clock import SimulatedClock

NO_LABELS = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: plain
  namespace: orders
  labels:
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: labelled
  namespace: orders
  labels: {team: orders}
"""


def test_labels_are_kept_and_such_that_are_null_are_none(tmp_path: Path) -> None:
    platform = SimulatedPlatform(tmp_path)
    (platform.repository / "manifests/workloads/plain.yaml").write_text(NO_LABELS)
    commit_all(platform.repository)
    opened.cache_clear()
    platform.up()
    ours = {"app.kubernetes.io/managed-by": "bootstrap"}
    for name, labels in (("plain", ours), ("labelled", {"team": "orders", **ours})):
        live = platform.cluster.get(Ref("v1", "ConfigMap", name, "orders"))
        assert live is not None
        assert live["metadata"]["labels"] == labels


def step_for(world: World, component: str) -> HalfwayStep:
    step = next(s for s in world.plan.steps if s.with_ == {"component": component})
    return HalfwayStep(world, Manifests(step, world))


class Applied(At):
    """What was applied, in its order."""

    def __init__(self) -> None:
        super().__init__(lambda _: False, lambda: None)
        self.objects: list[Object] = []

    def __call__(self, call: Call) -> Any:
        if call.name == "apply":
            self.objects.append(call.args[0])
        return super().__call__(call)

    @property
    def kinds(self) -> list[str]:
        return [obj["kind"] for obj in self.objects]


def test_what_defines_is_applied_before_what_uses_and_each_once(platform: SimulatedPlatform) -> None:
    halfway(platform, "manifests")
    applied = Applied()
    step_of(platform, "manifests", **applied.ports(platform)).take()
    assert applied.kinds == [
        "Namespace",
        "CustomResourceDefinition",
        "CustomResourceDefinition",
        "ServiceAccount",
        "ClusterRole",
        "ClusterRoleBinding",
        "Deployment",
    ]
    assert isinstance(step_of(platform, "manifests").decide(), Satisfied)


def test_only_what_differs_is_applied(platform: SimulatedPlatform) -> None:
    halfway(platform, "manifests")
    step_of(platform, "manifests").take()
    role = Ref("rbac.authorization.k8s.io/v1", "ClusterRole", "external-secrets")
    live = platform.cluster.get(role)
    assert live is not None
    platform.cluster.delete(role, uid=live["metadata"]["uid"])
    applied = Applied()
    step_of(platform, "manifests", **applied.ports(platform)).take()
    assert [ref_of(obj) for obj in applied.objects] == [role]


def reported(platform: SimulatedPlatform, status: dict[str, Any]) -> Callable[[], None]:
    """Each definition has this status from now on."""

    def report() -> None:
        for obj in platform.cluster.list("apiextensions.k8s.io/v1", "CustomResourceDefinition"):
            platform.cluster.set_status(obj, status)

    return report


GENERATOR = """\
apiVersion: generators.external-secrets.io/v1alpha1
kind: Password
metadata: {name: made-here, namespace: external-secrets}
spec: {length: 24}
"""


def with_one_of_a_new_kind(platform: SimulatedPlatform, **ports: Any) -> HalfwayStep:
    """The operator's manifests, and before the others an object of a kind that they define."""
    world = platform.world(**ports)
    folder = world.intent.platform.external_secrets.manifests
    manifests = {**world.intent.manifests, f"{folder}/0.yaml": GENERATOR.encode()}
    world.intent = replace(world.intent, manifests=manifests)
    return step_for(world, "external-secrets")


@pytest.mark.parametrize(
    "status",
    [
        {},
        {"conditions": None},
        {"conditions": [{"type": "NamesAccepted", "status": "True"}]},
        {"conditions": [{"type": "Established", "status": "False"}]},
    ],
)
def test_nothing_that_uses_a_definition_is_applied_before_it_is_established(
    platform: SimulatedPlatform, status: dict[str, Any]
) -> None:
    halfway(platform, "manifests")
    platform.cluster.controllers.remove(definitions)
    clock, applied = SimulatedClock(), Applied()
    clock.on_sleep.append(reported(platform, status))
    with pytest.raises(WorldError) as caught:
        with_one_of_a_new_kind(platform, clock=clock, **applied.ports(platform)).take()
    assert caught.value.code == "E_TIMEOUT"
    assert applied.kinds[-1] == "Deployment", "what needs no definition starts meanwhile"
    assert "Password" not in applied.kinds


def test_one_that_is_established_late_is_waited_for_and_served_afterwards(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that knows which kinds are served learns of new ones before it applies one."""
    halfway(platform, "manifests")
    platform.cluster.controllers.remove(definitions)
    clock, applied = SimulatedClock(), Applied()
    refreshed: list[list[str]] = []
    monkeypatch.setattr(platform.cluster, "refresh", lambda: refreshed.append(applied.kinds))
    clock.on_sleep.append(reported(platform, {"conditions": [{"type": "Established", "status": "True"}]}))
    with_one_of_a_new_kind(platform, clock=clock, **applied.ports(platform)).take()
    assert refreshed == [applied.kinds[:-1]]
    assert applied.kinds[-2:] == ["Deployment", "Password"]


def test_a_definition_that_somebody_took_away_is_waited_for(platform: SimulatedPlatform) -> None:
    halfway(platform, "manifests")
    platform.cluster.controllers.remove(definitions)
    clock = SimulatedClock()

    def removed() -> None:
        for obj in platform.cluster.list("apiextensions.k8s.io/v1", "CustomResourceDefinition"):
            platform.cluster.delete(ref_of(obj), uid=obj["metadata"]["uid"])

    clock.on_sleep.append(removed)
    with pytest.raises(WorldError) as caught:
        step_of(platform, "manifests", clock=clock).take()
    assert caught.value.code == "E_TIMEOUT"


def test_the_operator_is_waited_for_and_workloads_are_not_held_up_by_it(platform: SimulatedPlatform) -> None:
    halfway(platform, "manifests")
    platform.cluster.controllers.remove(deployments)
    with pytest.raises(WorldError) as caught:
        step_of(platform, "manifests").take()
    assert caught.value.code == "E_TIMEOUT"
    decision = step_of(platform, "manifests").decide()
    assert decision == Act(f"wait for {OPERATOR}", (f"wait for {OPERATOR}",))
    workloads = step_for(platform.world(), "workloads")
    workloads.act(replace(workloads.kind.observe(), changed=()))
    assert workloads.kind.decide(replace(workloads.kind.observe(), changed=())) == Satisfied(
        "workloads as the repository says"
    )


def test_a_folder_without_manifests_is_an_error_for_the_operator_alone(platform: SimulatedPlatform) -> None:
    halfway(platform, "manifests")
    world = platform.world()
    world.intent = replace(world.intent, manifests={})
    decision = step_for(world, "external-secrets").decide()
    assert isinstance(decision, Blocked)
    assert (decision.error.code, "manifests/external-secrets" in decision.error.message) == (
        "E_MANIFESTS",
        True,
    )
    assert isinstance(step_for(world, "workloads").decide(), Satisfied)


def test_an_adopted_operator_brings_no_manifests(platform: SimulatedPlatform) -> None:
    halfway(platform, "scaffold")
    world = platform.world()
    operator = replace(world.intent.platform.external_secrets, manifests="")
    world.intent = replace(world.intent, platform=replace(world.intent.platform, external_secrets=operator))
    assert isinstance(step_for(world, "external-secrets").decide(), Satisfied)


def test_an_operator_at_rest_is_not_started_by_its_manifests(platform: SimulatedPlatform) -> None:
    """Nor held to be wrong; workloads that bring it start it, after the store is connected."""
    halfway(platform, "scaffold")
    world = platform.world()
    rest(world)
    assert isinstance(step_for(world, "external-secrets").decide(), Satisfied)
    folders = replace(world.intent.platform, workloads=("manifests/external-secrets",))
    world.intent = replace(world.intent, platform=folders)
    decision = step_for(world, "workloads").decide()
    assert isinstance(decision, Act)
    assert decision.changes == (str(OPERATOR),)
