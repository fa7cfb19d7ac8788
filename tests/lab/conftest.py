"""The uninterrupted road: one `up` on the empty cluster, of which many tests then look at one thing each."""

import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.logs import followed
from tests.lab.support.platform import Platform, make_platform
from tests.lab.support.reset import reset
from tests.lab.support.state import authority
from tests.lab.support.vault import Vault, active_pod, as_run
from tests.support.program import run_bootstrap, said


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.lab.support.plugin")


@dataclass(frozen=True)
class Road:
    """A finished `up`: what it said, how long it took, and on which repository; `logs` has what each Vault wrote."""

    platform: Platform
    done: subprocess.CompletedProcess[str]
    seconds: float
    logs: Path

    @property
    def records(self) -> Path:
        return self.platform.folder / "records"


@pytest.fixture(scope="session")
def road(lab: Lab, kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Road:
    reset(kube)
    platform = make_platform(tmp_path_factory.mktemp("road"), lab)
    logs = tmp_path_factory.mktemp("logs")
    begun = time.monotonic()
    with followed(kube, logs, ("vault-0", "vault-1", "vault-2")):
        done = run_bootstrap("up", *platform.to_cluster())
    seconds = time.monotonic() - begun
    assert done.returncode == 0, said(done)
    print(f"up took {seconds:.0f} s on {os.cpu_count()} processors")
    return Road(platform, done, seconds, logs)


@pytest.fixture(scope="module")
def vault(road: Road, kube: Kube) -> Iterator[Vault]:
    with as_run(kube, authority(road.platform), active_pod(kube)) as found:
        yield found


@pytest.fixture(scope="session")
def bundle(road: Road, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of the road, exported by the real command."""
    path = tmp_path_factory.mktemp("ledger") / "bundle.json"
    done = run_bootstrap("ledger", "export", *road.platform.to_cluster(), "--out", path)
    assert done.returncode == 0, said(done)
    return path
