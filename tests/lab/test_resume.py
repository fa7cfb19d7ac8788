"""`up` after anything: killed, interrupted, twice at once, without its own namespace; always the same end.

The tests of this file go along one road, in their order: each leaves the cluster to the next.
"""

import datetime as dt
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.places import TEMPORARY, of_other_tests
from tests.lab.support.platform import Platform
from tests.lab.support.state import actual, differences, expected, run_record, statements
from tests.support.git_servers import Https, https
from tests.support.program import (
    assert_decent,
    assert_refused,
    commit_all,
    git,
    new_home,
    run_bootstrap,
    said,
    started,
)
from tests.support.scan import Scanner

pytestmark = pytest.mark.lab
KILLS, WHOLE_KILLS = 2, 10
LONGEST = 24.0  # seconds after which a run is killed; the first 15 pass until its predecessor counts as gone
SCAFFOLD = ("secret", "deploy-credential-bootstrap", "gitops")


@dataclass
class Journey:
    """One platform on one cluster; every run comes from another machine, every third reads Git from a server."""

    platform: Platform
    kube: Kube
    folder: Path
    random: random.Random
    served: Https
    begun: float = field(default_factory=time.time)
    runs: int = 0
    vaults: set[str] = field(default_factory=set)

    def elsewhere(self) -> tuple[list[str], Path]:
        """Arguments and HOME of a run that shares nothing with the one before: a fresh clone or none, no records."""
        self.runs += 1
        machine = self.folder / f"machine-{self.runs}"
        if self.runs % 3 == 0:
            return ["up", *self._from_server(machine)], new_home()
        git(self.folder, "clone", "--quiet", str(self.platform.folder), str(machine))
        return ["up", *self.platform.to_cluster(machine)], new_home()

    def _from_server(self, machine: Path) -> list[str]:
        _, _, *rest = self.platform.to_cluster()
        url = self.served.url(f"{self.platform.folder.name}/.git")
        records = ["--records", str(machine / "records")]
        access = ["--git-ca", str(self.served.ca_file), "--git-token", f"file:{self.served.token_file}"]
        return ["--repo", url, *access, *records, *rest]

    def window(self) -> dict[str, str]:
        found = self.kube.get("configmap", "vault-init", "bootstrap-system")
        return dict(found["data"]) if found else {}

    def look(self) -> None:
        """Remembers which Vault cluster was proven: there may be only one."""
        if self.window().get("clusterId"):
            self.vaults.add(self.window()["clusterId"])

    def kill_after(self, seconds: float) -> None:
        arguments, home = self.elsewhere()
        with started(*arguments, home=home, cwd=home) as process:
            try:
                process.wait(seconds)
                how = f"ended by itself with {process.returncode}"
                assert process.returncode == 0, process.stderr.read() if process.stderr else ""
            except subprocess.TimeoutExpired:
                process.kill()
                how = "killed"
        opened = (
            run_record(self.kube)["state"]
            if self.kube.get("configmap", "bootstrap-run", "bootstrap-system")
            else "-"
        )
        print(
            f"run {self.runs}: {how} after {seconds:.1f} s; run {opened}, window {self.window().get('phase', '-')}"
        )
        self.look()


@pytest.fixture(scope="module")
def journey(
    platform: Platform, empty_cluster: Kube, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Journey]:
    seed = os.environ.get("BOOTSTRAP_TEST_SEED") or dt.date.today().isoformat()
    print(f"seed {seed} (BOOTSTRAP_TEST_SEED)")
    folder = tmp_path_factory.mktemp("machines")
    with https(platform.folder.parent, tmp_path_factory.mktemp("https")) as served:
        yield Journey(platform, empty_cluster, folder, random.Random(seed), served)


def test_a_kill_before_vault_exists(journey: Journey) -> None:
    journey.kill_after(journey.random.uniform(1, 12))


def test_ctrl_c_says_what_was_last_intended(journey: Journey) -> None:
    arguments, home = journey.elsewhere()
    with started(*arguments, home=home, cwd=home) as process:
        acting = ""
        assert process.stderr is not None
        for line in process.stderr:
            if "acting" in line and "claim" not in line:
                acting = line.split("acting")[1].strip()
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "interrupted by SIGINT" in err
    assert acting
    assert f"last intended: {acting.split(':')[0]}" in err, f"{acting}\n{err}"
    assert "hint: bootstrap up goes on from here" in err
    assert "Traceback" not in err


def test_b4_a_kill_right_after_init_was_sent_loses_nothing(journey: Journey) -> None:
    arguments, home = journey.elsewhere()
    with started(*arguments, home=home, cwd=home) as process:
        deadline = time.monotonic() + 300
        while (
            journey.window().get("phase") != "SENT" and time.monotonic() < deadline and process.poll() is None
        ):
            time.sleep(0.02)
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        process.kill()
    seen = journey.window()
    assert seen["phase"] in ("SENT", "KEYS"), seen
    lost = seen["phase"] == "SENT"
    arguments, home = journey.elsewhere()
    with started(*arguments, home=home, cwd=home) as process:
        deadline = time.monotonic() + 400
        while (
            journey.window().get("phase") != "VERIFIED"
            and time.monotonic() < deadline
            and process.poll() is None
        ):
            time.sleep(0.2)
        assert journey.window()["phase"] == "VERIFIED", process.poll()
        process.kill()
    after = journey.window()
    print(f"killed at {seen['phase']}; now attempt {after['attempt']}, phase {after['phase']}")
    # Either nobody had read the answer, and the empty store went; or its keys were there already.
    assert after["attempt"] == ("2" if lost else "1") or after["volume"] == seen["volume"]
    journey.look()


def test_records_that_were_committed_meanwhile_are_no_other_plan(journey: Journey) -> None:
    assert run_record(journey.kube)["state"] == "running"
    written = next(journey.folder.glob("machine-*/records/*/escrow.json"))
    kept = journey.platform.folder / "records" / written.parent.name
    kept.mkdir(parents=True)
    shutil.copyfile(written, kept / "escrow.json")
    commit_all(journey.platform.folder, "keep the escrow")


def test_kills_at_random_moments(journey: Journey, whole: bool) -> None:
    for _ in range(WHOLE_KILLS if whole else KILLS):
        journey.kill_after(journey.random.uniform(0.3, LONGEST))


def test_two_at_once_do_no_damage(journey: Journey) -> None:
    one, other = journey.elsewhere(), journey.elsewhere()
    with started(*one[0], home=one[1]) as first, started(*other[0], home=other[1]) as second:
        told = [process.communicate(timeout=900)[1] for process in (first, second)]
        codes = sorted((first.returncode, second.returncode))
    print(f"exit codes {codes}")
    assert codes in ([0, 0], [0, 7]), "\n".join(told)
    assert not [text for text in told if "Traceback" in text]


def test_the_end_is_the_same(journey: Journey) -> None:
    arguments, home = journey.elsewhere()
    done = run_bootstrap(*arguments, home=home)
    assert done.returncode == 0, said(done)
    assert_decent(done)
    journey.look()
    assert differences(expected(journey.platform), actual(journey.kube, journey.platform)) == []


def test_inv4_there_was_one_vault(journey: Journey) -> None:
    assert len(journey.vaults) == 1, journey.vaults


def test_h1_each_secret_was_committed_and_retired_once(journey: Journey) -> None:
    records = statements(journey.kube)
    for phase in ("COMMIT", "RETIRED"):
        names = [s["secret"]["name"] for s in records if s["phase"] == phase]
        assert sorted(names) == sorted(journey.platform.sources.secrets()), phase


def test_b4_whoever_finished_it_has_the_whole_of_the_records(journey: Journey) -> None:
    """Also where the escrow was written on a machine that was killed: losing a machine loses nothing."""
    written = [p.parent for p in journey.folder.glob(f"machine-*/records/{journey.kube.uid()}/head.json")]
    assert written
    committed = journey.platform.folder / "records" / journey.kube.uid()
    for folder in written:
        kept = {path.name: path for path in (*committed.iterdir(), *folder.iterdir())}
        assert sorted(kept) == ["cluster.json", "escrow.json", "head.json"]
        assert json.loads(kept["escrow.json"].read_text())["volume"] == journey.window()["volume"]


def test_every_invariant_holds_after_it(journey: Journey) -> None:
    written = next(journey.folder.glob("machine-*/records/*/head.json"))
    done = run_bootstrap(
        "verify", *journey.platform.to_cluster(), "--records", written.parents[1], "-o", "json"
    )
    assert done.returncode == 0, said(done)


def needles(platform: Platform) -> dict[str, bytes]:
    """What must be in no temporary folder: the root, the keys under it, every first value."""
    sources = platform.sources
    found = {"root": sources.identity.encode()}
    for name in ("ledger", "vault-ca", "unseal", "commitment"):
        text = sources.open_raw(f"encrypted/root-material/{name}.age").decode()
        found[name] = max(text.splitlines(), key=len).encode()
    for name, spec in sources.secrets().items():
        values = sources.values(spec).items()
        found |= {f"{name}.{f}": v for f, v in values if len(v) >= 24 and not v.startswith(b"https:")}
    return found


def test_b1_no_key_and_no_value_is_in_a_temporary_folder(journey: Journey) -> None:
    wanted = needles(journey.platform)
    scanner = Scanner(wanted, whole=wanted)  # parts are in every key of a kind
    kept = [journey.platform.root_key, *of_other_tests(journey.platform.folder)]
    assert scanner.find_in_file(journey.platform.root_key), "the scanner is blind"
    found = scanner.find_in_folders(TEMPORARY, since=journey.begun - 1, but=kept)
    assert found == {}


def test_inv1_without_its_own_namespace_it_is_rebuilt(journey: Journey) -> None:
    kube = journey.kube
    before, vault_id = statements(kube), journey.window()["clusterId"]
    records = journey.folder / "kept-records"
    done = run_bootstrap("up", *journey.platform.to_cluster(), "--records", records)
    assert done.returncode == 0, said(done)
    if not records.exists():  # nothing was to do: take what a machine of this journey has written
        written = [p.parent.parent for p in journey.folder.glob("machine-*/records/*/escrow.json")]
        assert written, "no machine has the escrow"
        shutil.copytree(written[-1], records)
    kube.run("delete", "namespace", "bootstrap-system", "--timeout=120s")
    audit = ApiAudit(kube.lab.audit_log)
    done = run_bootstrap("up", *journey.platform.to_cluster(), "--records", records)
    assert done.returncode == 0, said(done)
    assert_decent(done)
    assert "unseal key proven from the escrow" in done.stderr, said(done)
    assert f"ledger rebuilt from Vault's copy, {len(before)} records" in done.stderr, said(done)
    assert kube.get(*SCAFFOLD) is None
    assert not [m for m in audit.mutations() if m.startswith("create") and "/gitops/secrets" in m]
    assert journey.window()["clusterId"] == vault_id
    after = statements(kube)
    assert after[: len(before)] == before
    assert "REBUILT" in [s["phase"] for s in after[len(before) :]]
    assert differences(expected(journey.platform), actual(kube, journey.platform)) == []
    bundle = journey.folder / "bundle.json"
    done = run_bootstrap(
        "ledger", "export", *journey.platform.to_cluster(), "--records", records, "--out", bundle
    )
    assert done.returncode == 0, said(done)
    done = run_bootstrap("ledger", "verify", bundle, "--keys", journey.platform.keys)
    assert done.returncode == 0, said(done)


def test_inv1_and_then_nothing_is_to_do(journey: Journey) -> None:
    audit = ApiAudit(journey.kube.lab.audit_log)
    arguments, home = journey.elsewhere()
    done = run_bootstrap(*arguments, home=home)
    assert done.returncode == 0, said(done)
    time.sleep(2)
    assert audit.mutations() == []
    assert "nothing to do" in done.stdout


def test_inv4_a_head_in_another_clusters_folder_is_no_head(journey: Journey, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(journey.platform.folder), str(clone))
    other = clone / "records/11111111-2222-4333-8444-555555555555"
    other.mkdir(parents=True)
    written = [
        *journey.folder.glob("**/records/*/head.json"),
        *journey.platform.folder.glob("records/*/head.json"),
    ]
    shutil.copyfile(written[0], other / "head.json")
    commit_all(clone)
    audit = ApiAudit(journey.kube.lab.audit_log)
    done = run_bootstrap("up", *journey.platform.to_cluster(clone))
    assert_refused(done, 6, "E_HEAD", other.name)
    time.sleep(2)
    assert audit.mutations() == []
