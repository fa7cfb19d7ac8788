"""INV5: a copy of ours that no entry of the commit derives is named, with the command that takes it away."""

from pathlib import Path

import pytest

from bootstrap.operations.verify import orphans as left_over
from bootstrap.operations.verify.invariants import CLAIMS, prove
from bootstrap.operations.verify.proof import State
from bootstrap.operations.verify.proofs.consumers import nothing_left_over
from bootstrap.ports import Permission
from tests.simulator.platform import SimulatedPlatform, opened, scaffolded
from tests.support.program import commit_all

EXTERNAL_SECRETS = Permission("list", "external-secrets.io", "externalsecrets")
PUSH_SECRETS = Permission("list", "external-secrets.io", "pushsecrets")


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> SimulatedPlatform:
    """Its commit has taken an internal secret away and given a consumer another name since `up` ended."""
    folder = tmp_path_factory.mktemp("left-over")
    made = SimulatedPlatform(folder, scaffolded(folder))
    made.up()
    assert nothing_left_over(made.world()).ok is True
    orders = made.repository / "secrets" / "orders.yaml"
    secrets, mark, _ = orders.read_text().partition("---\n# Made in the cluster")
    assert mark
    orders.write_text(secrets)
    database = made.repository / "secrets" / "database.yaml"
    text = database.read_text()
    database.write_text(text.replace("secret: postgres-superuser}", "secret: postgres-admin}"))
    commit_all(made.repository)
    opened.cache_clear()
    return made


@pytest.fixture(autouse=True)
def allowed(platform: SimulatedPlatform) -> None:
    platform.cluster.denied.clear()


def test_inv5_what_no_entry_derives_any_more_is_named(platform: SimulatedPlatform) -> None:
    proof = nothing_left_over(platform.world())
    assert proof.ok is False
    named = (
        "ExternalSecret database/postgres-superuser (of postgres-superuser)",
        "ExternalSecret orders/orders-database (of orders-database)",
        "PushSecret database/orders-database (of orders-database)",
    )
    assert proof.evidence == f"7 declared; not declared: {', '.join(named)}"
    assert "`kubectl --namespace database delete externalsecret postgres-superuser`" in proof.hint
    assert "docs/how-to/change-what-is-declared.md" in proof.hint


def test_inv5_verify_asks_it_right_after_the_consumers(platform: SimulatedPlatform) -> None:
    titles = [p.title for p in prove(platform.world())]
    at = titles.index("each copy of ours in the cluster is declared")
    assert titles[at - 2] == "each materialized Secret is derived from Vault and synced"
    assert len(titles) == len([c for c in CLAIMS if not c.deep])


def test_without_the_right_to_list_everywhere_the_catalogs_namespaces_are_looked_at(
    platform: SimulatedPlatform,
) -> None:
    platform.cluster.denied |= {EXTERNAL_SECRETS, PUSH_SECRETS}
    found = left_over.find(platform.world())
    # No namespace publishes any more, so a PushSecret is nowhere looked for.
    assert [str(o.ref) for o in found.others] == [
        "ExternalSecret database/postgres-superuser",
        "ExternalSecret orders/orders-database",
    ]
    assert found.unseen == "undeclared ones elsewhere cannot be seen: no right to list"


def test_a_list_that_is_refused_everywhere_leaves_the_proof_out(platform: SimulatedPlatform) -> None:
    here = Permission("list", "external-secrets.io", "externalsecrets", "orders")
    platform.cluster.denied |= {EXTERNAL_SECRETS, here}
    proof = nothing_left_over(platform.world())
    assert (proof.state, "E_KUBE_DENIED" in proof.evidence) == (State.LEFT_OUT, True)


def test_a_refused_list_alone_leaves_the_proof_out(tmp_path: Path) -> None:
    platform = SimulatedPlatform(tmp_path)
    platform.up()
    platform.cluster.denied |= {EXTERNAL_SECRETS, PUSH_SECRETS}
    proof = nothing_left_over(platform.world())
    assert proof.state is State.LEFT_OUT
    assert proof.evidence.endswith("undeclared ones elsewhere cannot be seen: no right to list")


def test_where_nothing_is_installed_nothing_is_left_over(tmp_path: Path) -> None:
    proof = nothing_left_over(SimulatedPlatform(tmp_path).world())
    assert (proof.ok, proof.evidence) == (True, "9 declared; nothing else of ours")


def test_what_others_made_is_not_ours_to_name(tmp_path: Path) -> None:
    platform = SimulatedPlatform(tmp_path)
    platform.up()
    theirs = {"name": "theirs", "namespace": "orders", "labels": {"app.kubernetes.io/managed-by": "helm"}}
    spec = {"target": {"name": "theirs"}}
    made = {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": theirs}
    platform.cluster.create(made | {"spec": spec})
    assert nothing_left_over(platform.world()).ok is True
