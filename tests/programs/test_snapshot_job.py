"""The command that a job of snapshots runs, with folders that are none that `up` makes (G5)."""

import json
from pathlib import Path

import pytest

from bootstrap.model.snapshot_settings import Settings
from bootstrap.steps.vault.snapshot_objects import KUBECONFIG
from tests.support.program import assert_refused, run_bootstrap

SETTINGS = Settings(
    platform="demo",
    environment="",
    cluster="c",
    vault_namespace="vault",
    replicas=3,
    keep=3,
    secrets={"a": "platform/a"},
)


@pytest.mark.parametrize(
    "content",
    [
        None,
        "",
        "{}",
        "[1]",
        '{"platform": 1}',
        json.dumps({**json.loads(SETTINGS.to_text()), "secrets": ["a"]}),
    ],
)
def test_a_folder_that_is_no_jobs_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "settings.json").write_text(content)
    done = run_bootstrap("snapshot", "save", "--in-cluster", tmp_path, "--out", tmp_path)
    assert_refused(done, 4, "E_SNAPSHOT_SETTINGS", str(tmp_path))


def test_settings_come_back_as_they_were() -> None:
    assert Settings.from_bytes(SETTINGS.to_text().encode(), "here") == SETTINGS


def test_outside_a_cluster_it_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "settings.json").write_text(SETTINGS.to_text())
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    done = run_bootstrap("snapshot", "save", "--in-cluster", tmp_path, "--out", tmp_path)
    assert_refused(done, 4, "E_KUBECONFIG", "ca.crt")
    assert not list(tmp_path.glob("*.snapshot"))


def test_a_list_goes_on_behind_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.snapshot").symlink_to("/proc/self/mem")  # the disk refuses it, whoever asks
    (tmp_path / "b.snapshot").write_bytes(b"not ours")
    done = run_bootstrap("snapshot", "list", tmp_path, "-o", "json")
    assert done.returncode == 6, done.stderr
    assert [(Path(each["file"]).name, each["error"]) for each in json.loads(done.stdout)] == [
        ("a.snapshot", "E_FILE_MISSING"),
        ("b.snapshot", "E_SNAPSHOT_FORMAT"),
    ]
