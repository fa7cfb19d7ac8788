"""Retirement takes away what was handed over and nothing else, and only once its return is refused (H3, H5, INV2)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from bootstrap.ledger.record import RecordType
from bootstrap.model.decision import Act, Satisfied
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.handover import Next
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref, Refused
from bootstrap.steps.context.admission import API
from bootstrap.steps.context.transfers import named
from bootstrap.steps.kinds import retired as kinds_retired
from bootstrap.steps.kinds.retired import Retired
from bootstrap.steps.secrets.admission import POLICY
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref
from tests.simulator.concurrent import At
from tests.simulator.faults import Call
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.platform import SimulatedPlatform
from tests.support.simulated_clock import SimulatedClock


@pytest.fixture
def platform(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    made = SimulatedPlatform(tmp_path, repository)
    halfway(made, "retired")
    return made


def copy(platform: SimulatedPlatform) -> Ref:
    return bootstrap_copy_ref(platform.world().intent.scaffolds[0])


def live(platform: SimulatedPlatform) -> Object:
    found = platform.cluster.get(copy(platform))
    assert found is not None
    return found


def retired(platform: SimulatedPlatform) -> set[str]:
    return set(named(platform.world().ledger.read(), RecordType.RETIRED))


def takes_away(platform: SimulatedPlatform) -> Callable[[Call], bool]:
    ref = copy(platform)
    return lambda call: call.name == "delete" and call.args[0] == ref


def test_h3_another_object_of_the_same_name_is_never_deleted(platform: SimulatedPlatform) -> None:
    """It took the place between the look and the delete: the UID tells them apart."""

    def replaced() -> None:
        before = live(platform)
        platform.cluster.delete(copy(platform), uid=before["metadata"]["uid"])
        kept = {k: before["metadata"][k] for k in ("name", "namespace", "labels", "annotations")}
        platform.cluster.admission.clear()
        made = platform.cluster.create({**before, "metadata": kept})
        assert not isinstance(made, Refused)

    at = At(takes_away(platform), replaced)
    step_of(platform, "retired", **at.ports(platform)).take()
    assert at.fired
    assert live(platform)["data"]


def test_h3_one_that_was_changed_between_look_and_delete_is_kept_and_named(
    platform: SimulatedPlatform,
) -> None:
    def edited() -> None:
        now = live(platform)
        now["data"] = {name: Sensitive(b"edited", name) for name in now["data"]}
        platform.cluster.update_as("another", now)

    at = At(takes_away(platform), edited)
    step_of(platform, "retired", **at.ports(platform)).take()
    assert at.fired
    assert live(platform)["data"]
    secret = platform.world().intent.scaffolds[0].name
    assert secret not in retired(platform)
    with pytest.raises(EvidenceError) as caught:
        platform.up()
    assert caught.value.code == "E_SOURCE_DRIFT"


def test_h3_one_that_holds_what_git_declares_by_now_is_no_drift(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git was changed after the handover, and the copy with it."""
    now = live(platform)
    now["data"] = {name: Sensitive(b"another", name) for name in now["data"]}
    platform.cluster.update_as("another", now)
    monkeypatch.setattr(kinds_retired, "source_values", lambda *_: now["data"])
    step_of(platform, "retired").take()
    assert platform.cluster.get(copy(platform)) is None


def test_inv2_its_return_is_refused_before_it_goes(platform: SimulatedPlatform) -> None:
    there: list[bool] = []
    policy = Ref(API, "ValidatingAdmissionPolicy", POLICY)
    at = At(takes_away(platform), lambda: there.append(platform.cluster.get(policy) is not None))
    step_of(platform, "retired", **at.ports(platform)).take()
    assert there == [True]


def test_inv2_nothing_is_recorded_retired_while_admission_takes_it_back(platform: SimulatedPlatform) -> None:
    """The API server learns late of a policy; a policy that refuses nothing is no retirement."""
    platform.cluster.admission.clear()
    with pytest.raises(WorldError) as caught:
        step_of(platform, "retired").take()
    assert (caught.value.code, retired(platform)) == ("E_TIMEOUT", set())


def test_h3_consumers_have_their_time_and_then_their_secret_waits(platform: SimulatedPlatform) -> None:
    """One consumer is not served yet: that secret's copy stays, the others are retired."""
    secret = platform.world().intent.scaffolds[0]
    consumer = secret.consumers[0]
    ref = Ref("v1", "Secret", consumer.secret, consumer.namespace)
    found = platform.cluster.get(ref)
    assert found is not None
    platform.cluster.delete(ref, uid=found["metadata"]["uid"])
    step = step_of(platform, "retired")
    step.take()
    assert live(platform)["data"]
    assert retired(platform) == {s.name for s in platform.world().intent.handovers} - {secret.name}
    decision = step.decide()  # the same run: the time is over
    assert isinstance(decision, Satisfied)
    assert [
        why for why in decision.pending if why.startswith(f"{secret.name}: Secret {ref.namespace}/{ref.name}")
    ]
    again = step_of(platform, "retired").decide()
    assert isinstance(again, Act)
    assert [c.split(" ")[0] for c in again.changes] == ["give"]


def test_h3_a_deleted_copy_that_a_finalizer_holds_is_not_gone(platform: SimulatedPlatform) -> None:
    now = live(platform)
    now["metadata"]["finalizers"] = ["another.example/holds"]
    platform.cluster.update_as("another", now)
    secret = platform.world().intent.scaffolds[0].name
    step = step_of(platform, "retired")
    step.take()
    assert "deletionTimestamp" in live(platform)["metadata"]
    assert secret not in retired(platform)
    decision = step_of(platform, "retired").decide()
    assert isinstance(decision, Act)
    assert any("held by finalizers another.example/holds" in change for change in decision.changes)
    freed = live(platform)
    freed["metadata"]["finalizers"] = []
    platform.cluster.update_as("another", freed)
    step_of(platform, "retired").take()
    assert secret in retired(platform)


def test_inv2_a_policy_that_was_changed_is_put_back(platform: SimulatedPlatform) -> None:
    step_of(platform, "retired").take()
    assert isinstance(step_of(platform, "retired").decide(), Satisfied)
    policy = platform.cluster.get(Ref(API, "ValidatingAdmissionPolicy", POLICY))
    assert policy is not None
    policy["spec"]["validations"][0]["expression"] = "true"
    platform.cluster.update_as("another", policy)
    decision = step_of(platform, "retired").decide()
    assert isinstance(decision, Act)
    assert decision.changes == (f"apply ValidatingAdmissionPolicy {POLICY}",)


def test_h5_what_stays_alive_is_said_of_each_secret(platform: SimulatedPlatform) -> None:
    step_of(platform, "retired").take()
    facts = {name: r.fact for name, r in named(platform.world().ledger.read(), RecordType.RETIRED).items()}
    dead = {name for name, fact in facts.items() if "git-history" not in fact.residuals}
    assert dead == {"orders-session-key"}, "of a value of which a part is kept, Git's history stays alive"
    told = {name: fact.details.get("live", "") for name, fact in facts.items()}
    for secret in platform.world().intent.handovers:
        word = {"reissue": "until its issuer replaces it", "keep": "until it is rotated", "generate": ""}
        assert told[secret.name].endswith(word[secret.handover.renew.value]), secret.name
        assert bool(told[secret.name]) is (secret.handover.renew.value != "generate")
        assert facts[secret.name].details.get("reason") == (secret.handover.reason or None)
        assert facts[secret.name].details.get("until") == (secret.handover.until or None)
        etcd = {"etcd-history", "etcd-backups"} <= set(facts[secret.name].residuals)
        assert etcd is (secret.scaffold is not None)
        assert "unseal-key-in-cluster" in facts[secret.name].residuals


def test_h3_of_what_is_gone_and_on_record_nothing_is_left_to_do(platform: SimulatedPlatform) -> None:
    step_of(platform, "retired").take()
    seen = cast("Retired", step_of(platform, "retired").kind).observe()
    assert {seen.step(secret) for secret in platform.world().intent.handovers} == {Next.DONE}


def test_h3_of_what_is_gone_and_on_record_nothing_is_waited_for(platform: SimulatedPlatform) -> None:
    """A consumer that is not served later is another step's."""
    step_of(platform, "retired").take()
    consumer = platform.world().intent.scaffolds[0].consumers[0]
    ref = Ref("v1", "Secret", consumer.secret, consumer.namespace)
    found = platform.cluster.get(ref)
    assert found is not None
    platform.cluster.delete(ref, uid=found["metadata"]["uid"])
    count = len(platform.world().intent.handovers)
    decision = step_of(platform, "retired").decide()
    assert decision == Satisfied(f"{count} retired, 1 scaffolds gone for good")


def test_h3_where_nothing_was_scaffolded_no_policy_is_made(platform: SimulatedPlatform) -> None:
    world = step_of(platform, "retired").world
    secrets = tuple(replace(s, scaffold=None) for s in world.intent.secrets)
    world.intent = replace(world.intent, secrets=secrets)
    step = HalfwayStep(world, Retired(next(s for s in world.plan.steps if s.kind == "retired"), world))
    step.take()
    assert platform.cluster.get(Ref(API, "ValidatingAdmissionPolicy", POLICY)) is None
    assert retired(platform) == {s.name for s in world.intent.handovers}


def pod(phase: str, **spec: Any) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "reader", "namespace": "gitops"},
        "spec": {"containers": [{"name": "c"}], **spec},
        "status": {"phase": phase},
    }


NAME = "deploy-credential-bootstrap"
HOLDING: dict[str, dict[str, Any]] = {
    "volume": {"volumes": [{"name": "v", "secret": {"secretName": NAME}}]},
    "projected volume": {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": NAME}}]}}]},
    "envFrom": {"containers": [{"name": "c", "envFrom": [{"secretRef": {"name": NAME}}]}]},
    "env": {"containers": [{"name": "c", "env": [{"valueFrom": {"secretKeyRef": {"name": NAME}}}]}]},
    "init container": {"initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": NAME}}]}]},
}


@pytest.mark.parametrize("how", HOLDING)
def test_h3_a_pod_that_names_it_in_any_way_holds_it(how: str, platform: SimulatedPlatform) -> None:
    platform.cluster.create(pod("Pending", **HOLDING[how]))
    step_of(platform, "retired").take()
    assert live(platform)["data"]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_h3_a_pod_that_has_ended_holds_nothing(phase: str, platform: SimulatedPlatform) -> None:
    platform.cluster.create(pod(phase, **HOLDING["volume"]))
    step_of(platform, "retired").take()
    assert platform.cluster.get(copy(platform)) is None


def test_h3_one_that_came_back_is_taken_away_once_no_pod_holds_it(platform: SimulatedPlatform) -> None:
    before = live(platform)
    step_of(platform, "retired").take()
    kept = {k: before["metadata"][k] for k in ("name", "namespace", "labels", "annotations")}
    refusing = platform.cluster.admission[:]
    platform.cluster.admission.clear()  # by one who may change admission
    platform.cluster.create({**before, "metadata": kept})
    platform.cluster.admission += refusing
    platform.cluster.create(pod("Running", **HOLDING["volume"]))
    decision = step_of(platform, "retired").decide()
    assert isinstance(decision, Act)
    assert [change.split(" ")[0] for change in decision.changes] == ["give"]
    step_of(platform, "retired").take()
    assert live(platform)["data"]
    reader = Ref("v1", "Pod", "reader", "gitops")
    platform.cluster.delete(reader, uid=(platform.cluster.get(reader) or {})["metadata"]["uid"])
    step_of(platform, "retired").take()
    assert platform.cluster.get(copy(platform)) is None


def test_h3_a_secret_without_a_copy_waits_for_its_consumers_too(platform: SimulatedPlatform) -> None:
    secret = next(s for s in platform.world().intent.handovers if s.scaffold is None and s.consumers)
    consumer = secret.consumers[0]
    ref = Ref("v1", "Secret", consumer.secret, consumer.namespace)
    found = platform.cluster.get(ref)
    assert found is not None
    platform.cluster.delete(ref, uid=found["metadata"]["uid"])
    step = step_of(platform, "retired")
    step.take()
    others = {s.name for s in platform.world().intent.handovers} - {secret.name}
    assert retired(platform) == others
    decision = step.decide()
    assert isinstance(decision, Satisfied)
    assert [why.split(":")[0] for why in decision.pending] == [secret.name]


@pytest.mark.parametrize("lacking", ["availableReplicas", "updatedReplicas"])
def test_h3_a_workload_that_is_not_ready_is_waited_for(platform: SimulatedPlatform, lacking: str) -> None:
    """It is there, it names the Secret, and nobody knows yet that it runs with it."""
    handovers = platform.world().intent.handovers
    waiting = {s.name for s in handovers for c in s.consumers if c.workload == "Deployment/orders-web"}
    workload = platform.cluster.get(Ref("apps/v1", "Deployment", "orders-web", "orders"))
    assert workload is not None
    ready = workload["status"]
    platform.cluster.controllers.clear()
    platform.cluster.set_status(workload, ready | {lacking: 0})
    step_of(platform, "retired").take()
    assert waiting
    assert retired(platform) == {s.name for s in handovers} - waiting
    platform.cluster.set_status(workload, ready)
    step_of(platform, "retired").take()
    assert retired(platform) == {s.name for s in handovers}


def test_h3_how_each_copy_went_is_on_record(platform: SimulatedPlatform) -> None:
    step_of(platform, "retired").take()
    records = named(platform.world().ledger.read(), RecordType.RETIRED)
    for secret in platform.world().intent.handovers:
        how = records[secret.name].fact.details["how"]
        assert how == (
            "scaffold deleted by UID, re-creation refused" if secret.scaffold else "no copy in the cluster"
        )


def test_h3_a_consumer_that_is_served_in_time_holds_nothing_up(platform: SimulatedPlatform) -> None:
    """The retirement gives it two minutes, in this run."""
    secret = platform.world().intent.scaffolds[0]
    consumer = secret.consumers[0]
    ref = Ref("v1", "Secret", consumer.secret, consumer.namespace)
    found = platform.cluster.get(ref)
    assert found is not None
    platform.cluster.delete(ref, uid=found["metadata"]["uid"])

    clock = SimulatedClock()

    def serve() -> None:
        if clock.seconds > 60 and platform.cluster.get(ref) is None:
            platform.cluster.create({**found, "metadata": {"name": ref.name, "namespace": ref.namespace}})

    clock.on_sleep.append(serve)
    step_of(platform, "retired", clock=clock).take()
    assert secret.name in retired(platform)
    assert platform.narrator.said(f"{secret.name}: Secret {ref.namespace}/{ref.name} is not there")


def test_h3_one_that_was_deleted_meanwhile_is_recorded(platform: SimulatedPlatform) -> None:
    step = step_of(platform, "retired")
    seen = step.kind.observe()
    platform.cluster.delete(copy(platform), uid=live(platform)["metadata"]["uid"])
    step.act(seen)
    assert platform.world().intent.scaffolds[0].name in retired(platform)


def test_h2_what_was_not_handed_over_is_not_taken_away(tmp_path: Path, repository: Path) -> None:
    """Its consumers are served, nothing holds it, and no record says that Vault is its authority."""
    platform = SimulatedPlatform(tmp_path, repository)
    halfway(platform, "handover")
    secret = platform.world().intent.scaffolds[0]
    for each in secret.consumers:
        if platform.cluster.get(Ref("v1", "Namespace", each.namespace)) is None:
            platform.cluster.create(
                {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": each.namespace}}
            )
        meta = {"name": each.secret, "namespace": each.namespace}
        platform.cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {}})
    step = step_of(platform, "retired")
    kind = cast("Retired", step.kind)
    seen = replace(kind.observe(), unrecorded={})
    assert secret.name not in seen.waiting
    assert [s.name for s, _ in seen.standing] == [secret.name]
    step.act(seen)
    assert live(platform)["data"]
    assert retired(platform) == set()
