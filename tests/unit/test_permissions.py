"""Which rights a run asks about follows from the commit: what it declares, and no more (G5, S2)."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bootstrap.model.catalog import Consumer, Intent, RetireMode, Snapshots, Volume
from bootstrap.ports import Permission
from bootstrap.steps.permissions import plural, wanted
from tests.support.small_intent import an_intent

MANIFEST = b"{apiVersion: %b, kind: %b, metadata: {name: a, namespace: there}}\n"
BINDING = MANIFEST % (b"rbac.authorization.k8s.io/v1", b"RoleBinding")
ROUTE = MANIFEST % (b"gateway.networking.k8s.io/v1", b"Gateway")


def asked(intent: Intent, *, namespace: str) -> set[str]:
    """VERB RESOURCE.GROUP of each right in the namespace."""
    found = wanted(intent)
    assert len(set(found)) == len(found)
    return {f"{p.verb} {p.resource}.{p.group}" for p in found if p.namespace == namespace}


def with_manifests(found: Mapping[str, bytes], *workloads: str) -> Intent:
    intent = an_intent()
    return replace(intent, manifests=found, platform=replace(intent.platform, workloads=workloads))


@pytest.mark.parametrize(
    ("path", "counts"),
    [
        ("manifests/external-secrets/a.yaml", True),
        ("manifests/apps/a.yaml", True),
        ("manifests/more/deep/a.yaml", True),
        ("manifests/external-secrets-of-before/a.yaml", False),
        ("manifests/apps.yaml", False),
        ("manifests/not-applied/a.yaml", False),
    ],
)
def test_g5_what_is_applied_is_asked_for_and_nothing_beside_it(path: str, counts: bool) -> None:
    intent = with_manifests({path: BINDING + b"---\n" + ROUTE}, "manifests/apps", "manifests/more/")
    verbs = ("get", "create", "patch") if counts else ()
    kinds = "rolebindings.rbac.authorization.k8s.io", "gateways.gateway.networking.k8s.io"
    assert asked(intent, namespace="there") == {f"{verb} {kind}" for verb in verbs for kind in kinds}


def test_g5_of_an_operator_that_is_adopted_no_manifest_is_applied() -> None:
    intent = with_manifests({"manifests/apps/a.yaml": BINDING, "/a.yaml": ROUTE}, "manifests/apps")
    adopted = replace(intent.platform.external_secrets, manifests="")
    intent = replace(intent, platform=replace(intent.platform, external_secrets=adopted))
    assert "create gateways.gateway.networking.k8s.io" not in asked(intent, namespace="there")
    assert "create rolebindings.rbac.authorization.k8s.io" in asked(intent, namespace="there")


@pytest.mark.parametrize(
    ("workload", "right"),
    [
        ("Deployment/web", {"get deployments.apps"}),
        ("StatefulSet/web", {"get statefulsets.apps"}),
        ("DaemonSet/web", {"get daemonsets.apps"}),
        ("CronJob/web", set()),
        (None, set()),
    ],
)
def test_g5_a_workload_is_looked_at_where_it_is_declared(workload: str | None, right: set[str]) -> None:
    intent = an_intent()
    (entry,) = intent.internals
    of_a_secret = Consumer(namespace="web", secret="s", workload=workload)
    of_an_entry = Consumer(namespace="database", secret="s", workload=workload)
    intent = replace(
        intent,
        secrets=(replace(intent.secrets[0], consumers=(of_a_secret,)), *intent.secrets[1:]),
        internals=(replace(entry, consumers=(of_an_entry,)),),
    )
    for namespace in ("web", "database"):
        assert {r for r in asked(intent, namespace=namespace) if r.endswith(".apps")} == right


@pytest.mark.parametrize(
    ("retire", "changes"),
    [(RetireMode.INERT, True), (RetireMode.DELETED, False), (RetireMode.IGNORED, False)],
)
def test_s2_a_bootstrap_copy_is_changed_only_where_it_is_emptied(retire: RetireMode, changes: bool) -> None:
    intent = an_intent()
    copied = intent.secrets[1]
    copied = replace(copied, handover=replace(copied.handover, retire=retire))
    intent = replace(intent, secrets=(intent.secrets[0], copied))
    assert ("update secrets." in asked(intent, namespace="gitops")) is changes
    assert asked(intent, namespace="gitops") - {"update secrets."} == {
        "get secrets.", "create secrets.", "delete secrets.", "list pods.",
    }  # fmt: skip


def test_s2_what_saves_snapshots_in_the_cluster_is_asked_for_where_that_is_declared() -> None:
    intent = an_intent()
    assert "create cronjobs.batch" not in asked(intent, namespace="bootstrap-system")
    saved = Snapshots(schedule="0 0 * * *", image="i", volume=Volume(size="1Gi"))
    intent = replace(intent, platform=replace(intent.platform, snapshots=saved))
    assert "create cronjobs.batch" in asked(intent, namespace="bootstrap-system")


def test_s2_the_cluster_scoped_rights_are_of_a_few_kinds() -> None:
    kinds = {r.partition(" ")[2] for r in asked(an_intent(), namespace="")}
    assert "secrets." not in kinds
    assert Permission("list", "", "secrets") not in wanted(an_intent())


@pytest.mark.parametrize(
    ("kind", "resource"),
    [
        ("NetworkPolicy", "networkpolicies"),
        ("Gateway", "gateways"),
        ("Ingress", "ingresses"),
        ("StorageClass", "storageclasses"),
        ("Deployment", "deployments"),
        ("Box", "boxes"),
        ("Batch", "batches"),
        ("Mesh", "meshes"),
    ],
)
def test_the_resource_of_a_kind(kind: str, resource: str) -> None:
    assert plural(kind) == resource
