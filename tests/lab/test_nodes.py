"""A platform on three workers whose nodes are evicted, killed, drained, cut off and lost (G5, G7, INV1).

The tests of this file go along one road, in their order. ``BOOTSTRAP_TEST_SEED`` chooses other moments and nodes.
"""

import datetime as dt
import json
import os
import random
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import pytest

from bootstrap.lab import state
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.kind.nodes import Node, nodes
from bootstrap.lab.kind.provider import engine_of
from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.platform import Platform, make_platform
from tests.lab.support.plugin import lab_command
from tests.lab.support.reset import reset
from tests.lab.support.state import actual, differences, expected
from tests.lab.support.waiting import until
from tests.support.program import assert_decent, run_bootstrap, said, started

pytestmark = [pytest.mark.lab, pytest.mark.whole]
NAME, WORKERS = "nodes", 3
PODS = ("vault-0", "vault-1", "vault-2")
KILLS = 5  # during `up`, and as many in the steady state
# What the node itself and what its pods hear and say.
WIRES = (("INPUT", "-i"), ("OUTPUT", "-o"), ("FORWARD", "-i"), ("FORWARD", "-o"))
AWAY = 300.0  # seconds until Kubernetes has seen a node go or come, and its pods are where they should be


@dataclass(frozen=True)
class Site:
    """``docker`` holds the nodes of the lab."""

    kube: Kube
    docker: Docker
    platform: Platform
    random: random.Random

    def nodes(self) -> list[Node]:
        found = state.find(NAME)
        assert found is not None
        return nodes(self.docker, found)

    def node_of(self, pod: str) -> str:
        return str(self.kube.need("pod", pod, "vault")["spec"]["nodeName"])

    def ready(self, pod: str) -> bool:
        found = self.kube.get("pod", pod, "vault") or {}
        conditions = found.get("status", {}).get("conditions", [])
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    def is_active(self, pod: str) -> bool:
        """Only with a quorum: a node that loses it steps down. A standby's word on who leads may be old."""
        command = ("exec", "-n", "vault", pod, "-c", "vault", "--", "vault", "status", "-format=json")
        done = self.kube.try_run(*command, timeout=20)
        try:
            seen = json.loads(done.stdout)
        except ValueError:
            return False
        return not seen["sealed"] and bool(seen.get("is_self"))

    def quorum(self, pods: Sequence[str]) -> bool:
        return any(map(self.is_active, pods))

    def up(self) -> None:
        done = run_bootstrap("up", *self.platform.to_cluster())
        assert done.returncode == 0, said(done)
        assert_decent(done)
        assert differences(expected(self.platform), actual(self.kube, self.platform)) == []
        done = run_bootstrap("verify", *self.platform.to_cluster())
        assert done.returncode == 0, said(done)

    def kill(self, node: Node) -> None:
        self.docker.run("kill", node.name)

    def back(self) -> None:
        """Every node runs and is ready, and so is every Vault."""
        lab_command("up", "--name", NAME)
        self.kube.run("wait", "--for=condition=Ready", "nodes", "--all", "--timeout=180s", timeout=200)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    seed = os.environ.get("BOOTSTRAP_TEST_SEED") or dt.date.today().isoformat()
    print(f"seed {seed} (BOOTSTRAP_TEST_SEED)")
    lab_command("up", "--name", NAME, "--provider", "kind", "--nodes", str(WORKERS))
    lab = Lab.of(json.loads(lab_command("status", "--name", NAME, "-o", "json")))
    found = state.find(NAME)
    assert found is not None
    kube = Kube(lab)
    reset(kube)
    platform = make_platform(tmp_path_factory.mktemp("nodes"), lab)
    yield Site(kube, engine_of(found), platform, random.Random(seed))
    if os.environ.get("BOOTSTRAP_KEEP_LAB") != "1":
        lab_command("down", "--name", NAME)


def comes(what: Callable[[], bool], title: str) -> None:
    print(f"{title}: after {until(what, AWAY, title):.0f} s")


def all_ready(site: Site) -> bool:
    return all(map(site.ready, PODS))


def test_g7_each_vault_stands_on_a_node_of_its_own(site: Site) -> None:
    site.up()
    assert len({site.node_of(pod) for pod in PODS}) == WORKERS


def evict(site: Site, pod: str) -> "subprocess.CompletedProcess[str]":
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod, "namespace": "vault"},
    }
    place = f"/api/v1/namespaces/vault/pods/{pod}/eviction"
    return site.kube.try_run("create", "--raw", place, "-f", "-", stdin=json.dumps(body))


def test_g7_a_second_vault_is_not_evicted_while_the_first_is_away(site: Site) -> None:
    first = evict(site, "vault-1")
    assert first.returncode == 0, first.stderr
    second = evict(site, "vault-2")
    assert second.returncode != 0
    assert "disruption budget" in second.stderr
    comes(lambda: all_ready(site), "an evicted Vault is back")


def test_g5_nodes_are_killed_during_up(site: Site) -> None:
    for _ in range(KILLS):
        reset(site.kube)
        for file in (site.platform.folder / "records").rglob("*"):
            if file.is_file():
                file.unlink()
        victim, moment = site.random.choice(site.nodes()), site.random.uniform(3, 70)
        with started("up", *site.platform.to_cluster()) as process:
            try:
                process.wait(moment)
                how = "the run had ended"
            except subprocess.TimeoutExpired:
                how = "in the middle"
            site.kill(victim)
            site.back()
            process.communicate(timeout=900)
        print(f"{victim.name} killed after {moment:.0f} s, {how}; the run ended with {process.returncode}")
        site.up()


def test_g7_nodes_are_killed_in_the_steady_state(site: Site) -> None:
    for _ in range(KILLS):
        victim = site.random.choice(site.nodes())
        others = [pod for pod in PODS if site.node_of(pod) != victim.name]
        control_plane = victim.role == "control-plane"
        site.kill(victim)
        if not control_plane:
            comes(partial(site.quorum, others), f"{victim.name} killed, Vault has a quorum")
        site.back()
        comes(lambda: all_ready(site), "every Vault is ready")
        site.up()


def test_g7_a_node_is_drained(site: Site) -> None:
    node = site.node_of("vault-0")
    options = ("--ignore-daemonsets", "--delete-emptydir-data", "--timeout=150s")
    site.kube.run("drain", node, *options, timeout=200)
    comes(partial(site.quorum, PODS[1:]), "drained, Vault has a quorum")
    site.kube.run("uncordon", node)
    comes(lambda: all_ready(site), "the drained node has its Vault again")
    site.up()


def test_g7_a_node_is_cut_from_the_network(site: Site) -> None:
    active = next(filter(site.is_active, PODS))
    node = site.node_of(active)
    others = [pod for pod in PODS if pod != active]
    for chain, direction in WIRES:
        site.docker.run("exec", node, "iptables", "-I", chain, direction, "eth0", "-j", "DROP")
    try:
        comes(partial(site.quorum, others), "the active Vault is cut off, another is active")
    finally:
        for chain, direction in WIRES:
            site.docker.run("exec", node, "iptables", "-D", chain, direction, "eth0", "-j", "DROP")
    comes(lambda: all_ready(site), "every Vault is ready")
    site.up()


def test_inv1_a_node_is_gone_for_good_and_its_volumes_with_it(site: Site) -> None:
    node = site.node_of("vault-2")
    site.docker.run("rm", "--force", "--volumes", node)
    site.kube.run("delete", "node", node, "--timeout=60s")
    comes(partial(site.quorum, PODS[:2]), "a node is gone, Vault has a quorum")
    for claim in ("data-vault-2", "audit-vault-2"):
        site.kube.run("delete", "pvc", claim, "-n", "vault", "--wait=false")
    site.kube.run("delete", "pod", "vault-2", "-n", "vault", "--grace-period=0", "--force")
    comes(lambda: all_ready(site), "a new Vault has joined on another node")
    site.up()
