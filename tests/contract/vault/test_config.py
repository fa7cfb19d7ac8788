"""Audit devices, mounts and policies: what is in use, what is not there, what the run reads back."""

import json
import uuid
from typing import Any

import pytest

from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from tests.contract.objects import fresh
from tests.contract.vault.running import Running, failed, path

HEADER = "X-Bootstrap-Txn"


# ---------------------------------------------------------------- mounts


def test_a_mount_is_listed(vault: Running) -> None:
    found = vault.call("GET", "sys/mounts")
    assert found.status == 200
    assert {"secret/", "sys/", "identity/", "cubbyhole/"} <= set(found.data)
    assert found.data["secret/"]["type"] == "kv"
    assert found.data["secret/"]["options"] == {"version": "2"}
    assert found.data["secret/"]["accessor"]


@pytest.mark.parametrize(
    "body", [{"type": "kv", "options": {"version": "2"}}, {"type": "kv"}], ids=["same", "other"]
)
def test_a_mount_in_use(vault: Running, body: dict[str, object]) -> None:
    answer = vault.call("POST", "sys/mounts/secret", body)
    assert answer.status == 400
    assert "path is already in use at secret/" in answer.errors[0]


def test_a_new_mount_takes_writes_at_once(vault: Running) -> None:
    name = fresh("m")
    assert vault.call("POST", f"sys/mounts/{name}", {"type": "kv", "options": {"version": "2"}}).status == 204
    assert f"{name}/" in vault.call("GET", "sys/mounts").data


def test_an_auth_method_in_use(vault: Running, kubernetes_auth: str) -> None:
    found = vault.call("GET", "sys/auth").data
    assert {"token/", "kubernetes/"} <= set(found)
    assert found["kubernetes/"]["accessor"] == kubernetes_auth
    answer = vault.call("POST", "sys/auth/kubernetes", {"type": "kubernetes"})
    assert answer.status == 400
    assert "path is already in use at kubernetes/" in answer.errors[0]


@pytest.mark.parametrize("method", ["GET", "LIST", "POST", "DELETE"])
def test_a_mount_that_is_not_there(vault: Running, method: str) -> None:
    answer = vault.call(method, "nowhere/data/x", {} if method == "POST" else None)
    assert answer.status == 404
    assert "no handler for route" in answer.errors[0]


# ---------------------------------------------------------------- audit


@pytest.fixture(scope="module")
def audited(vault: Running) -> Running:
    """With the file device, and the run's header in clear."""
    target = str(vault.audit or "/vault/audit/audit.log")
    body = {"type": "file", "options": {"file_path": target}}
    assert vault.call("POST", "sys/audit/file", body).status == 204
    assert vault.call("POST", f"sys/config/auditing/request-headers/{HEADER}", {"hmac": False}).status == 204
    return vault


def test_the_device_is_listed(audited: Running) -> None:
    found = audited.call("GET", "sys/audit").data
    assert list(found) == ["file/"]
    assert found["file/"]["type"] == "file"
    assert found["file/"]["options"]["file_path"]


def test_a_device_in_use(audited: Running) -> None:
    body = {"type": "file", "options": {"file_path": str(audited.audit or "/vault/audit/audit.log")}}
    answer = audited.call("POST", "sys/audit/file", body)
    assert answer.status == 400
    assert "path already in use" in answer.errors[0]


def test_the_header_is_listed_in_lower_case(audited: Running) -> None:
    found = audited.call("GET", "sys/config/auditing/request-headers").data["headers"]
    assert found.pop(HEADER.lower()) == {"hmac": False}
    assert set(found) == {"correlation-id", "x-correlation-id", "user-agent"}  # the server's own


def test_requests_have_ids_of_their_own(audited: Running) -> None:
    ids = [audited.call("GET", "sys/mounts").request_id for _ in range(3)]
    assert all(ids)
    assert len(set(ids)) == 3


def lines(vault: Running, request: str) -> list[dict[str, Any]]:
    assert vault.audit is not None
    found = [json.loads(line) for line in vault.audit.read_text().splitlines()]
    return [line for line in found if line["request"]["id"] == request]


@pytest.mark.only("real", reason="a file that the server writes")
class TestAuditFile:
    def test_the_request_id_is_that_of_the_log(self, audited: Running) -> None:
        where = f"secret/data/{path()}"
        done = audited.call("POST", where, {"data": {"a": Sensitive(b"canary-9")}}, txn="txn-1")
        uuid.UUID(done.request_id)
        print(f"request_id {done.request_id} = request.id of its lines in the audit file")
        found = lines(audited, done.request_id)
        assert [line["type"] for line in found] == ["request", "response"]
        assert all(line["request"]["path"] == where for line in found)
        assert all(line["request"]["headers"][HEADER.lower()] == ["txn-1"] for line in found)
        assert "canary-9" not in json.dumps(found)

    def test_a_refused_check_and_set_is_there_too(self, audited: Running) -> None:
        where = f"secret/data/{path()}"
        body = {"data": {"a": "1"}, "options": {"cas": 0}}
        audited.call("POST", where, body)
        refused = audited.call("POST", where, body)
        assert refused.status == 400
        assert refused.request_id == ""  # an answer of errors carries none

    def test_the_hash_of_a_value_is_that_of_the_log(self, audited: Running) -> None:
        value = Sensitive(b"canary-hash")
        done = audited.call("POST", f"secret/data/{path()}", {"data": {"a": value}})
        digest = audited.call("POST", "sys/audit-hash/file", {"input": value}).data["hash"]
        assert digest.startswith("hmac-sha256:")
        request, _ = lines(audited, done.request_id)
        assert request["request"]["data"]["data"]["a"] == digest


# ---------------------------------------------------------------- policies

POLICY = 'path "secret/data/a" {\n  capabilities = ["read"]\n}\n'


def test_a_policy_comes_back_as_it_went(vault: Running) -> None:
    name = fresh("p")
    assert vault.call("GET", f"sys/policies/acl/{name}").status == 404
    assert vault.call("PUT", f"sys/policies/acl/{name}", {"policy": POLICY}).status == 204
    assert vault.call("GET", f"sys/policies/acl/{name}").data["policy"] == POLICY
    assert name in vault.call("LIST", "sys/policies/acl").data["keys"]
    assert vault.call("DELETE", f"sys/policies/acl/{name}").status == 204
    assert vault.call("GET", f"sys/policies/acl/{name}").status == 404
    assert vault.call("DELETE", f"sys/policies/acl/{name}").status == 204


def test_vaults_own_policies_are_listed_and_read(vault: Running) -> None:
    assert {"default", "root"} <= set(vault.call("LIST", "sys/policies/acl").data["keys"])
    text = vault.call("GET", "sys/policies/acl/default").data["policy"]
    assert 'path "auth/token/renew-self"' in text
    assert "secret/" not in text


@pytest.mark.parametrize("room", ["auth/token/roles", "identity/group/name", "auth/userpass/users"])
def test_what_may_hold_policies_is_listed_where_there_is_any(vault: Running, room: str) -> None:
    if room.startswith("auth/userpass"):
        vault.call("POST", "sys/auth/userpass", {"type": "userpass"})
    assert vault.call("LIST", room).status == 404
    name, policies = fresh("h"), ["p-one", "p-two"]
    field = {"auth/token/roles": "allowed_policies", "identity/group/name": "policies"}.get(
        room, "token_policies"
    )
    more = {"password": "canary-pass"} if room.startswith("auth/userpass") else {}
    assert vault.call("POST", f"{room}/{name}", {field: policies, **more}).ok
    assert name in vault.call("LIST", room).data["keys"]
    assert sorted(vault.call("GET", f"{room}/{name}").data[field]) == policies
    assert vault.call("DELETE", f"{room}/{name}").status == 204
    assert vault.call("GET", f"{room}/{name}").status == 404


def test_a_policy_is_overwritten_whole(vault: Running) -> None:
    name, other = fresh("p"), POLICY.replace("/a", "/b")
    vault.call("PUT", f"sys/policies/acl/{name}", {"policy": POLICY})
    vault.call("POST", f"sys/policies/acl/{name}", {"policy": other})
    assert vault.call("GET", f"sys/policies/acl/{name}").data["policy"] == other


@pytest.mark.parametrize("text", ['path "canary" {', "no words", 'path "a" { capabilities = ["none"] }'])
def test_a_policy_that_is_none(vault: Running, text: str) -> None:
    name = fresh("p")
    answer = vault.call("PUT", f"sys/policies/acl/{name}", {"policy": Sensitive(text.encode())})
    assert answer.status == 400
    assert "canary" not in repr(answer)
    assert vault.call("GET", f"sys/policies/acl/{name}").status == 404


# ---------------------------------------------------------------- tokens that are none

ASKED = ("secret/data/x", "sys/mounts", "sys/policies/acl/x", "auth/token/lookup-self", "nowhere/x")


@pytest.mark.parametrize("where", ASKED)
@pytest.mark.parametrize("token", [None, Sensitive(b"hvs.canary-wrong")], ids=["no token", "a wrong one"])
def test_without_a_token(vault: Running, token: Sensitive | None, where: str) -> None:
    failed(WorldError, "E_VAULT_DENIED", lambda: vault.call("GET", where, token=token))


def test_a_write_without_a_token(vault: Running) -> None:
    where = f"secret/data/{path()}"
    failed(WorldError, "E_VAULT_DENIED", lambda: vault.call("POST", where, {"data": {"a": "1"}}, token=None))
    assert vault.call("GET", where).status == 404
