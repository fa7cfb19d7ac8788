"""The two shapes of the Vault installation (G7): what must differ between them, and what never may."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.model.catalog import Custody, VaultSpec
from bootstrap.model.recovery import Recovery
from bootstrap.ports import Object
from bootstrap.steps.vault.containers import RAFT_PORT, SERVED, SOCKET
from bootstrap.steps.vault.objects import (
    APP,
    SHAPE,
    base_objects,
    certificate_names,
    config,
    pod_names,
    shape_of,
    stateful_set,
)

SPEC = VaultSpec(version="1.21.1", image="registry.example/vault:1.21.1")


def pod(shape: Object) -> Any:
    return shape["spec"]["template"]["spec"]


def policy(objects: list[Object]) -> Any:
    return next(o for o in objects if o["kind"] == "NetworkPolicy")["spec"]


def test_before_the_key_is_proven_nobody_may_come_in_and_no_peer_is_joined() -> None:
    objects = base_objects(SPEC, ())
    assert policy(objects)["ingress"] == []
    configs = next(o for o in objects if o["kind"] == "ConfigMap")["data"]
    assert list(configs) == ["vault-0.json"]
    assert "retry_join" not in json.loads(configs["vault-0.json"])["storage"]["raft"]


def test_only_the_operator_our_own_and_vaults_pods_may_come_in() -> None:
    """The lab enforces no NetworkPolicy, so this is proven by the object alone."""
    found = policy(base_objects(SPEC, pod_names(3), ("external-secrets", "bootstrap-system")))
    api, raft = found["ingress"]
    assert [port["port"] for port in api["ports"]] == [8200]
    assert [port["port"] for port in raft["ports"]] == [8201]
    spaces = [
        each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for each in api["from"]
        if "namespaceSelector" in each
    ]
    pods = [each for each in api["from"] if "namespaceSelector" not in each]
    assert spaces == ["external-secrets", "bootstrap-system"]
    assert pods == raft["from"] == [{"podSelector": {"matchLabels": APP}}]


def test_vault_itself_reaches_its_peers_names_and_the_api_server_alone() -> None:
    found = policy(base_objects(SPEC, pod_names(3)))
    assert found["policyTypes"] == ["Ingress", "Egress"]
    reached = {
        (port["protocol"], port["port"]): each.get("to") for each in found["egress"] for port in each["ports"]
    }
    peers = [{"podSelector": {"matchLabels": APP}}]
    anywhere = {("UDP", 53): None, ("TCP", 53): None, ("TCP", 443): None, ("TCP", 6443): None}
    assert reached == {("TCP", 8200): peers, ("TCP", 8201): peers} | anywhere


def test_before_the_key_is_proven_it_reaches_nothing() -> None:
    assert policy(base_objects(SPEC, ()))["egress"] == []


def test_its_pods_are_of_the_kind_that_the_namespace_admits() -> None:
    """Pod Security "restricted", as ``RESTRICTED`` of the namespace asks for."""
    pod = stateful_set(SPEC, replicas=1, tls_secret="t", unseal_secrets=("u",))["spec"]["template"]["spec"]
    assert (pod["securityContext"]["runAsNonRoot"], pod["securityContext"]["seccompProfile"]["type"]) == (
        True,
        "RuntimeDefault",
    )
    for container in pod["containers"]:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert {kind for volume in pod["volumes"] for kind in volume if kind != "name"} <= {
        "configMap",
        "secret",
        "emptyDir",
        "projected",
    }


def test_g7_every_peer_is_in_every_retry_join() -> None:
    peers = pod_names(3)
    for each in peers:
        joined = json.loads(config(each, peers))["storage"]["raft"]["retry_join"]
        assert {j["leader_tls_servername"] for j in joined} == {
            f"{p}.vault-internal" for p in peers if p != each
        }


def test_the_unsealer_runs_only_with_custody_cluster() -> None:
    cluster = stateful_set(SPEC, replicas=3, tls_secret="t", unseal_secrets=("u",))
    offline = stateful_set(
        replace(SPEC, custody=Custody.OFFLINE), replicas=3, tls_secret="t", unseal_secrets=("u",)
    )
    first = stateful_set(SPEC, replicas=1, tls_secret="t")
    assert [c["name"] for c in pod(cluster)["containers"]] == ["vault", "unsealer", "renewer"]
    assert [c["name"] for c in pod(offline)["containers"]] == ["vault", "renewer"]
    assert [c["name"] for c in pod(first)["containers"]] == ["vault"]
    assert not any("unseal" in v["name"] for v in pod(offline)["volumes"])


def test_g7_readiness_and_the_unsealer_start_no_vault_while_nothing_is_sealed() -> None:
    vault, unsealer, renewer = pod(stateful_set(SPEC, replicas=3, tls_secret="t", unseal_secrets=("u",)))[
        "containers"
    ]
    get = vault["readinessProbe"]["httpGet"]
    assert (get["scheme"], get["port"]) == ("HTTPS", 8200)
    assert get["path"].startswith("/v1/sys/health?") and "standbyok=true" in get["path"]
    for sidecar in (unsealer, renewer):
        assert f":{RAFT_PORT:04X} " in sidecar["command"][-1]


def test_g7_a_warning_of_full_volumes_restarts_nothing() -> None:
    """It is asked of the renewer, by which no pod is ready or not."""
    beside = pod(stateful_set(SPEC, replicas=3, tls_secret="t", unseal_secrets=("u",)))["containers"]
    asked = {c["name"]: c["livenessProbe"] for c in beside if "livenessProbe" in c}
    assert list(asked) == ["renewer"]
    seconds = asked["renewer"]["failureThreshold"] * asked["renewer"]["periodSeconds"]
    assert seconds > 5 * 365 * 86400
    assert [c["name"] for c in beside if "readinessProbe" in c] == ["vault"]


def test_g7_the_digest_of_a_template_is_that_of_its_pods_and_not_of_their_number() -> None:
    def digest(spec: VaultSpec = SPEC, replicas: int = 3) -> str:
        shape = stateful_set(spec, replicas=replicas, tls_secret="t", unseal_secrets=("u",))
        return str(shape["spec"]["template"]["metadata"]["annotations"][SHAPE])

    assert digest() == digest(replicas=1) != digest(replace(SPEC, image="registry.example/vault:1.21.2"))


def test_b5_while_a_quorum_is_recovered_one_pod_runs_and_it_is_the_one_that_is_left() -> None:
    now = Recovery(nonce="n", begun="2026-01-01T00:00:00Z", pod="vault-2", volume="uid")
    shape = stateful_set(SPEC, replicas=1, tls_secret="t", unseal_secrets=("u",), recovery=now)
    serving = stateful_set(SPEC, replicas=1, tls_secret="t", unseal_secrets=("u",))
    assert (shape["spec"]["replicas"], shape["spec"]["ordinals"]) == (1, {"start": 2})
    assert "ordinals" not in serving["spec"]
    (first,) = pod(shape)["initContainers"]
    assert first["securityContext"] == pod(shape)["containers"][0]["securityContext"]
    given = {each["name"]: each.get("value") for each in first["env"]}
    assert (given["SURVIVOR"], given["RECOVERY"]) == ("vault-2", "n")
    assert pod(shape) == pod(serving) | {"initContainers": [first]}


def test_only_a_replica_alone_is_elected_quickly() -> None:
    def raft(peers: tuple[str, ...]) -> Any:
        return json.loads(config("vault-0", peers))["storage"]["raft"]

    assert raft(())["performance_multiplier"] == raft(("vault-0",))["performance_multiplier"] == 1
    assert "performance_multiplier" not in raft(pod_names(3))


@pytest.mark.parametrize("unseal", ["", "vault-unseal-1"])
def test_s2_every_container_is_locked_down(unseal: str) -> None:
    spec = pod(stateful_set(SPEC, replicas=3, tls_secret="t", unseal_secrets=(unseal,) if unseal else ()))
    assert spec["securityContext"]["runAsNonRoot"] is True
    for container in spec["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_certificate_names_hold_no_star() -> None:
    names = certificate_names(SPEC, "vault-1")
    assert "vault-1.vault-internal" in names
    assert not any("*" in name for name in names)


def test_g7_who_is_beside_vault_asks_it_by_a_socket_that_no_certificate_closes() -> None:
    listeners = json.loads(config("vault-1", pod_names(3)))["listener"]
    assert [each["unix"]["address"] for each in listeners if "unix" in each] == [SOCKET]
    _, *sidecars = pod(stateful_set(SPEC, replicas=3, tls_secret="t", unseal_secrets=("u",)))["containers"]
    for each in sidecars:
        asked = {e["name"]: e.get("value") for e in each["env"]}["VAULT_ADDR"]
        assert asked == f"unix://{SOCKET}"
        assert "socket" in {mount["name"] for mount in each["volumeMounts"]}


def test_before_the_key_is_proven_there_is_no_socket_and_no_other_certificate() -> None:
    (only,) = json.loads(config("vault-0", ()))["listener"]
    assert only["tcp"]["tls_cert_file"] == "/vault/tls/vault-0.crt"


def test_key_and_certificate_are_served_from_one_file() -> None:
    """So that a pair is replaced as one."""
    tcp = json.loads(config("vault-1", pod_names(3)))["listener"][0]["tcp"]
    assert tcp["tls_cert_file"] == tcp["tls_key_file"] == SERVED


def test_s2_the_token_that_renews_is_mounted_beside_it_alone_and_is_no_other_s() -> None:
    spec = pod(stateful_set(SPEC, replicas=3, tls_secret="t", unseal_secrets=("u",)))
    mounting = {c["name"] for c in spec["containers"] for m in c["volumeMounts"] if m["name"] == "token"}
    assert mounting == {"renewer"}
    (volume,) = [v["projected"] for v in spec["volumes"] if v["name"] == "token"]
    assert [s["serviceAccountToken"]["audience"] for s in volume["sources"]] == ["vault-renewer"]


def test_a_renewer_asks_for_the_names_of_its_own_pod() -> None:
    renewer = pod(stateful_set(SPEC, replicas=3, tls_secret="t", unseal_secrets=("u",)))["containers"][-1]
    asked = {e["name"]: e.get("value", "") for e in renewer["env"]}["NAMES"].replace("$(POD)", "vault-2")
    assert tuple(asked.split(",")) == certificate_names(SPEC, "vault-2")


def served(**declared: Any) -> Object:
    return stateful_set(
        replace(SPEC, **declared), replicas=3, tls_secret="vault-tls", unseal_secrets=("vault-unseal-1",)
    )


def test_what_is_declared_of_pods_and_volumes_is_in_their_template_and_nothing_else_is() -> None:
    toleration = {"key": "node", "operator": "Exists"}
    found = pod(served(image_pull_secrets=("one", "two"), tolerations=(toleration,)))
    assert found["imagePullSecrets"] == [{"name": "one"}, {"name": "two"}]
    assert found["tolerations"] == [toleration]
    assert not {"imagePullSecrets", "tolerations", "initContainers"} & set(pod(served()))
    claims = served(storage_class="fast")["spec"]["volumeClaimTemplates"]
    assert [claim["spec"]["storageClassName"] for claim in claims] == ["fast", "fast"]
    claims = served()["spec"]["volumeClaimTemplates"]
    assert not [claim for claim in claims if "storageClassName" in claim["spec"]]
    assert "ordinals" not in served()["spec"]


def test_inv1_only_in_the_restore_shape_a_snapshot_can_be_unpacked() -> None:
    found = pod(stateful_set(SPEC, replicas=1, tls_secret="vault-tls", spool=True))
    (vault,) = found["containers"]
    assert {"name": "spool", "emptyDir": {"sizeLimit": SPEC.data_size}} in found["volumes"]
    assert {"name": "TMPDIR", "value": "/vault/spool"} in vault["env"]
    assert {"name": "spool", "mountPath": "/vault/spool"} in vault["volumeMounts"]
    for other in (served(), stateful_set(SPEC, replicas=1, tls_secret="vault-tls")):
        assert "spool" not in str(pod(other))


def test_inv1_in_the_restore_shape_vault_listens_to_itself_alone() -> None:
    listener = json.loads(config("vault-0", (), alone=True))["listener"]
    assert listener[0]["tcp"]["address"] == "127.0.0.1:8200"
    assert json.loads(config("vault-0", ()))["listener"][0]["tcp"]["address"] == "[::]:8200"


def test_b4_under_offline_custody_no_key_is_mounted() -> None:
    found = pod(served(custody=Custody.OFFLINE))
    assert "unseal" not in [volume["name"] for volume in found["volumes"]]
    assert "unseal" in [volume["name"] for volume in pod(served())["volumes"]]
    assert "unseal" not in str(pod(stateful_set(SPEC, replicas=1, tls_secret="vault-tls")))


def test_peers_find_each_other_by_a_service_that_takes_pods_that_are_not_ready() -> None:
    services = {o["metadata"]["name"]: o["spec"] for o in base_objects(SPEC, ()) if o["kind"] == "Service"}
    headless, clients = services["vault-internal"], services["vault"]
    assert (headless["clusterIP"], headless["publishNotReadyAddresses"]) == ("None", True)
    assert [port["name"] for port in headless["ports"]] == ["https", "raft"]
    assert not {"clusterIP", "publishNotReadyAddresses"} & set(clients)
    assert [port["name"] for port in clients["ports"]] == ["https"]


def test_an_object_without_annotations_is_of_no_shape() -> None:
    assert shape_of({"metadata": {}}) == shape_of({"metadata": {"annotations": None}}) == ""
    assert shape_of(served()["spec"]["template"]) != ""


def test_each_peer_has_a_configuration_of_its_own() -> None:
    configs = next(o for o in base_objects(SPEC, pod_names(3)) if o["kind"] == "ConfigMap")["data"]
    assert list(configs) == ["vault-0.json", "vault-1.json", "vault-2.json"]


def test_b6_a_vault_that_serves_cuts_its_audit_log_and_serves_what_its_renewer_got() -> None:
    serves, begins = (
        pod(shape)["containers"][0] for shape in (served(), stateful_set(SPEC, replicas=1, tls_secret="t"))
    )
    assert serves["command"][:2] == ["sh", "-c"]
    assert begins["command"] == ["vault", "server", "-config=/vault/config/$(POD).json"]
    part = {"name": "AUDIT_PART", "value": str(SPEC.audit_part)}
    assert (part in serves["env"], "AUDIT_PART" in str(begins["env"])) == (True, False)
    beside = {"leaf", "socket"}
    assert beside <= {mount["name"] for mount in serves["volumeMounts"]}
    assert not beside & {mount["name"] for mount in begins["volumeMounts"]}
