"""Rows 67 to 78: the cluster, and Vault."""

import re
from functools import partial
from typing import Any

from bootstrap.intent.findings import Finding, Level
from bootstrap.model.errors import BootstrapError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Permission, Ref
from tests.bad_input.box import (
    CANARY,
    Box,
    Told,
    named,
)
from tests.bad_input.table import refused, row
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.platform import SimulatedPlatform
from tests.support.intent_fake import PLATFORM

OPERATOR, PULL = "manifests/external-secrets/operator.yaml", "secrets/scaffold.yaml"
X = "encrypted/x.sops.yaml"


@row(67, "a Vault that is not ours", "E_FOREIGN_STORE", "StatefulSet vault/vault")
def _(box: Box) -> Told:
    spec = {"replicas": 0, "template": {"spec": {"containers": [{"image": "vault:1"}]}}}
    return box.up(lambda p: box.put(p, named("vault", "vault", "StatefulSet", "apps/v1", spec=spec)))


@row(68, "permissions that are missing", "E_RBAC", "context simulator")
def _(box: Box) -> Told:
    gone = [Permission("create", "", "namespaces"), Permission("create", "apps", "statefulsets", "vault")]

    def deny(platform: Any) -> None:
        platform.cluster.missing = lambda wanted: tuple(gone)

    (error,) = box.up(deny)
    assert all(str(each) in str(error) for each in gone)
    return [error]


@row(69, "no default StorageClass", "E_STORAGE", r"bootstrap.yaml:\d+")
def _(box: Box) -> Told:
    def without(platform: Any) -> None:
        ref = Ref("storage.k8s.io/v1", "StorageClass", "standard")
        uid = platform.cluster.get(ref)["metadata"]["uid"]
        platform.cluster.delete(ref, uid=uid)

    return box.up(without)


@row(70, "Kubernetes that is too old", "E_VERSION", "context simulator")
def _(box: Box) -> Told:
    return box.up(lambda p: setattr(p.cluster, "_version", "v1.29.3"))


@row(
    71,
    "secrets in the API server's audit log, etcd in the clear",
    "W_CLUSTER_LEAK",
    "Pod kube-system/kube-apiserver-x",
)
def _(box: Box) -> Told:
    from bootstrap.operations.verify.etcd_encryption import leaks

    def server(*flags: str) -> list[str]:
        spec = {"containers": [{"command": ["kube-apiserver", *flags]}]}
        pod = named("kube-apiserver-x", "kube-system", "Pod", spec=spec)
        pod["metadata"]["labels"] = {"component": "kube-apiserver"}
        platform = SimulatedPlatform(box.folder, box.repository())
        assert isinstance(platform.cluster.create(pod), dict)
        return list(leaks(platform.cluster))

    assert "cannot be seen" in next(leaks(SimulatedPlatform(box.folder, box.repository()).cluster))
    assert server("--encryption-provider-config=/etc/x.yaml") == []
    open_etcd, bodies = server("--audit-policy-file=/etc/policy.yaml")
    assert "etcd holds Secrets in the clear" in open_etcd
    assert "level Metadata" in bodies
    return [_note(line) for line in (open_etcd, bodies)]


def _note(line: str) -> Finding:
    """A line of ``doctor``: id, place, message."""
    found = re.fullmatch(r"(W_\w+) (.*?): (.*)", line)
    assert found is not None
    return Finding(id=found[1], where=found[2], message=found[3], level=Level.WARNING)


@row(
    72,
    "an admission webhook that changes our Secrets",
    "E_SOURCE_DRIFT",
    "Secret gitops/deploy-credential-bootstrap",
    listed="E_MUTATED",
    why="what stands there is not what was handed over",
)
def _(box: Box) -> Told:
    def mutate(cluster: SimulatedCluster, event: str, obj: Object) -> None:
        if (
            event == "created"
            and obj["kind"] == "Secret"
            and obj["metadata"]["name"] == "deploy-credential-bootstrap"
        ):
            ref = Ref("v1", "Secret", obj["metadata"]["name"], obj["metadata"]["namespace"])
            live = cluster.get(ref)
            assert live is not None
            cluster.replace({**live, "data": {k: Sensitive(b"changed") for k in live["data"]}})

    return box.up(lambda p: p.cluster.controllers.append(mutate), untouched=False)


@row(
    73,
    "a Secret of that name is somebody else's",
    "E_NAME_TAKEN",
    "Secret gitops/deploy-credential-bootstrap",
)
def _(box: Box) -> Told:
    def take(platform: Any) -> None:
        platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gitops"}})
        platform.cluster.create(named("deploy-credential-bootstrap", "gitops", data={"a": Sensitive(b"x")}))

    return box.up(take, untouched=False)


@row(74, "a scaffold that a finalizer holds", "E_RETIRE_BLOCKED", "retired")
def _(box: Box) -> Told:
    def hold(cluster: SimulatedCluster, event: str, obj: Object) -> None:
        if event == "created" and obj["metadata"]["name"] == "deploy-credential-bootstrap":
            ref = Ref("v1", "Secret", obj["metadata"]["name"], obj["metadata"]["namespace"])
            live = cluster.get(ref)
            assert live is not None
            live["metadata"]["finalizers"] = ["example.com/held"]
            cluster.replace(live)

    told = list(box.up(lambda p: p.cluster.controllers.append(hold), untouched=False))
    assert any("example.com/held" in str(each) for each in told), [str(t) for t in told]
    return told


@row(
    75,
    "Vault's certificate is for another name, or of another CA",
    "E_VAULT_TLS",
    "vault-0",
    listed="E_TLS",
    why="it names the system",
)
def _(box: Box) -> Told:
    from tests.support.scripted_vault import vault, write
    from tests.support.tls_server import authority

    with vault(box.folder, (200, {}), ca=authority()) as (port, _):
        assert refused(lambda: write(port)).code == "E_VAULT_TLS"
    with vault(box.folder, (200, {}), names=("vault-1.vault-internal",)) as (port, server):
        error = refused(lambda: write(port))
        assert not server.seen
    return [error]


@row(
    76,
    "an answer that is not Vault's",
    "E_VAULT_AWAY",
    "GET secret/data/a on vault-0",
    listed="E_PROTO",
    why="a proxy speaks: reads wait, writes are unknown",
)
def _(box: Box) -> Told:
    from tests.support.scripted_vault import read, vault, write

    told = []
    for body in (b"<html>" + CANARY.encode(), b"[1]", b"x" * (10 << 20) + b"xx"):
        with vault(box.folder, (200, body), (200, body)) as (port, _):
            told.append(refused(partial(read, port)))
            assert refused(partial(write, port)).code == "E_UNKNOWN_OUTCOME"
    assert {error.code for error in told} == {"E_VAULT_AWAY"}
    return told


@row(
    77,
    "a Vault with data, and no record of its key",
    "E_FOREIGN_STORE",
    "PersistentVolumeClaim vault/data-vault-0.*",
)
def _(box: Box) -> Told:
    (error,) = box.up(lambda p: box.put(p, named("data-vault-0", "vault", "PersistentVolumeClaim", spec={})))
    assert isinstance(error, BootstrapError)
    assert not re.search("delete|wipe|remove", error.hint)
    return [error]


@row(78, "another kind of seal", "E_SEAL_TYPE", "bootstrap.yaml:8")
def _(box: Box) -> Told:
    return box.spoilt({"bootstrap.yaml": PLATFORM.replace("type: shamir", "type: transit")})
