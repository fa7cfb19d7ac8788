"""A finished cluster that loses its Vault, or whose Vault or ledger goes back in time: nothing passes unnoticed (INV4).

The tests of this file go along one road, in their order: each leaves the cluster to the next.
"""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.platform import Platform
from tests.lab.support.state import actual, authority, by_ledger_key, differences, expected, statements
from tests.lab.support.vault import as_root
from tests.support.program import assert_decent, assert_refused, commit_all, git, run_bootstrap, said

pytestmark = pytest.mark.lab
BATCH = "bootstrap.dev/ledger=batch"


@dataclass(frozen=True)
class Road:
    platform: Platform
    kube: Kube

    def up(self, *more: object, folder: Path | None = None) -> "subprocess.CompletedProcess[str]":
        return run_bootstrap("up", *self.platform.to_cluster(folder), *more)

    def refused(
        self,
        exit_code: int,
        code: str,
        *words: str,
        folder: Path | None = None,
        more: tuple[object, ...] = (),
    ) -> None:
        """`up` stops, and changes nothing in the cluster."""
        audit = ApiAudit(self.kube.lab.audit_log)
        done = self.up(*more, folder=folder)
        assert_refused(done, exit_code, code, *words)
        time.sleep(2)
        assert audit.mutations() == []

    def ends(
        self, done: "subprocess.CompletedProcess[str]", *options: object, folder: Path | None = None
    ) -> None:
        """As every road ends, with every proof."""
        assert done.returncode == 0, said(done)
        assert_decent(done)
        assert differences(expected(self.platform), actual(self.kube, self.platform)) == []
        done = run_bootstrap("verify", *self.platform.to_cluster(folder), *options)
        assert done.returncode == 0, said(done)

    def delete(self, *namespaces: str) -> None:
        self.kube.run("delete", "namespace", *namespaces, "--timeout=180s", timeout=240)

    def batches(self) -> list[str]:
        return sorted(o["metadata"]["name"] for o in self.kube.list("configmap", "bootstrap-system", BATCH))


@pytest.fixture(scope="module")
def road(platform: Platform, empty_cluster: Kube) -> Road:
    made = Road(platform, empty_cluster)
    made.ends(made.up())
    return made


def test_inv4_vault_without_records_that_it_held(road: Road) -> None:
    with as_root(road.kube, authority(road.platform)) as vault:
        for name in road.batches()[1:]:
            answer = vault.ask("DELETE", f"secret/metadata/bootstrap/ledger/{name}")
            assert answer.status_code == 204, answer.text
    road.refused(6, "E_ROLLBACK_VAULT", "gitops-deploy-credential", "--approve rollback")
    road.ends(road.up("--approve", "rollback"))
    accepted = [s for s in statements(road.kube) if s["phase"] == "ACCEPTED"]
    assert accepted[-1]["details"]["what"] == "rollback"


def test_inv4_the_clusters_ledger_without_records_that_vault_holds(road: Road) -> None:
    before = len(by_ledger_key(road.kube))
    first, *rest = road.batches()
    road.kube.run("delete", "configmap", "-n", "bootstrap-system", "ledger-head", *rest)
    road.refused(6, "E_ROLLBACK_CLUSTER", "ledger-*")
    road.kube.run("delete", "configmap", "-n", "bootstrap-system", first)
    road.ends(road.up())
    assert [s["phase"] for s in by_ledger_key(road.kube)[before:]] == ["REBUILT"]


def test_inv4_all_of_it_is_gone_wherever_the_records_are(road: Road, tmp_path: Path, whole: bool) -> None:
    """In the commit; with ``--whole`` beside the clone, in a folder of their own, and nowhere: it is no first run."""
    uid, records, bare = road.kube.uid(), road.platform.folder / "records", tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(road.platform.folder), str(bare))
    road.delete("vault", "bootstrap-system")
    head = f"records/{uid}/head.json"
    if whole:
        road.refused(5, "E_AUTHORITY_LOST", uid, head)
        road.refused(5, "E_AUTHORITY_LOST", uid, "head.json", folder=bare, more=("--records", records))
        road.refused(5, "E_AUTHORITY_LOST", "vault-backend", folder=bare)
    commit_all(road.platform.folder, "records")
    road.refused(5, "E_AUTHORITY_LOST", uid, head, "snapshot", "--approve new-authority")
    road.ends(road.up("--approve", "new-authority"))
    records_now = statements(road.kube)
    assert records_now[0]["phase"] == "NEW-AUTHORITY"
    assert records_now[0]["details"]["headCluster"] == uid
    assert "nothing to do" in road.up().stdout


@pytest.mark.whole
def test_inv4_all_of_it_is_gone_and_nobody_kept_the_records(road: Road, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(road.platform.folder), str(clone))
    git(clone, "rm", "-r", "--quiet", "records")
    commit_all(clone, "without records")
    road.delete("vault", "bootstrap-system")
    road.refused(5, "E_AUTHORITY_LOST", "vault-backend", folder=clone)
    road.ends(road.up("--approve", "new-authority", folder=clone), folder=clone)
    assert statements(road.kube)[0]["phase"] == "NEW-AUTHORITY"
