"""Vault's nodes: the first replica, the serving shape, and all of them as one raft cluster (B4, G4, G7)."""

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import PreconditionError, WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.ports import Answer, Object, Ref, SealStatus
from bootstrap.steps.vault.first_replica import install_first_replica
from bootstrap.steps.vault.init_window import Slots, WindowStore
from bootstrap.steps.vault.unseal import opened_share, sealed_pods, unseal_all
from tests.simulator.concurrent import At
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.platform import SimulatedPlatform
from tests.support.simulated_clock import SimulatedClock

SET = Ref("apps/v1", "StatefulSet", "vault", "vault")
TLS = Ref("v1", "Secret", "vault-tls", "vault")
UNSEAL = Ref("v1", "Secret", "vault-unseal-1", "vault")
POD = Ref("v1", "Pod", "vault-0", "vault")


def get(platform: SimulatedPlatform, ref: Ref) -> Object:
    found = platform.cluster.get(ref)
    assert found is not None, ref
    return found


def remove(platform: SimulatedPlatform, ref: Ref) -> None:
    platform.cluster.delete(ref, uid=get(platform, ref)["metadata"]["uid"])


def changes(step: HalfwayStep) -> tuple[str, ...]:
    decision = step.decide()
    return decision.changes if isinstance(decision, Act) else ()


def blocked(step: HalfwayStep) -> str:
    decision = step.decide()
    assert isinstance(decision, Blocked)
    return decision.error.code


# ---------------------------------------------------------------- the first replica


def foreign_set(**spec: Any) -> Object:
    container = {"name": "c", "image": "registry.example/hashicorp/vault:1"} | spec
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "theirs", "namespace": "vault"},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}},
    }


def test_inv4_another_s_vault_is_named_and_not_touched(platform: SimulatedPlatform) -> None:
    platform.cluster.controllers.clear()
    platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault"}})
    platform.cluster.create(foreign_set())
    platform.cluster.mutations.clear()
    with pytest.raises(PreconditionError) as caught:
        platform.up()
    assert (caught.value.code, caught.value.where) == ("E_FOREIGN_STORE", "StatefulSet vault/theirs")
    assert platform.cluster.mutations == []
    assert blocked(step_of(platform, "vault-install")) == "E_FOREIGN_STORE"


def test_inv4_a_stranger_that_runs_no_vault_is_no_vault(platform: SimulatedPlatform) -> None:
    platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault"}})
    controllers = list(platform.cluster.controllers)
    platform.cluster.controllers.clear()  # they know one StatefulSet only
    platform.cluster.create(foreign_set(image="registry.example/postgres:16"))
    platform.cluster.controllers.extend(controllers)
    platform.up()


def test_inv4_a_volume_without_any_record_of_its_key_is_not_taken_for_ours(
    platform: SimulatedPlatform,
) -> None:
    platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault"}})
    claim = {"name": "data-vault-0", "namespace": "vault"}
    platform.cluster.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": claim})
    with pytest.raises(PreconditionError) as caught:
        platform.up()
    assert caught.value.code == "E_FOREIGN_STORE"
    assert "without a record of its key" in caught.value.where


def test_b4_once_the_window_moved_on_nothing_of_an_earlier_attempt_is_installed(
    platform: SimulatedPlatform,
) -> None:
    """A process that slept must not put an earlier attempt's certificate back."""
    step = halfway(platform, "vault-init")
    store = WindowStore(platform.cluster)
    slept = store.read()
    assert slept is not None
    later = replace(slept, attempt=2, nonce="later")
    assert store.swap(slept, later)
    install_first_replica(step.world, later)
    before = get(platform, SET)
    install_first_replica(step.world, slept)
    assert get(platform, SET) == before


def test_b4_each_attempt_has_its_own_certificate_and_an_earlier_one_is_never_overwritten(
    platform: SimulatedPlatform,
) -> None:
    step = halfway(platform, "vault-init")
    window = WindowStore(platform.cluster).read()
    assert window is not None
    ref = Ref("v1", "Secret", f"vault-tls-init-{window.attempt}", "vault")
    before = get(platform, ref)
    install_first_replica(step.world, window)
    assert get(platform, ref) == before
    assert {"vault-0.crt", "vault-0.key", "vault-0.until", "ca.crt"} == set(before["data"])


# ---------------------------------------------------------------- the serving shape


def test_g4_the_first_replica_is_restarted_by_its_uid_into_the_serving_shape(
    platform: SimulatedPlatform,
) -> None:
    halfway(platform, "vault-serve")
    before = get(platform, POD)["metadata"]["uid"]
    step = step_of(platform, "vault-serve")
    assert "restart vault-0 into the serving shape" in changes(step)
    step.take()
    assert get(platform, POD)["metadata"]["uid"] != before
    assert isinstance(step_of(platform, "vault-serve").decide(), Satisfied)
    status = platform.vault.seal_status("vault-0")
    assert status is not None
    assert not status.sealed


def test_g4_a_pod_that_came_up_meanwhile_is_not_restarted_once_more(platform: SimulatedPlatform) -> None:
    """It has the serving shape already: what was seen as stale is another one."""
    halfway(platform, "vault-serve")
    seen: list[str] = []

    def another() -> None:
        platform.vault.restart("vault-0")
        seen.append(get(platform, POD)["metadata"]["uid"])

    at = At(lambda c: c.name == "apply" and c.args[0]["kind"] == "StatefulSet", another, after=True)
    step_of(platform, "vault-serve", **at.ports(platform)).take()
    assert [get(platform, POD)["metadata"]["uid"]] == seen


def test_g4_what_is_lacking_is_named_and_made(platform: SimulatedPlatform) -> None:
    platform.up()
    assert isinstance(step_of(platform, "vault-serve").decide(), Satisfied)
    for ref, change in (
        (UNSEAL, f"create {UNSEAL}"),
        (TLS, f"issue certificates of vault-0, vault-1, vault-2 into {TLS}"),
    ):
        remove(platform, ref)
        assert changes(step_of(platform, "vault-serve")) == (change,)
        step_of(platform, "vault-serve").take()
        assert isinstance(step_of(platform, "vault-serve").decide(), Satisfied)


def test_g7_a_peer_without_a_certificate_gets_one_and_the_others_keep_theirs(
    platform: SimulatedPlatform,
) -> None:
    platform.up()
    before = get(platform, TLS)
    lacking = {**before, "data": {k: v for k, v in before["data"].items() if not k.startswith("vault-2.")}}
    platform.cluster.update_as("another", lacking)
    step_of(platform, "vault-serve").take()
    after = get(platform, TLS)["data"]
    assert {k for k in after if k.startswith("vault-2.")} == {"vault-2.crt", "vault-2.key", "vault-2.until"}
    assert all(after[name] == value for name, value in lacking["data"].items() if name != "ca.crt")


def test_g7_certificates_are_added_by_compare_and_swap(platform: SimulatedPlatform) -> None:
    """Another run has put the lacking one there meanwhile: it is not replaced by a second one."""
    platform.up()
    before = get(platform, TLS)
    lacking = {**before, "data": {k: v for k, v in before["data"].items() if not k.startswith("vault-2.")}}
    platform.cluster.update_as("another", lacking)

    def faster() -> None:
        now = get(platform, TLS)
        platform.cluster.update_as("another run", {**now, "data": before["data"]})

    at = At(lambda c: c.name == "replace" and c.args[0]["metadata"]["name"] == TLS.name, faster)
    step_of(platform, "vault-serve", **at.ports(platform)).take()
    assert at.fired
    assert get(platform, TLS)["data"] == before["data"]


def test_b4_without_the_share_no_unseal_key_is_made(platform: SimulatedPlatform) -> None:
    platform.up()
    window = WindowStore(platform.cluster).read()
    assert window is not None
    Slots(platform.cluster, window.volume).remove(Slots.SHARE)
    remove(platform, UNSEAL)
    with pytest.raises(WorldError) as caught:
        step_of(platform, "vault-serve").take()
    assert caught.value.code == "E_SLOT"
    assert platform.cluster.get(UNSEAL) is None


def test_g7_it_serves_as_many_replicas_as_there_are(platform: SimulatedPlatform) -> None:
    """Growing is the next step's, and nothing here takes a replica away."""
    platform.up()
    remove(platform, UNSEAL)
    step_of(platform, "vault-serve").take()
    assert get(platform, SET)["spec"]["replicas"] == 3


# ---------------------------------------------------------------- the members


class Nodes:
    """A Vault of which one method answers otherwise."""

    def __init__(self, vault: Any, **methods: Any) -> None:
        self._vault = vault
        self.__dict__.update(methods)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)


def seen_as(platform: SimulatedPlatform, pod: str, status: SealStatus | None) -> Nodes:
    def seal_status(name: str) -> SealStatus | None:
        return status if name == pod else platform.vault.seal_status(name)

    return Nodes(platform.vault, seal_status=seal_status)


def test_inv4_a_node_of_another_raft_cluster_stops_the_run(platform: SimulatedPlatform) -> None:
    platform.up()
    other = SealStatus(initialized=True, sealed=False, cluster_id="another", version="1.21.1")
    assert blocked(step_of(platform, "vault-members", vault=seen_as(platform, "vault-2", other))) == (
        "E_SECOND_CLUSTER"
    )
    joining = SealStatus(initialized=True, sealed=False, cluster_id="", version="1.21.1")
    step = step_of(platform, "vault-members", vault=seen_as(platform, "vault-2", joining))
    assert isinstance(step.decide(), Satisfied)


def test_g7_a_node_that_is_sealed_or_silent_is_waited_for(platform: SimulatedPlatform) -> None:
    platform.up()
    sealed = SealStatus(initialized=True, sealed=True, cluster_id="", version="1.21.1")
    for status in (sealed, None):
        step = step_of(platform, "vault-members", vault=seen_as(platform, "vault-2", status))
        assert changes(step) == ("wait for vault-2",)


def test_g7_a_replica_that_is_lacking_is_put_there(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-members")
    assert changes(step_of(platform, "vault-members")) == (f"{SET}: 1 to 3",)
    step_of(platform, "vault-members").take()
    assert get(platform, SET)["spec"]["replicas"] == 3
    assert isinstance(step_of(platform, "vault-members").decide(), Satisfied)


def raft(platform: SimulatedPlatform, *servers: tuple[str, bool]) -> Nodes:
    def call(method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        if path != "sys/storage/raft/configuration":
            return platform.vault.call(method, path, *args, **kwargs)
        listed = [{"node_id": name, "voter": voter} for name, voter in servers]
        return Answer(status=200, data={"config": {"servers": listed}})

    return Nodes(platform.vault, call=call)


def test_g7_only_a_declared_voter_counts(platform: SimulatedPlatform) -> None:
    platform.up()
    three = (("vault-0", True), ("vault-1", True), ("vault-2", True))
    assert isinstance(step_of(platform, "vault-members", vault=raft(platform, *three)).decide(), Satisfied)
    for third in (("vault-2", False), ("vault-9", True)):
        step = step_of(platform, "vault-members", vault=raft(platform, *three[:2], third))
        assert changes(step) == ("2 of 3 are voters",)


# ---------------------------------------------------------------- a template that changed


def from_an_earlier_template(platform: SimulatedPlatform, *pods: str) -> None:
    """As pods are that an earlier version of the program made."""
    for name in pods:
        live = get(platform, Ref("v1", "Pod", name, "vault"))
        live["metadata"]["annotations"] = {}
        platform.cluster.update_as("kubectl", live)


def test_g7_pods_of_an_earlier_template_are_restarted_one_at_a_time_the_active_one_last(
    platform: SimulatedPlatform,
) -> None:
    platform.up()
    from_an_earlier_template(platform, "vault-0", "vault-2")
    step = step_of(platform, "vault-members")
    assert changes(step) == ("restart vault-0", "restart vault-2")
    order = []

    def deleted(cluster: Any, verb: str, obj: Object) -> None:
        if obj["kind"] == "Pod" and verb == "deleted":
            order.append(obj["metadata"]["name"])
            up = [pod for pod in ("vault-0", "vault-1", "vault-2") if pod != order[-1]]
            assert not [p for p in sealed_pods(step.world) if p in up], "the others serve"

    assert platform.vault.active(("vault-0", "vault-1", "vault-2")) == "vault-0"
    platform.cluster.controllers.insert(0, deleted)
    step.take()
    assert order == ["vault-2", "vault-0"]
    assert isinstance(step_of(platform, "vault-members").decide(), Satisfied)


def test_g7_a_pod_of_an_earlier_template_that_does_not_serve_comes_first(platform: SimulatedPlatform) -> None:
    platform.up()
    from_an_earlier_template(platform, "vault-0", "vault-2")
    step = step_of(platform, "vault-members", vault=seen_as(platform, "vault-2", None))
    assert changes(step) == ("restart vault-2",)


def test_g7_one_up_brings_the_present_template_to_a_finished_platform(platform: SimulatedPlatform) -> None:
    platform.up()
    from_an_earlier_template(platform, "vault-0", "vault-1", "vault-2")
    platform.up()
    assert isinstance(step_of(platform, "vault-members").decide(), Satisfied)
    assert not sealed_pods(platform.world())


# ---------------------------------------------------------------- unsealing by hand


def test_b4_every_sealed_node_is_given_the_share_and_no_other(platform: SimulatedPlatform) -> None:
    platform.up()
    remove(platform, UNSEAL)
    for name in ("vault-1", "vault-2"):
        platform.vault.restart(name)
    world = platform.world()
    assert sealed_pods(world) == ["vault-1", "vault-2"]
    assert unseal_all(world) == ("vault-1", "vault-2")
    assert sealed_pods(world) == []


def test_b4_a_node_that_refuses_the_share_is_asked_again_and_not_for_ever(
    platform: SimulatedPlatform,
) -> None:
    platform.up()
    remove(platform, UNSEAL)
    platform.vault.restart("vault-2")

    def unseal(*_: object) -> None:
        raise WorldError("not initialised yet", code="E_VAULT_UNSEAL")

    clock = SimulatedClock()
    world = platform.world(vault=Nodes(platform.vault, unseal=unseal), clock=clock)
    with pytest.raises(WorldError) as caught:
        unseal_all(world, seconds=10)
    assert (caught.value.code, clock.seconds >= 10) == ("E_TIMEOUT", True)
    assert platform.narrator.said("not initialised yet")


def test_b4_without_any_escrow_there_is_no_share(platform: SimulatedPlatform) -> None:
    with pytest.raises(PreconditionError) as caught:
        opened_share(platform.world())
    assert caught.value.code == "E_ESCROW_MISSING"


def test_a_window_s_fields_are_all_kept() -> None:
    window = Window(attempt=2, nonce="n", phase=WindowPhase.SENT, volume="v", cluster_id="c", facts="f")
    assert Window.from_data(window.to_data()) == window
