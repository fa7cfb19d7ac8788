"""`bootstrap up --restore FILE`: the file is judged before the cluster is asked anything (INV1)."""

from pathlib import Path

import pytest

from tests.simulator.platform import scaffolded
from tests.support.program import assert_refused, run_bootstrap
from tests.support.snapshot_files import platform, whole


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"))


@pytest.fixture
def options(repository: Path, tmp_path: Path) -> tuple[object, ...]:
    """A kubeconfig that is none: a command that reaches for it ends with E_KUBECONFIG."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("no kubeconfig")
    return ("--repo", repository, "--kubeconfig", kubeconfig, "--non-interactive")


def root(repository: Path) -> tuple[object, ...]:
    return ("--root", f"file:{repository.parent / 'root.key'}")


def test_inv1_without_the_root_nothing_is_restored(options: tuple[object, ...], tmp_path: Path) -> None:
    platform().write(tmp_path / "FILE", whole())
    done = run_bootstrap("up", *options, "--restore", tmp_path / "FILE")
    assert_refused(done, 4, "E_ROOT_NEEDED", "--root")


def test_inv1_a_file_that_is_not_there_or_is_none(
    options: tuple[object, ...], repository: Path, tmp_path: Path
) -> None:
    command = ("up", *options, *root(repository), "--restore")
    assert_refused(run_bootstrap(*command, tmp_path / "none"), 2, "E_FILE_MISSING")
    (tmp_path / "FILE").write_bytes(b"something else")
    assert_refused(run_bootstrap(*command, tmp_path / "FILE"), 6, "E_SNAPSHOT_FORMAT")


def test_s1_a_file_of_another_root_is_refused(
    options: tuple[object, ...], repository: Path, tmp_path: Path
) -> None:
    platform().write(tmp_path / "FILE", whole())
    done = run_bootstrap("up", *options, *root(repository), "--restore", tmp_path / "FILE")
    assert_refused(done, 4, "E_SNAPSHOT_ROOT")


def test_an_approval_of_a_stale_snapshot_is_known(options: tuple[object, ...]) -> None:
    done = run_bootstrap("up", *options, "--approve", "stale-snapshots")
    assert_refused(done, 2, "E_USAGE", "stale-snapshot")
