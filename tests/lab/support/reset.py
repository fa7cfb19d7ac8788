"""Back to an empty cluster, without the program's help: what is not the lab's own goes."""

import time

from tests.lab.support.cluster import Kube

KEPT = {"default", "kube-system", "kube-public", "kube-node-lease", "local-path-storage"}
OURS = "app.kubernetes.io/managed-by=bootstrap"
CLUSTER_KINDS = "clusterroles,clusterrolebindings,customresourcedefinitions"
OPERATOR = ".external-secrets.io"
LIMIT = 90.0  # seconds


def remains(kube: Kube) -> list[str]:
    """What an empty cluster does not have."""
    found = [f"Namespace {n}" for n in _namespaces(kube)]
    for kind in (
        "validatingadmissionpolicies",
        "validatingadmissionpolicybindings",
        *CLUSTER_KINDS.split(","),
    ):
        found += [f"{kind} {o['metadata']['name']}" for o in kube.list(kind, labels=OURS)]
    found += [f"PersistentVolume {o['metadata']['name']}" for o in kube.list("persistentvolumes")]
    return found + [f"CustomResourceDefinition {name}" for name in _definitions(kube)]


def reset(kube: Kube) -> None:
    """Empty when it returns; fails after ``LIMIT`` with what is left."""
    if not remains(kube):
        return
    for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy"):
        kube.run("delete", kind, "-l", OURS)
    namespaces = _namespaces(kube)
    if namespaces:
        kube.run("delete", "namespace", *namespaces, "--wait=false")
        for name in namespaces:
            kube.try_run("delete", "pods", "--all", "-n", name, "--grace-period=1", "--wait=false")
    definitions = _definitions(kube)
    if definitions:
        kube.run("delete", "crd", *definitions, "--wait=false")
    kube.run("delete", CLUSTER_KINDS, "-l", OURS, "--wait=false")
    until = time.monotonic() + LIMIT
    while (left := remains(kube)) and time.monotonic() < until:
        _free(kube)
        time.sleep(0.5)
    assert not left, f"the cluster is not empty: {left}"


def _namespaces(kube: Kube) -> list[str]:
    names = [o["metadata"]["name"] for o in kube.list("namespaces")]
    return [n for n in names if n not in KEPT and not n.startswith("port-test-")]


def _definitions(kube: Kube) -> list[str]:
    names = [o["metadata"]["name"] for o in kube.list("customresourcedefinitions")]
    return [n for n in names if n.endswith(OPERATOR)]


def _free(kube: Kube) -> None:
    """Finalizers of the operator's objects: the operator is gone, so nobody else takes them off."""
    for name in _definitions(kube):
        for obj in kube.list(name):
            meta = obj["metadata"]
            if meta.get("finalizers"):
                where = ["-n", meta["namespace"]] if "namespace" in meta else []
                patch = '{"metadata":{"finalizers":null}}'
                kube.try_run("patch", name, meta["name"], *where, "--type=merge", "-p", patch)
