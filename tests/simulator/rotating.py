"""The CA of the commit gives way to another one: the commits of it, and who would be refused meanwhile."""

import base64
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bootstrap.adapters.git.repository import GitRepository, open_repository
from bootstrap.model.names import SYSTEM_NAMESPACE
from bootstrap.operations.another_ca import another, first_alone
from bootstrap.operations.rekey.repository import Rekeyed, write_rekeyed
from bootstrap.ports import Ref
from tests.simulator.platform import SimulatedPlatform
from tests.support.program import commit_all

STORE = Ref("external-secrets.io/v1", "ClusterSecretStore", "vault-backend")
SETTINGS = Ref("v1", "ConfigMap", "snapshot-settings", SYSTEM_NAMESPACE)


def overlapping(repository: Path) -> Path:
    """The next commit, in a clone beside it: another CA signs, the one before is trusted."""
    return _next(repository, another)


def alone(repository: Path) -> Path:
    """The next commit: what signs is all that is trusted."""
    return _next(repository, first_alone)


def _next(repository: Path, change: Callable[[GitRepository], Rekeyed]) -> Path:
    beside = Path(tempfile.mkdtemp(prefix="rotated-", dir=repository.parent))
    shutil.copyfile(repository.parent / "root.key", beside / "root.key")
    clone = beside / "platform"
    shutil.copytree(repository, clone)
    write_rekeyed(clone, change(open_repository(clone, "HEAD")), lambda _: None)
    commit_all(clone)
    return clone


class Clients:
    """Those that connect at each moment, trusting what stands in the cluster then: the operator by its store, and a job
    of snapshots by its settings. ``refused`` are those that a pod would turn away; a pod may start at any moment, and
    serves its first certificate then."""

    def __init__(self, platform: SimulatedPlatform) -> None:
        self.platform = platform
        self.refused: list[str] = []
        self.looks = 0
        platform.cluster.controllers.append(lambda *_: self.look())
        platform.vault.watchers.append(lambda *_: self.look())

    def look(self) -> None:
        vault = self.platform.vault
        self.looks += 1
        for client, authorities in self._trusting():
            for pod in ("vault-0", "vault-1", "vault-2"):
                if not vault.is_taken_by(pod, authorities):
                    self.refused.append(f"{client} by what {pod} serves")
                if not vault.first_is_taken_by(pod, authorities):
                    self.refused.append(f"{client} by what {pod} starts with")

    def _trusting(self) -> list[tuple[str, bytes]]:
        store, settings = self.platform.cluster.peek(STORE), self.platform.cluster.peek(SETTINGS)
        found = []
        if store is not None:
            found.append(("the operator", base64.b64decode(store["spec"]["provider"]["vault"]["caBundle"])))
        if settings is not None:
            found.append(("a job of snapshots", settings["data"]["vault-ca.crt"].encode()))
        return found
