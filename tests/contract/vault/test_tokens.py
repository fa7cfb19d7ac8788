"""Tokens: logins, accessors, revocation, and the census of who is root."""

import pytest

from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, Ref
from tests.contract.objects import bare, fresh, made
from tests.contract.vault.running import Running, failed

ROLE = {
    "bound_service_account_names": ["run"],
    "audience": "vault",
    "token_policies": ["run-policy"],
    "token_ttl": 900,
    "token_explicit_max_ttl": 900,
    "token_no_default_policy": True,
    "token_type": "service",
}


@pytest.fixture(scope="module")
def role(vault: Running, kubernetes_auth: str, home: str) -> str:
    """A role for ``home``/run; another account and another namespace are there too."""
    name = fresh("role")
    body = {**ROLE, "bound_service_account_namespaces": [home]}
    assert vault.call("POST", f"auth/kubernetes/role/{name}", body).status in (200, 204)
    for account in ("run", "other"):
        made(vault.cluster.create(bare("v1", "ServiceAccount", home, account)))
    return name


@pytest.fixture
def login(vault: Running, role: str, home: str) -> Answer:
    return vault.login(home, "run", role)


def token(login: Answer) -> Sensitive:
    found = login.auth["client_token"]
    assert isinstance(found, Sensitive)
    return found


# ---------------------------------------------------------------- logins


def test_a_login_gives_a_token_and_its_accessor(login: Answer) -> None:
    assert login.status == 200
    assert token(login)
    assert login.auth["accessor"]
    assert list(login.auth["policies"]) == ["run-policy"]


def test_two_logins_give_two_tokens(vault: Running, login: Answer, role: str, home: str) -> None:
    again = vault.login(home, "run", role)
    assert token(again) != token(login)
    assert again.auth["accessor"] != login.auth["accessor"]


def test_the_role_is_read_back(vault: Running, role: str, home: str) -> None:
    found = vault.call("GET", f"auth/kubernetes/role/{role}").data
    assert {key: found[key] for key in ROLE} == ROLE
    assert found["bound_service_account_namespaces"] == [home]


def test_a_role_that_is_not_there(vault: Running, role: str, home: str) -> None:
    assert vault.call("GET", "auth/kubernetes/role/nobody").status == 404
    answer = vault.login(home, "run", "nobody")
    assert answer.status == 400
    assert "invalid role name" in answer.errors[0]


def test_another_account(vault: Running, role: str, home: str) -> None:
    failed(WorldError, "E_VAULT_DENIED", lambda: vault.login(home, "other", role))


def test_another_audience(vault: Running, role: str, home: str) -> None:
    failed(WorldError, "E_VAULT_DENIED", lambda: vault.login(home, "run", role, audience="somebody-else"))


def test_another_namespace(vault: Running, role: str) -> None:
    made(vault.cluster.create(bare("v1", "ServiceAccount", "default", name := fresh("port-test"))))
    failed(WorldError, "E_VAULT_DENIED", lambda: vault.login("default", name, role))
    obj = made(vault.cluster.get(ref_of(name)))
    vault.cluster.delete(ref_of(name), uid=obj["metadata"]["uid"])


def ref_of(name: str) -> Ref:
    return Ref("v1", "ServiceAccount", name, "default")


# ---------------------------------------------------------------- looking


def test_a_token_looks_at_itself(vault: Running, login: Answer) -> None:
    # The policies of such a token hold none for it; the run's own allow it.
    made_ = vault.call("POST", "auth/token/create", {"policies": ["default"], "ttl": "5m"})
    found = vault.call("GET", "auth/token/lookup-self", token=token(made_))
    assert list(found.data["policies"]) == ["default"]
    assert found.data["accessor"] == made_.auth["accessor"]
    assert found.data["id"] == token(made_)


def test_an_accessor_says_what_a_token_may(vault: Running, login: Answer) -> None:
    found = vault.call("POST", "auth/token/lookup-accessor", {"accessor": login.auth["accessor"]})
    assert found.status == 200
    assert list(found.data["policies"]) == ["run-policy"]
    assert found.data["accessor"] == login.auth["accessor"]
    assert found.data["id"] in ("", Sensitive(b""))


def test_an_accessor_is_listed(vault: Running, login: Answer) -> None:
    assert login.auth["accessor"] in vault.call("LIST", "auth/token/accessors").data["keys"]


def test_the_census_finds_one_root(vault: Running, login: Answer) -> None:
    roots = []
    for accessor in vault.call("LIST", "auth/token/accessors").data["keys"]:
        found = vault.call("POST", "auth/token/lookup-accessor", {"accessor": accessor})
        roots += [accessor] if found.ok and "root" in found.data["policies"] else []
    assert roots == [vault.call("GET", "auth/token/lookup-self").data["accessor"]]


def nobodys(vault: Running, accessor: str) -> None:
    """Looked up it is a 400; revoked again it is a success, so a revocation may be repeated."""
    looked = vault.call("POST", "auth/token/lookup-accessor", {"accessor": accessor})
    assert looked.status == 400
    assert "invalid accessor" in looked.errors[0]
    assert vault.call("POST", "auth/token/revoke-accessor", {"accessor": accessor}).status == 200


def test_an_accessor_of_nobody(vault: Running) -> None:
    nobodys(vault, "nobody")


# ---------------------------------------------------------------- revoking


@pytest.fixture(params=["self", "accessor"])
def revoked(request: pytest.FixtureRequest, vault: Running) -> Answer:
    """A login whose token was revoked, by itself or by somebody with its accessor."""
    one = vault.call("POST", "auth/token/create", {"policies": ["default"], "ttl": "5m"})
    if request.param == "self":
        assert vault.call("POST", "auth/token/revoke-self", token=token(one)).status == 204
    else:
        answer = vault.call("POST", "auth/token/revoke-accessor", {"accessor": one.auth["accessor"]})
        assert answer.status == 204
    return one


@pytest.mark.parametrize("where", ["auth/token/lookup-self", "secret/data/x", "sys/mounts"])
def test_a_revoked_token_is_403(vault: Running, revoked: Answer, where: str) -> None:
    failed(WorldError, "E_VAULT_DENIED", lambda: vault.call("GET", where, token=token(revoked)))


def test_a_revoked_accessor_is_gone(vault: Running, revoked: Answer) -> None:
    accessor = revoked.auth["accessor"]
    assert accessor not in vault.call("LIST", "auth/token/accessors").data["keys"]
    nobodys(vault, accessor)


def test_revoking_one_leaves_the_others(vault: Running, revoked: Answer, login: Answer) -> None:
    assert vault.call("POST", "auth/token/lookup-accessor", {"accessor": login.auth["accessor"]}).ok
