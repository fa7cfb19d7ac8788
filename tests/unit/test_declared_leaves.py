"""Which leaves Vault's configuration has, by what is declared: each pod, each saver, each namespace its own (S2)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.catalog import VaultSpec
from bootstrap.steps.context.names import renewer
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.intermediate import Intermediate, issuing
from bootstrap.steps.vault.leaves import (
    AUDITING,
    KV,
    PKI,
    PODS,
    RUN_IDENTITY,
    TRANSIT,
    Absent,
    Alias,
    Fields,
    TransitKey,
    every_leaf,
)
from bootstrap.steps.vault.pod_login import IssuerKeys, pod_role
from bootstrap.steps.vault.policies import job, pusher, reader, renewing, saver

SPEC = VaultSpec(version="1.21.1", image="registry.example/vault:1.21.1")


def world(
    *, snapshots: object = None, reading: dict[str, Any] | None = None, pushing: dict[str, Any] | None = None
) -> World:
    intent = SimpleNamespace(
        platform=SimpleNamespace(vault=SPEC, snapshots=snapshots),
        saved_paths=("platform/one",),
        job_paths=("platform/bucket", "platform/one"),
        reading_namespaces=reading or {},
        pushing_namespaces=pushing or {},
    )
    return cast(World, SimpleNamespace(intent=intent))


def fields(declared: World, start: str) -> dict[str, Any]:
    """What is to be written below ``start``, by the rest of its path."""
    leaves = (leaf for leaf in every_leaf(declared) if isinstance(leaf, Fields))
    return {leaf.path.removeprefix(start): leaf.body for leaf in leaves if leaf.path.startswith(start)}


def absent(declared: World) -> set[str]:
    return {leaf.path for leaf in every_leaf(declared) if isinstance(leaf, Absent)}


def test_b6_auditing_is_first_and_a_mount_is_made_before_what_lies_in_it() -> None:
    declared = world()
    leaves = every_leaf(declared)
    assert leaves[: len(AUDITING)] == AUDITING
    expected = [*AUDITING, *RUN_IDENTITY, KV, TRANSIT, TransitKey(), PKI, Intermediate(declared), PODS]
    assert [leaf for leaf in leaves if leaf in (*expected, IssuerKeys(declared))] == [
        *expected,
        IssuerKeys(declared),
    ]


def test_s2_each_pod_gets_the_certificate_of_its_own_names_and_no_other() -> None:
    declared = world()
    for pod in ("vault-0", "vault-1", "vault-2"):
        role = renewer(pod)
        assert fields(declared, "vault-pki/roles/")[pod] == issuing(SPEC, pod)
        assert fields(declared, "sys/policies/acl/")[role] == {"policy": renewing(pod)}
        assert fields(declared, "auth/vault-pods/role/")[role] == pod_role(SPEC, pod)
        assert f"auth/kubernetes/role/{role}" in absent(declared), "that of an earlier version"


def test_what_saves_snapshots_by_itself_may_do_so_only_where_that_is_declared() -> None:
    by_hand, by_itself = world(), world(snapshots=object())
    for declared in (by_hand, by_itself):
        assert fields(declared, "sys/policies/acl/")["bootstrap-snapshot"] == {
            "policy": saver(("platform/one",))
        }
        assert "bootstrap-snapshot" in fields(declared, "auth/kubernetes/role/")
    paths = {"sys/policies/acl/bootstrap-snapshot-job", "auth/kubernetes/role/bootstrap-snapshot-job"}
    assert paths <= absent(by_hand)
    assert not paths & absent(by_itself)
    assert fields(by_itself, "sys/policies/acl/")["bootstrap-snapshot-job"] == {
        "policy": job(("platform/bucket", "platform/one"))
    }
    assert "bootstrap-snapshot-job" in fields(by_itself, "auth/kubernetes/role/")
    assert "bootstrap-snapshot-job" not in fields(by_hand, "auth/kubernetes/role/")


def test_s3_a_namespace_reads_what_it_consumes_and_publishes_what_it_makes() -> None:
    declared = world(reading={"orders": ("a",), "both": ("b",)}, pushing={"payments": ("c",), "both": ("d",)})
    policies = fields(declared, "sys/policies/acl/")
    assert policies["reader-orders"] == {"policy": reader(("a",))}
    assert policies["reader-both"] == {"policy": reader(("b",))}
    assert policies["pusher-payments"] == {"policy": pusher(("c",))}
    assert policies["pusher-both"] == {"policy": pusher(("d",))}
    assert fields(declared, "identity/entity/name/ns-") == {
        "both": {"policies": ["reader-both", "pusher-both"]},
        "orders": {"policies": ["reader-orders"]},
        "payments": {"policies": ["pusher-payments"]},
    }
    (role,) = (
        body
        for name, body in fields(declared, "auth/kubernetes/role/").items()
        if len(body["bound_service_account_namespaces"]) == 3
    )
    assert role["bound_service_account_namespaces"] == ["both", "orders", "payments"]
    aliases = [leaf for leaf in every_leaf(declared) if isinstance(leaf, Alias)]
    assert aliases == [Alias("both"), Alias("orders"), Alias("payments")]


@pytest.mark.parametrize("named", ["reading", "pushing"])
def test_s3_without_any_namespace_there_is_no_login_for_them(named: str) -> None:
    def logins(declared: World) -> set[str]:
        return set(fields(declared, "auth/kubernetes/role/"))

    one: dict[str, Any] = {named: {"orders": ("a",)}}
    assert len(logins(world(**one)) - logins(world())) == 1
