"""What counts as ready, synced and recent, of objects as Kubernetes reports them."""

from typing import Any

import pytest

from bootstrap.ports import Ref
from bootstrap.steps.context.health import (
    condition,
    condition_message,
    daemon_set_ready,
    deployment_ready,
    kubectl,
    refreshed_since,
    stateful_set_ready,
    terminating,
)


def reported(**conditions: str) -> dict[str, Any]:
    return {
        "status": {
            "conditions": [{"type": t, "status": s, "message": f"{t} is {s}"} for t, s in conditions.items()]
        }
    }


@pytest.mark.parametrize(
    "obj", [None, {}, {"status": {}}, {"status": {"conditions": None}}, reported(Other="True")]
)
def test_what_is_not_reported_is_not_so(obj: dict[str, Any] | None) -> None:
    assert not condition(obj, "Ready")
    assert condition_message(obj, "Ready") == "no status yet"


@pytest.mark.parametrize(("status", "ready"), [("True", True), ("False", False), ("Unknown", False)])
def test_a_condition_holds_only_with_status_true(status: str, ready: bool) -> None:
    obj = reported(Other="True", Ready=status)
    assert condition(obj, "Ready") is ready
    assert condition_message(obj, "Ready") == f"Ready is {status}"


@pytest.mark.parametrize(
    ("at", "since", "recent"),
    [
        ("2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z", True),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", True),
        ("2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z", False),
        ("", "2026-01-01T00:00:00Z", True),
        ("2026-01-01T00:00:00Z", "", True),
    ],
)
def test_inv5_what_was_synced_before_counts_no_longer(at: str, since: str, recent: bool) -> None:
    assert refreshed_since({"status": {"refreshTime": at}}, since) is recent
    assert refreshed_since(None, since)


def test_a_namespace_that_goes_says_so() -> None:
    assert terminating({"status": {"phase": "Terminating"}})
    for other in (None, {}, {"status": None}, {"status": {"phase": "Active"}}):
        assert not terminating(other)


def deployment(**status: int) -> dict[str, Any]:
    known = {"observedGeneration": 2, "availableReplicas": 2, "updatedReplicas": 2}
    return {"metadata": {"generation": 2}, "spec": {"replicas": 2}, "status": known | status}


def test_a_deployment_is_ready_once_its_newest_spec_is_seen_available_and_updated() -> None:
    assert deployment_ready(deployment())
    assert not deployment_ready(None)
    for behind in ({"observedGeneration": 1}, {"availableReplicas": 1}, {"updatedReplicas": 1}):
        assert not deployment_ready(deployment(**behind)), behind
    assert not deployment_ready({"metadata": {}, "spec": {}})
    assert deployment_ready(
        {"metadata": {}, "spec": {}, "status": {"availableReplicas": 1, "updatedReplicas": 1}}
    )


def test_the_other_workloads_are_ready_with_all_their_pods() -> None:
    assert stateful_set_ready({"spec": {"replicas": 2}, "status": {"readyReplicas": 2}})
    assert not stateful_set_ready({"spec": {"replicas": 2}, "status": {"readyReplicas": 1}})
    assert not stateful_set_ready({"spec": {}, "status": {}})
    assert not stateful_set_ready(None)
    assert daemon_set_ready({"status": {"numberReady": 3, "desiredNumberScheduled": 3}})
    assert not daemon_set_ready({"status": {"numberReady": 2, "desiredNumberScheduled": 3}})
    assert not daemon_set_ready({"status": {}})
    assert not daemon_set_ready(None)


def test_a_command_names_the_namespace_where_there_is_one() -> None:
    assert kubectl("describe", Ref("v1", "Secret", "a", "b")) == "`kubectl --namespace b describe secret a`"
    assert kubectl("get", Ref("v1", "Node", "n"), "-o yaml") == "`kubectl get node n -o yaml`"
