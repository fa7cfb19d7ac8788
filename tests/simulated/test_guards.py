"""Admission of ours, the claim of our namespace, and what the operator may write (S2, S3)."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.model.catalog import Operator
from bootstrap.model.errors import PreconditionError
from bootstrap.ports import Identity, Object, Ref
from bootstrap.steps import guards
from bootstrap.steps.secrets.operator_rights import WRITER
from tests.simulator.platform import SimulatedPlatform, opened

HOME = Ref("v1", "Namespace", "bootstrap-system")
RBAC = "rbac.authorization.k8s.io/v1"
LABELS = {"app.kubernetes.io/managed-by": "bootstrap", "app.kubernetes.io/part-of": "bootstrap"}
CLAIM = "bootstrap.dev/claim"


# ---------------------------------------------------------------- who may be the run


def test_an_identity_that_is_not_declared_changes_nothing(platform: SimulatedPlatform) -> None:
    platform.cluster._identity = Identity("eve", ("system:authenticated",))
    with pytest.raises(PreconditionError) as stopped:
        platform.up()
    assert stopped.value.code == "E_OPERATOR_UNKNOWN"
    assert platform.cluster.mutations == []


@pytest.mark.parametrize(
    ("who", "may"),
    [
        (Identity("alice"), True),
        (Identity("bob", ("oncall",)), True),
        (Identity("system:serviceaccount:flux-system:kustomize"), True),
        (Identity("root", ("system:masters",)), True),
        (Identity("admin", ("kubeadm:cluster-admins",)), True),
        (Identity("system:node:n1", ("system:nodes", "system:authenticated")), True),
        (Identity("system:serviceaccount:flux-system:other"), False),
        (Identity("oncall"), False),
        (Identity("eve", ("alice", "system:authenticated")), False),
    ],
    ids=str,
)
def test_who_passes_is_declared_or_administers(repository: Path, who: Identity, may: bool) -> None:
    declared = Operator(
        reason="test", users=("alice",), groups=("oncall",), service_accounts=("flux-system/kustomize",)
    )
    known = replace(opened(repository).intent.platform, operators=(declared,))
    assert guards.passes(known, who) is may
    [rule] = [e for e in expressions(known, guards.RUN) if "userInfo" in e]
    assert (f"'{who.user}'" in rule or any(f"'{group}'" in rule for group in who.groups)) is may or not may


def expressions(known: object, name: str) -> list[str]:
    policies = [obj for obj in guards.guards(known) if obj["kind"] == "ValidatingAdmissionPolicy"]  # type: ignore[arg-type]
    [found] = [obj for obj in policies if obj["metadata"]["name"] == name]
    return [each["expression"] for each in found["spec"]["validations"]]


def test_a_name_with_a_quote_stays_one_name(repository: Path) -> None:
    declared = Operator(reason="test", users=("o'hara' || true || 'x",))
    known = replace(opened(repository).intent.platform, operators=(declared,))
    [rule] = [e for e in expressions(known, guards.RUN) if "userInfo" in e]
    assert r"['o\'hara\' || true || \'x']" in rule


def test_what_is_guarded_is_judged_when_it_is_made_and_not_later(repository: Path) -> None:
    """A pod that runs, and a node that starts again, are never stopped by it."""
    policies = guards.guards(opened(repository).intent.platform)
    [run] = [o for o in policies if o["metadata"]["name"] == guards.RUN and "Binding" not in o["kind"]]
    rules = run["spec"]["matchConstraints"]["resourceRules"]
    assert {(*rule["resources"], *rule["operations"]) for rule in rules} == {
        ("pods", "CREATE"),
        ("serviceaccounts/token", "CREATE"),
    }


def test_a_guard_that_is_gone_is_made_again(platform: SimulatedPlatform) -> None:
    platform.up()
    ref = Ref("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding", guards.RUN)
    live = platform.cluster.get(ref)
    assert live is not None
    platform.cluster.delete(ref, uid=live["metadata"]["uid"])
    platform.up()
    assert platform.cluster.get(ref) is not None


# ---------------------------------------------------------------- whose namespace it is


def made_by_others(**annotations: str) -> Object:
    meta = {"name": HOME.name, "labels": LABELS, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def test_a_namespace_with_our_label_is_not_adopted(platform: SimulatedPlatform) -> None:
    platform.cluster.create(made_by_others())
    platform.cluster.mutations.clear()
    with pytest.raises(PreconditionError) as stopped:
        platform.up()
    assert (stopped.value.code, platform.cluster.mutations) == ("E_NAME_TAKEN", [])


@pytest.mark.parametrize("change", ["plan", "commit", "environment", "claim", "cluster"])
def test_a_claim_is_for_its_own_marks_and_cluster(
    platform: SimulatedPlatform, tmp_path: Path, change: str
) -> None:
    """Copied from a namespace of ours, with one mark another."""
    ours = SimulatedPlatform(tmp_path / "other", platform.repository)
    if change == "cluster":
        kube = ours.cluster.peek(Ref("v1", "Namespace", "kube-system"))
        assert kube is not None
        kube["metadata"]["uid"] = "another-cluster"
    ours.up()
    live = ours.cluster.get(HOME)
    assert live is not None
    marks = live["metadata"]["annotations"]
    if change != "cluster":
        marks[f"bootstrap.dev/{change}"] = "\u00e9 another"
    platform.cluster.create(made_by_others(**marks))
    platform.cluster.mutations.clear()
    with pytest.raises(PreconditionError) as stopped:
        platform.up()
    assert stopped.value.code in ("E_NAME_TAKEN", "E_ENVIRONMENT")
    assert platform.cluster.mutations == []


def test_one_that_an_older_version_made_is_known_by_its_ledger(platform: SimulatedPlatform) -> None:
    platform.up()
    live = platform.cluster.peek(HOME)
    assert live is not None
    del live["metadata"]["annotations"][CLAIM]
    assert platform.up().epoch == 0


# ---------------------------------------------------------------- what the operator may write


def bindings(platform: SimulatedPlatform) -> Iterator[tuple[str, list[Object]]]:
    for ref, obj in platform.cluster.everything().items():
        if (ref.kind, ref.name) == ("RoleBinding", WRITER):
            yield ref.namespace, obj["subjects"]


def test_the_operator_writes_where_the_commit_has_something_to_write(platform: SimulatedPlatform) -> None:
    platform.up()
    account = [{"kind": "ServiceAccount", "name": "external-secrets", "namespace": "external-secrets"}]
    found = dict(bindings(platform))
    intent = opened(platform.repository).intent
    assert set(found) == {*intent.reading_namespaces, *intent.pushing_namespaces}
    assert all(subjects == account for subjects in found.values())
    role = platform.cluster.get(Ref(RBAC, "ClusterRole", "external-secrets"))
    assert role is not None
    secrets = [rule["verbs"] for rule in role["rules"] if "secrets" in rule["resources"]]
    assert secrets == [["get", "list", "watch"]]


def test_what_it_writes_is_judged_by_admission_too(repository: Path) -> None:
    known = opened(repository).intent.platform
    [token, reserved, vault] = expressions(known, guards.OPERATOR)
    assert "kubernetes.io/service-account-token" in token
    assert "['bootstrap-system', 'external-secrets']" in reserved
    assert "startsWith('kube-')" in reserved
    assert "'vault'" in vault
