"""What a handover leaves besides Vault and the ledger: each trace is one by itself, another's object is none (INV4)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.ports import Object, Permission, Ref, Refused
from bootstrap.steps.authority.traces import left_of_a_platform, traces, unseen
from bootstrap.steps.context.admission import API
from bootstrap.steps.context.names import STORE, labels
from bootstrap.steps.vault.serving_secrets import tls_ref, unseal_ref
from tests.simulator.platform import SimulatedPlatform

OURS = labels("derived")
POLICY = Ref(API, "ValidatingAdmissionPolicy", "bootstrap-retired-scaffolds")
BACKEND = Ref("external-secrets.io/v1", "ClusterSecretStore", STORE)


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    platform.cluster.controllers.clear()
    definition = Ref(
        "apiextensions.k8s.io/v1", "CustomResourceDefinition", "externalsecrets.external-secrets.io"
    )
    create(platform, definition, {}, spec={"group": "external-secrets.io"})
    assert traces(platform.world()) == ()
    return platform


def create(platform: SimulatedPlatform, ref: Ref, marks: Mapping[str, str], **more: Any) -> None:
    meta: Object = {"name": ref.name, "labels": dict(marks)} | (
        {"namespace": ref.namespace} if ref.namespace else {}
    )
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ref.namespace}}
    if ref.namespace and platform.cluster.get(Ref("v1", "Namespace", ref.namespace)) is None:
        platform.cluster.create(home)
    made = platform.cluster.create(
        {"apiVersion": ref.api, "kind": ref.kind, "metadata": meta, "spec": {}, **more}
    )
    assert not isinstance(made, Refused), made


@pytest.mark.parametrize("ref", [POLICY, BACKEND])
@pytest.mark.parametrize("ours", [True, False])
def test_inv4_one_of_our_name_is_a_trace_where_it_is_ours(
    ref: Ref, ours: bool, platform: SimulatedPlatform
) -> None:
    create(platform, ref, OURS if ours else {"team": "theirs"})
    found = (str(ref),) if ours else ()
    assert traces(platform.world()) == left_of_a_platform(platform.world()) == found


def test_inv4_a_key_of_vault_s_is_a_trace_and_another_s_secret_of_that_name_is_none(
    tmp_path: Path, repository: Path
) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    refs = tls_ref(platform.world()), unseal_ref(platform.world())
    assert {str(ref) for ref in refs} <= set(traces(platform.world()))
    for ref in refs:
        live = platform.cluster.peek(ref)
        assert live is not None
        live["metadata"]["labels"] = {"team": "theirs"}
        assert str(ref) not in traces(platform.world())


def test_inv4_what_is_derived_is_a_trace_in_the_namespaces_that_the_commit_names(
    platform: SimulatedPlatform,
) -> None:
    world = platform.world()
    (entry, *_), (secret, *_) = (
        world.intent.internals,
        (s for s in world.intent.secrets if s.consumers and s.path),
    )
    entry = replace(entry, source=replace(entry.source, namespace="pushing"), consumers=())
    secret = replace(secret, consumers=(replace(secret.consumers[0], namespace="reading"),))
    world.intent = replace(world.intent, internals=(entry,), secrets=(secret,))
    for api, kind in (
        ("external-secrets.io/v1", "ExternalSecret"),
        ("external-secrets.io/v1alpha1", "PushSecret"),
    ):
        for namespace in ("reading", "pushing", "elsewhere"):
            create(platform, Ref(api, kind, "ours", namespace), OURS)
            create(platform, Ref(api, kind, "theirs", namespace), {})
    assert traces(world) == ("ExternalSecret reading/ours", "PushSecret pushing/ours")


@pytest.mark.parametrize(
    ("status", "shown"), [({}, ""), ({"status": {}}, ""), ({"status": {"phase": "Released"}}, " (Released)")]
)
def test_inv4_a_volume_is_a_trace_whatever_it_says_of_itself(
    status: dict[str, Any], shown: str, platform: SimulatedPlatform
) -> None:
    for name, claim in (("old", "data-vault-0"), ("theirs", "data-database-0")):
        spec = {"claimRef": {"namespace": "vault", "name": claim}}
        create(platform, Ref("v1", "PersistentVolume", name), {}, spec=spec, **status)
    assert traces(platform.world()) == (f"PersistentVolume old of data-vault-0{shown}",)


def test_inv4_volumes_that_may_not_be_listed_are_said(platform: SimulatedPlatform) -> None:
    assert unseen(platform.world()) == ""
    platform.cluster.denied.add(Permission("list", "", "persistentvolumes"))
    assert "none that a lost Vault left would be seen" in unseen(platform.world())


@pytest.mark.parametrize("where", ["commit", "folder"])
def test_inv4_an_escrow_outside_the_cluster_is_a_trace_of_it_and_not_left_in_it(
    where: str, platform: SimulatedPlatform
) -> None:
    uid = platform.cluster.uid()
    if where == "commit":
        platform.escrows[uid] = b"ciphertext"
    else:
        (platform.records / uid).mkdir(parents=True)
        (platform.records / uid / "escrow.json").write_bytes(b"ciphertext")
    assert traces(platform.world()) == (f"records/{uid}/escrow.json",)
    assert left_of_a_platform(platform.world()) == ()
