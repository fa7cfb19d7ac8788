"""Others at work, and a world that goes away, on real servers (G5, H2, H3, B4).

By default one of these, another each day; ``--whole`` all. ``BOOTSTRAP_TEST_SEED`` chooses that of another day,
``pytest tests/faults -k NAME --whole`` a certain one.
"""

import contextlib
import json
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.bench import Bench
from tests.faults.invariants import after_up
from tests.faults.kinds import Fault
from tests.faults.matrix import SEED
from tests.faults.schedule import Exchange, Schedule
from tests.faults.servers import USER
from tests.lab.support.cluster import ApiAudit
from tests.lab.support.killed import kill_vault
from tests.lab.support.state import authority, statements
from tests.lab.support.vault import as_run
from tests.support.program import assert_decent, assert_refused, said

pytestmark = pytest.mark.lab
MINUTE, TEN_MINUTES = 60.0, 600
NAMES = ("away", "rotator", "gitops", "holder", "disk", "clock", "nodes")
PATH = "applications/orders/payment-token"
SCAFFOLD = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "deploy-credential-bootstrap", "namespace": "gitops"},
    "stringData": {"username": "back", "password": "again"},
}


@pytest.fixture(autouse=True)
def _todays(request: pytest.FixtureRequest, whole: bool) -> None:
    name = request.node.name.removeprefix("test_").partition("__")[0]
    assert name in NAMES
    if not whole and name != random.Random(SEED).choice(NAMES):
        pytest.skip("another day's scenario: all of them with --whole")


def written(path: str) -> Callable[[Exchange], bool]:
    return lambda call: call.request.method == "POST" and call.path.endswith(path)


def ends_well(bench: Bench, audit: ApiAudit) -> None:
    """One `up` from another machine, and then everything as after an undisturbed run."""
    done = bench.up()
    assert done.returncode == 0, said(done)
    assert_decent(done)
    broken, _ = after_up(bench, audit, verified=True)
    assert broken == []


def test_away__the_api_server_is_gone_for_a_minute_and_the_run_goes_on(bench: Bench) -> None:
    bench.restore("handover")
    audit = ApiAudit(bench.kube.lab.audit_log)

    def away() -> None:
        bench.proxy.away.set()
        threading.Timer(MINUTE, bench.proxy.away.clear).start()
        bench.proxy.cut_all()

    run = Schedule(Fault.RESTART_AFTER, interlude=away, when=written(f"/v1/secret/data/{PATH}"))
    begun = time.monotonic()
    ended = bench.faulted(run, bench.records("handover"))
    assert run.fired
    assert ended.code == 0, ended.err
    assert time.monotonic() - begun > MINUTE
    assert "again in" in ended.err
    ends_well(bench, audit)


def test_rotator__what_was_rotated_in_the_middle_is_not_overwritten(bench: Bench) -> None:
    bench.restore("handover")

    def rotate() -> None:
        with as_run(bench.kube, authority(bench.platform)) as vault:
            answer = vault.ask(
                "POST", f"secret/data/{PATH}", {"options": {"cas": 1}, "data": {"token": "rotated"}}
            )
            assert answer.status_code == 200, answer.text

    run = Schedule(Fault.RESTART_AFTER, interlude=rotate, when=written(f"/v1/secret/data/{PATH}"))
    ended = bench.faulted(run, bench.records("handover"))
    assert run.fired
    assert ended.code == 0, ended.err
    done = bench.up()
    assert done.returncode == 0, said(done)
    with as_run(bench.kube, authority(bench.platform)) as vault:
        now = vault.read(f"secret/data/{PATH}")
        assert (now["metadata"]["version"], now["data"]) == (2, {"token": "rotated"})
        first = vault.read(f"secret/data/{PATH}?version=1")["data"]
    sources = bench.platform.sources
    assert first == sources.in_vault(sources.secrets()["orders-payment-token"])
    assert "orders-payment-token" in [
        s["secret"]["name"] for s in statements(bench.kube) if s["phase"] == "COMMIT"
    ]


def test_gitops__a_scaffold_that_comes_back_in_the_middle_does_not_stay(bench: Bench) -> None:
    bench.restore("store")
    audit = ApiAudit(bench.kube.lab.audit_log)
    told: list[subprocess.CompletedProcess[str]] = []

    def controller() -> None:
        told.append(bench.kube.try_run("create", "-f", "-", stdin=json.dumps(SCAFFOLD)))

    def deleted(call: Exchange) -> bool:
        return call.request.method == "DELETE" and call.path.endswith("/secrets/deploy-credential-bootstrap")

    run = Schedule(Fault.RESTART_AFTER, interlude=controller, when=deleted)
    ended = bench.faulted(run, bench.records("store"))
    assert run.fired
    assert ended.code == 0, ended.err
    assert told[0].returncode != 0, "admission lets the scaffold back in"
    ends_well(bench, audit)


def test_holder__the_second_says_who_and_since_when__the_holder_killed_the_other_takes_over(
    bench: Bench,
) -> None:
    bench.restore("handover")
    second: list[subprocess.CompletedProcess[str]] = []
    changed: list[str] = []

    def another() -> None:
        audit = ApiAudit(bench.kube.lab.audit_log)
        second.append(bench.up())
        time.sleep(1)  # the audit log is written a moment later
        changed.extend(audit.mutations())
        run.kill()

    run = Schedule(Fault.RESTART_BEFORE, interlude=another, when=written(f"/v1/secret/data/{PATH}"))
    ended = bench.faulted(run, bench.records("handover"))
    assert ended.code == -9
    assert_refused(second[0], 7, "E_HELD", "another run holds the cluster", "since 20")
    assert changed == []
    audit = ApiAudit(bench.kube.lab.audit_log)
    ends_well(bench, audit)


@contextmanager
def small_disk(folder: Path, keep: Path) -> Iterator[Path]:
    """A file system that is full but for what lies in it."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], check=True)
    try:
        subprocess.run(["cp", "-r", f"{keep}/.", str(folder)], check=True)
        with (folder / "full").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while True:
                filler.write(b"x" * 512)
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_disk__the_operator_s_disk_is_full(bench: Bench, tmp_path: Path) -> None:
    bench.restore("store")
    audit = ApiAudit(bench.kube.lab.audit_log)
    with small_disk(tmp_path / "small", bench.templates.records("store")) as records:
        before = {p.name: p.read_bytes() for p in records.rglob("*.json")}
        ended = bench.faulted(Schedule(), records)
        assert ended.code == 4, ended.err
        assert "E_RECORDS" in ended.err
        assert "No space left" in ended.err
        assert {p.name: p.read_bytes() for p in records.rglob("*.json")} == before, "a file was damaged"
        assert not list(records.rglob(".*")), "a part of a file was left"
    ends_well(bench, audit)


@pytest.mark.parametrize("seconds", [TEN_MINUTES, -TEN_MINUTES])
def test_clock__off_by_ten_minutes_is_refused_before_anything_changes(bench: Bench, seconds: int) -> None:
    """Whatever ran here before: no records speak of another history."""
    audit = ApiAudit(bench.kube.lab.audit_log)
    ended = bench.faulted(Schedule(), bench.folder / f"no-records-{seconds}", clock=seconds)
    assert ended.code == 4, ended.err
    assert "E_CLOCK" in ended.err
    time.sleep(1)  # the audit log is written a moment later
    assert audit.mutations(USER) == []


def test_nodes__all_of_vault_is_killed_in_the_middle_of_the_handover(bench: Bench) -> None:
    bench.restore("handover")
    audit = ApiAudit(bench.kube.lab.audit_log)

    def all_nodes() -> None:
        for pod in ("vault-0", "vault-1", "vault-2"):
            kill_vault(bench.kube, pod)

    run = Schedule(Fault.RESTART_AFTER, interlude=all_nodes, when=written(f"/v1/secret/data/{PATH}"))
    ended = bench.faulted(run, bench.records("handover"))
    assert run.fired
    assert ended.code in (0, 1), ended.err
    assert "Traceback" not in ended.err
    ends_well(bench, audit)
