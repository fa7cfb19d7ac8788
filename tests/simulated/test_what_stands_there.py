"""A Vault that stands there: whose it is, what a lost one leaves, and which of its nodes get the share (INV4, B4)."""

from typing import Any

import pytest

from bootstrap.model.errors import PreconditionError, WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.layout import ESCROW
from bootstrap.model.names import MANAGED_BY
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import RESTORATION, SYSTEM_NAMESPACE, WINDOW, labels, namespace
from bootstrap.steps.vault.foreign import foreign_store
from bootstrap.steps.vault.init_window import slot_ref
from bootstrap.steps.vault.leftovers import leftovers
from bootstrap.steps.vault.unseal import opened_share, sealed_pods, unseal_all
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.rekeying import window
from tests.simulator.standing import KEY, SHARE, nodes, proven

pytestmark = pytest.mark.usefixtures("same_each_time")

STATEFUL = Ref("apps/v1", "StatefulSet", "vault", "vault")
PODS = ("vault-0", "vault-1", "vault-2")


def made(platform: SimulatedPlatform, kind: str, name: str, home: str = "vault", **more: Any) -> None:
    meta = {"name": name, "namespace": home, "labels": labels("vault")}
    platform.cluster.create({"apiVersion": "v1", "kind": kind, "metadata": meta, **more})


def runs(platform: SimulatedPlatform, name: str, image: str) -> None:
    """A StatefulSet of somebody else."""
    spec: Object = {
        "template": {"metadata": {}, "spec": {"containers": [{"name": "a", "image": image}, {"name": "b"}]}}
    }
    meta = {"name": name, "namespace": "vault"}
    platform.cluster.controllers.clear()
    platform.cluster.create({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec})


# ---------------------------------------------------------------- whose it is


@pytest.mark.parametrize(
    ("name", "image", "found"),
    [
        ("database", "postgres", ""),
        ("secrets", "hashicorp/vault:1.21", "StatefulSet vault/secrets"),
        ("vault", "something", "StatefulSet vault/vault"),
    ],
)
def test_inv4_a_stranger_that_runs_vault_is_named(
    platform: SimulatedPlatform, name: str, image: str, found: str
) -> None:
    platform.cluster.create(namespace("vault", {}))
    assert foreign_store(platform.world()) == ""
    runs(platform, name, image)
    assert foreign_store(platform.world()) == found


def test_inv4_a_volume_is_ours_by_a_record_of_its_key_and_by_nothing_else(
    platform: SimulatedPlatform,
) -> None:
    nodes(platform)
    claim = "PersistentVolumeClaim vault/data-vault-0"
    assert foreign_store(platform.world()) == f"{claim} (with our labels, but no record of its key)"
    for known in (WINDOW, RESTORATION):
        made(platform, "ConfigMap", known, SYSTEM_NAMESPACE)
        assert foreign_store(platform.world()) == ""
        delete(platform, Ref("v1", "ConfigMap", known, SYSTEM_NAMESPACE))
    delete(platform, STATEFUL)
    assert foreign_store(platform.world()) == f"{claim} (without a record of its key)"
    delete(platform, Ref("v1", "PersistentVolumeClaim", "data-vault-0", "vault"))
    assert foreign_store(platform.world()) == ""


def test_inv4_an_escrow_outside_is_a_record_of_its_key(platform: SimulatedPlatform) -> None:
    proven(platform)
    delete(platform, Ref("v1", "ConfigMap", WINDOW, SYSTEM_NAMESPACE))
    assert foreign_store(platform.world()) == ""


# ---------------------------------------------------------------- what a lost one leaves


def left(platform: SimulatedPlatform, now: Window | None) -> set[str]:
    return {str(each["metadata"]["name"]) for each in leftovers(platform.world(), now)}


def test_inv4_what_another_vault_would_take_for_its_own_is_found(platform: SimulatedPlatform) -> None:
    nodes(platform)
    assert left(platform, None) == {"vault-unseal-1"}
    made(platform, "Secret", slot_ref("", "share").name, SYSTEM_NAMESPACE)  # of no volume
    lost = Window(attempt=4, nonce="ab", phase=WindowPhase.VERIFIED, volume="v", generation=3)
    own = ("vault-tls", "vault-unseal-2", *(f"vault-tls-init-{n}" for n in range(1, 6)))
    for name in own:
        made(platform, "Secret", name)
    made(platform, "ConfigMap", "vault-recovery", SYSTEM_NAMESPACE)
    slots = [
        slot_ref("v", part).name for part in ("share", "share-2", "share-3", "share-4", "share-5", "root")
    ]
    for name in slots:
        made(platform, "Secret", name, SYSTEM_NAMESPACE)
    always = {"vault-tls", "vault-unseal-1", "vault-unseal-2", "vault-recovery"}
    three = {f"vault-tls-init-{n}" for n in (1, 2, 3)}
    assert left(platform, None) == always | three
    no_volume = Window(attempt=1, nonce="ab", phase=WindowPhase.CLAIMED)
    assert left(platform, no_volume) == always | three
    of_generations = {slots[1], slots[2], slots[3], slots[5]}  # the one before, its own, and the next one
    assert left(platform, lost) == always | three | {"vault-tls-init-4"} | of_generations
    live = platform.cluster.peek(Ref("v1", "Secret", "vault-tls", "vault"))
    assert live is not None
    del live["metadata"]["labels"][MANAGED_BY]
    assert "vault-tls" not in left(platform, None), "what is not ours stays"


# ---------------------------------------------------------------- which nodes get the share


def sealed(platform: SimulatedPlatform) -> None:
    proven(platform)
    delete(platform, KEY)
    for pod in PODS:
        platform.vault.restart(pod)


def in_phase(platform: SimulatedPlatform, pod: str, phase: str) -> None:
    live = platform.cluster.get(Ref("v1", "Pod", pod, "vault"))
    assert live is not None
    platform.cluster.set_status(live, {"phase": phase})


def test_b4_each_sealed_node_is_given_the_share_and_named(platform: SimulatedPlatform) -> None:
    sealed(platform)
    platform.vault.unseal("vault-1", Sensitive(SHARE.encode(), "share"))
    assert sealed_pods(platform.world()) == ["vault-0", "vault-2"]
    assert unseal_all(platform.world()) == ("vault-0", "vault-2")
    assert sealed_pods(platform.world()) == []
    assert unseal_all(platform.world()) == ()


def test_b4_a_silent_node_counts_as_sealed_and_the_others_are_unsealed(platform: SimulatedPlatform) -> None:
    sealed(platform)
    in_phase(platform, "vault-0", "Pending")
    assert sealed_pods(platform.world()) == list(PODS)
    with pytest.raises(WorldError) as stopped:
        unseal_all(platform.world(), seconds=10)
    assert stopped.value.code == "E_TIMEOUT"
    assert sealed_pods(platform.world()) == ["vault-0"]
    in_phase(platform, "vault-0", "Running")
    status = platform.vault.seal_status("vault-0")
    assert status is not None and status.sealed, "what is silent is given nothing"


def test_b4_without_an_escrow_there_is_no_share(platform: SimulatedPlatform) -> None:
    proven(platform)
    world = platform.world()
    assert opened_share(world).reveal() == SHARE.encode()
    (platform.records / platform.cluster.uid() / ESCROW).unlink()
    world.files = None
    with pytest.raises(PreconditionError) as stopped:
        opened_share(world)
    assert (stopped.value.code, window(platform).phase) == ("E_ESCROW_MISSING", WindowPhase.VERIFIED)
