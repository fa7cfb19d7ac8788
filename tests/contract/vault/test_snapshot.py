"""Vault's raft snapshot: what streams is whole, opens with the share entry by entry, and its identity can nothing else.

One node, without a cluster: a token of the policy stands for the login, which ``test_identity.py`` tries.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.adapters.vault.barrier import Entries, check_sealed_sums
from bootstrap.adapters.vault.census import Census, Found
from bootstrap.adapters.vault.client import PodVault
from bootstrap.adapters.vault.raft_archive import Archive, ArchiveReader
from bootstrap.model.errors import BootstrapError, EvidenceError, Transient, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.unseal_rekey.barrier import ROTATE, STATUS
from bootstrap.ports import Vault
from bootstrap.steps.vault.policies import CONFIGURE, RUN, job, saver
from tests.contract.objects import until
from tests.contract.vault.simulated import simulated_vault
from tests.contract.vault.sites import ATTEMPT, PODS, loopback, vault_binary

POD = PODS[0]
SAVED = "platform/registry"
DENIED = (
    ("GET", "secret/data/applications/other"),
    ("GET", "secret/metadata/platform/registry"),
    ("LIST", "secret/metadata/platform"),
    ("POST", "secret/data/platform/registry"),
    ("DELETE", "secret/data/platform/registry"),
    ("POST", "sys/storage/raft/snapshot"),
    ("POST", "sys/storage/raft/snapshot-force"),
    ("GET", "sys/storage/raft/configuration"),
    ("POST", "sys/storage/raft/remove-peer"),
    ("LIST", "auth/token/accessors"),
    ("POST", "auth/token/create"),
    ("POST", "auth/token/revoke-accessor"),
    ("GET", "auth/token/lookup-self"),
    ("GET", "sys/policies/acl/bootstrap-snapshot"),
    ("POST", "sys/policies/acl/bootstrap-snapshot"),
    ("GET", "sys/mounts"),
    ("POST", "sys/mounts/more"),
    ("GET", "sys/audit"),
    ("POST", "sys/seal"),
    ("POST", "sys/step-down"),
    ("POST", "sys/rotate"),
    ("GET", "sys/internal/counters/activity"),
    ("POST", "sys/capabilities-self"),
)


@dataclass(frozen=True)
class Alone:
    """A Vault of one node with a secret in it. ``saver`` is a token of the saving policy."""

    port: Vault
    share: Sensitive
    root: Sensitive
    saver: Sensitive
    accessor: str


@pytest.fixture(scope="module")
def alone(side: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alone]:
    if side == "simulator":
        yield begun(simulated_vault(POD))
        return
    with loopback(vault_binary(), tmp_path_factory.mktemp("alone"), PODS[:1]) as site:
        yield begun(PodVault(site.dialer, ca_pem=site.ca.pem))


def begun(port: Vault) -> Alone:
    until(lambda: port.seal_status(POD), 90)
    share_key, root_key = PgpKey(generate("share")), PgpKey(generate("root"))
    answer = port.initialise(POD, ATTEMPT, share_key=share_key.certificate, root_key=root_key.certificate)
    share, root = share_key.decrypt(answer.share), root_key.decrypt(answer.root_token)
    port.unseal(POD, share)
    until(lambda: port.active([POD]), 60)

    def call(method: str, path: str, body: dict[str, object]) -> object:
        answer = port.call(method, path, body, pod=POD, token=root)
        assert answer.ok, answer
        return answer

    call("POST", "sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    until(lambda: port.call("GET", "secret/config", pod=POD, token=root).ok, 30)
    for path in (SAVED, "applications/other"):
        call("POST", f"secret/data/{path}", {"data": {"password": Sensitive(b"canary-b0d4", "value")}})
    call("PUT", "sys/policies/acl/bootstrap-snapshot", {"policy": saver((SAVED,))})
    body = {"policies": ["bootstrap-snapshot"], "no_default_policy": True, "ttl": "600s", "type": "service"}
    made = port.call("POST", "auth/token/create-orphan", body, pod=POD, token=root)
    return Alone(port, share, root, made.auth["client_token"], str(made.auth["accessor"]))


@pytest.fixture(scope="module")
def data(alone: Alone) -> bytes:
    with alone.port.raft_snapshot(POD, alone.saver) as chunks:
        return b"".join(chunks)


def archive(data: bytes, entries: Entries) -> Archive:
    reader = ArchiveReader(entries.feed)
    reader.feed(data)
    whole = reader.close()
    entries.close()
    return whole


def census(data: bytes, share: Sensitive) -> Census:
    found = Found()
    whole = archive(data, found.entries)
    check_sealed_sums(whole.sealed_sums, whole.sums, share)
    taken = Census(found.barrier(share))
    archive(data, Entries(taken.take))
    return taken


def test_inv1_what_streams_opens_entry_by_entry(alone: Alone, data: bytes) -> None:
    found = census(data, alone.share)
    status = alone.port.seal_status(POD)
    assert status is not None
    assert (found.cluster, found.version) == (status.cluster_id, status.version)
    assert {"core/lock", "core/seal-config"} <= set(found.clear)
    assert found.opened > 5
    assert b"canary" not in data


def test_b5_it_tells_the_tokens_that_would_live_again(alone: Alone, data: bytes) -> None:
    tokens = {token.accessor: token.policies for token in census(data, alone.share).tokens}
    assert tokens[alone.accessor] == ("bootstrap-snapshot",)
    assert [policies for policies in tokens.values() if "root" in policies] == [("root",)]


def test_b6_it_tells_where_vault_audits(alone: Alone, tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    body = {"type": "file", "options": {"file_path": str(path)}}
    assert alone.port.call("PUT", "sys/audit/kept", body, pod=POD, token=alone.root).ok
    try:
        with alone.port.raft_snapshot(POD, alone.saver) as chunks:
            assert census(b"".join(chunks), alone.share).audit == [f"file:{path}"]
    finally:
        alone.port.call("DELETE", "sys/audit/kept", pod=POD, token=alone.root)


@pytest.mark.parametrize("less", [1, 8, 9, 200])
def test_a_cut_of_the_servers_own_bytes_is_noticed(data: bytes, less: int) -> None:
    with pytest.raises(EvidenceError) as caught:
        archive(data[:-less], Entries(lambda *_: None))
    assert caught.value.code == "E_RAFT_CUT"


def test_another_vaults_share_does_not_open_it(data: bytes) -> None:
    with pytest.raises(EvidenceError) as caught:
        census(data, Sensitive(b"ab" * 32, "share"))
    assert caught.value.code == "E_RAFT_SHARE"


def test_a_wrong_token_gets_nothing(alone: Alone) -> None:
    with (
        pytest.raises(WorldError) as caught,
        alone.port.raft_snapshot(POD, Sensitive(b"hvs.none", "token")) as chunks,
    ):
        next(chunks)
    assert caught.value.code == "E_VAULT_DENIED"


def test_a_stream_that_is_left_early_spoils_no_later_answer(alone: Alone) -> None:
    with alone.port.raft_snapshot(POD, alone.saver) as chunks:
        next(chunks)
    assert alone.port.call("GET", f"secret/data/{SAVED}", pod=POD, token=alone.saver).ok


@pytest.mark.only("real", "the simulator enforces no policy")
@pytest.mark.parametrize(("method", "path"), DENIED)
def test_s2_its_identity_can_nothing_else(alone: Alone, method: str, path: str) -> None:
    body: dict[str, object] | None = None if method in ("GET", "LIST") else {"data": {}}
    with pytest.raises(BootstrapError) as caught:
        alone.port.call(method, path, body, pod=POD, token=alone.saver)
    assert caught.value.code == "E_VAULT_DENIED"


@pytest.mark.only("real", "the simulator enforces no policy")
def test_s2_it_reads_what_was_declared_and_ends_itself(alone: Alone) -> None:
    answer = alone.port.call("GET", f"secret/data/{SAVED}", pod=POD, token=alone.saver)
    assert answer.data["data"]["password"] == Sensitive(b"canary-b0d4")
    body = {"policies": ["bootstrap-snapshot"], "no_default_policy": True, "ttl": "600s", "type": "service"}
    made = alone.port.call("POST", "auth/token/create-orphan", body, pod=POD, token=alone.root)
    token = made.auth["client_token"]
    assert alone.port.call("POST", "auth/token/revoke-self", {}, pod=POD, token=token).ok
    with pytest.raises(WorldError):
        alone.port.call("GET", f"secret/data/{SAVED}", pod=POD, token=token)


@pytest.fixture(scope="module")
def in_cluster(alone: Alone) -> Sensitive:
    """A token of the policy of what saves snapshots in the cluster."""
    text = {"policy": job((SAVED,))}
    assert alone.port.call(
        "PUT", "sys/policies/acl/bootstrap-snapshot-job", text, pod=POD, token=alone.root
    ).ok
    body = {
        "policies": ["bootstrap-snapshot-job"],
        "no_default_policy": True,
        "ttl": "600s",
        "type": "service",
    }
    made = alone.port.call("POST", "auth/token/create-orphan", body, pod=POD, token=alone.root)
    token: Sensitive = made.auth["client_token"]
    return token


@pytest.mark.only("real", "the simulator enforces no policy")
@pytest.mark.parametrize(("method", "path"), [each for each in DENIED if each[0] != "LIST"])
def test_s2_in_the_cluster_it_can_nothing_else_either(
    alone: Alone, in_cluster: Sensitive, method: str, path: str
) -> None:
    body: dict[str, object] | None = None if method == "GET" else {"data": {}}
    with pytest.raises(BootstrapError) as caught:
        alone.port.call(method, path, body, pod=POD, token=in_cluster)
    assert caught.value.code == "E_VAULT_DENIED"


@pytest.mark.only("real", "the simulator enforces no policy")
def test_b5_in_the_cluster_it_sees_which_tokens_live(alone: Alone, in_cluster: Sensitive) -> None:
    listed = alone.port.call("LIST", "auth/token/accessors", pod=POD, token=in_cluster)
    assert alone.accessor in listed.data["keys"]
    body = {"accessor": alone.accessor}
    answer = alone.port.call("POST", "auth/token/lookup-accessor", body, pod=POD, token=in_cluster)
    assert list(answer.data["policies"]) == ["bootstrap-snapshot"]
    with alone.port.raft_snapshot(POD, in_cluster) as chunks:
        assert next(chunks)


@pytest.mark.only("real", "a simulated stream is never half there")
def test_a_node_that_is_killed_midway_breaks_the_stream(tmp_path_factory: pytest.TempPathFactory) -> None:
    with loopback(vault_binary(), tmp_path_factory.mktemp("killed"), PODS[:1]) as site:
        killed = begun(PodVault(site.dialer, ca_pem=site.ca.pem))
        for n in range(40):
            body = {"data": {"value": Sensitive(bytes([97 + n % 26]) * 500_000, "value")}}
            assert killed.port.call("POST", f"secret/data/big/{n}", body, pod=POD, token=killed.root).ok
        with pytest.raises(Transient) as caught, killed.port.raft_snapshot(POD, killed.saver) as chunks:
            next(chunks)
            site.restart(POD)
            for _ in chunks:
                pass
        assert caught.value.code == "E_VAULT_AWAY"


def test_s5_a_configuring_token_rotates_the_barrier_key_and_what_both_keys_wrote_opens(alone: Alone) -> None:
    """As `rekey-unseal` does it. The last of this file: what streams from here on is of two terms."""
    before, configuring = term(alone, alone.root), holding(alone, "configure", CONFIGURE)
    assert alone.port.call("PUT", ROTATE, pod=POD, token=configuring).ok
    assert term(alone, configuring) == before + 1
    value = {"data": {"password": Sensitive(b"canary-later", "value")}}
    assert alone.port.call("POST", "secret/data/applications/later", value, pod=POD, token=alone.root).ok
    with alone.port.raft_snapshot(POD, alone.saver) as chunks:
        assert census(b"".join(chunks), alone.share).opened > 5


@pytest.mark.only("real", "the simulator enforces no policy")
def test_s5_the_run_itself_rotates_nothing(alone: Alone) -> None:
    with pytest.raises(WorldError) as caught:
        alone.port.call("PUT", ROTATE, pod=POD, token=holding(alone, "run", RUN))
    assert caught.value.code == "E_VAULT_DENIED"


def term(alone: Alone, token: Sensitive) -> int:
    return int(alone.port.call("GET", STATUS, pod=POD, token=token).data["term"])


def holding(alone: Alone, name: str, policy: str) -> Sensitive:
    """A token of that policy alone."""
    path = f"sys/policies/acl/holding-{name}"
    assert alone.port.call("PUT", path, {"policy": policy}, pod=POD, token=alone.root).ok
    body = {"policies": [f"holding-{name}"], "no_default_policy": True, "ttl": "60s", "type": "service"}
    made = alone.port.call("POST", "auth/token/create-orphan", body, pod=POD, token=alone.root)
    token: Sensitive = made.auth["client_token"]
    return token
