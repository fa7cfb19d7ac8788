"""A platform that was lost comes back from clone, root key and one snapshot, on real servers (INV1, B5, INV4).

The tests of this file go along one road, in their order. The cluster is emptied between saving and restoring; its UID
stays, and everything that `up` made is gone.
"""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.lab.support.cluster import Kube
from tests.lab.support.lost import Lost, assert_back, lose, restored, snapshot
from tests.lab.support.platform import Platform
from tests.lab.support.reset import reset
from tests.lab.support.state import authority, statements
from tests.lab.support.vault import forwarded
from tests.support.program import (
    assert_decent,
    assert_refused,
    run_bootstrap,
    said,
    started,
)

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lost(platform: Platform, empty_cluster: Kube, tmp_path_factory: pytest.TempPathFactory) -> Lost:
    return lose(platform, empty_cluster, tmp_path_factory.mktemp("lost"))


@contextmanager
def hammering(kube: Kube, found: Lost) -> Iterator[list[int]]:
    """Every token of before, at every moment, through a port-forward: the way that `up` itself goes. The statuses."""
    statuses: list[int] = []
    over = threading.Event()

    def ask(base: str) -> None:
        for token in found.tokens:
            answer = requests.get(
                f"{base}/v1/auth/token/lookup-self",
                headers={"X-Vault-Token": token},
                verify=str(authority(found.platform)),
                timeout=5,
            )
            statuses.append(answer.status_code)

    def hammer() -> None:
        while not over.is_set():
            try:
                with forwarded(kube) as base:
                    while not over.is_set():
                        ask(base)
            except (AssertionError, OSError):  # no pod, or another one by now
                time.sleep(0.2)

    thread = threading.Thread(target=hammer, daemon=True)
    thread.start()
    try:
        yield statuses
    finally:
        over.set()
        thread.join(30)


def test_inv1_it_comes_back_and_no_token_of_before_ever_lives(lost: Lost, kube: Kube) -> None:
    begun = time.monotonic()
    with hammering(kube, lost) as statuses:
        done = lost.up("--restore", lost.file)
    print(f"restored in {time.monotonic() - begun:.0f} s, {len(statuses)} requests with tokens of before")
    assert done.returncode == 0, said(done)
    assert_decent(done)
    assert 403 in statuses
    assert 200 not in statuses
    assert_back(lost, kube)


def test_inv4_one_ledger_tells_it(lost: Lost, kube: Kube) -> None:
    records = statements(kube)
    record = records[lost.records]
    details = record["details"]
    assert (record["phase"], details["headSize"], details["headCluster"]) == (
        "RESTORED",
        str(lost.records),
        kube.uid(),
    )
    assert "tokens" in details["leftOut"]
    assert records[lost.records + 1]["phase"] == "ESCROW"
    assert [each for each in records[lost.records :] if each["phase"] == "RETIRED"]
    done = run_bootstrap("ledger", "show", *lost.platform.to_cluster(lost.clone), "-o", "json")
    assert done.returncode == 0, said(done)
    assert json.loads(done.stdout)["counts"]["RESTORED"] == len(restored(kube))


def test_inv4_a_living_platform_is_not_overwritten(lost: Lost, tmp_path: Path) -> None:
    """By the snapshot that it came from nothing is done, by a later one neither."""
    done = lost.up("--restore", lost.file)
    assert (done.returncode, "nothing to do" in done.stdout) == (0, True), said(done)
    later = tmp_path / "later.snapshot"
    snapshot(lost.platform, lost.clone, later)
    assert_refused(lost.up("--restore", later), 4, "E_RESTORE_LIVING", "records since the snapshot")


@pytest.mark.whole
def test_inv4_a_stop_in_the_middle_is_known(lost: Lost, kube: Kube) -> None:
    """A second time, killed once its Vault has been put there. The clone's records may be newer than the snapshot by
    now: the approval, given once, is kept."""
    reset(kube)
    command = (
        "up",
        *lost.platform.to_cluster(lost.clone),
        "--restore",
        lost.file,
        "--approve",
        "stale-snapshot",
    )
    with started(*command) as process:
        while process.poll() is None and kube.get("statefulset", "vault", "vault") is None:
            time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert_refused(lost.up(), 5, "E_RESTORE_UNDER_WAY", "--restore")
    time.sleep(15)  # until its Lease counts as left
    done = lost.up("--restore", lost.file)
    assert done.returncode == 0, said(done)
    assert_back(lost, kube)
