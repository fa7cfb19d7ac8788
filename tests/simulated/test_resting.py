"""The External Secrets Operator is stopped and started by its Deployment, which says how many it was (INV5)."""

from collections.abc import Callable
from typing import Any

import pytest

from bootstrap.model.errors import BootstrapError, PreconditionError, WorldError
from bootstrap.model.names import REPLICAS_ANNOTATION
from bootstrap.ports import Object, Reason, Refused
from bootstrap.steps.context.resting import at_rest, rest, start
from bootstrap.steps.context.world import World
from tests.simulator.concurrent import Answered, At
from tests.simulator.controllers import OPERATOR
from tests.simulator.faults import Call
from tests.simulator.platform import SimulatedPlatform

SELECTOR = {"app": "external-secrets"}


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    """With the operator alone."""
    spec = {"replicas": 2, "selector": {"matchLabels": SELECTOR}}
    meta = {"name": OPERATOR.name, "namespace": OPERATOR.namespace, "annotations": {"theirs": "kept"}}
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": OPERATOR.namespace}}
    platform.cluster.create(home)
    platform.cluster.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec})
    platform.cluster.mutations.clear()
    return platform


def live(platform: SimulatedPlatform) -> Object:
    found = platform.cluster.get(OPERATOR)
    assert found is not None
    return found


def says(platform: SimulatedPlatform) -> tuple[int | None, dict[str, str]]:
    found = live(platform)
    return found["spec"].get("replicas"), found["metadata"]["annotations"]


def changed(platform: SimulatedPlatform, change: Callable[[Object], Any]) -> None:
    found = live(platform)
    change(found)
    platform.cluster.update_as("another", found)


def pod(platform: SimulatedPlatform, labels: dict[str, str]) -> None:
    meta = {"name": "pod", "namespace": OPERATOR.namespace, "labels": labels}
    platform.cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {}})


def late(act: Callable[[World], None], platform: SimulatedPlatform) -> str:
    with pytest.raises(WorldError) as stopped:
        act(platform.world())
    assert stopped.value.code == "E_TIMEOUT"
    return stopped.value.message


def writes(call: Call) -> bool:
    return call.system == "cluster" and call.name == "replace"


def test_inv5_it_rests_and_starts_with_as_many_as_it_had(platform: SimulatedPlatform) -> None:
    assert not at_rest(platform.world())
    rest(platform.world())
    assert says(platform) == (0, {"theirs": "kept", REPLICAS_ANNOTATION: "2"})
    assert at_rest(platform.world())
    start(platform.world())
    assert says(platform) == (2, {"theirs": "kept"})
    assert not at_rest(platform.world())


def test_inv5_once_more_changes_nothing(platform: SimulatedPlatform) -> None:
    for act in (rest, start):
        act(platform.world())
        platform.cluster.mutations.clear()
        act(platform.world())
        assert platform.cluster.mutations == []


def test_inv5_one_that_says_no_number_is_one(platform: SimulatedPlatform) -> None:
    changed(platform, lambda found: found["spec"].pop("replicas"))
    changed(platform, lambda found: found["metadata"].pop("annotations"))
    rest(platform.world())
    assert says(platform) == (0, {REPLICAS_ANNOTATION: "1"})


@pytest.mark.parametrize("by_others", [0, 5], ids=["stopped", "started"])
def test_inv5_what_others_did_to_it_meanwhile(by_others: int, platform: SimulatedPlatform) -> None:
    """One that nobody of us stopped comes back as it was; one that somebody started rests, as it was before."""
    if by_others:
        rest(platform.world())
    changed(platform, lambda found: found["spec"].update(replicas=by_others))
    rest(platform.world())
    before = "2" if by_others else "0"
    assert says(platform) == (0, {"theirs": "kept", REPLICAS_ANNOTATION: before})


def test_inv5_it_rests_once_no_pod_of_it_is_left(platform: SimulatedPlatform) -> None:
    pod(platform, SELECTOR)
    assert "no pod of the External Secrets Operator runs" in late(rest, platform)
    assert says(platform)[0] == 0


def test_inv5_pods_of_others_are_not_waited_for(platform: SimulatedPlatform) -> None:
    pod(platform, {"app": "another"})
    rest(platform.world())
    changed(platform, lambda found: found["spec"].pop("selector"))
    rest(platform.world())


def test_inv5_it_is_started_once_it_is_ready(platform: SimulatedPlatform) -> None:
    rest(platform.world())
    platform.cluster.controllers.clear()
    assert "External Secrets Operator is ready" in late(start, platform)
    assert says(platform) == (2, {"theirs": "kept"})


def test_inv5_where_there_is_none_nothing_is_made(platform: SimulatedPlatform) -> None:
    platform.cluster.delete(OPERATOR, uid=live(platform)["metadata"]["uid"])
    platform.cluster.mutations.clear()
    rest(platform.world())
    assert not at_rest(platform.world())
    assert "External Secrets Operator is ready" in late(start, platform)
    assert platform.cluster.mutations == []


@pytest.mark.parametrize("act", [rest, start])
def test_inv5_what_another_writes_meanwhile_is_kept(
    act: Callable[[World], None], platform: SimulatedPlatform
) -> None:
    if act is start:
        rest(platform.world())
    theirs = At(writes, lambda: changed(platform, lambda found: found["spec"].update(paused=True)))
    act(platform.world(cluster=theirs.ports(platform)["cluster"]))
    assert theirs.fired
    assert live(platform)["spec"]["paused"] is True
    assert says(platform)[0] == (2 if act is start else 0)


def test_inv5_one_that_may_not_be_stopped_is_an_error(platform: SimulatedPlatform) -> None:
    refused = Answered(writes, Refused(Reason.FORBIDDEN, "by a webhook"))
    with pytest.raises(BootstrapError) as stopped:
        rest(platform.world(cluster=refused.ports(platform)["cluster"]))
    assert isinstance(stopped.value, PreconditionError)
    assert (stopped.value.code, str(OPERATOR) in stopped.value.where) == ("E_RBAC", True)
