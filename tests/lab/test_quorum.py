"""Two of three volumes of Vault are gone, and the third becomes Vault again by a decision (INV4, S4, B5)."""

import json
import subprocess
import time
from dataclasses import dataclass
from functools import partial

import pytest
import requests

from tests.lab.support.cluster import ApiAudit, Kube
from tests.lab.support.lost import Values, held, served, set_value
from tests.lab.support.platform import Platform
from tests.lab.support.state import authority, sealed, statements, voters
from tests.lab.support.vault import as_run, forwarded
from tests.lab.support.waiting import until
from tests.support.program import assert_decent, assert_refused, run_bootstrap, said, started

pytestmark = [pytest.mark.lab, pytest.mark.whole]
PODS = ("vault-0", "vault-1", "vault-2")
APPROVED = ("--approve", "recover-quorum")


@dataclass(frozen=True)
class Alive:
    """``values`` are what Vault held before anything was lost, by path; ``served`` what consumers read."""

    platform: Platform
    values: Values
    served: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def alive(platform: Platform, empty_cluster: Kube) -> Alive:
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    set_value(platform, "alert-webhook", "url", b"https://after.example/handover")
    done = run_bootstrap("up", *platform.to_cluster())
    assert done.returncode == 0, said(done)
    with as_run(empty_cluster, authority(platform)) as vault:
        return Alive(platform, held(vault), served(empty_cluster, platform))


def claims(kube: Kube) -> dict[str, str]:
    found = {pod: kube.get("pvc", f"data-{pod}", "vault") for pod in PODS}
    return {pod: str(claim["metadata"]["uid"]) for pod, claim in found.items() if claim}


def lose(alive: Alive, kube: Kube, *pods: str) -> None:
    """At once, so that none of them serves another one that is new; empty nodes come in their place. One that asked the
    last leader whether it may join holds nothing and says that it is sealed, until its pod is another one."""
    before = claims(kube)
    names = [f"data-{pod}" for pod in pods]
    kube.run("delete", "persistentvolumeclaim", *names, "-n", "vault", "--wait=false")
    kube.run("delete", "pod", *pods, "-n", "vault", "--grace-period=0", "--force", "--wait=false")
    until(lambda: all(claims(kube).get(pod) not in (None, before[pod]) for pod in pods), 120, "new volumes")
    until(lambda: not any(shown(kube, pod).get("is_self") for pod in PODS), 60, "no node leads")
    kube.run("delete", "pod", *pods, "-n", "vault")
    until(lambda: [pod for pod in PODS if is_empty(kube, pod)] == list(pods), 120, "empty nodes answer")
    (left,) = set(PODS) - set(pods)
    until(lambda: not hears_a_leader(alive, kube, left), 60, f"{left} knows that its leader is gone")


def hears_a_leader(alive: Alive, kube: Kube, pod: str) -> bool:
    """By its last heartbeat, which is some seconds old."""
    either = {"standbycode": "200", "haunhealthycode": "200"}
    with forwarded(kube, pod) as base:
        ca = str(authority(alive.platform))
        answer = requests.get(f"{base}/v1/sys/health", params=either, verify=ca, timeout=10)
    return answer.json().get("ha_connection_healthy", True) is True


def is_empty(kube: Kube, pod: str) -> bool:
    return shown(kube, pod).get("initialized") is False


def shown(kube: Kube, pod: str) -> dict[str, object]:
    """Nothing where it does not answer."""
    status = ("exec", "-n", "vault", pod, "-c", "vault", "--", "vault", "status", "-format=json")
    done = kube.try_run(*status)
    found: dict[str, object] = json.loads(done.stdout) if done.stdout.strip() else {}
    return found


def stage(kube: Kube) -> str:
    found = kube.get("configmap", "vault-recovery", "bootstrap-system")
    return str(found["data"]["stage"]) if found else ""


def has_come_to(kube: Kube, process: "subprocess.Popen[str]", wanted: str) -> bool:
    return process.poll() is not None or stage(kube) == wanted


def is_whole(kube: Kube, alive: Alive, survivor: str, before: str) -> None:
    """Every value is back and at its consumer, from the volume that was left; one record more tells it."""
    assert claims(kube)[survivor] == before
    assert sealed(kube) == []
    with as_run(kube, authority(alive.platform)) as vault:
        assert voters(vault) == list(PODS)
        assert held(vault) == alive.values
    assert served(kube, alive.platform) == alive.served
    details = [each["details"] for each in statements(kube) if each["phase"] == "ACCEPTED"]
    decided = [each for each in details if each.get("what") == "recover-quorum"]
    assert (decided[-1]["survivor"], decided[-1]["volume"]) == (survivor, before)
    assert int(decided[-1]["raftIndex"]) > 0
    done = run_bootstrap("verify", *alive.platform.to_cluster())
    assert done.returncode == 0, said(done)
    done = run_bootstrap("up", *alive.platform.to_cluster())
    assert (done.returncode, "nothing to do" in done.stdout) == (0, True), said(done)


def test_inv4_it_says_what_is_there_and_changes_nothing(alive: Alive, kube: Kube) -> None:
    lose(alive, kube, "vault-0", "vault-2")
    audit = ApiAudit(kube.lab.audit_log)
    done = run_bootstrap("up", *alive.platform.to_cluster())
    seen = "vault-1: holds the store, unsealed, without a leader, raft index "
    assert_refused(done, 5, "E_QUORUM_LOST", "2 of 3 nodes", seen, "head.json", "--restore FILE", *APPROVED)
    assert audit.mutations() == []


def test_s4_the_node_that_is_left_is_vault_again(alive: Alive, kube: Kube) -> None:
    """Its number is not the first one."""
    before, begun = claims(kube), time.monotonic()
    done = run_bootstrap("up", *alive.platform.to_cluster(), *APPROVED)
    print(f"a quorum recovered in {time.monotonic() - begun:.0f} s")
    assert done.returncode == 0, said(done)
    assert_decent(done)
    now = claims(kube)
    assert [pod for pod in PODS if now[pod] == before[pod]] == ["vault-1"]
    is_whole(kube, alive, "vault-1", before["vault-1"])


def test_g5_killed_while_volumes_go_and_while_it_is_alone_the_same_command_goes_on(
    alive: Alive, kube: Kube
) -> None:
    lose(alive, kube, "vault-0", "vault-1")
    before = claims(kube)["vault-2"]
    for seen in ("VOIDING", "ALONE"):
        with started("up", *alive.platform.to_cluster(), *APPROVED) as process:
            until(partial(has_come_to, kube, process, seen), 180, seen, pause=0.3)
            assert process.poll() is None, f"it ended with {process.returncode} before it was {seen}"
            process.kill()
        print(f"killed at {stage(kube)}")
    done = run_bootstrap("up", *alive.platform.to_cluster())
    assert done.returncode == 0, said(done)
    assert "a lost quorum is being recovered from vault-2" in said(done)
    is_whole(kube, alive, "vault-2", before)
