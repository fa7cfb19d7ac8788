"""The jobs that save snapshots in the cluster, started by hand, and the volume that they save onto."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.support.cluster import Kube, Lab, Object

SPACE = "bootstrap-system"
LIMIT = 240.0  # seconds
READER: Object = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "snapshot-reader", "namespace": SPACE},
    "spec": {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "reader",
                "image": "docker.io/library/busybox:stable",
                "imagePullPolicy": "IfNotPresent",
                "command": ["sleep", "3600"],
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "snapshots", "mountPath": "/snapshots"}],
            }
        ],
        "volumes": [{"name": "snapshots", "persistentVolumeClaim": {"claimName": "snapshots"}}],
    },
}


def declared(lab: Lab, schedule: str = "0 3 * * *", keep: int = 3) -> str:
    """For `bootstrap.yaml`, with the program's own image as the lab has it."""
    images: dict[str, str] = json.loads((lab.manifests / "images.json").read_text())
    name, digest = next(each for each in images.items() if each[0].startswith("bootstrap.test/bootstrap:"))
    return (
        f'  snapshots:\n    schedule: "{schedule}"\n    keep: {keep}\n    image: {name}@{digest}\n'
        "    where: {pvc: {size: 1Gi}}\n"
    )


def start(kube: Kube, name: str) -> None:
    kube.run("create", "job", name, "-n", SPACE, "--from=cronjob/snapshot")


def ended(kube: Kube, name: str) -> str:
    """``Complete`` or ``Failed``."""
    until = time.monotonic() + LIMIT
    while time.monotonic() < until:
        job = kube.need("job", name, SPACE)
        for condition in job.get("status", {}).get("conditions") or ():
            if condition["status"] == "True" and condition["type"] in ("Complete", "Failed"):
                return str(condition["type"])
        time.sleep(0.5)
    raise AssertionError(f"job {name} did not end: {log(kube, name)}")


def log(kube: Kube, name: str) -> str:
    return kube.try_run("logs", "-n", SPACE, f"job/{name}", "--all-containers").stdout


def with_volume(kube: Kube, name: str, volume: dict[str, Any]) -> Object:
    """The job of the CronJob, once, onto another volume."""
    spec = kube.need("cronjob", "snapshot", SPACE)["spec"]["jobTemplate"]["spec"]
    volumes = spec["template"]["spec"]["volumes"]
    spec["template"]["spec"]["volumes"] = [v for v in volumes if v["name"] != "snapshots"] + [
        {"name": "snapshots", **volume}
    ]
    spec["backoffLimit"] = 0
    meta = {"name": name, "namespace": SPACE}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}


@contextmanager
def reading(kube: Kube) -> Iterator[None]:
    """A pod that sees the volume lives meanwhile."""
    kube.apply(READER)
    kube.run("wait", "-n", SPACE, "--for=condition=Ready", "pod/snapshot-reader", "--timeout=90s")
    try:
        yield
    finally:
        kube.run("delete", "pod", "-n", SPACE, "snapshot-reader", "--grace-period=0", "--force")


def names(kube: Kube) -> list[str]:
    """Every file of the volume, hidden ones too."""
    found = kube.run("exec", "-n", SPACE, "snapshot-reader", "--", "ls", "-A", "/snapshots").split()
    return sorted(name for name in found if name != ".lock")


def fetched(kube: Kube, name: str, folder: Path) -> Path:
    path = folder / name
    command = kube.command("exec", "-n", SPACE, "snapshot-reader", "--", "cat", f"/snapshots/{name}")
    with path.open("wb") as stream:
        subprocess.run(command, stdout=stream, check=True, timeout=60)
    return path
