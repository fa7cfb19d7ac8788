"""What is left of the share before goes, and only then a rekey is called ended, where this step ends it (B4)."""

import pytest

from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.ports import Object, Ref
from bootstrap.steps.kinds.vault_old_shares import VaultOldShares
from bootstrap.steps.vault.init_window import WindowStore, slot_ref
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.small_world import STEP, small_world

SECRETS = (
    Ref("v1", "Secret", "vault-unseal-1", "vault"),
    slot_ref("a-volume", "share"),
    Ref("v1", "Secret", "vault-unseal-2", "vault"),
    slot_ref("a-volume", "share-2"),
)
DELETES = (
    "delete Secret vault/vault-unseal-1",
    "delete Secret bootstrap-system/vault-slot-a-volume-share",
)
ALONE = Satisfied("the share of generation 2 is the only one")


def made(ref: Ref) -> Object:
    return {
        "apiVersion": ref.api,
        "kind": ref.kind,
        "metadata": {"name": ref.name, "namespace": ref.namespace},
    }


def a_cluster(*secrets: Ref, generation: int = 2, target: int = 2) -> SimulatedCluster:
    cluster = SimulatedCluster()
    for name in ("vault", "bootstrap-system"):
        cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    for ref in secrets:
        cluster.create(made(ref))
    phase = WindowPhase.VERIFIED
    window = Window(
        attempt=1, nonce="n", phase=phase, volume="a-volume", generation=generation, target=target
    )
    assert WindowStore(cluster).create(window) == window
    return cluster


def step(cluster: SimulatedCluster, ends: bool = True) -> VaultOldShares:
    return VaultOldShares(STEP, small_world(cluster), ends=ends)


def decided(cluster: SimulatedCluster, ends: bool = True) -> Decision:
    return step(cluster, ends).decide(step(cluster, ends).observe())


def target(cluster: SimulatedCluster) -> int:
    window = WindowStore(cluster).read()
    assert window is not None
    return window.target


@pytest.mark.parametrize("ends", [True, False])
def test_b4_the_share_before_goes_and_the_one_that_counts_stays(ends: bool) -> None:
    cluster = a_cluster(*SECRETS)
    marks = ("mark the rekey as ended",) if ends else ()
    assert decided(cluster, ends) == Act("remove what is left of generation 1", (*DELETES, *marks))
    step(cluster, ends).act(step(cluster, ends).observe())
    assert [ref for ref in SECRETS if cluster.get(ref)] == list(SECRETS[2:])
    assert target(cluster) == (0 if ends else 2)
    assert decided(cluster, ends) == ALONE


def test_b4_where_nothing_is_left_of_it_the_end_is_marked_still() -> None:
    cluster = a_cluster(*SECRETS[2:])
    assert decided(cluster) == Act("remove what is left of generation 1", ("mark the rekey as ended",))


def test_b4_before_any_rekey_there_is_one_share() -> None:
    only = Satisfied("the share of generation 1 is the only one")
    assert decided(SimulatedCluster()) == only
    assert decided(a_cluster(*SECRETS[:2], generation=1, target=0)) == only
