"""Labs of kind: up, its engine and its nodes killed, up again, another of four nodes beside it, down, nothing left."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.adapters.local.ansible import AnsiblePlaybooks
from bootstrap.lab.build import quiet
from bootstrap.lab.kind import engine
from bootstrap.lab.kind.config import GATEWAY
from bootstrap.lab.kind.describe import describe
from bootstrap.lab.kind.nodes import nodes
from bootstrap.lab.kind.provider import KindLabs, engine_of
from bootstrap.lab.ready import is_ready
from bootstrap.lab.resources import folder
from bootstrap.lab.state import Lab, every
from bootstrap.model.errors import PreconditionError
from tests.lab.support.lifecycle import CLAIM, SCRIPT, apply, busybox, kubectl, uid

pytestmark = [pytest.mark.lab, pytest.mark.whole]
NAME, WIDE = "kindly", "kindly-wide"
WORKERS = 3


def provider(workers: int | None = None) -> KindLabs:
    return KindLabs(AnsiblePlaybooks(folder("playbooks")), quiet, workers=workers)


@pytest.fixture(scope="module")
def labs() -> Iterator[KindLabs]:
    for name in (NAME, WIDE):
        provider().down(name)
    yield provider()
    for name in (NAME, WIDE):
        provider().down(name)


@pytest.fixture(scope="module")
def lab(labs: KindLabs) -> Lab:
    begun = time.monotonic()
    made = labs.up(NAME)
    print(f"a lab of kind took {time.monotonic() - begun:.1f} s")
    return made


@pytest.fixture(scope="module")
def wide(lab: Lab) -> Lab:
    """Beside the other, which runs."""
    begun = time.monotonic()
    made = provider(WORKERS).up(WIDE)
    print(f"a lab of {WORKERS + 1} nodes took {time.monotonic() - begun:.1f} s")
    return made


def pids(lab: Lab) -> list[int]:
    return [node.pid for node in nodes(engine_of(lab), lab)]


def kill(*victims: int) -> None:
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while any(Path(f"/proc/{pid}/exe").exists() for pid in victims) and time.monotonic() < until:
        time.sleep(0.05)


def of_the_engine() -> list[int]:
    files = ("docker.pid", "exec/containerd/containerd.pid")
    return [int((engine.PLACE / file).read_text()) for file in files]


def test_up_gives_a_cluster_that_is_ready(lab: Lab) -> None:
    facts = describe(NAME)
    assert facts["state"] == "running"
    assert facts["provider"] == "kind"
    images = list(facts["images"])  # type: ignore[call-overload]
    assert any(
        re.fullmatch(r"docker.io/hashicorp/vault:1.21.1@sha256:[0-9a-f]{64}", image) for image in images
    )
    assert str(facts["server"]).startswith("https://127.0.0.1:")
    assert (lab.manifests / "external-secrets/crds.yaml").stat().st_size > 100_000
    assert lab.kubeconfig.stat().st_mode & 0o777 == 0o600
    assert kubectl(lab, "get", "storageclass", "-o", "name").split() == [
        "storageclass.storage.k8s.io/local-path"
    ]


def test_nothing_reaches_out_and_nothing_of_it_is_looked_for_elsewhere(lab: Lab) -> None:
    for address in ("198.18.16.7", "198.19.16.1"):  # a pod's and a service's, from this machine
        route = subprocess.run(["ip", "route", "get", address], capture_output=True, text=True)
        assert route.returncode != 0, f"{address} would leave: {route.stdout}"
    enter = ["nsenter", "--target", str(describe(NAME)["pid"]), "--net"]
    for address in ("192.0.2.1", "203.0.113.1"):
        route = subprocess.run([*enter, "ip", "route", "get", address], capture_output=True, text=True)
        assert route.returncode != 0, f"{address} would be tried: {route.stdout}"
    assert Path("/proc/sys/net/ipv4/conf/bootlabkind/forwarding").read_text().strip() == "0"


def test_a_second_up_changes_nothing(labs: KindLabs, lab: Lab) -> None:
    before = pids(lab)
    labs.up(NAME)
    assert pids(lab) == before


def test_another_number_of_nodes_is_refused(lab: Lab) -> None:
    with pytest.raises(PreconditionError, match="has 0 workers") as caught:
        provider(2).up(NAME)
    assert caught.value.code == "E_LAB_NODES"


def test_secrets_are_encrypted_at_rest_and_requests_are_in_the_audit_log(lab: Lab) -> None:
    kubectl(lab, "create", "secret", "generic", "canary", "--from-literal=value=plainly-visible-7431")
    kubectl(lab, "create", "configmap", "canary", "--from-literal=value=plainly-visible-1347")
    etcd = lab.state / "etcd"
    stored = subprocess.run(
        ["grep", "-rlaE", "plainly-visible-7431", str(etcd), str(lab.audit_log)], stdout=-1
    )
    assert stored.stdout == b""
    decoy = subprocess.run(["grep", "-rlaE", "plainly-visible-1347", str(etcd)], stdout=-1)
    assert decoy.stdout != b""  # the same search finds what is not a secret
    seen = [json.loads(line) for line in lab.audit_log.read_text().splitlines()]
    made = [
        e
        for e in seen
        if e.get("objectRef", {}).get("name") == "canary"
        and e["objectRef"]["resource"] == "secrets"
        and e["verb"] == "create"
    ]
    assert [e["responseStatus"]["code"] for e in made] == [201]
    assert "requestObject" not in made[0]


def test_a_volume_is_bound_and_lies_with_the_lab(lab: Lab) -> None:
    apply(lab, CLAIM, busybox("writer", SCRIPT, claim="data"))
    kubectl(lab, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/writer", "--timeout=90s")
    assert [path.read_text() for path in lab.state.glob("var-lib/local-path/*/said")] == ["here\n"]


def test_a_killed_engine_is_taken_over_and_the_nodes_never_notice(labs: KindLabs, lab: Lab) -> None:
    before = pids(lab)
    kill(of_the_engine()[0])
    assert describe(NAME)["state"] == "stopped"  # nobody to ask
    labs.up(NAME)
    assert pids(lab) == before
    assert describe(NAME)["state"] == "running"


def test_a_killed_lab_comes_back_as_the_same_cluster(labs: KindLabs, lab: Lab) -> None:
    before, address = uid(lab), describe(NAME)["address"]
    kill(*of_the_engine(), *pids(lab))
    assert not is_ready(lab)
    begun = time.monotonic()
    labs.up(NAME)
    print(f"up on the remains took {time.monotonic() - begun:.1f} s")
    assert uid(lab) == before
    assert describe(NAME)["address"] == address
    assert describe(NAME)["state"] == "running"


def test_four_nodes_beside_it_find_each_other(lab: Lab, wide: Lab) -> None:
    names = kubectl(wide, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}").split()
    assert len(names) == WORKERS + 1
    assert uid(lab) != uid(wide)
    first, second, *_ = sorted(name for name in names if "worker" in name)
    port = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "far"}}
    spec = {"selector": {"app": "far"}, "ports": [{"port": 80}]}
    apply(
        wide, port | {"spec": spec}, busybox("far", "echo far > /tmp/x; httpd -f -p 80 -h /tmp", node=first)
    )
    kubectl(wide, "wait", "--for=condition=Ready", "pod/far", "--timeout=90s")
    # Asked by address: a static busybox cannot look names up in wget, only in nslookup.
    find = "address=$(nslookup far.default.svc.cluster.local | awk '/^Address: / {print $2}')"
    ask = (
        f"for try in $(seq 30); do {find}; wget -T 2 -qO- http://$address/x && exit 0; sleep 1; done; exit 1"
    )
    apply(wide, busybox("near", ask, node=second))
    kubectl(wide, "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/near", "--timeout=90s")
    assert kubectl(wide, "logs", "near") == "far\n"


def test_a_killed_worker_comes_back(wide: Lab) -> None:
    before = uid(wide)
    victim = nodes(engine_of(wide), wide)[-1]
    kill(victim.pid)
    until = time.monotonic() + 10
    while (seen := describe(WIDE)["state"]) != "stopped":  # Docker hears of it a moment later
        assert time.monotonic() < until, seen
    provider().up(WIDE)
    found = nodes(engine_of(wide), wide)
    assert [node.address for node in found if node.name == victim.name] == [victim.address]
    assert all(node.runs for node in found)
    assert uid(wide) == before


def test_down_leaves_its_neighbour_alone(lab: Lab, wide: Lab) -> None:
    before = pids(lab)
    provider().down(WIDE)
    assert describe(WIDE)["state"] == "absent"
    assert pids(lab) == before
    assert is_ready(lab)


def test_down_leaves_nothing(labs: KindLabs, lab: Lab) -> None:
    labs.down(NAME)
    assert not lab.state.exists()
    assert volumes_of(lab) == []
    if not any(other.remembered().get("socket") for other in every()):  # else an engine stays, for other labs
        assert {what: found for what, found in left_of_an_engine().items() if found} == {}
    assert describe(NAME)["state"] == "absent"
    labs.down(NAME)  # and once more is no error


def left_of_an_engine() -> dict[str, list[str]]:
    return {
        "processes": with_argument(str(engine.PLACE)),
        "mounts": [line for line in read(Path("/proc/self/mountinfo")) if "bootstrap-lab" in line],
        "control groups": [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{engine.GROUP}")],
        "links": [path.name for path in Path("/sys/class/net").iterdir() if path.name == "bootlabkind"],
        "addresses": [line for line in ip("address") if GATEWAY in line],
        "files": [str(engine.PLACE)] if engine.PLACE.exists() else [],
    }


def volumes_of(lab: Lab) -> list[str]:
    """Of the private engine, which no other lab shares when the last one goes."""
    others = [other for other in every() if other.name != lab.name]
    found = Path("/var/cache/bootstrap-lab/docker/volumes").glob("*/_data")
    return [] if others else [str(path) for path in found]


def with_argument(text: str) -> list[str]:
    wanted = text.encode()
    return [p.parent.name for p in Path("/proc").glob("[0-9]*/cmdline") if wanted in contents(p)]


def contents(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def read(file: Path) -> list[str]:
    return contents(file).decode().splitlines()


def ip(what: str) -> list[str]:
    return subprocess.run(["ip", what], capture_output=True, text=True, check=True).stdout.splitlines()


def test_an_interrupted_start_is_started_over(labs: KindLabs) -> None:
    from bootstrap.lab.state import allocate

    lab = allocate(NAME)
    lab.remember(provider="kind", socket=str(engine.private().socket), workers=0)
    (lab.state / "etcd" / "member").mkdir(parents=True)
    assert describe(NAME)["state"] == "unfinished"
    labs.down(NAME)
    assert not lab.state.exists()
