"""An apply names the object that was seen: one that arrives late undoes nothing (G5)."""

from typing import Any

import pytest

from bootstrap.model.errors import BootstrapError
from bootstrap.ports import Reason, Ref, Refused
from bootstrap.steps.context.applied import applied
from tests.simulator.concurrent import Answered, At
from tests.simulator.faults import Call
from tests.simulator.platform import SimulatedPlatform

REF = Ref("v1", "ConfigMap", "a", "default")
WANTED = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "default"},
    "data": {"key": "declared"},
}


def applies(call: Call) -> bool:
    return call.system == "cluster" and call.name == "apply"


def data(platform: SimulatedPlatform) -> Any:
    live = platform.cluster.get(REF)
    return None if live is None else live["data"]


def theirs(platform: SimulatedPlatform) -> None:
    live = platform.cluster.get(REF)
    assert live is not None
    platform.cluster.update_as("another", {**live, "data": {**live["data"], "more": "theirs"}})


def test_g5_what_is_not_there_is_made_and_what_was_changed_is_as_declared(
    platform: SimulatedPlatform,
) -> None:
    assert applied(platform.world(), WANTED)
    assert data(platform) == {"key": "declared"}
    assert applied(platform.world(), {**WANTED, "data": {"key": "of a later commit"}})
    assert data(platform) == {"key": "of a later commit"}


def test_g5_another_writer_meanwhile_makes_it_look_again(platform: SimulatedPlatform) -> None:
    applied(platform.world(), {**WANTED, "data": {"key": "before"}})
    seen: list[str] = []
    at = At(applies, lambda: theirs(platform))

    def still() -> bool:
        seen.append("looked")
        return True

    assert applied(platform.world(cluster=at.ports(platform)["cluster"]), WANTED, still)
    assert (at.fired, seen) == (True, ["looked"] * 2)
    assert data(platform) == {"key": "declared", "more": "theirs"}


def test_g5_once_it_no_longer_holds_nothing_is_applied(platform: SimulatedPlatform) -> None:
    """Another run was faster: it is seen between two looks, too."""
    assert not applied(platform.world(), WANTED, lambda: False)
    assert data(platform) is None
    applied(platform.world(), {**WANTED, "data": {"key": "before"}})
    at, answers = At(applies, lambda: theirs(platform)), iter([True, False])
    world = platform.world(cluster=at.ports(platform)["cluster"])
    assert not applied(world, WANTED, lambda: next(answers))
    assert data(platform) == {"key": "before", "more": "theirs"}


def test_g5_one_that_is_refused_is_an_error(platform: SimulatedPlatform) -> None:
    refused = Answered(applies, Refused(Reason.FORBIDDEN, "by a webhook"))
    with pytest.raises(BootstrapError) as stopped:
        applied(platform.world(cluster=refused.ports(platform)["cluster"]), WANTED)
    assert (stopped.value.code, data(platform)) == ("E_RBAC", None)
