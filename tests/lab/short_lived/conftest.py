"""One platform whose certificates live for minutes, whose audit log is cut often, and which saves snapshots itself.

The files of this folder go along it in their order.
"""

from datetime import timedelta

import pytest

from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.platform import Platform, make_platform
from tests.lab.support.reset import reset
from tests.lab.support.snapshot_jobs import declared
from tests.support.program import acted, assert_decent, commit_all, run_bootstrap, said

LEAF = timedelta(minutes=3)


@pytest.fixture(scope="package")
def platform(lab: Lab, kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    reset(kube)
    made = make_platform(tmp_path_factory.mktemp("short-lived"), lab)
    file = made.folder / "bootstrap.yaml"
    lives = f"    tls: {{leaf: {LEAF.seconds}s, intermediate: 2h}}\n    seal:"
    text = file.read_text().replace("    seal:", lives).replace("audit: 1Gi", "audit: 16Mi")
    file.write_text(text + declared(lab))
    commit_all(made.folder)
    done = run_bootstrap("up", *made.to_cluster())
    assert done.returncode == 0, said(done)
    assert_decent(done)
    return made


def nothing_is_to_be_done(platform: Platform) -> None:
    """By `up`, but to record what the audit log was cut into: a look at some thousand tokens fills a part by itself."""
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert set(acted(done)) <= {"recorded"}, said(done)
    assert acted(done) or "nothing to do" in done.stdout, said(done)
