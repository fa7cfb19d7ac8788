"""`seal.custody: offline`: no unsealer, no key in the cluster; whoever holds the root unseals (B4)."""

import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from bootstrap.ledger.record import RecordType
from bootstrap.ports import Ref
from bootstrap.steps.context.transfers import named
from bootstrap.steps.vault.unseal import sealed_pods, unseal_all
from tests.simulator.faults import Killed
from tests.simulator.first_leaves import first_leaves
from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.simulator.rekeying import in_escrow, in_slots, rekey, window
from tests.simulator.vault import Line, Store


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
    retired = named(platform.world().ledger.read(), RecordType.RETIRED).values()
    assert not [r for r in retired if "unseal-key-in-cluster" in r.fact.residuals]


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


def test_b4_a_rekey_leaves_no_key_in_the_cluster_and_the_new_share_unseals(
    tmp_path: Path, repository: Path
) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    before = platform.vault.live().share
    assert rekey(platform).generation == 2
    assert platform.vault.live().share != before
    assert in_slots(platform) == in_escrow(platform) == {2: platform.vault.live().share}
    secrets = [ref.name for ref in platform.cluster.everything() if ref.kind == "Secret"]
    assert not [name for name in secrets if name.startswith("vault-unseal-")]
    for pod in ("vault-0", "vault-1", "vault-2"):
        platform.vault.restart(pod)
    world = platform.world()
    assert sealed_pods(world) == ["vault-0", "vault-1", "vault-2"]
    assert unseal_all(world) == ("vault-0", "vault-1", "vault-2")
    assert platform.up().epoch == 0


def test_b4_of_an_interrupted_rekey_the_holder_unseals_with_the_share_that_counts(
    tmp_path: Path, repository: Path
) -> None:
    """Killed once Vault took the new share, and all nodes sealed: which one it is, `unseal` tries."""
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()

    def counted(store: Store, line: Line) -> None:
        if line.path == "sys/rekey/verify":
            store.share = store.rekey.share
            raise Killed("it counts")

    platform.vault.watchers.append(counted)
    with pytest.raises(Killed):
        rekey(platform)
    platform.vault.watchers.remove(counted)
    for pod in ("vault-0", "vault-1", "vault-2"):
        platform.vault.restart(pod)
    assert unseal_all(platform.world()) == ("vault-0", "vault-1", "vault-2")
    platform.up()
    assert (window(platform).generation, window(platform).target) == (2, 0)
    assert in_slots(platform) == in_escrow(platform) == {2: platform.vault.live().share}


def test_g7_off_for_longer_than_certificates_live_the_holder_s_up_makes_new_ones_and_unseals(
    tmp_path: Path, repository: Path
) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    first_leaves(platform, platform.cluster.now - timedelta(days=1))
    platform.vault.expiring = True
    for n in range(3):
        platform.vault.restart(f"vault-{n}")
    assert not any(platform.vault.seal_status(f"vault-{n}") for n in range(3))
    platform.up()
    assert [platform.vault.seal_status(f"vault-{n}").sealed for n in range(3)] == [False] * 3  # type: ignore[union-attr]
    assert platform.up().epoch == 0
