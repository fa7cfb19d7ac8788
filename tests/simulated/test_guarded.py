"""Admission of ours, and the labels of namespaces in which only pods of ours run (S2, S3)."""

import pytest

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.ports import Ref
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import RESTRICTED, labels
from bootstrap.steps.guards import guards
from tests.simulator.halfway import step_of
from tests.simulator.platform import SimulatedPlatform, opened

HOME, VAULT = Ref("v1", "Namespace", "bootstrap-system"), Ref("v1", "Namespace", "vault")


def made(platform: SimulatedPlatform, ref: Ref, **marks: str) -> None:
    meta = {"name": ref.name, "labels": marks}
    platform.cluster.create({"apiVersion": ref.api, "kind": ref.kind, "metadata": meta})


def has(platform: SimulatedPlatform, ref: Ref) -> bool:
    live = platform.cluster.get(ref)
    assert live is not None
    return bool(RESTRICTED.items() <= live["metadata"]["labels"].items())


def applies(decision: Decision) -> tuple[str, ...]:
    assert isinstance(decision, Act)
    return decision.changes


@pytest.fixture
def policies(platform: SimulatedPlatform) -> tuple[str, ...]:
    return tuple(f"apply {ref_of(obj)}" for obj in guards(opened(platform.repository).intent.platform))


def test_s2_before_there_is_a_namespace_the_policies_are_made(
    platform: SimulatedPlatform, policies: tuple[str, ...]
) -> None:
    assert applies(step_of(platform, "guarded").decide()) == policies
    step_of(platform, "guarded").take()
    assert isinstance(step_of(platform, "guarded").decide(), Satisfied)


def test_s2_namespaces_that_an_older_version_made_are_restricted_and_others_stay_as_they_are(
    platform: SimulatedPlatform, policies: tuple[str, ...]
) -> None:
    made(platform, HOME, **labels())
    made(platform, VAULT, team="theirs")
    assert applies(step_of(platform, "guarded").decide()) == (*policies, f"apply {HOME}")
    step_of(platform, "guarded").take()
    assert (has(platform, HOME), has(platform, VAULT)) == (True, False)
    live = platform.cluster.peek(VAULT)
    assert live is not None
    live["metadata"]["labels"] = labels()
    assert applies(step_of(platform, "guarded").decide()) == (f"apply {VAULT}",)
    step_of(platform, "guarded").take()
    assert has(platform, VAULT)
    assert isinstance(step_of(platform, "guarded").decide(), Satisfied)
