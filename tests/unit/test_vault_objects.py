"""The two shapes of the Vault installation (G7): what must differ between them, and what never may."""

import json
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.model.catalog import Custody, VaultSpec
from bootstrap.ports import Object
from bootstrap.steps.vault.objects import (
    APP,
    base_objects,
    certificate_names,
    config,
    pod_names,
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
    pod = stateful_set(SPEC, replicas=1, tls_secret="t", unseal_secret="u")["spec"]["template"]["spec"]
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
    }


def test_g7_every_peer_is_in_every_retry_join() -> None:
    peers = pod_names(3)
    for each in peers:
        joined = json.loads(config(each, peers))["storage"]["raft"]["retry_join"]
        assert {j["leader_tls_servername"] for j in joined} == {
            f"{p}.vault-internal" for p in peers if p != each
        }


def test_the_unsealer_runs_only_with_custody_cluster() -> None:
    cluster = stateful_set(SPEC, replicas=3, tls_secret="t", unseal_secret="u")
    offline = stateful_set(
        replace(SPEC, custody=Custody.OFFLINE), replicas=3, tls_secret="t", unseal_secret="u"
    )
    first = stateful_set(SPEC, replicas=1, tls_secret="t", unseal_secret="")
    assert [c["name"] for c in pod(cluster)["containers"]] == ["vault", "unsealer"]
    assert [c["name"] for c in pod(offline)["containers"]] == ["vault"]
    assert [c["name"] for c in pod(first)["containers"]] == ["vault"]
    assert not any("unseal" in v["name"] for v in pod(offline)["volumes"])


@pytest.mark.parametrize("unseal", ["", "vault-unseal-1"])
def test_s2_every_container_is_locked_down(unseal: str) -> None:
    spec = pod(stateful_set(SPEC, replicas=3, tls_secret="t", unseal_secret=unseal))
    assert spec["securityContext"]["runAsNonRoot"] is True
    for container in spec["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_certificate_names_hold_no_star() -> None:
    names = certificate_names(SPEC, "vault-1")
    assert "vault-1.vault-internal" in names
    assert not any("*" in name for name in names)
