"""A quorum that is lost, and the node that is left as the only voter: what raft says of it, and what it reads.

Two nodes of the case's own. What a pod runs before Vault is run here as it stands, but for its paths and address.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.adapters.vault.client import PodVault
from bootstrap.model.errors import BootstrapError, Transient
from bootstrap.model.recovery import Recovery
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Ref, Vault
from bootstrap.steps.vault.containers import PEERS, RAFT_PORT
from bootstrap.steps.vault.quorum import HEALTH
from tests.contract.objects import made, until
from tests.contract.vault.simulated import simulated_vault
from tests.contract.vault.sites import ATTEMPT, PODS, Loopback, loopback, vault_binary
from tests.simulator.vault import NAMESPACE, SimulatedVault

LEFT, LOST = PODS
NOW = Recovery(nonce="0badcafe", begun="2026-01-01T00:00:00Z", pod=LEFT, volume="")
PLACE = "secret/data/kept"


@dataclass(frozen=True)
class Pair:
    """``lose`` takes a node's store: an empty one answers. ``alone`` restarts a node as a recovery does."""

    port: Vault
    lose: Callable[[str], None]
    alone: Callable[[str], None]
    restart: Callable[[str], None]


def lost(home: Path, _: str) -> None:
    shutil.rmtree(home / "data")


def written(home: Path, address: str) -> None:
    text = PEERS.replace("/vault/", f"{home}/").replace(f"'$POD'.vault-internal:{RAFT_PORT}", address)
    named = {"POD": LEFT, "SURVIVOR": NOW.pod, "RECOVERY": NOW.nonce}
    subprocess.run(["sh", "-c", text], env={"PATH": os.defpath, **named}, check=True)


def of_processes(site: Loopback) -> Pair:
    port = PodVault(site.dialer, ca_pem=site.ca.pem)
    return Pair(
        port, lambda pod: site.between(pod, lost), lambda pod: site.between(pod, written), site.restart
    )


def of_objects(vault: SimulatedVault) -> Pair:
    def lose(pod: str) -> None:
        claim = Ref("v1", "PersistentVolumeClaim", f"data-{pod}", NAMESPACE)
        live = made(vault.cluster.get(claim))
        vault.cluster.delete(claim, uid=live["metadata"]["uid"])
        vault.restart(pod)

    def alone(pod: str) -> None:
        named = {"SURVIVOR": NOW.pod, "RECOVERY": NOW.nonce}
        environment = [{"name": name, "value": value} for name, value in named.items()]
        owner = made(vault.cluster.get(Ref("apps/v1", "StatefulSet", "vault", NAMESPACE)))
        spec = owner["spec"]["template"]["spec"] | {"initContainers": [{"name": "peers", "env": environment}]}
        template = {**owner["spec"]["template"], "spec": spec}
        vault.cluster.replace({**owner, "spec": {**owner["spec"], "template": template}})
        vault.restart(pod)

    return Pair(vault, lose, alone, vault.restart)


@pytest.fixture
def pair(side: str, tmp_path: Path) -> Iterator[Pair]:
    if side == "simulator":
        yield of_objects(simulated_vault(*PODS))
        return
    with loopback(vault_binary(), tmp_path) as site:
        yield of_processes(site)


@dataclass(frozen=True)
class Kept:
    pair: Pair
    share: Sensitive
    root: Sensitive

    def open(self, pod: str) -> None:
        until(lambda: self._opened(pod), 60)

    def _opened(self, pod: str) -> bool:
        status = self.pair.port.seal_status(pod)
        if status is not None and status.initialized and status.sealed:
            try:
                status = self.pair.port.unseal(pod, self.share)
            except BootstrapError:
                return False  # while it joins, 1.21 answers 500 for a moment
        return status is not None and status.initialized and not status.sealed

    def voters(self) -> list[str]:
        answer = self.pair.port.call(
            "GET", "sys/storage/raft/configuration", pod=str(self.pair.port.active(PODS)), token=self.root
        )
        return sorted(s["node_id"] for s in answer.data["config"]["servers"] if s["voter"])


@pytest.fixture
def both(pair: Pair) -> Kept:
    """Both vote, and one value is written."""
    port = pair.port
    until(lambda: port.seal_status(LEFT), 90)
    key = PgpKey(generate("key"))
    answer = port.initialise(LEFT, ATTEMPT, share_key=key.certificate, root_key=key.certificate)
    found = Kept(pair, key.decrypt(answer.share), key.decrypt(answer.root_token))
    for pod in PODS:
        found.open(pod)
    until(lambda: port.active([LEFT]), 60)
    body = {"type": "kv", "options": {"version": "2"}}
    assert port.call("POST", "sys/mounts/secret", body, pod=LEFT, token=found.root).ok
    value = {"data": {"a": Sensitive(b"kept")}}
    until(lambda: port.call("POST", PLACE, value, pod=LEFT, token=found.root).ok, 30)
    until(lambda: found.voters() == list(PODS), 90)
    return found


@pytest.fixture
def kept(both: Kept) -> Kept:
    """One of the two stores is gone; the node that is left has led."""
    both.pair.lose(LOST)
    until(lambda: both.pair.port.active(PODS) is None, 60)
    both.pair.restart(
        LOST
    )  # one that asked the last leader whether it may join says that it is sealed, and is empty
    return both


def health(of: Kept) -> object:
    """What the node that is left says of its heartbeat to a leader."""
    return of.pair.port.call("GET", HEALTH, pod=LEFT, token=None).data.get("ha_connection_healthy")


def test_a_node_without_most_of_its_voters_has_no_leader_and_says_how_far_it_is(kept: Kept) -> None:
    port = kept.pair.port
    status = until(lambda: port.seal_status(LEFT), 60)
    assert (status.initialized, status.sealed, status.leader) == (True, False, False)
    empty = until(lambda: port.seal_status(LOST), 60)
    assert empty.initialized is False
    answer = port.call("GET", "sys/leader", pod=LEFT, token=None)
    assert (answer.status, answer.data["is_self"], answer.data["leader_address"]) == (200, False, "")
    assert answer.data["raft_committed_index"] > 0
    assert health(kept) is not True
    with pytest.raises(Transient):
        port.call("GET", PLACE, pod=LEFT, token=kept.root)
    kept.pair.restart(LEFT)
    kept.open(LEFT)
    assert port.active(PODS) is None


@pytest.mark.only("real", "the simulator's leader is the first node, always")
def test_a_standby_keeps_the_address_of_a_leader_that_is_gone_and_its_heartbeat_tells(both: Kept) -> None:
    port = both.pair.port
    port.call("PUT", "sys/step-down", {}, pod=LEFT, token=both.root)
    until(lambda: port.active(PODS) == LOST, 60)
    until(lambda: health(both) is True, 60)
    both.pair.lose(LOST)
    until(lambda: health(both) is False, 60)
    answer = port.call("GET", "sys/leader", pod=LEFT, token=None)
    assert answer.data["leader_address"] != ""
    assert answer.data["raft_committed_index"] > 0


def test_s4_what_it_reads_when_it_is_unsealed_makes_it_the_only_voter_once(kept: Kept) -> None:
    port = kept.pair.port
    kept.pair.alone(LEFT)
    status = until(lambda: port.seal_status(LEFT), 60)
    assert (status.initialized, status.sealed) == (True, True)
    kept.open(LEFT)
    until(lambda: port.active(PODS) == LEFT, 60)
    assert kept.voters()[:1] == [LEFT]
    assert port.call("GET", PLACE, pod=LEFT, token=kept.root).data["data"] == {"a": Sensitive(b"kept")}
    kept.open(LOST)
    until(lambda: kept.voters() == list(PODS), 90)
    kept.pair.alone(LEFT)  # again, with the other one voting
    kept.open(LEFT)
    until(lambda: port.active(PODS), 90)
    assert kept.voters() == list(PODS)
