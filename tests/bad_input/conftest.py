"""A valid repository to spoil, a copy for each test."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.intent_fake import CRDS
from tests.support.program import run_bootstrap, said


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.lab.support.plugin")


# Nothing listens there, and connecting fails at once.
UNREACHABLE = """
apiVersion: v1
kind: Config
current-context: nowhere
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
clusters: [{name: nowhere, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: nobody, user: {token: none}}]
"""


@dataclass(frozen=True)
class Case:
    """One spoilt repository, its root key, and a kubeconfig that leads nowhere."""

    folder: Path
    root_key: Path
    kubeconfig: Path

    def up(self, *more: str, repo: Path | None = None, root: Path | None = None) -> list[str]:
        return [
            "up",
            *("--repo", str(repo or self.folder)),
            *("--root", f"file:{root or self.root_key}"),
            *("--kubeconfig", str(self.kubeconfig)),
            "--non-interactive",
            *more,
        ]


@pytest.fixture(scope="session")
def valid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """keygen and init, once; `check` has nothing against what they make."""
    folder = tmp_path_factory.mktemp("valid")
    (folder / "crds.yaml").write_bytes(CRDS)
    for command in (
        ["keygen", "--out", folder, "--no-passphrase", "--non-interactive"],
        ["init", folder / "platform", "--keys", folder, "--manifests", folder],
        ["check", "--repo", folder / "platform", "--root", f"file:{folder}/root.key"],
    ):
        done = run_bootstrap(*command)
        assert done.returncode == 0, said(done)
    return folder


@pytest.fixture
def case(valid: Path, tmp_path: Path) -> Case:
    shutil.copytree(valid, tmp_path / "case")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(UNREACHABLE)
    return Case(tmp_path / "case/platform", tmp_path / "case/root.key", kubeconfig)
