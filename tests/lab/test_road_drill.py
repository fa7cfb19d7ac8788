"""A small drill in a lab of its own, beside the living platform that its snapshot was saved of (INV1, B1)."""

import json
import signal
import time
from pathlib import Path

import pytest

from bootstrap.lab import state
from bootstrap.lab.cgroup import groups
from tests.lab.conftest import Road
from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.lost import snapshot
from tests.lab.support.platform import Platform
from tests.support.program import assert_decent, assert_refused, run_bootstrap, said, started

pytestmark = [pytest.mark.lab, pytest.mark.whole]
NAME = "drill-test"
LONGEST = 600.0  # seconds


@pytest.fixture(scope="module")
def file(road: Road, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return snapshot(road.platform, road.platform.folder, tmp_path_factory.mktemp("saved") / "one.snapshot")


def command(platform: Platform, file: Path, out: Path, lab: str = NAME) -> list[object]:
    options = platform.to_cluster()
    at = options.index("--kubeconfig")
    return ["drill", *options[:at], *options[at + 2 :], "--snapshot", file, "--lab", lab, "--out", out]


def gone() -> bool:
    return state.find(NAME) is None and not (state.HOME / NAME).exists() and not groups(NAME)


def test_inv1_it_makes_its_lab_rehearses_and_deletes_it(
    road: Road, kube: Kube, file: Path, tmp_path: Path
) -> None:
    out, audit, begun = tmp_path / "drill.json", ApiAudit(kube.lab.audit_log), time.monotonic()
    done = run_bootstrap(*command(road.platform, file, out), timeout=LONGEST)
    print(f"a drill and its lab took {time.monotonic() - begun:.0f} s\n{done.stdout}")
    assert done.returncode == 0, said(done)
    assert_decent(done)
    assert gone()
    assert audit.mutations() == []
    done = run_bootstrap("drill", "verify", out, "--keys", road.platform.folder / "keys", "-o", "json")
    assert done.returncode == 0, said(done)
    report = json.loads(done.stdout)
    assert (report["outcome"], report["secrets"]["differing"]) == ("equal", [])
    assert report["cluster"] != kube.uid()
    rto = report["rto"]
    waits = {each["id"]: each["milliseconds"] for each in rto["waits"]}
    assert all(waits.values()), waits
    assert waits["force"] > 5000
    assert waits["members"] > 10000
    assert waits["members"] < rto["waitedMilliseconds"] < rto["milliseconds"]


def test_a_lab_that_is_there_is_not_touched(road: Road, kube: Kube, file: Path, tmp_path: Path) -> None:
    done = run_bootstrap(*command(road.platform, file, tmp_path / "drill.json", kube.lab.name))
    assert_refused(done, 4, "E_DRILL_LAB", f"lab down --name {kube.lab.name}")
    assert kube.uid()


@pytest.mark.parametrize(
    ("sent", "words"), [(signal.SIGINT, "start"), (signal.SIGTERM, "acting  vault-restored:")]
)
def test_b1_interrupted_it_deletes_its_lab(
    road: Road, file: Path, tmp_path: Path, sent: signal.Signals, words: str
) -> None:
    """While the lab is made, and in the middle of the restore."""
    out = tmp_path / "drill.json"
    with started(*command(road.platform, file, out)) as process:
        assert process.stderr is not None
        told: list[str] = []
        for line in process.stderr:
            told.append(line)
            if words in line:
                break
        process.send_signal(sent)
        _, rest = process.communicate(timeout=LONGEST)
    assert process.returncode == 128 + sent, "".join([*told, rest])
    assert "Traceback" not in rest
    assert gone()
    assert not out.exists()
