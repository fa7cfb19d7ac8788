"""A second lab beside whatever runs already: up, killed, up again, down, and nothing of it left."""

import json
import os
import re
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.adapters.local.ansible import AnsiblePlaybooks
from bootstrap.lab import cgroup
from bootstrap.lab.build import quiet
from bootstrap.lab.local import LocalLabs, describe
from bootstrap.lab.ready import is_ready
from bootstrap.lab.resources import folder
from bootstrap.lab.state import Lab, every
from tests.lab.support.lifecycle import CLAIM, SCRIPT, apply, busybox, kubectl, uid

pytestmark = pytest.mark.lab
NAME = "lifecycle"


@pytest.fixture(scope="module")
def labs() -> Iterator[LocalLabs]:
    if os.geteuid() != 0:
        pytest.skip("a lab needs root")
    labs = LocalLabs(AnsiblePlaybooks(folder("playbooks")), quiet)
    labs.down(NAME)
    yield labs
    labs.down(NAME)


@pytest.fixture(scope="module")
def lab(labs: LocalLabs) -> Lab:
    return labs.up(NAME)


def everything_about(lab: Lab) -> dict[str, object]:
    """What this machine still holds of a lab."""
    routes = subprocess.run(["ip", "route"], capture_output=True, text=True, check=True).stdout
    mounts = [line for file in Path("/proc").glob("[0-9]*/mountinfo") for line in read(file)]
    return {
        "processes": cgroup.members(lab.name),
        "control groups": cgroup.groups(lab.name),
        "files": lab.state.exists(),
        "link": Path("/sys/class/net", lab.link).exists(),
        "routes": [line for line in routes.splitlines() if lab.link in line],
        "mounts": [line for line in mounts if f"/{lab.home.name}/{lab.name}/" in line],
    }


def read(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []


def test_up_gives_a_cluster_that_is_ready(lab: Lab) -> None:
    facts = describe(NAME)
    assert facts["state"] == "running"
    assert facts["address"] == lab.node_address
    images = facts["images"]
    assert isinstance(images, list | tuple)
    assert any(
        re.fullmatch(r"docker.io/hashicorp/vault:1.21.1@sha256:[0-9a-f]{64}", image) for image in images
    )
    assert kubectl(lab, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}") == NAME
    assert (lab.manifests / "external-secrets/crds.yaml").stat().st_size > 100_000
    assert lab.kubeconfig.stat().st_mode & 0o777 == 0o600


def test_every_lab_has_its_own_network(lab: Lab) -> None:
    addresses = [other.node_address for other in every()]
    assert len(set(addresses)) == len(addresses)
    for address in ("198.18.0.7", "198.19.0.1"):  # a pod's and a service's, from this machine
        route = subprocess.run(["ip", "route", "get", address], capture_output=True, text=True)
        assert route.returncode != 0, f"{address} would leave: {route.stdout}"


def test_nothing_inside_reaches_out(lab: Lab) -> None:
    enter = ["nsenter", "--target", str(describe(NAME)["pid"]), "--net"]
    for address in ("192.0.2.1", "203.0.113.1"):
        route = subprocess.run([*enter, "ip", "route", "get", address], capture_output=True, text=True)
        assert route.returncode != 0, f"{address} would be tried: {route.stdout}"


def test_a_second_up_changes_nothing(labs: LocalLabs, lab: Lab) -> None:
    before = cgroup.init_of(NAME)
    labs.up(NAME)
    assert cgroup.init_of(NAME) == before


def test_secrets_are_encrypted_at_rest_and_requests_are_in_the_audit_log(lab: Lab) -> None:
    kubectl(lab, "create", "secret", "generic", "canary", "--from-literal=value=plainly-visible-7431")
    stored = subprocess.run(
        ["grep", "-rlaE", "plainly-visible-7431", str(lab.state / "etcd"), str(lab.audit_log)],
        capture_output=True,
        text=True,
    )
    assert stored.stdout == ""
    seen = [json.loads(line) for line in lab.audit_log.read_text().splitlines()]
    made = [e for e in seen if e.get("objectRef", {}).get("name") == "canary" and e["verb"] == "create"]
    assert [e["responseStatus"]["code"] for e in made] == [201]
    assert "requestObject" not in made[0]


def test_a_volume_is_bound_and_lies_with_the_lab(lab: Lab) -> None:
    kubectl(lab, "wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    apply(lab, CLAIM, busybox("writer", SCRIPT, claim="data"))
    kubectl(lab, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=60s")
    assert [path.read_text() for path in lab.state.glob("var-lib/local-path/*/said")] == ["here\n"]


def test_a_killed_lab_comes_back_as_the_same_cluster(labs: LocalLabs, lab: Lab) -> None:
    before = uid(lab)
    while left := cgroup.members(NAME):
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    assert describe(NAME)["state"] == "stopped"
    assert not is_ready(lab)
    labs.up(NAME)
    assert uid(lab) == before
    assert describe(NAME)["state"] == "running"


def test_the_kubeconfig_trusts_this_cluster_only(lab: Lab) -> None:
    server = subprocess.run(
        [*("curl", "--silent", "--max-time", "5"), f"https://{lab.node_address}:6443/readyz"],
        capture_output=True,
    )
    assert ssl.get_server_certificate((lab.node_address, 6443)).startswith("-----BEGIN")
    assert server.returncode != 0


def test_down_leaves_nothing(labs: LocalLabs, lab: Lab) -> None:
    labs.down(NAME)
    assert everything_about(lab) == {
        "processes": set(),
        "control groups": [],
        "files": False,
        "link": False,
        "routes": [],
        "mounts": [],
    }
    assert describe(NAME)["state"] == "absent"
    labs.down(NAME)  # and once more is no error


def test_an_interrupted_start_is_started_over(labs: LocalLabs) -> None:
    lab = labs_allocate(NAME)
    for remains in ("config", "etcd/member", "kubernetes/manifests"):
        (lab.state / remains).mkdir(parents=True)
    assert describe(NAME)["state"] == "unfinished"
    labs.down(NAME)
    assert not lab.state.exists()


def labs_allocate(name: str) -> Lab:
    from bootstrap.lab.state import allocate

    return allocate(name)
