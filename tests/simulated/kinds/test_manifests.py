"""What lies below manifests/ is applied where it differs, what defines first, and the operator is waited for (G5)."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.model.decision import Blocked
from bootstrap.model.errors import WorldError
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.resting import rest
from bootstrap.steps.kinds.manifests import Manifests
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.controllers import OPERATOR, definitions, deployments
from tests.simulator.small_world import STEP, decided, each, small_world
from tests.support.simulated_clock import SimulatedClock

RBAC, API = "rbac.authorization.k8s.io/v1", "apiextensions.k8s.io/v1"
HOME = Ref("v1", "Namespace", "external-secrets")
DEFINITION = Ref(API, "CustomResourceDefinition", "generators")
ACCOUNT = Ref("v1", "ServiceAccount", "external-secrets", "external-secrets")
ROLE, BOUND = (Ref(RBAC, kind, "external-secrets") for kind in ("ClusterRole", "ClusterRoleBinding"))
USES = Ref("external-secrets.io/v1", "ClusterExternalSecret", "uses-it")
IN_ORDER = (HOME, DEFINITION, ACCOUNT, ROLE, BOUND, OPERATOR, USES)
PLAIN, OTHER = (Ref("v1", "ConfigMap", name, "default") for name in ("plain", "other"))
AS_GIT_SAYS = "external-secrets as the repository says"
OURS = {"app.kubernetes.io/managed-by": "bootstrap"}


def wanted(ref: Ref, **labels: Any) -> Object:
    meta = {"name": ref.name, "namespace": ref.namespace} | labels
    defines = {"group": "external-secrets.io", "names": {"kind": USES.kind}}
    spec = {"replicas": 2} if ref == OPERATOR else defines
    more = {"spec": spec} if ref in (OPERATOR, DEFINITION) else {}
    return {"apiVersion": ref.api, "kind": ref.kind, "metadata": meta, **more}


def file_of(*objects: Object) -> bytes:
    return "\n---\n".join(json.dumps(obj) for obj in objects).encode()


MANIFESTS = {
    "manifests/external-secrets/a.yaml": file_of(*(wanted(ref) for ref in (OPERATOR, USES, BOUND, ROLE))),
    "manifests/external-secrets/b.yaml": file_of(*(wanted(ref) for ref in (ACCOUNT, DEFINITION, HOME))),
    "manifests/workloads/a.yaml": file_of(wanted(PLAIN, labels=None)),
    "manifests/workloads-of-others/a.yaml": file_of(wanted(OTHER)),
}


class Place:
    """An empty cluster, and what was applied to it in its order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cluster = SimulatedCluster()
        self.cluster.controllers += [definitions, deployments]
        self.world = small_world(self.cluster, SimpleNamespace(flight=SimpleNamespace(each=each)))
        self.world.intent = replace(self.world.intent, manifests=MANIFESTS)
        self.platform(workloads=("manifests/workloads/",))
        self.applied: list[Ref] = []
        self._applies = self.cluster.apply
        monkeypatch.setattr(self.cluster, "apply", self._apply)

    def _apply(self, obj: Object, **more: Any) -> Any:
        self.applied.append(ref_of(obj))
        return self._applies(obj, **more)

    def platform(self, **changed: Any) -> None:
        intent = self.world.intent
        self.world.intent = replace(intent, platform=replace(intent.platform, **changed))

    def adopts(self) -> None:
        self.platform(external_secrets=replace(self.world.intent.platform.external_secrets, manifests=""))

    def step(self, component: str = "external-secrets") -> Manifests:
        return Manifests(replace(STEP, with_={"component": component}), self.world)

    def decision(self, component: str = "external-secrets") -> tuple[str, tuple[str, ...]]:
        return decided(self.step(component))

    def act(self, component: str = "external-secrets") -> None:
        step = self.step(component)
        step.act(step.observe())

    def stopped(self) -> str:
        with pytest.raises(WorldError) as caught:
            self.act()
        return caught.value.code

    def need(self, ref: Ref) -> Object:
        found = self.cluster.get(ref)
        assert found is not None, ref
        return found

    def on_sleep(self, done: Callable[[], None]) -> None:
        assert isinstance(self.world.clock, SimulatedClock)
        self.world.clock.on_sleep.append(done)


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


# ---------------------------------------------------------------- what is applied


def test_what_defines_is_applied_before_what_uses_and_each_once(place: Place) -> None:
    assert place.decision() == (
        "apply 7 objects of external-secrets",
        tuple(str(ref) for ref in IN_ORDER),
    )
    place.act()
    assert place.applied == list(IN_ORDER)
    assert all(place.need(ref) for ref in IN_ORDER)
    assert place.decision() == (AS_GIT_SAYS, ())


def test_g5_only_what_differs_is_applied(place: Place) -> None:
    place.act()
    place.applied.clear()
    place.cluster.delete(ROLE, uid=place.need(ROLE)["metadata"]["uid"])
    assert place.decision() == ("apply 1 objects of external-secrets", (str(ROLE),))
    place.act()
    assert place.applied == [ROLE]


def test_workloads_are_those_of_their_folders_and_wait_for_no_operator(place: Place) -> None:
    assert place.decision("workloads") == ("apply 1 objects of workloads", (str(PLAIN),))
    place.act("workloads")
    assert place.applied == [PLAIN]
    assert place.need(PLAIN)["metadata"]["labels"] == OURS
    assert place.decision("workloads") == ("workloads as the repository says", ())


def test_labels_are_kept(place: Place) -> None:
    data = file_of(wanted(PLAIN, labels={"team": "orders"}))
    place.world.intent = replace(place.world.intent, manifests={"manifests/workloads/a.yaml": data})
    place.act("workloads")
    assert place.need(PLAIN)["metadata"]["labels"] == {"team": "orders", **OURS}


def test_a_folder_without_manifests_is_an_error_for_the_operator_alone(place: Place) -> None:
    place.world.intent = replace(place.world.intent, manifests={})
    step = place.step()
    decision = step.decide(step.observe())
    assert isinstance(decision, Blocked)
    assert (decision.error.code, decision.error.message) == (
        "E_MANIFESTS",
        "no manifests below manifests/external-secrets",
    )
    assert place.decision("workloads") == ("workloads as the repository says", ())


# ---------------------------------------------------------------- definitions


def test_what_uses_a_definition_is_applied_once_it_is_established_and_served(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that knows which kinds are served learns of new ones before it applies one."""
    place.cluster.controllers.remove(definitions)
    refreshed: list[list[Ref]] = []
    monkeypatch.setattr(place.cluster, "refresh", lambda: refreshed.append([*place.applied]))
    status = {"conditions": [{"type": "Established", "status": "True"}]}
    place.on_sleep(lambda: place.cluster.set_status(place.need(DEFINITION), status))
    place.act()
    assert refreshed == [list(IN_ORDER[:-1])]
    assert place.applied == list(IN_ORDER)


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
    place: Place, status: dict[str, Any]
) -> None:
    place.cluster.controllers.remove(definitions)
    place.on_sleep(lambda: place.cluster.set_status(place.need(DEFINITION), status))
    assert place.stopped() == "E_TIMEOUT"
    assert place.applied == list(IN_ORDER[:-1]), "what needs no definition starts meanwhile"


def test_a_definition_that_is_established_is_not_looked_at_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.cluster.controllers.remove(definitions)
    other = replace(DEFINITION, name="others.example.com")
    late = {**wanted(DEFINITION), "metadata": {"name": other.name}}
    folder = place.world.intent.platform.workloads[0]
    more = {f"{folder}late.yaml": file_of(late), f"{folder}a.yaml": file_of(wanted(DEFINITION))}
    place.world.intent = replace(place.world.intent, manifests=more)
    status = {"conditions": [{"type": "Established", "status": "True"}]}
    left = [DEFINITION, other]

    def establish() -> None:
        if left:
            place.cluster.set_status(place.need(left.pop(0)), status)

    place.on_sleep(establish)
    looked: list[Ref] = []
    get = place.cluster.get

    def seen(ref: Ref) -> Object | None:
        looked.append(ref)
        return get(ref)

    monkeypatch.setattr(place.cluster, "get", seen)
    place.act(component="workloads")
    assert looked[-1] == other
    assert looked.count(DEFINITION) < looked.count(other)


def test_a_definition_of_a_kind_that_kubernetes_has_too_makes_none_of_it_applied_twice(place: Place) -> None:
    """Of another group: kinds are told apart by their names here."""
    spec = {"group": "roles.example.com", "names": {"kind": ROLE.kind}}
    data = file_of({**wanted(DEFINITION), "spec": spec}, *(wanted(each) for each in (HOME, ROLE, OPERATOR)))
    folder = place.world.intent.platform.external_secrets.manifests
    place.world.intent = replace(place.world.intent, manifests={f"{folder}/a.yaml": data})
    place.act()
    assert place.applied == [HOME, DEFINITION, ROLE, OPERATOR]


@pytest.mark.parametrize("spec", [None, {}, {"names": None}, {"names": {"kind": ["a"]}}])
def test_of_a_definition_that_is_malformed_the_api_server_has_the_word(place: Place, spec: Any) -> None:
    data = file_of(
        {**wanted(DEFINITION), "spec": spec},
        *(wanted(each) for each in (HOME, ROLE, ACCOUNT, BOUND, OPERATOR)),
    )
    folder = place.world.intent.platform.external_secrets.manifests
    place.world.intent = replace(place.world.intent, manifests={f"{folder}/a.yaml": data})
    place.act()
    assert place.applied == list(IN_ORDER[:-1])


def test_a_definition_that_somebody_took_away_is_waited_for(place: Place) -> None:
    place.cluster.controllers.remove(definitions)

    def removed() -> None:
        if live := place.cluster.get(DEFINITION):
            place.cluster.delete(DEFINITION, uid=live["metadata"]["uid"])

    place.on_sleep(removed)
    assert place.stopped() == "E_TIMEOUT"


# ---------------------------------------------------------------- the operator


@pytest.mark.parametrize("adopted", [True, False])
def test_the_operator_is_waited_for(adopted: bool, place: Place) -> None:
    if adopted:
        place.adopts()
    place.cluster.controllers.remove(deployments)
    assert place.stopped() == "E_TIMEOUT"
    assert place.applied == ([] if adopted else list(IN_ORDER))
    assert place.decision() == (f"wait for {OPERATOR}", (f"wait for {OPERATOR}",))


def test_an_adopted_operator_brings_no_manifests(place: Place) -> None:
    place.act()
    place.cluster.delete(ROLE, uid=place.need(ROLE)["metadata"]["uid"])
    place.adopts()
    assert place.decision() == (AS_GIT_SAYS, ())


def test_an_operator_at_rest_is_not_started_by_its_manifests(place: Place) -> None:
    """Nor held to be wrong; workloads that bring it start it, after the store is connected."""
    place.act()
    rest(place.world)
    assert place.decision() == (AS_GIT_SAYS, ())
    place.platform(workloads=("manifests/external-secrets",))
    assert place.decision("workloads") == ("apply 1 objects of workloads", (str(OPERATOR),))
