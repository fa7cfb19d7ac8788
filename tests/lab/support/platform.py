"""An intent repository for a lab, made by the real commands."""

from dataclasses import dataclass
from pathlib import Path

from tests.lab.support.cluster import Lab
from tests.lab.support.sources import Sources
from tests.support.program import commit_all, run_bootstrap, said


@dataclass(frozen=True)
class Platform:
    """An intent repository and its root key, as `keygen` and `init` make them."""

    folder: Path
    root_key: Path
    keys: Path
    lab: Lab

    @property
    def sources(self) -> Sources:
        return Sources(self.folder, self.root_key)

    def to_cluster(self, folder: Path | None = None) -> list[str]:
        """The options that every command on the cluster takes; ``folder`` is another copy of the repository."""
        return [
            *("--repo", str(folder or self.folder)),
            *("--root", f"file:{self.root_key}"),
            *("--kubeconfig", str(self.lab.kubeconfig)),
            "--non-interactive",
        ]


def make_platform(folder: Path, lab: Lab, *extra: str) -> Platform:
    done = run_bootstrap("keygen", "--out", folder, "--no-passphrase", "--non-interactive")
    assert done.returncode == 0, said(done)
    repository = folder / "platform"
    done = run_bootstrap("init", repository, "--keys", folder, "--manifests", lab.manifests, *extra)
    assert done.returncode == 0, said(done)
    return Platform(repository, folder / "root.key", folder / "keys", lab)


def declare_operator(platform: Platform, account: str) -> None:
    """``account``, namespace/name of a service account, may change secrets: a test works through it."""
    declared = platform.folder / "bootstrap.yaml"
    who = f"  operators: [{{serviceAccounts: [{account}], reason: It runs bootstrap}}]\n"
    declared.write_text(declared.read_text() + who)
    commit_all(platform.folder)
