"""A finished cluster stays finished: a second `up` changes nothing, and Vault comes back by itself."""

import contextlib
import fcntl
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
import time
from pathlib import Path

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.state import actual, authority, differences, expected, sealed
from tests.lab.support.vault import VaultAudit, as_run
from tests.support.program import BOOTSTRAP, assert_decent, git, hostile, new_home, run_bootstrap, said

pytestmark = pytest.mark.lab
PODS = ("vault-0", "vault-1", "vault-2")
SETTLED = 5.0  # seconds that the API server may take to write its audit log


def assert_changes_nothing(kube: Kube, road: Road, *arguments: str, repository: Path | None = None) -> None:
    inside = VaultAudit(kube)  # asks with `kubectl exec`, which is a change by its verb
    time.sleep(SETTLED)
    api = ApiAudit(kube.lab.audit_log)
    home = new_home()
    begun = time.monotonic()
    done = run_bootstrap("up", *road.platform.to_cluster(repository), *arguments, home=home, cwd=home)
    seconds = time.monotonic() - begun
    assert done.returncode == 0, said(done)
    assert_decent(done)
    time.sleep(SETTLED)
    changes, looked = api.mutations(), sum(1 for _ in api.entries())
    changes += inside.mutations()
    print(f"{looked} requests at the API server, {len(changes)} changes, {seconds:.1f} s")
    assert looked > 20, "the audit log was not being written"
    assert changes == []
    assert "nothing to do" in done.stdout


def test_ok4_a_second_up_changes_nothing(road: Road, kube: Kube) -> None:
    before = {p: p.stat().st_mtime_ns for p in road.records.rglob("*") if p.is_file()}
    assert_changes_nothing(kube, road)
    assert {p: p.stat().st_mtime_ns for p in road.records.rglob("*") if p.is_file()} == before


def test_g5_nor_from_another_machine_without_records(road: Road, kube: Kube, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    git(tmp_path, "clone", "--quiet", str(road.platform.folder), str(copy))
    shutil.rmtree(copy / "records", ignore_errors=True)
    assert_changes_nothing(kube, road, "--records", str(tmp_path / "empty"), repository=copy)


def test_the_audit_logs_would_have_told(road: Road, kube: Kube) -> None:
    """The control of the two tests above: changes are counted on both sides, questions are not."""
    inside = VaultAudit(kube)
    with as_run(kube, authority(road.platform)) as vault:
        # Refused by its `cas`, so nothing is changed; it is the run's own identity that asks.
        body = {"options": {"cas": 0}, "data": {"value": "x"}}
        answer = vault.ask("POST", "secret/data/applications/orders/payment-token", body)
        assert answer.status_code == 400
    assert inside.mutations() == ["update secret/data/applications/orders/payment-token"]
    time.sleep(SETTLED)
    api = ApiAudit(kube.lab.audit_log)
    kube.run("annotate", "namespace", "bootstrap-system", "counted=yes", "--overwrite")
    kube.run("annotate", "namespace", "bootstrap-system", "counted-")
    kube.token("bootstrap-system", "bootstrap", "vault")
    time.sleep(SETTLED)
    assert len(api.mutations()) == 2


def unsealed_again(kube: Kube, before: dict[str, str], pods: tuple[str, ...], seconds: float = 120) -> float:
    begun = time.monotonic()
    while time.monotonic() - begun < seconds:
        live = {p: (kube.get("pod", p, "vault") or {}).get("metadata", {}).get("uid") for p in pods}
        if all(live[p] not in (None, before[p]) for p in pods) and not sealed(kube):
            return time.monotonic() - begun
        time.sleep(1)
    raise AssertionError(f"sealed: {sealed(kube)}")


@pytest.mark.parametrize("pods", [("vault-0",), ("vault-1",), ("vault-2",), PODS], ids="+".join)
def test_g4_g7_vault_comes_back_unsealed_by_itself(road: Road, kube: Kube, pods: tuple[str, ...]) -> None:
    before = {p: str(kube.need("pod", p, "vault")["metadata"]["uid"]) for p in pods}
    kube.run("delete", "pod", "-n", "vault", *pods, "--wait=false")
    print(f"unsealed after {unsealed_again(kube, before, pods):.1f} s")


def test_g7_nothing_was_lost_by_it(road: Road, kube: Kube) -> None:
    deadline = time.monotonic() + 90
    problems = ["not looked at"]
    while problems and time.monotonic() < deadline:
        try:
            problems = differences(expected(road.platform), actual(kube, road.platform))
        except (AssertionError, OSError) as error:  # no leader yet
            problems = [str(error)]
            time.sleep(1)
    assert problems == []


def test_inv5_a_deleted_materialized_secret_is_made_again(road: Road, kube: Kube) -> None:
    before = kube.need("secret", "orders-payment-token", "orders")
    kube.run("delete", "secret", "-n", "orders", "orders-payment-token")
    found = None
    for _ in range(60):
        found = kube.get("secret", "orders-payment-token", "orders")
        if found is not None and found["metadata"]["uid"] != before["metadata"]["uid"]:
            break
        time.sleep(1)
    assert found is not None
    assert found["data"] == before["data"]


def on_a_terminal(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, stdout (a pipe) and what a terminal of 100 columns got to see on stderr."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    shown = bytearray()
    with subprocess.Popen(
        [str(BOOTSTRAP), *arguments],
        env=hostile(new_home(), TERM="xterm-256color", LC_ALL="C.UTF-8", COLUMNS="100", **environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
    ) as process:
        os.close(slave)
        with contextlib.suppress(OSError):  # the terminal's end
            while part := os.read(master, 65536):
                shown += part
        out = process.stdout.read() if process.stdout else b""
    os.close(master)
    return process.returncode, out.decode(), shown.decode(errors="replace")


def test_a_terminal_shows_the_phases_live(road: Road) -> None:
    code, out, shown = on_a_terminal("up", *road.platform.to_cluster())
    assert code == 0, shown
    assert "\x1b[" in shown
    for title in ("Root trust", "Control plane", "Materialization", "Runtime authority", "Steady state"):
        assert title in shown
    assert "\x1b" not in out
    assert "nothing to do" in out


def test_no_color_is_obeyed(road: Road) -> None:
    code, _, shown = on_a_terminal("status", *road.platform.to_cluster(), NO_COLOR="1")
    assert code == 0, shown
    assert re.findall(r"\x1b\[[0-9;]*(?:3[0-7]|4[0-7]|9[0-7]|38|48)[0-9;]*m", shown) == []
