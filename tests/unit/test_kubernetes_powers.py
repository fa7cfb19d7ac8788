"""INV6: what a role gives over our secrets, by verb, resource and namespace."""

from typing import Any

import pytest

from bootstrap.operations.verify.kubernetes_powers import Stake, powers, words

HERE = Stake(secrets=frozenset({"orders-token"}))
EVERY = Stake(frozenset({"orders-token"}), "vault-unseal-1", frozenset({"bootstrap"}), pushes=True)
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
            "create/delete/deletecollection/patch/update secrets, bind/escalate roles, "
            "impersonate serviceaccounts",
        ),
        (rule("get list watch"), HERE, False, ""),
        (rule("update", names="orders-token"), HERE, False, "update secrets"),
        (rule("update create", names="leader"), HERE, False, ""),
        (rule("create", names="orders-token"), HERE, False, ""),
        (rule("update"), Stake(), False, ""),
        (rule("update", "configmaps"), EVERY, True, ""),
        (rule("update", groups="apps"), EVERY, True, ""),
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
