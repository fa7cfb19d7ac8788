"""The configuration of a lab's cluster, for kind and kubeadm."""

import json
from pathlib import Path
from typing import Any

from bootstrap.lab import images, servers
from bootstrap.lab.state import Lab

# Inside of 198.18.0.0/15 and apart from what labs of the provider ``local`` use (docs/explanation/lab.md).
NODES, GATEWAY = "198.18.128.0/20", "198.18.128.1"
PODS, SERVICES = "198.18.16.0/20", "198.19.16.0/24"
INSIDE = "/run/lab"


def cluster_name(lab: Lab) -> str:
    """As kind calls it: in the user's Docker it stands among clusters of theirs."""
    return f"bootstrap-lab-{lab.name}"


def parts(lab: Lab, node: int) -> dict[Path, str]:
    """What a node keeps on this machine, and where it sees it; 0 is the control plane."""
    place = lab.state if node == 0 else lab.state / "workers" / str(node)
    shown = {
        place / "var-lib/kubelet": "/var/lib/kubelet",
        place / "var-lib/local-path": "/var/lib/local-path",
        place / "var-log": "/var/log",
    }
    if node == 0:
        shown |= {
            place / "etcd": "/var/lib/etcd",
            place / "audit": f"{INSIDE}/audit",
            place / "config": f"{INSIDE}/config",
        }
    return shown


def store(lab: Lab, node: int) -> Path:
    """The containerd of a node that we made."""
    place = lab.state if node == 0 else lab.state / "workers" / str(node)
    return place / "var-lib" / "containerd"


def cluster(lab: Lab, image: str, workers: int, *, pulled: bool, durable: bool = False) -> str:
    """The configuration file. Of a ``pulled`` image, the parts of the cluster are those that lie in it; a ``durable``
    etcd waits for the disk."""
    nodes = [_node(lab, image, number, pulled=pulled) for number in range(workers + 1)]
    patches = [_cluster_patch(pulled=pulled, durable=durable), _KUBELET, *([] if pulled else [_ONE_COREDNS])]
    return json.dumps(
        {
            "kind": "Cluster",
            "apiVersion": "kind.x-k8s.io/v1alpha4",
            "networking": {"ipFamily": "ipv4", "podSubnet": PODS, "serviceSubnet": SERVICES},
            "nodes": nodes,
            "kubeadmConfigPatches": [json.dumps(patch) for patch in patches],
        },
        indent=2,
    )


def _node(lab: Lab, image: str, number: int, *, pulled: bool) -> dict[str, Any]:
    mounts = parts(lab, number) | ({} if pulled else {store(lab, number): "/var/lib/containerd"})
    return {
        "role": "worker" if number else "control-plane",
        "image": image,
        "extraMounts": [
            {"hostPath": str(path), "containerPath": inside, "readOnly": path.name == "config"}
            for path, inside in mounts.items()
        ],
    }


_KUBELET = {"kind": "KubeletConfiguration", "maxOpenFiles": 20000, "failCgroupV1": False}


_ONE_COREDNS = {"kind": "InitConfiguration", "patches": {"directory": "/kind/patches"}}


def _cluster_patch(*, pulled: bool, durable: bool) -> dict[str, Any]:
    etcd: dict[str, Any] = {"extraArgs": {"unsafe-no-fsync": "false" if durable else "true"}}
    patch: dict[str, Any] = {
        "kind": "ClusterConfiguration",
        "etcd": {"local": etcd},
        "apiServer": {
            # A map and not a list: kind writes v1beta3 for a Kubernetes below 1.36.
            "extraArgs": {
                "audit-policy-file": f"{INSIDE}/config/audit-policy.yaml",
                "audit-log-path": f"{INSIDE}/audit/audit.log",
                "audit-log-maxsize": "512",
                "audit-log-maxbackup": "2",
                "encryption-provider-config": f"{INSIDE}/config/encryption.yaml",
            },
            "extraVolumes": [
                {"name": "lab", "hostPath": INSIDE, "mountPath": INSIDE, "pathType": "Directory"},
            ],
        },
        "controllerManager": {"extraArgs": {"leader-elect": "false"}},
        "scheduler": {"extraArgs": {"leader-elect": "false"}},
    }
    if not pulled:
        etcd["imageTag"] = images.etcd_tag()
        patch["dns"] = {"imageTag": servers.COREDNS.version}
    return patch
