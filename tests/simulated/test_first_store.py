"""One attempt's replica is put there and taken away again by what was seen of it, and nothing of another's (B4, G4)."""

from collections.abc import Callable
from typing import Any

import pytest

from bootstrap.model.errors import WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Reason, Ref, Refused
from bootstrap.steps.context.names import RESTRICTED, namespace
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.empty_store import remove_store, remove_voided, volume_of
from bootstrap.steps.vault.first_replica import (
    Attempt,
    attempt_tls_name,
    first_replica_answers,
    install_first_replica,
    put_there,
)
from bootstrap.steps.vault.init_window import Slots, WindowStore
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.concurrent import At
from tests.simulator.faults import Call
from tests.simulator.forms import names_of
from tests.simulator.platform import SimulatedPlatform

pytestmark = pytest.mark.usefixtures("same_each_time")

HOME, SYSTEM = Ref("v1", "Namespace", "vault"), "bootstrap-system"
POD = Ref("v1", "Pod", "vault-0", "vault")
CLAIM = Ref("v1", "PersistentVolumeClaim", "data-vault-0", "vault")
STATEFUL = Ref("apps/v1", "StatefulSet", "vault", "vault")
TLS = Ref("v1", "Secret", "vault-tls-init-1", "vault")


def attempt(number: int, still: Callable[[], bool] = lambda: True) -> Attempt:
    return Attempt(f"vault-tls-init-{number}", f"init-{number}-ab.vault-internal", still)


def need(platform: SimulatedPlatform, ref: Ref) -> Object:
    live = platform.cluster.get(ref)
    assert live is not None, ref
    return live


def uid(platform: SimulatedPlatform, ref: Ref) -> str:
    return str(need(platform, ref)["metadata"]["uid"])


def mounted(platform: SimulatedPlatform) -> str:
    volumes = need(platform, POD)["spec"]["volumes"]
    return next(str(v["secret"]["secretName"]) for v in volumes if v["name"] == "tls")


def standing(platform: SimulatedPlatform) -> World:
    """With the first attempt's replica."""
    put_there(platform.world(), attempt(1))
    return platform.world()


# ---------------------------------------------------------------- put there


def test_b4_the_first_replica_answers_under_the_name_of_its_attempt(platform: SimulatedPlatform) -> None:
    standing(platform)
    assert need(platform, HOME)["metadata"]["labels"].items() >= RESTRICTED.items()
    data = need(platform, TLS)["data"]
    assert set(data) == {"ca.crt", "vault-0.crt", "vault-0.key", "vault-0.until"}
    assert "init-1-ab.vault-internal" in names_of(data["vault-0.crt"].reveal())
    assert need(platform, STATEFUL)["spec"]["replicas"] == 1
    assert platform.vault.seal_status("vault-0") is not None
    assert platform.cluster.get(Ref("v1", "ConfigMap", "vault-config", "vault")) is not None


class MakesNoNamespaces(SimulatedCluster):
    def create(self, obj: Object) -> Any:
        return Refused(Reason.FORBIDDEN, "no") if obj["kind"] == "Namespace" else super().create(obj)


def test_g4_a_namespace_that_is_there_and_a_certificate_of_the_attempt_are_left_as_they_are(
    platform: SimulatedPlatform,
) -> None:
    """An administrator may have made the namespace: to make one is not asked for."""
    platform.cluster.create(namespace("vault", {}))
    platform.cluster.__class__ = MakesNoNamespaces
    standing(platform)
    before = need(platform, TLS), need(platform, POD)
    put_there(platform.world(), attempt(1))
    assert (need(platform, TLS), need(platform, POD)) == before


def test_b4_nothing_of_an_earlier_attempt_is_served_again(platform: SimulatedPlatform) -> None:
    standing(platform)
    before = need(platform, STATEFUL), need(platform, POD)
    put_there(platform.world(), attempt(2, lambda: False))
    assert (need(platform, STATEFUL), need(platform, POD)) == before


class Lingers(SimulatedCluster):
    """A pod that is deleted is there for some more looks."""

    looks = 3
    held: Any = None

    def delete(self, ref: Ref, **how: Any) -> Any:
        if ref == POD and self.held is None:
            self.held = how
            return None
        return super().delete(ref, **how)

    def get(self, ref: Ref) -> Object | None:
        if ref == POD and self.held:
            self.looks -= 1
            if not self.looks:
                super().delete(ref, **self.held)
        return super().get(ref)


@pytest.mark.parametrize("lingers", [False, True])
def test_b4_a_pod_of_a_vault_before_is_ended_and_awaited(platform: SimulatedPlatform, lingers: bool) -> None:
    standing(platform)
    before = uid(platform, POD)
    if lingers:
        platform.cluster.__class__ = Lingers
    put_there(platform.world(), attempt(2))
    assert mounted(platform) == "vault-tls-init-2"
    assert uid(platform, POD) != before


def test_b4_where_no_pod_comes_the_replica_is_waited_for(platform: SimulatedPlatform) -> None:
    standing(platform)
    platform.cluster.controllers.clear()
    for _ in range(2):  # one of before goes, and none comes; then there is none
        with pytest.raises(WorldError) as caught:
            put_there(platform.world(), attempt(2))
        assert caught.value.code == "E_TIMEOUT"
        assert "first replica answers" in caught.value.message
        assert platform.cluster.get(POD) is None


def test_b4_only_the_pod_of_the_attempt_answers_for_it(platform: SimulatedPlatform) -> None:
    window = Window(attempt=1, nonce="ab", phase=WindowPhase.CLAIMED)
    assert not first_replica_answers(platform.world(), window)
    world = standing(platform)
    assert first_replica_answers(world, window)
    assert not first_replica_answers(world, window.again("cd"))
    platform.cluster.set_status(need(platform, POD), {"phase": "Pending"})
    assert not first_replica_answers(platform.world(), window)


# ---------------------------------------------------------------- taken away


def voided(platform: SimulatedPlatform) -> Window:
    """The window of a store that is to go, with its slots."""
    window = Window(attempt=1, nonce="ab", phase=WindowPhase.CLAIMED)
    platform.cluster.create(namespace(SYSTEM, {}))
    install_first_replica(platform.world(), WindowStore(platform.cluster).create(window))
    voiding = window.sent(uid(platform, CLAIM)).voiding()
    assert WindowStore(platform.cluster).swap(window, voiding)
    for part in (Slots.SHARE, Slots.ROOT):
        Slots(platform.cluster, voiding.volume).write(part, Sensitive(b"x", part))
    return voiding


def left(platform: SimulatedPlatform, window: Window) -> tuple[bool, ...]:
    slots = Slots(platform.cluster, window.volume)
    there = (slots.read(part) is not None for part in (Slots.SHARE, Slots.ROOT))
    return (volume_of(platform.world()) == window.volume, *there)


def test_b4_a_voided_store_goes_with_its_slots(platform: SimulatedPlatform) -> None:
    window = voided(platform)
    assert attempt_tls_name(window) == TLS.name
    assert left(platform, window) == (True, True, True)
    assert remove_voided(platform.world(), window)
    assert left(platform, window) == (False, False, False)
    assert volume_of(platform.world()) == ""
    assert need(platform, STATEFUL)["spec"]["replicas"] == 0


def test_b4_a_window_that_moved_on_keeps_all_of_it(platform: SimulatedPlatform) -> None:
    window = voided(platform)
    assert WindowStore(platform.cluster).swap(window, window.again("cd"))
    assert not remove_voided(platform.world(), window)
    assert left(platform, window) == (True, True, True)
    assert need(platform, STATEFUL)["spec"]["replicas"] == 1


def test_b4_a_vault_that_does_not_stop_keeps_its_volume(platform: SimulatedPlatform) -> None:
    window = voided(platform)
    platform.cluster.controllers.clear()
    with pytest.raises(WorldError) as caught:
        remove_voided(platform.world(), window)
    assert caught.value.code == "E_TIMEOUT"
    assert left(platform, window) == (True, True, True)


def test_b4_a_volume_that_does_not_go_is_waited_for(platform: SimulatedPlatform) -> None:
    """Its slots tell what it may be opened with: they go behind it."""
    window = voided(platform)
    held = platform.cluster.peek(CLAIM)
    assert held is not None
    held["metadata"]["finalizers"] = ["kubernetes.io/pvc-protection"]
    with pytest.raises(WorldError) as caught:
        remove_voided(platform.world(), window)
    assert caught.value.code == "E_TIMEOUT"
    assert left(platform, window) == (True, True, True)


def test_b4_a_volume_that_took_its_place_meanwhile_stays(platform: SimulatedPlatform) -> None:
    window = voided(platform)

    def another() -> None:
        platform.cluster.delete(CLAIM, uid=window.volume)
        made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
        platform.cluster.create({**made, "metadata": {"name": CLAIM.name, "namespace": "vault"}})

    def deletes(call: Call) -> bool:
        return call.name == "delete" and call.args[0] == CLAIM

    at = At(deletes, another)
    assert remove_voided(platform.world(cluster=at.ports(platform)["cluster"]), window)
    assert at.fired
    assert volume_of(platform.world()) not in ("", window.volume)


def test_b4_without_a_replica_and_without_a_volume_nothing_is_made(platform: SimulatedPlatform) -> None:
    platform.cluster.create(namespace("vault", {}))
    platform.cluster.mutations.clear()
    assert remove_store(platform.world(), TLS.name, "", lambda: True)
    assert platform.cluster.mutations == []


def test_b4_an_attempt_that_never_had_a_volume_removes_none(platform: SimulatedPlatform) -> None:
    standing(platform)
    before = uid(platform, CLAIM)
    assert remove_store(platform.world(), TLS.name, "", lambda: True)
    assert uid(platform, CLAIM) == before
