"""Sealed and unsealed, active and standby."""

import pytest

from bootstrap.model.errors import Transient, WorldError
from bootstrap.model.sensitive import Sensitive
from tests.contract.objects import until
from tests.contract.vault.running import Running, failed, path
from tests.contract.vault.sites import PODS


def test_states_of_both_nodes(vault: Running) -> None:
    active, standby = vault.port.seal_status(vault.active()), vault.port.seal_status(vault.standby())
    assert active is not None
    assert standby is not None
    assert (active.initialized, active.sealed, active.leader) == (True, False, True)
    assert (standby.initialized, standby.sealed, standby.leader) == (True, False, False)
    assert active.version == standby.version == "1.21.1"
    assert active.cluster_id == standby.cluster_id != ""


def test_the_active_node_is_one_of_those_asked(vault: Running) -> None:
    active = vault.active()
    assert vault.port.active([active]) == active
    assert vault.port.active([vault.standby(), active]) == active
    assert vault.port.active([vault.standby()]) is None
    assert vault.port.active([]) is None


def test_a_pod_that_is_not_there(vault: Running) -> None:
    assert vault.port.seal_status("vault-4") is None


@pytest.mark.parametrize("share", ["right", "wrong"])
def test_an_unsealed_node_takes_any_share(vault: Running, share: str) -> None:
    given = vault.share if share == "right" else Sensitive(b"00" * 32)
    status = vault.port.unseal(vault.active(), given)
    assert (status.initialized, status.sealed) == (True, False)


class TestStandby:
    """A standby takes no request: it would hand it on, and nobody could say what came of it."""

    @pytest.mark.parametrize("method", ["GET", "LIST", "POST", "DELETE"])
    def test_calls(self, vault: Running, method: str) -> None:
        where = f"secret/data/{path()}"
        body = {"data": {"a": Sensitive(b"canary")}} if method == "POST" else None
        failed(Transient, "E_VAULT_STANDBY", lambda: vault.call(method, where, body, pod=vault.standby()))
        assert vault.call("GET", where).status == 404

    def test_calls_without_a_token(self, vault: Running) -> None:
        failed(
            Transient,
            "E_VAULT_STANDBY",
            lambda: vault.call("GET", "sys/rekey/init", token=None, pod=vault.standby()),
        )


@pytest.fixture(scope="module")
def node(vault: Running) -> str:
    """A standby that came back sealed."""
    node = vault.standby()
    vault.restart(node)
    until(lambda: (s := vault.port.seal_status(node)) is not None and s.sealed, 60)
    return node


WRONG = {"another share": b"00" * 32, "no hex": b"canary", "empty": b"", "too short": b"00" * 16}


class TestSealed:
    """A node that came back sealed. The cases go by order: the last one opens it."""

    def test_its_status(self, vault: Running, node: str) -> None:
        status = vault.port.seal_status(node)
        assert status is not None
        assert (status.initialized, status.sealed, status.leader) == (True, True, False)
        assert status.progress == 0

    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    def test_it_takes_no_calls(self, vault: Running, node: str, method: str) -> None:
        failed(Transient, "E_VAULT_SEALED", lambda: vault.call(method, f"secret/data/{path()}", {}, pod=node))

    @pytest.mark.parametrize("share", WRONG.values(), ids=WRONG)
    def test_a_wrong_share(self, vault: Running, node: str, share: bytes) -> None:
        failed(WorldError, "E_VAULT_UNSEAL", lambda: vault.port.unseal(node, Sensitive(share)))
        status = vault.port.seal_status(node)
        assert status is not None
        assert (status.sealed, status.progress) == (True, 0)

    def test_the_active_node_goes_on(self, vault: Running, node: str) -> None:
        assert vault.port.active([node]) is None
        assert vault.call("GET", "sys/mounts").ok

    def test_the_right_share(self, vault: Running, node: str) -> None:
        vault.open(node)
        status = vault.port.seal_status(node)
        assert status is not None
        assert not status.sealed
        assert vault.port.active([node]) is None


def test_both_are_members(vault: Running) -> None:
    def members() -> bool:
        found = vault.call("GET", "sys/storage/raft/configuration").data["config"]["servers"]
        return {s["node_id"] for s in found} == set(PODS)

    until(members, 30)


def test_both_become_voters(vault: Running) -> None:
    """Autopilot makes a voter of a node that was stable for ten seconds."""

    def voters() -> bool:
        found = vault.call("GET", "sys/storage/raft/configuration").data["config"]["servers"]
        return [s["voter"] for s in found] == [True, True]

    until(voters, 60)
