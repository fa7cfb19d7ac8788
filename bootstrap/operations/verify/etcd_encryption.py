"""Where the cluster itself may keep a Secret in the clear: etcd without encryption, an audit log with bodies (B2, S3).

Read from the API servers' own pods, which kubeadm and its like show in ``kube-system``; a managed control plane
shows nothing. Only a note: neither is ours to change, and both are named again as residuals of a retirement.
"""

from collections.abc import Iterator

from bootstrap.model.errors import WorldError
from bootstrap.ports import Cluster, Object

LEAK = "W_CLUSTER_LEAK"
_LABEL = "component=kube-apiserver"
_ENCRYPTION = "--encryption-provider-config"
_AUDIT = "--audit-policy-file"


def leaks(cluster: Cluster) -> Iterator[str]:
    """One line for each way, with the pod that shows it; one line where no pod can be seen."""
    try:
        servers = cluster.list("v1", "Pod", "kube-system", _LABEL)
    except WorldError:
        servers = []
    if not servers:
        yield "the API server's pod cannot be seen: ask who runs it for encryption at rest, and for its audit policy"
    for pod in servers:
        where = f"Pod kube-system/{pod['metadata']['name']}"
        flags = _flags(pod)
        if not _has(flags, _ENCRYPTION):
            yield f"{LEAK} {where}: etcd holds Secrets in the clear (no {_ENCRYPTION})"
        if _has(flags, _AUDIT):
            yield f"{LEAK} {where}: its {_AUDIT} must say level Metadata for secrets, or the audit log holds values"


def _flags(pod: Object) -> list[str]:
    containers = pod.get("spec", {}).get("containers", [])
    return [str(word) for c in containers for word in (*(c.get("command") or ()), *(c.get("args") or ()))]


def _has(flags: list[str], name: str) -> bool:
    return any(flag == name or flag.startswith(f"{name}=") for flag in flags)
