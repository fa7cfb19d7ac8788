"""A drill with the real command on real servers: nothing reaches out, everything comes back, and is compared (INV1).

The tests of this file go along one road, in their order. The cluster is emptied between saving and rehearsing; its UID
stays, and everything that `up` made is gone.
"""

import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.lab.support import many
from tests.lab.support.cluster import Kube
from tests.lab.support.lost import set_value, snapshot
from tests.lab.support.platform import Platform
from tests.lab.support.reset import reset
from tests.lab.support.state import authority
from tests.lab.support.vault import as_root
from tests.support.program import (
    assert_decent,
    assert_refused,
    commit_all,
    git,
    run_bootstrap,
    said,
    started,
)

pytestmark = pytest.mark.lab
NAME, PATH, FIELD = "orders-payment-token", "applications/orders/payment-token", "token"
MANY = 1000  # secrets beside those of the scaffold, with --whole
FEW = 20
LONGEST = 900.0  # seconds that a drill takes at most


@dataclass(frozen=True)
class Saved:
    """``clone`` is what a person has who rehearses: the commit with the live platform's records, and the file."""

    platform: Platform
    clone: Path
    file: Path

    def command(self, out: Path) -> tuple[object, ...]:
        return ("drill", *self.platform.to_cluster(self.clone), "--snapshot", self.file, "--out", out)

    def records(self) -> dict[str, str]:
        found = (self.clone / "records").rglob("*.json")
        return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


@pytest.fixture(scope="module")
def saved(
    platform: Platform, empty_cluster: Kube, tmp_path_factory: pytest.TempPathFactory, whole: bool
) -> Saved:
    kube, folder = empty_cluster, tmp_path_factory.mktemp("saved")
    many.add(platform, "many", MANY if whole else FEW, 200)
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    set_value(platform, NAME, FIELD, b"another-token")
    file = snapshot(platform, platform.folder, folder / "platform.snapshot")
    assert kube.list("pushsecrets.external-secrets.io")  # so that a drill without can be told from nothing
    commit_all(platform.folder, "records")
    clone = folder / "clone"
    git(folder, "clone", "--quiet", str(platform.folder), str(clone))
    reset(kube)
    return Saved(platform, clone, file)


def test_inv1_everything_comes_back_and_nothing_reaches_out(
    saved: Saved, kube: Kube, tmp_path: Path, whole: bool
) -> None:
    out, before = tmp_path / "drill.json", saved.records()
    begun = time.monotonic()
    done = run_bootstrap(*saved.command(out), timeout=LONGEST)
    assert done.returncode == 0, said(done)
    assert_decent(done)
    print(f"a drill took {time.monotonic() - begun:.0f} s\n{done.stdout}")
    assert saved.records() == before
    assert kube.list("pushsecrets.external-secrets.io") == []
    assert kube.list("cronjobs") == []
    assert kube.get("deployment", "orders-web", "orders") is None
    rules = kube.need("networkpolicy", "vault", "vault")["spec"]["egress"]
    open_to_all = [{port["port"] for port in rule["ports"]} for rule in rules if not rule.get("to")]
    assert open_to_all == [{53}]
    done = run_bootstrap("drill", "verify", out, "--keys", saved.clone / "keys", "-o", "json")
    assert done.returncode == 0, said(done)
    report = json.loads(done.stdout)
    assert report["outcome"] == "equal"
    assert report["secrets"]["differing"] == []
    assert report["secrets"]["secrets"] > (MANY if whole else FEW)
    assert report["secrets"]["versions"] == report["secrets"]["secrets"] + 1
    assert report["rpo"]["recordsBehind"] == 0
    phases = {phase["id"]: phase["milliseconds"] for phase in report["rto"]["phases"]}
    assert phases["30-runtime-authority"] > 1000
    page = (tmp_path / "drill.html").read_text()
    assert hashlib.sha256(out.read_bytes()).hexdigest() in page


def test_inv4_it_is_over_and_not_gone_on_with(saved: Saved, tmp_path: Path) -> None:
    out = tmp_path / "drill.json"
    assert_refused(run_bootstrap(*saved.command(out)), 4, "E_DRILL_NOT_EMPTY")
    assert not out.exists()


@pytest.mark.whole
def test_h4_a_value_tampered_with_in_the_restored_vault_is_named(
    saved: Saved, kube: Kube, tmp_path: Path
) -> None:
    """While consumers are still being served: the newest recorded version is made another value."""
    reset(kube)
    out = tmp_path / "drill.json"
    with started(*saved.command(out)) as process:
        until = time.monotonic() + LONGEST
        while process.poll() is None and kube.get("clustersecretstore", "vault-backend") is None:
            assert time.monotonic() < until
            time.sleep(0.3)
        with as_root(kube, authority(saved.platform)) as vault:
            assert vault.ask("DELETE", f"secret/metadata/{PATH}").status_code == 204
            for value in ("first", "tampered"):
                answer = vault.ask("POST", f"secret/data/{PATH}", {"data": {FIELD: value}})
                assert answer.status_code == 200, answer.text
        stdout, stderr = process.communicate(timeout=LONGEST)
    assert process.returncode == 6, stderr
    assert f"{NAME} version 2 differs in {FIELD}" in stdout
    done = run_bootstrap("drill", "verify", out, "--keys", saved.clone / "keys", "-o", "json")
    assert done.returncode == 0, said(done)
    found = json.loads(done.stdout)["secrets"]["differing"]
    assert {(each["name"], each["version"]) for each in found} == {(NAME, 1), (NAME, 2)}
