"""What servers took, read from what they say themselves (INV1)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bootstrap.model.errors import Transient
from bootstrap.operations.drill.waits import Waits, Watched, covered, spans
from bootstrap.ports import Object
from tests.support.simulated_clock import SimulatedClock

LOG = """\
==> Vault server started! Log data will stream in below:
2026-11-30T00:00:03.100Z [INFO]  core: security barrier not initialized
2026-11-30T00:00:04.000Z [INFO]  storage.raft: creating Raft: config="&raft.Config{}"
2026-11-30T00:00:09.500Z [INFO]  core: post-unseal setup complete
2026-11-30T00:00:10.000Z [INFO]  core: root token generated
2026-11-30T00:00:11.000Z [INFO]  storage.raft: creating Raft: config="&raft.Config{}"
2026-11-30T00:00:11.250Z [INFO]  core: vault is unsealed
2026-11-30T00:00:13.250Z [INFO]  core: post-unseal setup complete
2026-11-30T00:00:14.000Z [INFO]  core: shutting down prior to restoring snapshot
2026-11-30T00:00:20.000Z [INFO]  core: vault is sealed
2026-11-30T00:00:21.000Z [INFO]  core: vault is unsealed
"""
START = datetime(2026, 11, 30, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def pod(name: str, uid: str, created: int, begun: int | None = None, **meta: Any) -> Object:
    stamp = {"name": name, "uid": uid, "creationTimestamp": at(created).isoformat(), **meta}
    running = {"running": {"startedAt": at(begun).isoformat()}} if begun else {"waiting": {}}
    return {
        "metadata": stamp,
        "spec": {"containers": [{"name": "vault"}]},
        "status": {"containerStatuses": [{"name": "vault", "state": running}]},
    }


class Servers:
    """What they would say now; ``away``: nothing."""

    def __init__(self) -> None:
        self.pods: list[Object] = []
        self.log: dict[str, str] = {}
        self.away = False

    def list(self, _api: str, _kind: str, namespace: str) -> list[Object]:
        if self.away:
            raise Transient("away")
        return self.pods if namespace == "vault" else []

    def logs(self, _namespace: str, pod: str, _container: str, lines: int) -> str:
        assert lines > 100
        return self.log.get(pod, "")


@pytest.fixture
def servers() -> Servers:
    return Servers()


@pytest.fixture
def watched(servers: Servers) -> Watched:
    return Watched(SimulatedClock(), servers, ("vault", "external-secrets"))  # type: ignore[arg-type]  # what it asks


def test_inv1_a_log_says_what_vault_waited_for() -> None:
    assert list(spans(LOG.splitlines())) == [
        ("init", (at(4), at(10))),
        ("unseal", (at(11.25), at(13.25))),
        ("force", (at(14), at(20))),
    ]


def test_a_log_of_something_else_says_nothing() -> None:
    assert list(spans(["vault is sealed", "2026-11-30 core: root token generated", ""])) == []


def test_what_lies_within_each_other_counts_once() -> None:
    assert covered([]) == timedelta()
    found = covered([(at(5), at(6)), (at(0), at(2)), (at(1), at(3)), (at(1), at(2))])
    assert found == timedelta(seconds=4)
    waits = Waits({"pods": ((at(0), at(2)),), "init": ((at(1), at(3)),)})
    assert (waits.seconds(), waits.seconds("pods"), waits.seconds("force")) == (3, 2, 0)


def test_a_pod_that_is_replaced_was_seen_while_the_road_waited(watched: Watched, servers: Servers) -> None:
    servers.pods, servers.log = [pod("vault-0", "a", 1, 3)], {"vault-0": LOG}
    watched.sleep(0.5)
    gone = {"deletionTimestamp": at(40).isoformat(), "deletionGracePeriodSeconds": 10}
    servers.pods = [
        pod("vault-0", "a", 1, None, **gone)
    ]  # its container has ended, and says no more when it began
    watched.sleep(0.5)
    servers.pods, servers.log = [pod("vault-0", "b", 32, 33)], {}
    waits = watched.waits()
    assert sorted(waits.spans["pods"]) == [(at(1), at(3)), (at(30), at(32)), (at(32), at(33))]
    assert waits.seconds("pods") == 5
    assert waits.seconds("force") == 6


def test_members_count_from_the_first_pod_to_the_last_promotion(watched: Watched, servers: Servers) -> None:
    servers.pods = [pod("vault-0", "a", 1, 2), pod("vault-1", "b", 30, 31), pod("vault-2", "c", 30)]
    promoted = "2026-11-30T00:00:{}.000Z [INFO]  storage.raft.autopilot: Promoting server: id=vault-{}\n"
    servers.log["vault-0"] = promoted.format(50, 1) + promoted.format(51, 2)
    waits = watched.waits()
    assert waits.spans["members"] == ((at(30), at(51)),)
    assert waits.seconds() == 22


def test_a_look_that_fails_is_one_less(watched: Watched, servers: Servers) -> None:
    servers.away = True
    before = watched.monotonic()
    watched.sleep(2)
    assert watched.monotonic() - before == 2
    assert watched.waits().seconds() == 0
