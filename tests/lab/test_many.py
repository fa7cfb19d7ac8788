"""A thousand secrets handed over while runs are killed, Vault is killed, says "not now", or waits for its disk.

The tests of this file go along one road, in their order; each adds secrets of its own.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import pytest

from bootstrap.lab.cgroup import groups
from tests.lab.support import many
from tests.lab.support.cluster import Kube
from tests.lab.support.killed import kill_vault
from tests.lab.support.platform import Platform
from tests.lab.support.state import authority, recorded
from tests.lab.support.vault import active_pod, as_root, as_run
from tests.support.program import assert_decent, run_bootstrap, said, started

pytestmark = [pytest.mark.lab, pytest.mark.whole]
KILLS = 10
BYTES = 200
A_SECOND = 40  # requests that a throttled Vault takes
WRITES = 200  # a second: five milliseconds each


@dataclass(frozen=True)
class Finished:
    """A platform on a cluster after its first `up`."""

    platform: Platform
    kube: Kube

    def differing(self, values: dict[str, str]) -> list[str]:
        """Of these secrets, those that are not what Git introduced, or not at version 1, or not committed once."""
        committed = recorded(self.kube, "COMMIT")
        found = [f"{name}: {committed.count(name)} COMMIT" for name in values if committed.count(name) != 1]
        with as_run(self.kube, authority(self.platform), active_pod(self.kube)) as vault:
            for name, value in values.items():
                now = vault.read(f"secret/data/applications/many/{name}")
                if now["metadata"]["version"] != 1:
                    found.append(f"{name}: version {now['metadata']['version']}")
                if list(now["data"].values()) != [value]:
                    found.append(f"{name}: another value")
        return found

    @contextmanager
    def handing_over(self) -> Iterator[Popen[str]]:
        """An `up` that has just begun to hand over."""
        with started("up", *self.platform.to_cluster()) as process:
            assert process.stderr is not None
            before = []
            for line in process.stderr:
                before.append(line)
                if "acting  handover:" in line:
                    break
            else:
                raise AssertionError("".join(before))
            yield process

    def ends(self) -> None:
        """One `up`, and every invariant holds."""
        for command in ("up", "verify"):
            done = run_bootstrap(command, *self.platform.to_cluster())
            assert done.returncode == 0, said(done)
            assert_decent(done)


@pytest.fixture(scope="module")
def finished(platform: Platform, empty_cluster: Kube) -> Finished:
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    return Finished(platform, empty_cluster)


def test_h2_ten_kills_in_the_middle_of_a_thousand_lose_nothing(finished: Finished) -> None:
    values = many.add(finished.platform, "killed", 1000, BYTES)
    for _ in range(KILLS):
        free_lease(finished.kube)
        with finished.handing_over() as process:
            time.sleep(random.uniform(0.05, 1.5))
            process.kill()
        print(f"{len(recorded(finished.kube, 'COMMIT'))} committed")
    finished.ends()
    assert finished.differing(values) == []


def test_h2_vault_killed_in_the_middle_is_waited_for(finished: Finished) -> None:
    values = many.add(finished.platform, "vault-killed", 300, BYTES)
    with finished.handing_over() as process:
        time.sleep(0.5)
        assert kill_vault(finished.kube, active_pod(finished.kube))
        _, err = process.communicate(timeout=600)
    assert process.returncode in (0, 1), err
    assert "Traceback" not in err
    finished.ends()
    assert finished.differing(values) == []


def test_h2_a_throttled_vault_is_asked_more_slowly(finished: Finished) -> None:
    values = many.add(finished.platform, "throttled", 300, BYTES)
    quota = "sys/quotas/rate-limit/few"
    with as_root(finished.kube, authority(finished.platform), active_pod(finished.kube)) as root:
        made = root.ask("POST", quota, {"rate": A_SECOND, "interval": "1s", "path": "secret/"})
        assert made.status_code == 204, made.text
    begun = time.monotonic()
    done = run_bootstrap("up", *finished.platform.to_cluster(), timeout=900)
    taken = time.monotonic() - begun
    with as_root(finished.kube, authority(finished.platform), active_pod(finished.kube)) as root:
        assert root.ask("DELETE", quota).status_code == 204
    assert done.returncode == 0, said(done)
    assert taken > 3 * 300 / A_SECOND, "nothing was throttled"
    finished.ends()
    assert finished.differing(values) == []


def test_h2_a_slow_disk_makes_it_slow_and_no_more(finished: Finished) -> None:
    values = many.add(finished.platform, "slow-disk", 300, BYTES)
    with slow_disk(finished.kube, Path("/var/lib/bootstrap-lab"), WRITES):
        done = run_bootstrap("up", *finished.platform.to_cluster(), timeout=900)
    assert done.returncode == 0, said(done)
    finished.ends()
    assert finished.differing(values) == []


def free_lease(kube: Kube) -> None:
    """Its holder is known to be dead: that the lease runs out is waited for in other tests."""
    if kube.get("lease", "bootstrap", "bootstrap-system"):
        patch = '{"spec":{"leaseDurationSeconds":1}}'
        kube.run("patch", "lease", "bootstrap", "-n", "bootstrap-system", "--type=merge", "-p", patch)
        time.sleep(1.5)


@contextmanager
def slow_disk(kube: Kube, folder: Path, writes: int) -> Iterator[None]:
    """The lab's processes get so many writes a second out of the disk below ``folder``."""
    device = folder.stat().st_dev
    disk = f"{os.major(device)}:{os.minor(device)}"
    files = [
        file
        for top in groups(kube.lab.name, kube.lab.containers)
        for file in (top, *top.rglob("*"))
        if (file / "blkio.throttle.write_iops_device").is_file()
    ]
    assert files, "no control group of this machine limits a disk (blkio)"
    limits = [each / "blkio.throttle.write_iops_device" for each in files]
    for limit in limits:
        limit.write_text(f"{disk} {writes}")
    try:
        yield
    finally:
        for limit in limits:
            with suppress(OSError):
                limit.write_text(f"{disk} 0")
