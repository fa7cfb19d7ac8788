"""What objects of ours are known by, and what is read of them: labels, environment, admission (S2, PH4)."""

from dataclasses import replace

import pytest

from bootstrap.model.catalog import Operator
from bootstrap.model.errors import DefinitionError
from bootstrap.ports import Identity, Object
from bootstrap.steps.context.admission import Guard, rule
from bootstrap.steps.context.environment import environment_of, mismatch
from bootstrap.steps.context.names import is_ours, labels
from bootstrap.steps.guards import passes
from bootstrap.steps.registry import KINDS, kind_class
from tests.simulator.cluster import SimulatedCluster
from tests.support.small_intent import an_intent

PARTS = {"app.kubernetes.io/managed-by": "bootstrap", "app.kubernetes.io/part-of": "bootstrap"}


def test_labels_name_a_role_where_there_is_one() -> None:
    assert labels() == PARTS
    assert labels("lock", more="x") == PARTS | {"bootstrap.dev/role": "lock", "more": "x"}


@pytest.mark.parametrize(
    ("obj", "ours"),
    [
        ({"metadata": {"labels": PARTS}}, True),
        ({"metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}}, False),
        ({"metadata": {"labels": None}}, False),
        ({"metadata": {}}, False),
        ({}, False),
    ],
    ids=str,
)
def test_ours_is_what_says_so(obj: Object, ours: bool) -> None:
    assert is_ours(obj) is ours


# ---------------------------------------------------------------- environment


@pytest.mark.parametrize(
    ("bound", "named", "said", "hint"),
    [
        (
            "a",
            "b",
            "was bound to environment a at its first run; --environment b is given",
            "--environment a;",
        ),
        (
            "a",
            "",
            "was bound to environment a at its first run; no --environment is given",
            "--environment a;",
        ),
        (
            "",
            "b",
            "was bound without an environment at its first run; --environment b",
            "leave --environment out;",
        ),
    ],
)
def test_ph4_another_environment_is_refused_with_the_way_on(
    bound: str, named: str, said: str, hint: str
) -> None:
    error = mismatch(bound, named)
    assert error is not None
    assert said in error.message
    assert error.hint.startswith(hint)


@pytest.mark.parametrize(("bound", "named"), [(None, "a"), (None, ""), ("a", "a"), ("", "")])
def test_ph4_the_same_one_and_a_first_run_go_on(bound: str | None, named: str) -> None:
    assert mismatch(bound, named) is None


@pytest.mark.parametrize(
    ("meta", "found"),
    [
        (None, ""),
        ({}, ""),
        ({"annotations": None}, ""),
        ({"annotations": {"bootstrap.dev/environment": "a"}}, "a"),
    ],
    ids=str,
)
def test_ph4_a_cluster_is_bound_by_its_namespace(meta: Object | None, found: str) -> None:
    cluster = SimulatedCluster()
    if meta is not None:
        cluster.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system", **meta}}
        )
    assert environment_of(cluster) == found


# ---------------------------------------------------------------- admission


def test_s2_a_guard_judges_in_its_namespace_and_only_what_it_names() -> None:
    bare = Guard(name="a", role="guard", rules=(rule(["CREATE"], "pods"),), must={"x": "no"}, only={})
    policy, binding = bare.objects()
    assert policy["spec"] == {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": [rule(["CREATE"], "pods")]},
        "validations": [{"expression": "x", "message": "no", "reason": "Forbidden"}],
    }
    assert binding["spec"] == {"policyName": "a", "validationActions": ["Deny"]}
    narrow, _ = replace(bare, namespace="n", only={"operator": "y"}).objects()
    assert narrow["spec"]["matchConstraints"]["namespaceSelector"] == {
        "matchLabels": {"kubernetes.io/metadata.name": "n"}
    }
    assert narrow["spec"]["matchConditions"] == [{"name": "operator", "expression": "y"}]


@pytest.mark.parametrize(
    ("who", "may"),
    [
        (Identity("alice"), True),
        (Identity("bob", ("oncall",)), True),
        (Identity("root", ("system:masters",)), True),
        (Identity("oncall", ("alice",)), False),
    ],
    ids=str,
)
def test_s2_who_passes_is_declared_by_name_or_by_group(who: Identity, may: bool) -> None:
    declared = Operator(reason="test", users=("alice",), groups=("oncall",), service_accounts=())
    assert passes(replace(an_intent().platform, operators=(declared,)), who) is may


# ---------------------------------------------------------------- the vocabulary of steps


def test_a_kind_of_step_is_one_of_the_vocabulary() -> None:
    assert kind_class("claim").__name__ == "Claim"
    assert "claim" in KINDS
    with pytest.raises(DefinitionError) as unknown:
        kind_class("another")
    assert unknown.value.code == "E_KIND"
