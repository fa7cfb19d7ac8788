"""``snapshot-force``: 204 says nothing, which key opens says all, and what is left out of the file never lives again.

Two stores of one node each; the second gives its place up. No cluster: tokens of a policy stand for logins.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.adapters.vault.client import PodVault
from bootstrap.adapters.vault.raft_archive import Poured
from bootstrap.adapters.vault.raft_sieve import Sieved, sieved
from bootstrap.model.errors import BootstrapError, UnknownOutcome, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Vault
from tests.contract.objects import until
from tests.contract.vault.simulated import simulated_vault
from tests.contract.vault.sites import ATTEMPT, PODS, loopback, vault_binary

POD = PODS[0]
Restart = Callable[[str], None]


@dataclass(frozen=True)
class Alone:
    port: Vault
    share: Sensitive
    root: Sensitive
    restart: Restart


@pytest.fixture
def stores(side: str, tmp_path: Path) -> Iterator[tuple[Alone, Alone]]:
    """The one that is saved, and the one that takes its place."""
    if side == "simulator":
        ports = [simulated_vault(POD) for _ in range(2)]
        yield begun(ports[0], ports[0].restart), begun(ports[1], ports[1].restart)
        return
    folders = [tmp_path / name for name in ("saved", "other")]
    for folder in folders:
        folder.mkdir()
    with (
        loopback(vault_binary(), folders[0], PODS[:1]) as one,
        loopback(vault_binary(), folders[1], PODS[:1]) as two,
    ):
        yield tuple(begun(PodVault(s.dialer, ca_pem=s.ca.pem), s.restart) for s in (one, two))  # type: ignore[misc]  # a pair


def begun(port: Vault, restart: Restart) -> Alone:
    until(lambda: port.seal_status(POD), 90)
    key = PgpKey(generate("key"))
    answer = port.initialise(POD, ATTEMPT, share_key=key.certificate, root_key=key.certificate)
    share, root = key.decrypt(answer.share), key.decrypt(answer.root_token)
    port.unseal(POD, share)
    until(lambda: port.active([POD]), 60)
    return Alone(port, share, root, restart)


def token(of: Alone) -> Sensitive:
    """One that may look itself up, and end itself."""
    body = {"policies": ["default"], "ttl": "600s", "type": "service"}
    found: Sensitive = of.port.call("POST", "auth/token/create-orphan", body, pod=POD, token=of.root).auth[
        "client_token"
    ]
    return found


def snapshot(of: Alone) -> bytes:
    with of.port.raft_snapshot(POD, of.root) as chunks:
        return b"".join(chunks)


def stream_of(data: bytes) -> Callable[[Poured], object]:
    return lambda sink: sink.write(data)


def whole(data: bytes) -> Sieved:
    """Everything, as of a layout that is not known."""
    return sieved(stream_of(data), "0.0.0")


def forced(on: Alone, what: Sieved) -> None:
    answer = on.port.raft_restore(POD, on.root, what.send)
    assert answer.status == 204
    until(lambda: (s := on.port.seal_status(POD)) is not None and s.sealed, 60)


def opened(on: Alone, share: Sensitive) -> None:
    on.port.unseal(POD, share)
    until(lambda: on.port.active([POD]), 60)


def lives(on: Alone, which: Sensitive) -> bool:
    try:
        return on.port.call("GET", "auth/token/lookup-self", pod=POD, token=which).ok
    except WorldError as error:
        assert error.code == "E_VAULT_DENIED"
        return False


def test_inv1_the_snapshots_share_opens_it_and_the_other_one_no_more(stores: tuple[Alone, Alone]) -> None:
    saved, other = stores
    status = saved.port.seal_status(POD)
    assert status is not None
    forced(other, whole(snapshot(saved)))
    with pytest.raises(WorldError) as refused:
        other.port.unseal(POD, other.share)
    assert refused.value.code == "E_VAULT_UNSEAL"
    opened(other, saved.share)
    now = other.port.seal_status(POD)
    assert now is not None
    assert (now.cluster_id, now.sealed) == (status.cluster_id, False)
    assert not lives(other, other.root)


def test_b5_every_token_lives_again_unless_it_is_left_out(stores: tuple[Alone, Alone]) -> None:
    saved, other = stores
    theirs = token(saved)
    data = snapshot(saved)
    saved.port.call("POST", "auth/token/revoke-self", {}, pod=POD, token=theirs)
    forced(other, whole(data))
    opened(other, saved.share)
    assert lives(other, theirs)
    assert lives(other, saved.root)


def test_b5_what_is_left_out_never_lives(stores: tuple[Alone, Alone]) -> None:
    saved, other = stores
    theirs = token(saved)
    found = sieved(stream_of(snapshot(saved)), "1.21.1")
    assert found.dropped["tokens"] >= 2
    forced(other, found)
    opened(other, saved.share)
    assert not lives(other, theirs)
    assert not lives(other, saved.root)


def test_until_it_is_forced_a_stop_leaves_the_old_store(stores: tuple[Alone, Alone]) -> None:
    """Which world it is, the key tells: here the restart comes with the answer."""
    saved, other = stores
    assert other.port.raft_restore(POD, other.root, whole(snapshot(saved)).send).status == 204
    other.restart(POD)
    until(lambda: (s := other.port.seal_status(POD)) is not None and s.sealed, 60)
    with pytest.raises(WorldError) as refused:
        other.port.unseal(POD, saved.share)
    assert refused.value.code == "E_VAULT_UNSEAL"
    opened(other, other.share)
    assert lives(other, other.root)


@pytest.mark.parametrize("bad", [b"", b"no archive", "cut", "sums"])
def test_a_file_that_is_none_changes_nothing(stores: tuple[Alone, Alone], bad: bytes | str) -> None:
    saved, other = stores
    data = snapshot(saved)
    content = {"cut": data[:-200], "sums": spoilt(data)}.get(bad, bad) if isinstance(bad, str) else bad
    assert isinstance(content, bytes)
    with pytest.raises(UnknownOutcome):
        other.port.raft_restore(POD, other.root, giving(content))
    assert lives(other, other.root)


def giving(content: bytes) -> Callable[[Callable[[bytes], object]], None]:
    def send(write: Callable[[bytes], object]) -> None:
        write(content)

    return send


def spoilt(data: bytes) -> bytes:
    """Another state under the sums of before."""
    from tests.support.raft_snapshots import archive, unpacked

    members = unpacked(data)
    return archive({**members, "state.bin": members["state.bin"] + b"\0"})


def test_a_token_of_nobody_restores_nothing(stores: tuple[Alone, Alone]) -> None:
    saved, other = stores
    with pytest.raises(BootstrapError):
        other.port.raft_restore(POD, Sensitive(b"hvs.none", "token"), whole(snapshot(saved)).send)
    assert lives(other, other.root)
