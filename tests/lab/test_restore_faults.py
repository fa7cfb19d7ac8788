"""A restore through kills and faults on real servers, and restores of what came of it (INV1, INV4).

Each begins in an empty cluster, and ends as an undisturbed one does. Without ``--whole`` three faults.
"""

import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.ledger.record import NONCE
from tests.faults.bench import Bench
from tests.faults.invariants import decent
from tests.faults.kinds import KILLS, Fault
from tests.faults.matrix import SEED
from tests.faults.schedule import Exchange, Schedule
from tests.faults.servers import ACCOUNT, account, kubeconfig, no_account, proxy_of
from tests.faults.templates import Templates
from tests.lab.support.cluster import Kube, Lab
from tests.lab.support.killed import kill_vault
from tests.lab.support.lost import Lost, assert_back, lose, restored, set_value, snapshot
from tests.lab.support.platform import declare_operator, make_platform
from tests.lab.support.reset import reset
from tests.support.program import acted, assert_refused, commit_all, git, said

pytestmark = pytest.mark.lab
TIMES = 10  # of a kill
STALE = ("--approve", "stale-snapshot")
Hit = Callable[[Exchange], bool]


def vault(path: str) -> Hit:
    return lambda call: call.system == "vault" and call.path == f"/v1/{path}"


def api(method: str, path: str) -> Hit:
    return lambda call: call.system == "api" and call.request.method == method and call.path.endswith(path)


FORCE = vault("sys/storage/raft/snapshot-force")
FAULTS: dict[str, tuple[Fault, Hit]] = {
    "init-lost": (Fault.LOST_ANSWER, vault("sys/init")),
    "force-killed": (Fault.KILL_BEFORE, FORCE),
    "forced-killed": (Fault.KILL_AFTER, FORCE),
    "force-lost": (Fault.LOST_ANSWER, FORCE),
    "force-500": (Fault.ERROR_APPLIED, FORCE),
    "force-late": (Fault.ZOMBIE, FORCE),
    "force-asleep": (Fault.SLEEPER, FORCE),
    "force-restart": (Fault.RESTART_AFTER, FORCE),
    "root-cut": (Fault.TRUNCATED, vault("sys/generate-root/update")),
    "root-restart": (Fault.RESTART_BEFORE, vault("sys/generate-root/attempt")),
    "root-not-revoked": (Fault.LOST_REQUEST, vault("auth/token/revoke-self")),
    "window-twice": (Fault.TWICE, api("POST", "/namespaces/bootstrap-system/configmaps")),
}
SAMPLED = ("init-lost", "forced-killed", "force-500")


@pytest.fixture(scope="module")
def saved(lab: Lab, kube: Kube, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lost]:
    reset(kube)
    platform = make_platform(tmp_path_factory.mktemp("platform"), lab)
    declare_operator(platform, f"kube-system/{ACCOUNT}")
    account(kube)
    yield lose(platform, kube, tmp_path_factory.mktemp("lost"))
    no_account(kube)  # else `verify` finds it in every test that follows


@pytest.fixture
def bench(saved: Lost, kube: Kube, tmp_path: Path) -> Iterator[Bench]:
    """Each `up` on it restores, in a cluster that is empty at first."""
    reset(kube)
    platform = saved.platform
    proxy, own = proxy_of(kube, (platform.folder / "keys/vault-ca.crt").read_bytes())
    config = kubeconfig(proxy, own, account(kube), tmp_path)
    templates = Templates(kube.lab, tmp_path / "templates")
    restoring = ("--restore", str(saved.file), *STALE)
    with proxy.serving():
        yield Bench(kube, platform, proxy, config, templates, tmp_path, more=restoring)


def here(saved: Lost, bench: Bench) -> Lost:
    """The same with the machine of the bench's last run, which has the records of it."""
    return replace(saved, clone=bench.folder / f"machine-{bench.runs}")


@pytest.mark.whole
def test_inv1_ten_kills_at_any_moment(saved: Lost, bench: Bench, kube: Kube) -> None:
    """Each after some seconds of work: the Lease of the dead one is not waited for."""
    draw, ended = random.Random(SEED), []
    for _ in range(TIMES):
        bench.free_lease()
        with bench.started(bench.records("")) as process, suppress(subprocess.TimeoutExpired):
            process.wait(draw.uniform(2, 20))
        ended.append(process.returncode)
    print(f"seed {SEED}: exits {ended}")
    assert ended.count(-9) >= 2
    bench.free_lease()
    done = bench.up()
    assert done.returncode == 0, said(done)
    assert len({each["details"][NONCE] for each in restored(kube)}) == 1
    assert_back(here(saved, bench), kube)


@pytest.mark.parametrize(
    "name", [name if name in SAMPLED else pytest.param(name, marks=pytest.mark.whole) for name in FAULTS]
)
def test_inv1_a_fault_and_the_same_command_ends_it(saved: Lost, bench: Bench, kube: Kube, name: str) -> None:
    fault, when = FAULTS[name]

    def interlude() -> None:
        if fault is not Fault.SLEEPER:
            kill_vault(kube)
            return
        bench.free_lease()
        done = bench.up()
        assert done.returncode == 0, said(done)

    run = Schedule(fault, reads=True, when=when, interlude=interlude)
    ended = bench.faulted(run, bench.records(""))
    print(f"{name}: {run.where or 'not met'}, exit {ended.code}")
    assert run.fired
    assert run.broken == []
    assert ended.left == []
    if fault not in KILLS:
        assert list(decent(ended.code, ended.err, None)) == []
    bench.free_lease()
    done = bench.up()
    assert done.returncode == 0, said(done)
    for call in run.late:
        with suppress(OSError):  # nobody waits for the answer any more
            call.deliver()
    assert len({each["details"][NONCE] for each in restored(kube)}) == 1
    assert_back(here(saved, bench), kube)


@pytest.mark.whole
def test_inv4_an_older_snapshot_says_what_would_be_lost_and_goes_on_when_approved(
    saved: Lost, kube: Kube, tmp_path: Path
) -> None:
    """Then the snapshot of the restored platform is restored, and a clone of before goes on."""
    reset(kube)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(saved.platform.folder), str(clone))
    live = replace(saved, clone=clone)
    done = live.up("--restore", saved.file)
    assert done.returncode == 0, said(done)
    set_value(saved.platform, "alert-webhook", "url", b"https://webhook.example/later", clone)
    commit_all(clone, "records")
    reset(kube)
    assert_refused(
        live.up("--restore", saved.file),
        5,
        "E_SNAPSHOT_STALE",
        "were written after the snapshot",  # how many: a head is all that is left, and it has no names
        "--approve stale-snapshot",
    )
    assert kube.get("namespace", "bootstrap-system") is None
    done = live.up("--restore", saved.file, *STALE)
    assert done.returncode == 0, said(done)
    assert_back(live, kube)

    before = tmp_path / "before"  # has the head that the first restore superseded, and no later one
    git(tmp_path, "clone", "--quiet", str(saved.platform.folder), str(before))
    file = snapshot(saved.platform, clone, tmp_path / "again.snapshot")
    reset(kube)
    again = replace(live, file=file)
    done = again.up("--restore", file)
    assert done.returncode == 0, said(done)
    assert_back(again, kube)
    done = replace(again, clone=before).up()
    assert done.returncode == 0, said(done)
    assert set(acted(done)) <= {"recorded"}  # its records lack what has come since
