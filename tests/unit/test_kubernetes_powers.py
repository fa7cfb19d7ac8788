"""INV6: what a role gives over our secrets, by verb, resource and namespace."""

from typing import Any

import pytest

from bootstrap.operations.verify.kubernetes_built_in import BUILT_IN, is_built_in
from bootstrap.operations.verify.kubernetes_powers import powers, words
from bootstrap.operations.verify.kubernetes_ways import WAYS, Stake, Way, Where

HERE = Stake(secrets=frozenset({"orders-token"}))
EVERY = Stake(frozenset({"orders-token"}), "vault-unseal-1", frozenset({"bootstrap"}), pushes=True, pods=True)
PODS = Stake(pods=True)
VAULT = Stake(unseal="vault-unseal-1")


def rule(verbs: str, resources: str = "secrets", groups: str = "core", names: str = "") -> dict[str, Any]:
    apis = ["" if g == "core" else g for g in groups.split()]
    return {"apiGroups": apis, "resources": resources.split(), "verbs": verbs.split()} | (
        {"resourceNames": names.split()} if names else {}
    )


@pytest.mark.parametrize(
    ("given", "stake", "everywhere", "found"),
    [
        (rule("patch"), HERE, False, "patch secrets"),
        (
            rule("*", "*", "*"),
            HERE,
            False,
            "create/delete/deletecollection/patch/update secrets, bind/escalate roles, bind clusterroles, "
            "impersonate serviceaccounts, create/delete/deletecollection/patch/update externalsecrets, "
            "create/patch/update secretstores, delete namespaces",
        ),
        (rule("get list watch"), HERE, False, ""),
        (rule("update", names="orders-token"), HERE, False, "update secrets"),
        (rule("update create", names="leader"), HERE, False, ""),
        (rule("create", names="orders-token"), HERE, False, ""),
        (rule("update"), Stake(), False, ""),
        (rule("update", "configmaps"), EVERY, True, ""),
        (rule("update", groups="apps"), EVERY, True, ""),
        (rule("create", "pods"), PODS, False, "create pods"),
        (rule("create", "pods"), HERE, False, ""),
        (rule("create", "deployments", "apps"), EVERY, True, "create deployments"),
        (rule("get", "pods/exec"), PODS, False, "get pods/exec"),
        (rule("create", "pods/exec", names="vault-0"), PODS, False, "create pods/exec"),
        (rule("create", "pods", names="vault-0"), PODS, False, ""),
        (rule("get", "nodes/proxy"), EVERY, True, "get nodes/proxy"),
        (rule("get", "nodes/proxy"), PODS, False, ""),
        (rule("update", "*/scale", "*"), EVERY, True, ""),
        (rule("get"), VAULT, False, "read the unseal key"),
        (rule("get", names="vault-tls"), VAULT, False, ""),
        (rule("get", names="vault-unseal-1"), VAULT, False, "read the unseal key"),
        (rule("create", "serviceaccounts/token"), EVERY, True, "create serviceaccounts/token"),
        (rule("create", "serviceaccounts/token", names="other"), EVERY, True, ""),
        (rule("create", "*/token"), EVERY, True, "create serviceaccounts/token"),
        (rule("create", "pushsecrets", "external-secrets.io"), EVERY, True, "create pushsecrets"),
        (rule("create", "pushsecrets", "external-secrets.io"), HERE, False, ""),
        (rule("impersonate", "users groups"), EVERY, True, "impersonate groups, impersonate users"),
        (rule("escalate", "clusterroles", "rbac.authorization.k8s.io"), EVERY, True, "escalate clusterroles"),
        (rule("bind", "clusterroles", "rbac.authorization.k8s.io", "view"), EVERY, True, ""),
    ],
)
def test_inv6_powers(given: dict[str, Any], stake: Stake, everywhere: bool, found: str) -> None:
    assert sorted(words(powers([given], stake, everywhere=everywhere)).split(", ")) == sorted(
        found.split(", ")
    )


@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.verbs[0]} {way.resources[0]} {way.where}")
def test_inv6_each_verb_and_resource_of_a_way_is_a_power(way: Way) -> None:
    everywhere = way.where is Where.CLUSTER
    for resource in way.resources:
        for verb in way.verbs:
            given = {"apiGroups": [way.group], "resources": [resource], "verbs": [verb]}
            assert powers([given], EVERY, everywhere=everywhere), given
            assert not powers([given | {"apiGroups": ["elsewhere"]}], EVERY, everywhere=everywhere)


@pytest.mark.parametrize("name", BUILT_IN)
def test_inv6_what_kubernetes_binds_is_built_in_and_one_right_more_is_not(name: str) -> None:
    known = BUILT_IN[name]
    given = powers(known.rules, EVERY, everywhere=True)
    assert is_built_in(name, known.role, known.subject, given, EVERY)
    assert not is_built_in(name, known.role, "User eve", given, EVERY)
    if given != powers([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}], EVERY, everywhere=True):
        assert not is_built_in(name, known.role, known.subject, given | {"bind clusterroles"}, EVERY)
