"""One role for every namespace; what a login may comes from the entity of its own namespace (D6, S3)."""

from collections.abc import Iterator

import pytest

from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, Object
from tests.contract.objects import bare, fresh, made, ref
from tests.contract.vault.running import Running, failed

ACCOUNT = "external-secrets"


@pytest.fixture(scope="module")
def spaces(vault: Running) -> Iterator[tuple[str, str]]:
    """Two namespaces, each with the account."""
    names = fresh("port-test"), fresh("port-test")
    for name in names:
        space: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        made(vault.cluster.create(space))
        made(vault.cluster.create(bare("v1", "ServiceAccount", name, ACCOUNT)))
    yield names
    for name in names:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        live = made(vault.cluster.get(ref(space)))
        vault.cluster.delete(ref(space), uid=live["metadata"]["uid"])


@pytest.fixture(scope="module")
def role(vault: Running, kubernetes_auth: str, spaces: tuple[str, str]) -> str:
    """An entity a namespace with its own policy, and one role for both."""
    for space in spaces:
        rule = f'path "secret/data/{space}/*" {{ capabilities = ["read"] }}'
        assert vault.call("PUT", f"sys/policies/acl/reader-{space}", {"policy": rule}).ok
        assert vault.call("POST", f"identity/entity/name/ns-{space}", {"policies": [f"reader-{space}"]}).ok
        entity = vault.call("GET", f"identity/entity/name/ns-{space}").data["id"]
        alias = {"name": f"{space}/{ACCOUNT}", "canonical_id": entity, "mount_accessor": kubernetes_auth}
        assert vault.call("POST", "identity/entity-alias", alias).ok
        assert vault.call("POST", f"secret/data/{space}/own", {"data": {"a": space}}).ok
    name = fresh("reader")
    body = {
        "bound_service_account_names": [ACCOUNT],
        "bound_service_account_namespaces": list(spaces),
        "alias_name_source": "serviceaccount_name",
        "audience": "vault",
        "token_ttl": 900,
        "token_no_default_policy": True,
    }
    assert vault.call("POST", f"auth/kubernetes/role/{name}", body).ok
    return name


def policies(vault: Running, login: Answer) -> tuple[list[str], list[str]]:
    """Those of the token, and those of its entity."""
    found = vault.call("POST", "auth/token/lookup-accessor", {"accessor": login.auth["accessor"]}).data
    return list(found["policies"]), list(found.get("identity_policies") or ())


@pytest.mark.parametrize("which", [0, 1])
def test_a_login_gets_the_policies_of_its_own_namespace(
    vault: Running, role: str, spaces: tuple[str, str], which: int
) -> None:
    login = vault.login(spaces[which], ACCOUNT, role)
    own, from_entity = policies(vault, login)
    assert own == []
    assert from_entity == [f"reader-{spaces[which]}"]


@pytest.mark.parametrize("which", [0, 1])
def test_an_entity_and_its_alias_are_read_back(
    vault: Running, role: str, spaces: tuple[str, str], kubernetes_auth: str, which: int
) -> None:
    found = vault.call("GET", f"identity/entity/name/ns-{spaces[which]}").data
    assert found["policies"] == [f"reader-{spaces[which]}"]
    [alias] = found["aliases"]
    assert alias["name"] == f"{spaces[which]}/{ACCOUNT}"
    assert alias["mount_accessor"] == kubernetes_auth
    assert alias["canonical_id"] == found["id"]


def test_an_entity_that_is_not_there(vault: Running) -> None:
    assert vault.call("GET", "identity/entity/name/nobody").status == 404


def test_an_entity_is_changed_in_place(vault: Running, role: str, spaces: tuple[str, str]) -> None:
    where = f"identity/entity/name/{fresh('e')}"
    vault.call("POST", where, {"policies": ["a"]})
    before = vault.call("GET", where).data
    assert vault.call("POST", where, {"policies": ["a", "b"]}).ok
    after = vault.call("GET", where).data
    assert (after["id"], sorted(after["policies"])) == (before["id"], ["a", "b"])
    assert not after["aliases"]


def test_an_alias_made_twice_is_one(
    vault: Running, role: str, spaces: tuple[str, str], kubernetes_auth: str
) -> None:
    where = f"identity/entity/name/ns-{spaces[0]}"
    entity = vault.call("GET", where).data["id"]
    alias = {"name": f"{spaces[0]}/{ACCOUNT}", "canonical_id": entity, "mount_accessor": kubernetes_auth}
    assert vault.call("POST", "identity/entity-alias", alias).ok
    assert len(vault.call("GET", where).data["aliases"]) == 1


@pytest.mark.only("real", reason="the simulator enforces no policy")
@pytest.mark.parametrize("which", [0, 1])
def test_a_namespace_reads_its_own_and_no_other(
    vault: Running, role: str, spaces: tuple[str, str], which: int
) -> None:
    mine, other = spaces[which], spaces[1 - which]
    token = vault.login(mine, ACCOUNT, role).auth["client_token"]
    assert vault.call("GET", f"secret/data/{mine}/own", token=token).data["data"] == {
        "a": Sensitive(mine.encode())
    }
    failed(WorldError, "E_VAULT_DENIED", lambda: vault.call("GET", f"secret/data/{other}/own", token=token))
    body = {"data": {"a": "canary"}}
    failed(
        WorldError, "E_VAULT_DENIED", lambda: vault.call("POST", f"secret/data/{mine}/own", body, token=token)
    )
