"""Another unseal share on real servers, through kills: at each moment what is kept opens Vault (B4, S5, INV1).

In the order of the file, on the road of the whole run, after what else looks at it: from here on its share is of
a later generation.
"""

import json
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube
from tests.lab.support.state import statements
from tests.lab.support.vault import unseal_share
from tests.support.program import assert_decent, run_bootstrap, said, started

pytestmark = pytest.mark.lab
PODS = ("vault-0", "vault-1", "vault-2")
# Seconds after its start at which each is killed. Each waits first until the Lease of the one before has ended.
KILLS, WHOLE_KILLS = (18,), (2, 16, 17, 18, 20, 22, 24, 26, 30, 34)


def unsealed(kube: Kube) -> bool:
    for pod in PODS:
        with suppress(Exception):
            if not json.loads(kube.in_vault(pod, "vault", "status", "-format=json"))["sealed"]:
                continue
        return False
    return True


def restart_all(kube: Kube) -> None:
    """Together: no node is left that would know the share."""
    kube.run("delete", "pod", *PODS, "-n", "vault", "--grace-period=1")
    deadline = time.monotonic() + 240
    while not unsealed(kube):
        assert time.monotonic() < deadline, "not every node was unsealed"
        time.sleep(2)


def generations(kube: Kube) -> list[str]:
    names = [s["metadata"]["name"] for s in kube.list("secret", "vault")]
    return sorted(name for name in names if name.startswith("vault-unseal-"))


@pytest.fixture(scope="module")
def first_snapshot(road: Road, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of generation 1."""
    file = tmp_path_factory.mktemp("generations") / "first.snapshot"
    done = run_bootstrap("snapshot", "save", *road.platform.to_cluster(), "--out", file)
    assert done.returncode == 0, said(done)
    return file


def test_b4_rekeyed_through_kills(road: Road, kube: Kube, first_snapshot: Path, whole: bool) -> None:
    """To generation 2; one that comes to its end before it is killed is followed by another rekey."""
    before, ended, kills = unseal_share(kube), 0, WHOLE_KILLS if whole else KILLS
    for seconds in kills:
        rekey = started("rekey-unseal", *road.platform.to_cluster())
        with rekey as process, suppress(subprocess.TimeoutExpired):
            ended += process.wait(seconds) == 0
        assert unsealed(kube), f"killed after {seconds} s"
    print(f"{len(kills) - ended} of {len(kills)} were killed before their end")
    assert ended < len(kills)
    done = run_bootstrap("rekey-unseal", *road.platform.to_cluster(), "-o", "json")
    assert done.returncode == 0, said(done)
    assert_decent(done)
    assert json.loads(done.stdout)["generation"] == 2 + ended
    window = kube.need("configmap", "vault-init", "bootstrap-system")["data"]
    assert "target" not in window
    assert generations(kube) == [f"vault-unseal-{2 + ended}"]
    assert unseal_share(kube) != before


def test_g4_all_nodes_restarted_are_unsealed_by_the_new_share(road: Road, kube: Kube) -> None:
    restart_all(kube)
    rekeyed = [s["details"]["generation"] for s in statements(kube) if s["phase"] == "REKEYED"]
    assert rekeyed[-1] == kube.need("configmap", "vault-init", "bootstrap-system")["data"]["generation"]
    rotated = [s["details"] for s in statements(kube) if "barrierTerm" in s["details"]]
    assert rotated[-1]["generation"] == rekeyed[-1]
    assert int(rotated[-1]["barrierTerm"]) > 1
    done = run_bootstrap("verify", *road.platform.to_cluster(), "--deep")
    assert done.returncode == 0, said(done)
    done = run_bootstrap("up", *road.platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert "nothing to do" in done.stdout


def test_inv1_a_snapshot_of_generation_1_is_still_verified(
    road: Road, first_snapshot: Path, tmp_path: Path
) -> None:
    """With the share that it carries; one saved now is of the generation that counts."""
    root = ("--repo", road.platform.folder, "--root", f"file:{road.platform.root_key}", "--non-interactive")
    done = run_bootstrap("snapshot", "verify", first_snapshot, *root, "-o", "json")
    assert done.returncode == 0, said(done)
    found = json.loads(done.stdout)
    assert found["generation"] == 1
    assert "generation 1" in found["opensWith"]
    done = run_bootstrap(
        "snapshot", "save", *road.platform.to_cluster(), "--out", tmp_path / "now", "-o", "json"
    )
    assert done.returncode == 0, said(done)
    assert json.loads(done.stdout)["generation"] > 1
