"""After one `up` on an empty cluster: what it promised is so, seen from Vault, from Kubernetes and from disk."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube
from tests.lab.support.state import (
    JOURNAL,
    actual,
    authority,
    differences,
    expected,
    sealed,
    statements,
    token_policies,
    voters,
)
from tests.lab.support.vault import Vault, as_namespace, audit_lines
from tests.support.program import assert_decent, run_bootstrap, said

pytestmark = pytest.mark.lab
SCAFFOLD = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "deploy-credential-bootstrap", "namespace": "gitops"},
    "stringData": {"username": "back", "password": "again"},
}


def test_the_road_ends_where_the_repository_says(road: Road, kube: Kube) -> None:
    assert differences(expected(road.platform), actual(kube, road.platform)) == []


def test_h1_every_kept_value_is_in_vault_at_version_1_as_git_introduced_it(road: Road, vault: Vault) -> None:
    compared = 0
    for name, spec in road.platform.sources.secrets().items():
        found = vault.read(f"secret/data/{spec['runtime']['path']}?version=1")["data"]
        for field, value in road.platform.sources.in_vault(spec).items():
            assert found[field] == value, f"{name}.{field}"
            compared += 1
    print(f"{compared} fields compared with their sources")
    assert compared >= 8


def test_h1_nothing_has_a_second_version(road: Road, vault: Vault) -> None:
    paths = [p for p in vault.paths() if not p.startswith("platform-data/")]
    versions = {p: vault.read(f"secret/metadata/{p}")["current_version"] for p in paths}
    assert set(versions.values()) == {1}, versions


def test_h4_h5_generated_values_match_their_commitment_and_differ_from_git(
    road: Road, vault: Vault, kube: Kube
) -> None:
    sources = road.platform.sources
    key = bytes.fromhex(sources.open_raw("encrypted/root-material/commitment.age").decode().strip())
    committed = {s["secret"]["name"]: s["commitments"] for s in statements(kube) if s["phase"] == "COMMIT"}
    made = 0
    for name, spec in sources.secrets().items():
        found = vault.read(f"secret/data/{spec['runtime']['path']}?version=1")["data"]
        assert set(committed[name]) == set(found)
        for field, value in found.items():
            head = b"\0".join([b"bootstrap/v1", kube.uid().encode(), name.encode(), field.encode(), b""])
            digest = hmac.new(key, head + value.encode(), hashlib.sha256).hexdigest()
            assert committed[name][field] == digest, f"{name}.{field}"
        for field in sources.generated(spec):
            assert found[field].encode() != sources.values(spec)[field], f"{name}.{field} is still Git's"
            assert len(found[field]) == spec["handover"].get("length", 32)
            made += 1
    assert made >= 2


def test_g1_r5_metadata_lies_beside_each_secret(road: Road, vault: Vault) -> None:
    for name, spec in road.platform.sources.secrets().items():
        meta = vault.read(f"secret/metadata/{spec['runtime']['path']}")
        assert meta["cas_required"] is True
        marks = meta["custom_metadata"]
        wanted = {"managed-by": "bootstrap", "authority": "vault", "secret": name, "owner": spec["owner"]}
        wanted |= {"class": spec["class"], "renew": spec["handover"]["renew"]}
        wanted |= {k: str(v) for k, v in spec.get("rotation", {}).items()}
        assert wanted.items() <= marks.items(), f"{name}: {marks}"


def test_inv2_the_scaffold_is_gone_and_its_return_refused(road: Road, kube: Kube) -> None:
    assert kube.get("secret", "deploy-credential-bootstrap", "gitops") is None
    done = kube.try_run("create", "-f", "-", stdin=json.dumps(SCAFFOLD))
    assert done.returncode != 0
    assert "Vault is its authority" in done.stderr
    neighbour = SCAFFOLD | {"metadata": {"name": "something-else", "namespace": "gitops"}}
    kube.run("create", "-f", "-", "--dry-run=server", stdin=json.dumps(neighbour))


def test_inv5_materialized_secrets_hold_the_right_bytes(road: Road, kube: Kube, vault: Vault) -> None:
    sources, kinds = road.platform.sources, set()
    for name, spec in sources.secrets().items():
        in_vault = vault.read(f"secret/data/{spec['runtime']['path']}")["data"]
        binary = spec["source"].get("encoding") == "base64"
        for consumer in spec["consumers"]:
            live = kube.need("secret", consumer["secret"], consumer["namespace"])["data"]
            keys = consumer.get("keys") or {field: field for field in in_vault}
            assert set(live) == set(keys), f"{name}: {set(live)}"
            for key, field in keys.items():
                value = base64.b64decode(live[key])
                assert value == (base64.b64decode(in_vault[field]) if binary else in_vault[field].encode())
                if field not in sources.generated(spec):
                    assert value == sources.values(spec)[field], f"{name}.{field}"
                kinds |= {"binary"} if binary else {"pem"} if b"BEGIN PRIVATE KEY" in value else set()
    assert kinds == {"binary", "pem"}


def test_inv5_the_demo_workload_has_read_its_secret(road: Road, kube: Kube) -> None:
    deadline = time.monotonic() + 60  # the internal one may come a moment later
    log = ""
    while time.monotonic() < deadline:
        log = kube.run("logs", "-n", "orders", "deployment/orders-web")
        if "read /secrets/database/password: 32 bytes" in log:
            break
        time.sleep(1)
    assert "read /secrets/session/key: 48 bytes" in log
    assert "read /secrets/database/password: 32 bytes" in log


def test_inv7_the_internal_secret_went_through_vault(road: Road, kube: Kube, vault: Vault) -> None:
    """The demo's operator may make its Secret twice in its first second; then one refresh each later all agree."""
    deadline = time.monotonic() + 660
    while True:
        made = kube.need("secret", "orders-db-app", "database")["data"]
        read = kube.need("secret", "orders-database", "orders")["data"]
        published = vault.read("secret/data/platform-data/postgres/orders")["data"]
        assert set(published) == {"username", "password", "host", "port"}
        found = [{k: base64.b64decode(each[k]).decode() for k in published} for each in (made, read)]
        if found == [published, published] or time.monotonic() > deadline:
            break
        time.sleep(5)
    assert found == [published, published]


def test_d6_s3_a_namespace_reads_its_own_paths_only_and_writes_none(road: Road, kube: Kube) -> None:
    sources = road.platform.sources
    paths = {
        s["runtime"]["path"]: {c["namespace"] for c in s["consumers"]} for s in sources.secrets().values()
    }
    paths |= {s["path"]: {c["namespace"] for c in s["consumers"]} for s in sources.internals().values()}
    asked = 0
    for namespace in ("orders", "identity", "database"):
        with as_namespace(kube, authority(road.platform), namespace) as mine:
            for path, readers in paths.items():
                if path.startswith("platform-data/") and namespace == "database":
                    continue  # it publishes that one
                status = mine.ask("GET", f"secret/data/{path}").status_code
                assert status == (200 if namespace in readers else 403), f"{namespace} reads {path}: {status}"
                body = {"data": {"value": "taken over"}, "options": {"cas": 1}}
                assert mine.ask("POST", f"secret/data/{path}", body).status_code == 403
                asked += 2
            for path in (
                "sys/policies/acl/root",
                "secret/metadata?list=true",
                "auth/token/accessors?list=true",
            ):
                assert mine.ask("GET", path).status_code == 403
    print(f"{asked} requests across namespaces answered as they should")


def test_d6_the_publisher_cannot_reach_a_handed_over_path(road: Road, kube: Kube) -> None:
    with as_namespace(kube, authority(road.platform), "database") as database:
        own = database.ask("GET", "secret/data/platform-data/postgres/orders")
        assert own.status_code == 200
        for path in ("platform/database/superuser", "applications/orders/session-key", "bootstrap/ledger/x"):
            body = {"data": {"value": "taken over"}, "options": {"cas": 0}}
            assert database.ask("POST", f"secret/data/{path}", body).status_code == 403
            assert database.ask("POST", f"secret/metadata/{path}", {"max_versions": 1}).status_code == 403


def test_b5_no_live_token_has_root(road: Road, vault: Vault) -> None:
    policies = token_policies(vault)
    assert policies
    assert not [p for p in policies if "root" in p]


def test_g7_three_voters_and_none_sealed(road: Road, vault: Vault, kube: Kube) -> None:
    assert voters(vault) == ["vault-0", "vault-1", "vault-2"]
    assert sealed(kube) == []


def test_b6_auditing_was_on_before_the_first_secret(road: Road, kube: Kube, vault: Vault) -> None:
    """Each COMMIT names a request that Vault's own log has, as a write to that very path."""
    lines = [line for pod in ("vault-0", "vault-1", "vault-2") for line in audit_lines(kube, pod)]
    logged = {e["request"]["id"]: e["request"] for e in map(json.loads, lines)}
    for commit in (s for s in statements(kube) if s["phase"] == "COMMIT"):
        request = logged[commit["audit"]["writeRequestId"]]
        assert request["path"] == f"secret/data/{commit['destination']['path']}"
        assert request["operation"] in ("create", "update")
        assert commit["audit"]["readRequestId"] in logged
    assert "secret/data" not in lines[0]


def test_b4_custody_is_one_immutable_secret_and_the_window_is_closed(road: Road, kube: Kube) -> None:
    custody = kube.need("secret", "vault-unseal-1", "vault")
    assert custody["immutable"] is True
    assert set(custody["data"]) == {"key"}
    window = kube.need("configmap", "vault-init", "bootstrap-system")["data"]
    assert window["phase"] == "VERIFIED"
    assert window["clusterId"]
    slots = [s["metadata"]["name"] for s in kube.list("secret", "bootstrap-system")]
    assert [n for n in slots if n.endswith("-share")], slots
    assert not [n for n in slots if n.endswith("-root")], "the root token's ciphertext is still there"


def test_b4_records_hold_escrow_head_and_identity_as_ciphertext_only(road: Road, kube: Kube) -> None:
    folder = road.records / kube.uid()
    assert sorted(p.name for p in folder.iterdir()) == ["cluster.json", "escrow.json", "head.json"]
    escrow = json.loads((folder / "escrow.json").read_text())
    assert escrow["cluster"] == kube.uid()
    share = base64.b64decode(kube.need("secret", "vault-unseal-1", "vault")["data"]["key"])
    for path in folder.iterdir():
        assert share not in path.read_bytes()
    window = kube.need("configmap", "vault-init", "bootstrap-system")["data"]
    assert json.loads((folder / "cluster.json").read_text())["vaultCluster"] == window["clusterId"]


def test_the_journal_is_complete(road: Road, kube: Kube) -> None:
    entries = [
        json.loads(line)
        for obj in kube.list("configmap", "bootstrap-system", JOURNAL)
        for line in obj["data"]["entries"].splitlines()
    ]
    intended = {e["step"] for e in entries if e["event"] == "intended"}
    assert intended == {e["step"] for e in entries if e["event"] == "done"} - {""}
    assert {"handover", "retired", "vault-initialised", "root-revoked"} <= intended
    assert len({(e["epoch"], e["seq"]) for e in entries}) == len(entries)


def test_everything_we_made_says_so(road: Road, kube: Kube) -> None:
    for kind in ("statefulset", "service", "poddisruptionbudget", "networkpolicy", "serviceaccount"):
        names = {
            o["metadata"]["name"] for o in kube.list(kind, "vault", "app.kubernetes.io/managed-by=bootstrap")
        }
        assert "vault" in names, kind
    policy = kube.need("validatingadmissionpolicy", "bootstrap-retired-scaffolds")
    assert policy["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "bootstrap"


def test_up_into_a_pipe_is_plain(road: Road) -> None:
    assert_decent(road.done)
    for phase in ("00-root-trust", "10-control-plane", "20-materialization", "30-runtime-authority"):
        assert f"phase {phase}" in road.done.stderr
    assert "phase" not in road.done.stdout.splitlines()[0]
    assert "handed over" in road.done.stdout
    assert "bootstrap verify" in road.done.stdout


def read_json(done: Any) -> Any:
    assert_decent(done)
    return json.loads(done.stdout)


def test_g1_status_tells_the_truth_of_the_live_system(road: Road, kube: Kube) -> None:
    done = run_bootstrap("status", *road.platform.to_cluster(), "-o", "json")
    assert done.returncode == 0, said(done)
    found = read_json(done)
    assert found["cluster"] == kube.uid()
    assert found["run"]["state"] == "finished"
    steps = {s["id"]: s["health"] for p in found["phases"] for s in p["steps"]}
    assert set(steps.values()) == {"holds"}, steps
    handed = {s["name"]: s for s in found["secrets"] if s["stage"] == "retired"}
    assert set(handed) == set(road.platform.sources.secrets())
    assert {s["authority"] for s in handed.values()} == {"Vault"}
    text = run_bootstrap("status", *road.platform.to_cluster())
    assert text.returncode == 0, said(text)
    assert_decent(text)


def test_verify_proves_every_invariant(road: Road) -> None:
    done = run_bootstrap("verify", *road.platform.to_cluster(), "-o", "json")
    assert done.returncode == 0, said(done)
    found = read_json(done)
    assert found["ok"] is True
    assert {p["ok"] for p in found["proofs"]} == {True}
    assert {"B4", "B5", "B6", "G7", "H3", "H4", "H5", *(f"INV{n}" for n in range(1, 9))} <= {
        p["requirement"] for p in found["proofs"]
    }


def test_verify_sees_what_is_broken(road: Road, kube: Kube) -> None:
    """It looks at the live system: a scaffold policy taken away makes it say so, until `up` mends it."""
    kube.run("delete", "validatingadmissionpolicybinding", "bootstrap-retired-scaffolds")
    done = run_bootstrap("verify", *road.platform.to_cluster(), "-o", "json")
    assert done.returncode == 6, said(done)
    assert [p["requirement"] for p in read_json(done)["proofs"] if p["ok"] is False] == ["INV2"]
    done = run_bootstrap("up", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)
    done = run_bootstrap("verify", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)


def test_plan_says_that_nothing_is_to_do(road: Road) -> None:
    done = run_bootstrap("plan", *road.platform.to_cluster(), "--detailed-exitcode")
    assert done.returncode == 0, said(done)
    assert_decent(done)


def test_g5_the_plan_is_the_same_bytes_anywhere(road: Road) -> None:
    offline = ["plan", "--repo", road.platform.folder, "-o", "json"]
    one = run_bootstrap(*offline)
    other = run_bootstrap(*offline, TZ="America/St_Johns", LC_ALL="C", PYTHONHASHSEED="7", NO_COLOR="1")
    assert one.returncode == 0, said(one)
    assert one.stdout == other.stdout
