"""INV6: what Kubernetes binds by itself is known by name and rules; anything beyond it is not Kubernetes' own."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.operations.verify.proof import Proof, State
from bootstrap.operations.verify.proofs.kubernetes_writers import kubernetes_writers
from tests.seeds import objects as made
from tests.seeds.kubernetes import DEFAULTS, LABEL, defaults
from tests.simulator.hand import SimulatedHand
from tests.simulator.platform import SimulatedPlatform

GC = "system:controller:generic-garbage-collector"


@pytest.fixture
def hand(tmp_path: Path) -> SimulatedHand:
    platform = SimulatedPlatform(tmp_path)
    platform.up()
    found = SimulatedHand(platform)
    for obj in defaults():
        found.create(obj)
    return found


def proof(hand: SimulatedHand) -> Proof:
    return kubernetes_writers(hand.platform.world())


def test_inv6_kubernetes_own_controllers_and_administrators_are_known(hand: SimulatedHand) -> None:
    assert proof(hand).state is State.HOLDS, proof(hand).evidence


def widened(obj: made.Object) -> None:
    obj["rules"].append(made.rule("create"))


def joined(obj: made.Object) -> None:
    obj["subjects"].append(made.account("default", "default"))


def redirected(obj: made.Object) -> None:
    obj["roleRef"]["name"] = "cluster-admin"


@pytest.mark.parametrize(
    ("kind", "name", "change", "named"),
    [
        ("ClusterRole", GC, widened, "ServiceAccount kube-system/generic-garbage-collector (create"),
        ("ClusterRoleBinding", GC, joined, "ServiceAccount default/default (delete"),
        ("ClusterRoleBinding", GC, redirected, "ServiceAccount kube-system/generic-garbage-collector ("),
        ("ClusterRoleBinding", "cluster-admin", joined, "ServiceAccount default/default ("),
        ("ClusterRoleBinding", "kubeadm:cluster-admins", joined, "ServiceAccount default/default ("),
    ],
)
def test_inv6_a_label_and_a_name_prove_nothing(
    hand: SimulatedHand, kind: str, name: str, change: Callable[[made.Object], None], named: str
) -> None:
    hand.edit(kind, name, "", change)
    assert proof(hand).state is State.BROKEN
    assert named in proof(hand).evidence


@pytest.mark.parametrize(
    ("name", "subject", "rules"), DEFAULTS[1:4], ids=lambda v: v if isinstance(v, str) else ""
)
def test_inv6_the_same_rights_by_another_binding_are_not_built_in(
    hand: SimulatedHand, name: str, subject: made.Object, rules: tuple[made.Object, ...]
) -> None:
    """Even to the same subject: only the binding that Kubernetes keeps up counts."""
    hand.create(made.binding("mine", [subject], name, marks=LABEL))
    assert proof(hand).state is State.BROKEN
    assert "ClusterRoleBinding mine" in proof(hand).evidence


def test_inv6_a_service_account_by_its_user_name_is_that_account(hand: SimulatedHand) -> None:
    hand.create(made.role("w", [made.rule("patch")]))
    hand.create(made.binding("w", [made.user("system:serviceaccount:flux-system:source")], "w"))
    assert "ServiceAccount flux-system/source (patch secrets" in proof(hand).evidence
