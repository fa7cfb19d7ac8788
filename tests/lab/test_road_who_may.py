"""What the run's identity can do in Vault is what its page says, tried call by call; and who may be it (S2, S3, B5)."""

import json

import pytest

from bootstrap.intent.hcl import Grant, read_policy
from tests.docs.pages import blocks
from tests.docs.render import REFERENCE
from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube, Object
from tests.lab.support.hand import hand_on
from tests.lab.support.vault import Vault, VaultAudit
from tests.seeds import objects as made
from tests.support.program import run_bootstrap, said

pytestmark = pytest.mark.lab
ESO = "system:serviceaccount:external-secrets:external-secrets"
POLICY = {"policy": 'path "secret/*" { capabilities = ["read"] }'}
# What would make it more than it is, or take something away: method, path, body.
REFUSED: tuple[tuple[str, str, Object | None], ...] = (
    ("POST", "sys/policies/acl/bootstrap-run", POLICY),
    ("POST", "sys/policies/acl/bootstrap-configure", POLICY),
    ("POST", "sys/policies/acl/reader-orders", POLICY),
    ("POST", "sys/policies/acl/pusher-database", POLICY),
    ("POST", "sys/policies/acl/anything", POLICY),
    ("DELETE", "sys/policies/acl/reader-orders", None),
    ("POST", "auth/kubernetes/role/bootstrap-run", {"token_policies": ["root"]}),
    ("POST", "auth/kubernetes/role/external-secrets", {"token_policies": ["root"]}),
    ("POST", "auth/kubernetes/role/mine", {"token_policies": ["root"]}),
    ("POST", "auth/kubernetes/config", {"kubernetes_host": "https://elsewhere.example"}),
    ("POST", "identity/entity/name/ns-orders", {"policies": ["bootstrap-run"]}),
    ("POST", "identity/entity", {"name": "eve", "policies": ["bootstrap-run"]}),
    ("POST", "identity/entity-alias", {"name": "orders/external-secrets"}),
    ("POST", "identity/group/name/eve", {"policies": ["bootstrap-run"]}),
    ("POST", "auth/token/create", {"policies": ["bootstrap-run"]}),
    ("POST", "auth/token/create-orphan", {"policies": ["bootstrap-run"]}),
    ("POST", "auth/token/roles/eve", {"allowed_policies": ["root"]}),
    ("POST", "auth/token/renew-self", {}),
    ("POST", "sys/mounts/mine", {"type": "kv"}),
    ("POST", "sys/mounts/secret/tune", {"max_lease_ttl": "1h"}),
    ("DELETE", "sys/mounts/secret", None),
    ("POST", "sys/auth/mine", {"type": "userpass"}),
    ("DELETE", "sys/auth/kubernetes", None),
    ("DELETE", "sys/audit/file", None),
    ("POST", "sys/audit/mine", {"type": "file", "options": {"file_path": "/vault/audit/mine.log"}}),
    ("DELETE", "sys/config/auditing/request-headers/X-Bootstrap-Txn", None),
    ("DELETE", "secret/data/applications/orders/payment-token", None),
    ("POST", "secret/delete/applications/orders/payment-token", {"versions": [1]}),
    ("POST", "secret/destroy/applications/orders/payment-token", {"versions": [1]}),
    ("DELETE", "secret/metadata/applications/orders/payment-token", None),
    ("POST", "secret/config", {"max_versions": 1}),
    ("GET", "sys/storage/raft/snapshot", None),
    ("POST", "sys/storage/raft/remove-peer", {"server_id": "vault-2"}),
    ("POST", "sys/remount", {"from": "secret", "to": "elsewhere"}),
    ("GET", "sys/raw/core/keyring", None),
    ("POST", "sys/seal", {}),
    ("POST", "sys/step-down", {}),
    ("POST", "sys/rotate", {}),
)


def page() -> tuple[Grant, ...]:
    """The policy as docs/reference/permissions.md shows it."""
    texts = [b.text for b in blocks(REFERENCE / "permissions.md") if b.language == "hcl"]
    return tuple(read_policy("bootstrap-run", texts[0].encode()))


def one_of(pattern: str) -> str:
    """A path that only this pattern fits, as far as the page goes."""
    return pattern.replace("+", "probe").replace("*", "probe")


def test_s2_it_can_do_what_its_page_says(vault: Vault) -> None:
    grants = {one_of(grant.path): grant.capabilities for grant in page()}
    grants.pop("auth/probe/role/probe", None)
    answer = vault.ask("POST", "sys/capabilities-self", {"paths": list(grants)})
    assert answer.status_code == 200
    found = answer.json()["data"]
    assert {path: frozenset(found[path]) for path in grants} == grants


def test_s2_its_page_says_no_write_but_of_secrets(vault: Vault) -> None:
    """Looking something up is a POST, and so is revoking a token, or having the ledger countersigned."""
    writes = {g.path for g in page() if g.capabilities & {"create", "update", "patch", "delete"}}
    questions = {"sys/audit-hash/file", "sys/capabilities-self", "identity/lookup/entity"}
    questions |= {"bootstrap-transit/sign/countersign"}
    tokens = {f"auth/token/{what}" for what in ("lookup-accessor", "revoke-accessor", "revoke-self")}
    assert writes - questions - tokens == {"secret/data/*", "secret/metadata/*"}


@pytest.mark.parametrize(("method", "path", "body"), REFUSED, ids=lambda value: str(value)[:60])
def test_s3_it_cannot_make_itself_more(vault: Vault, method: str, path: str, body: object) -> None:
    assert vault.ask(method, path, body).status_code == 403


def test_b5_nothing_to_configure_makes_no_token(road: Road, kube: Kube) -> None:
    audit = VaultAudit(kube)
    done = run_bootstrap("up", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert "generate-root" not in audit.text()


def test_s3_a_change_is_made_by_a_token_of_its_own(road: Road, kube: Kube) -> None:
    with hand_on(kube, road.platform) as hand:
        hand.vault(
            "POST", "sys/policies/acl/reader-orders", {"policy": 'path "x" { capabilities = ["read"] }'}
        )
        audit = VaultAudit(kube)
        done = run_bootstrap("up", *road.platform.to_cluster())
        assert done.returncode == 0, said(done)
        assert "payment-token" in str(hand.vault("GET", "sys/policies/acl/reader-orders")["policy"])
    lines = [json.loads(line) for line in audit.text().splitlines()]
    wrote = [
        line["auth"]["policies"]
        for line in lines
        if line["type"] == "request" and line["request"]["path"] == "sys/policies/acl/reader-orders"
        if line["request"]["operation"] == "update"
        and "bootstrap-configure" in line["auth"].get("policies", ())
    ]
    assert wrote == [["bootstrap-configure"]]
    done = run_bootstrap("verify", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)


# ---------------------------------------------------------------- who may be it


def bound(kube: Kube, name: str, subject: Object, rule: Object, place: str = "") -> list[Object]:
    found = [made.role(name, [rule]), made.binding(name, [subject], name, place)]
    kube.apply(*found)
    return found


def unbound(kube: Kube, found: list[Object]) -> None:
    for obj in reversed(found):
        where = ["-n", obj["metadata"]["namespace"]] if "namespace" in obj["metadata"] else []
        kube.run("delete", obj["kind"], obj["metadata"]["name"], *where)


def test_s3_who_may_only_ask_for_tokens_gets_none(road: Road, kube: Kube) -> None:
    found = bound(
        kube, "eve", made.user("eve"), made.rule("create", "serviceaccounts/token"), "bootstrap-system"
    )
    asked = ["create", "token", "bootstrap", "-n", "bootstrap-system", "--audience", "vault"]
    try:
        refused = kube.try_run(*asked, "--as", "eve")
    finally:
        unbound(kube, found)
    assert refused.returncode != 0
    assert "only who is declared in bootstrap.yaml" in refused.stderr
    assert kube.run(*asked)


def pod(name: str, account: str) -> Object:
    container = {
        "name": "c",
        "image": "registry.invalid/none:1",
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"serviceAccountName": account, "securityContext": security, "containers": [container]}
    meta = {"name": name, "namespace": "bootstrap-system"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


@pytest.mark.parametrize("account", ["bootstrap", "default"])
def test_s3_no_pod_runs_as_the_runs_account(road: Road, kube: Kube, account: str) -> None:
    """Not even an administrator's; a pod of another account is admitted (a dry run, of the control)."""
    done = kube.try_run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(pod("probe", account)))
    assert (done.returncode == 0) is (account == "default"), done.stderr
    assert ("no pod runs as an account by which bootstrap logs in" in done.stderr) is (account == "bootstrap")


def test_pod_security_holds_in_our_namespaces(road: Road, kube: Kube) -> None:
    open_ = pod("probe", "default")
    open_["spec"].pop("securityContext")
    done = kube.try_run("create", "--dry-run=server", "-f", "-", stdin=json.dumps(open_))
    assert done.returncode != 0
    assert "PodSecurity" in done.stderr
    labels = kube.need("namespace", "vault")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


# ---------------------------------------------------------------- what the operator may write


def secret(namespace: str, kind: str = "Opaque", name: str = "probe") -> Object:
    meta: Object = {"name": name, "namespace": namespace}
    if kind != "Opaque":
        meta["annotations"] = {"kubernetes.io/service-account.name": "default"}
    return {"apiVersion": "v1", "kind": "Secret", "type": kind, "metadata": meta}


def written(kube: Kube, obj: Object) -> str:
    """What refuses the operator; empty where it may (a dry run)."""
    done = kube.try_run("create", "--dry-run=server", "--as", ESO, "-f", "-", stdin=json.dumps(obj))
    return "" if done.returncode == 0 else done.stderr


def test_s2_the_operator_writes_in_consumers_namespaces_alone(road: Road, kube: Kube) -> None:
    assert written(kube, secret("orders")) == ""
    for place in ("default", "kube-system", "bootstrap-system", "external-secrets", "vault"):
        assert "cannot create resource" in written(kube, secret(place)), place


def test_s2_admission_refuses_it_what_rbac_would_allow(road: Road, kube: Kube) -> None:
    account = made.account("external-secrets", "external-secrets")
    found = bound(kube, "too-much", account, made.rule("create update", "secrets"))
    try:
        assert written(kube, secret("default")) == ""
        for place in ("kube-system", "bootstrap-system", "external-secrets"):
            assert "this namespace is reserved" in written(kube, secret(place)), place
        token = secret("orders", "kubernetes.io/service-account-token")
        assert "makes no service account's token" in written(kube, token)
        assert "Vault's own" in written(kube, secret("vault", name="vault-unseal-2"))
        assert written(kube, secret("vault")) == ""
    finally:
        unbound(kube, found)
