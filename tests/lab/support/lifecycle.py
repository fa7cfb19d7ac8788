"""What tests of a lab's own life ask of it, whatever provider made it."""

import json
import subprocess
from typing import Any

from bootstrap.lab.state import Lab

# The cluster's own names are answered, others are refused at once.
SCRIPT = """
nslookup kubernetes.default.svc.cluster.local >/dev/null
! timeout 5 nslookup elsewhere.test >/dev/null
echo here > /data/said
"""
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
}


def kubectl(lab: Lab, *arguments: str, stdin: str = "") -> str:
    command = [str(lab.state / "bin/kubectl"), "--kubeconfig", str(lab.kubeconfig), *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def apply(lab: Lab, *objects: dict[str, Any]) -> None:
    kubectl(lab, "apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))


def uid(lab: Lab) -> str:
    return kubectl(lab, "get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}")


def busybox(name: str, script: str, *, node: str = "", claim: str = "") -> dict[str, Any]:
    """A pod that runs the script once, where the volume is /data."""
    container: dict[str, Any] = {
        "name": name,
        "image": "docker.io/library/busybox:stable",
        "imagePullPolicy": "IfNotPresent",
        "command": ["sh", "-ec", script],
    }
    spec: dict[str, Any] = {
        "containers": [container],
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 0,
    }
    if claim:
        container["volumeMounts"] = [{"name": claim, "mountPath": "/data"}]
        spec["volumes"] = [{"name": claim, "persistentVolumeClaim": {"claimName": claim}}]
    if node:
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    }
