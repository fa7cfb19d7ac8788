"""INV6: who is able to change a secret is declared, or the proof is broken; what cannot be seen leaves it out."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cli.commands import status
from bootstrap.ledger.head import head_of
from bootstrap.ledger.tally import report_of
from bootstrap.operations.verify.proof import State
from bootstrap.operations.verify.proofs.kubernetes_writers import kubernetes_writers
from bootstrap.operations.verify.proofs.vault_writers import vault_writers
from bootstrap.operations.verify.residuals import residuals
from bootstrap.ports import Permission, Ref
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import escrow_bytes
from tests.simulator.platform import SimulatedPlatform

RBAC = "rbac.authorization.k8s.io/v1"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPlatform:
    made = SimulatedPlatform(Path(tmp_path_factory.mktemp("writers")))
    made.up()
    return made


@pytest.fixture
def world(platform: SimulatedPlatform) -> World:
    return platform.world()


def binding(world: World, who: dict[str, str], verbs: list[str], place: str = "", name: str = "x") -> None:
    kind = "Role" if place else "ClusterRole"
    where = {"namespace": place} if place else {}
    rule = {"apiGroups": [""], "resources": ["secrets"], "verbs": verbs}
    role: dict[str, Any] = {
        "apiVersion": RBAC,
        "kind": kind,
        "metadata": {"name": name, **where},
        "rules": [rule],
    }
    bound = {"apiVersion": RBAC, "kind": f"{kind}Binding", "metadata": {"name": name, **where}}
    world.cluster.create(role)
    world.cluster.create(bound | {"roleRef": {"kind": kind, "name": name}, "subjects": [who]})


def test_inv6_only_what_is_declared_is_able_to(world: World) -> None:
    for proof in (vault_writers(world), kubernetes_writers(world)):
        assert proof.ok, proof
        assert "not declared" not in proof.evidence


@pytest.mark.parametrize(
    ("verbs", "place", "named"),
    [
        (["patch"], "", "patch secrets"),
        (["*"], "vault", "create/delete/deletecollection/patch/update secrets, read the unseal key"),
        (["get"], "vault", "read the unseal key"),
    ],
)
def test_inv6_whoever_is_bound_to_secrets_breaks_it(
    world: World, verbs: list[str], place: str, named: str
) -> None:
    name = f"role-{'-'.join(verbs).replace('*', 'all')}-{place or 'all'}"
    binding(world, {"kind": "User", "name": f"somebody-{name}"}, verbs, place, name)
    proof = kubernetes_writers(world)
    assert proof.ok is False
    assert (
        f"User somebody-{name} ({named}, {'Role' if place else 'ClusterRole'}Binding {name})"
        in proof.evidence
    )
    assert "spec.operators" in proof.hint
    taken_away(world, name, place)


def test_inv6_rights_elsewhere_are_nobodys_matter(world: World) -> None:
    binding(world, {"kind": "User", "name": "eve"}, ["*"], "elsewhere", "elsewhere")
    assert kubernetes_writers(world).ok


def taken_away(world: World, name: str, place: str) -> None:
    ref = Ref(RBAC, f"{'Role' if place else 'ClusterRole'}Binding", name, place)
    live = world.cluster.get(ref)
    assert live is not None
    world.cluster.delete(ref, uid=live["metadata"]["uid"])


def test_inv6_what_has_no_power_over_ours_is_named_and_breaks_nothing(
    platform: SimulatedPlatform, world: World
) -> None:
    store = platform.vault.live()
    store.plain["sys/policies/acl/humans"] = {"policy": ""}
    store.plain["auth/kubernetes/role/ci"] = {}
    try:
        proof = vault_writers(world)
    finally:
        del store.plain["sys/policies/acl/humans"], store.plain["auth/kubernetes/role/ci"]
    assert proof.ok
    assert "without power over a secret of ours: policy humans" in proof.evidence


def test_inv6_what_the_run_may_not_read_leaves_the_proof_out(
    platform: SimulatedPlatform, world: World
) -> None:
    """As on a cluster whose run policy is of an older version."""
    platform.vault.live().plain["sys/policies/acl/humans"] = {"policy": ""}
    platform.vault.denied |= {"GET sys/policies/acl/humans", "LIST identity/group/name"}
    try:
        proof = vault_writers(world)
    finally:
        platform.vault.denied.clear()
        del platform.vault.live().plain["sys/policies/acl/humans"]
    assert proof.state is State.LEFT_OUT
    assert "no right to read identity/group/name, sys/policies/acl/humans" in proof.evidence


def test_inv6_a_login_whose_grants_are_not_looked_for_leaves_the_proof_out(
    platform: SimulatedPlatform, world: World
) -> None:
    auth = platform.vault.live().auth
    auth["github/"] = {"type": "github"}
    try:
        proof = vault_writers(world)
    finally:
        del auth["github/"]
    assert (proof.state, "not looked into: login github/ (github)" in proof.evidence) == (
        State.LEFT_OUT,
        True,
    )


def test_inv6_without_the_right_to_list_roles_the_proof_is_left_out(
    platform: SimulatedPlatform, world: World
) -> None:
    platform.cluster.denied.add(Permission("list", "rbac.authorization.k8s.io", "roles"))
    try:
        proof = kubernetes_writers(world)
    finally:
        platform.cluster.denied.clear()
    assert proof.state is State.LEFT_OUT
    assert "each Role (no right to list them)" in proof.evidence


def test_status_lists_internal_entries_and_residuals(world: World) -> None:
    found = status.gather(world)
    assert [(i["name"], i["state"]) for i in found["internals"]] == [
        ("orders-database", "published, readers: 1")
    ]
    told = "\n".join(status.lines(found))
    assert "orders-database" in told
    assert "The payment provider issues it" in told


def test_h5_the_ledger_says_why_a_value_stays_alive(world: World) -> None:
    ledger = world.ledger.read()
    report = report_of(ledger, head_of(ledger, escrow=escrow_bytes(world)), verified=True)
    notes = {line.name: line.note for line in report.secrets}
    assert notes["orders-payment-token"].endswith("until it is reissued; The payment provider issues it")
    assert notes["orders-session-key"] == "made anew at handover: the value in Git is dead"


def test_h5_a_residual_has_its_reason_and_its_day(world: World) -> None:
    secret = next(s for s in world.intent.handovers if s.handover.reason)
    dated = replace(secret, handover=replace(secret.handover, until="2027-01-31"))
    *_, told = residuals(world.intent, [dated])
    assert told.startswith(f"{secret.name}: ")
    assert told.endswith(f"; {secret.handover.reason}; until 2027-01-31")
