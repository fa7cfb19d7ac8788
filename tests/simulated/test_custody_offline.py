"""`seal.custody: offline`: no unsealer, no key in the cluster; whoever holds the root unseals (B4)."""

import subprocess
from pathlib import Path

import pytest

from bootstrap.ports import Ref
from bootstrap.steps.vault.unseal import sealed_pods, unseal_all
from tests.simulator.platform import SimulatedPlatform, scaffolded


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = scaffolded(tmp_path_factory.mktemp("intent"))
    file = made / "bootstrap.yaml"
    file.write_text(file.read_text().replace("custody: cluster", "custody: offline"))
    git = ["git", "-C", str(made), "-c", "user.name=t", "-c", "user.email=t@localhost"]
    subprocess.run([*git, "commit", "-qam", "Keep the unseal key with its holders"], check=True)
    return made


def test_b4_no_unseal_key_is_in_the_cluster(tmp_path: Path, repository: Path) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    assert platform.cluster.get(Ref("v1", "Secret", "vault-unseal-1", "vault")) is None
    assert platform.up().epoch == 0


def test_a_restarted_node_waits_for_its_holder(tmp_path: Path, repository: Path) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    pod = Ref("v1", "Pod", "vault-1", "vault")
    live = platform.cluster.get(pod)
    assert live is not None
    platform.cluster.delete(pod, uid=live["metadata"]["uid"])
    world = platform.world()
    assert sealed_pods(world) == ["vault-1"]
    assert unseal_all(world) == ("vault-1",)
    assert sealed_pods(world) == []
