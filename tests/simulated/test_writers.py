"""INV6: who is able to change a secret is declared or named, and a second authority breaks the proof."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cli.commands import status
from bootstrap.ledger.head import head_of
from bootstrap.ledger.report import report_of
from bootstrap.operations.verify.invariants import kubernetes_writers, vault_writers
from bootstrap.operations.verify.residuals import residuals
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
        assert "nobody else seen" in proof.evidence


@pytest.mark.parametrize(
    ("verbs", "place", "named"),
    [
        (["patch"], "", "write"),
        (["*"], "vault", "read/write"),
        (["get"], "vault", "read"),
        (["get"], "elsewhere", ""),
    ],
)
def test_inv6_whoever_is_bound_to_secrets_is_named(
    world: World, verbs: list[str], place: str, named: str
) -> None:
    name = f"role-{'-'.join(verbs).replace('*', 'all')}-{place or 'all'}"
    binding(world, {"kind": "User", "name": f"somebody-{name}"}, verbs, place, name)
    proof = kubernetes_writers(world)
    assert proof.ok
    assert (
        f"User somebody-{name} ({named}, {'Role' if place else 'ClusterRole'}Binding {name})"
        in proof.evidence
    ) is bool(named)


def test_inv6_another_way_into_vault_is_named(platform: SimulatedPlatform, world: World) -> None:
    store = platform.vault.live()
    store.plain["sys/policies/acl/humans"] = {"policy": ""}
    store.plain["auth/kubernetes/role/ci"] = {}
    try:
        proof = vault_writers(world)
    finally:
        del store.plain["sys/policies/acl/humans"], store.plain["auth/kubernetes/role/ci"]
    assert proof.ok
    assert "not declared: policy humans, role ci;" in proof.evidence


def test_inv6_a_pusher_that_reaches_a_handed_over_path_is_broken(
    platform: SimulatedPlatform, world: World
) -> None:
    plain = platform.vault.live().plain
    name = next(path for path in plain if path.startswith("sys/policies/acl/pusher-"))
    before = plain[name]
    for path in ("secret/data/*", f"secret/data/{world.intent.handovers[0].path}"):
        plain[name] = {"policy": f'path "{path}" {{ capabilities = ["update"] }}\n'}
        proof = vault_writers(world)
        plain[name] = before
        assert proof.ok is False
        assert world.intent.handovers[0].name in proof.evidence


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
