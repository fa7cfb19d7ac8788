"""From the first replica to three voters `up` waits for the servers, and hardly for itself (G7)."""

import re
from datetime import datetime, timedelta

import pytest

from tests.lab.conftest import Road
from tests.lab.support.cluster import Kube
from tests.lab.support.logs import times

pytestmark = pytest.mark.lab
AT_MOST = 1.25  # of what the servers took themselves
STEPS = ("vault-first-replica", "vault-initialised", "vault-key-proven", "vault-unsealer", "vault-members")
STARTED, INITIALISES, INITIALISED = "Vault server started!", "creating Raft", "security barrier initialized"
ENDS, LEADS, VOTES = "Vault shutdown triggered", "starting autopilot", "Promoting server"


def created(kube: Kube, kind: str, name: str) -> datetime:
    return datetime.fromisoformat(kube.need(kind, name, "vault")["metadata"]["creationTimestamp"])


def test_g7_up_waits_for_three_voters_only_as_long_as_they_need(road: Road, kube: Kube) -> None:
    taken = {step: _seconds(road.done.stderr, step) for step in STEPS}
    log = road.logs / "vault-0"
    others = min(created(kube, "pod", pod) for pod in ("vault-1", "vault-2"))
    waits = {
        "the first replica starts": times(log, STARTED)[0] - created(kube, "statefulset", "vault"),
        "it is initialised": times(log, INITIALISED)[0] - times(log, INITIALISES)[0],
        "it ends and comes back": times(log, LEADS)[-1] - times(log, ENDS)[0],
        "the others vote": times(log, VOTES)[-1] - others,
    }
    total, servers = sum(taken.values()), sum(waits.values(), timedelta()).total_seconds()
    print({what: round(each.total_seconds(), 1) for what, each in waits.items()}, taken)
    print(f"{total:.1f} s, of which the servers took {servers:.1f}: {total / servers:.2f} times")
    assert total <= AT_MOST * servers


def test_g7_initialising_one_replica_takes_no_election_of_many(road: Road) -> None:
    log = road.logs / "vault-0"
    assert times(log, INITIALISED)[0] - times(log, INITIALISES)[0] < timedelta(seconds=4)


def _seconds(said: str, step: str) -> float:
    found = re.search(rf"^ +done  {step}: .*\(([0-9.]+) s\)$", said, re.MULTILINE)
    assert found, said
    return float(found[1])
