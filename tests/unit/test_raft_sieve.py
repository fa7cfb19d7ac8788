"""What a restore sends to Vault holds every entry but the tokens and their leases, under sums of its own (INV1, B5)."""

import hashlib
import json
from collections.abc import Callable

import pytest

from bootstrap.adapters.vault.barrier import Entries
from bootstrap.adapters.vault.raft_archive import Poured
from bootstrap.adapters.vault.raft_sieve import Sieved, sieved
from bootstrap.model.errors import EvidenceError
from tests.support.raft_snapshots import MEMBERS, Store, archive, parts, snapshot, state, unpacked

STORE = Store()
KEPT = ("logical/one", "sys/expire/id/database/creds/app/x", "sys/tokens-of-others/id/x")
GONE = (
    "sys/token/id/habc",
    "sys/token/accessor/x",
    "sys/token/parent/x/y",
    "sys/expire/id/auth/kubernetes/login/x",
    "sys/expire/id/sys/wrapping/x",
)


def whole() -> bytes:
    return snapshot(STORE, STORE.entries(*(STORE.entry(path, b"x" * 300) for path in (*KEPT, *GONE))))


def stream_of(data: bytes) -> Callable[[Poured], object]:
    def stream(sink: Poured) -> None:
        for at in range(0, len(data), 500):
            sink.write(data[at : at + 500])

    return stream


def sent(found: Sieved) -> bytes:
    held = bytearray()
    found.send(held.extend)
    return bytes(held)


def names(data: bytes) -> list[str]:
    found: list[str] = []
    entries = Entries(lambda name, _: found.append(name))
    entries.feed(unpacked(data)["state.bin"])
    entries.close()
    return found


def test_b5_no_token_and_no_lease_of_one_is_sent() -> None:
    data = whole()
    found = sieved(stream_of(data), "1.21.1")
    assert names(sent(found)) == [name for name in names(data) if name not in GONE]
    assert found.dropped == {"tokens": 1, "accessors": 1, "children of tokens": 1, "leases of tokens": 2}
    assert (found.known, found.leases) == (True, 1)


def test_inv1_what_stays_is_sent_byte_for_byte() -> None:
    plain = STORE.entries(*(STORE.entry(path, b"x" * 300) for path in KEPT))
    found = sieved(stream_of(snapshot(STORE, plain)), "1.21.9")
    assert unpacked(sent(found))["state.bin"] == state(plain)
    assert found.dropped == {}


def test_its_sums_and_its_size_are_those_of_what_is_sent() -> None:
    found = sieved(stream_of(whole()), "1.21.1")
    members = unpacked(sent(found))
    assert list(members) == list(MEMBERS[:3])
    assert json.loads(members["meta.json"])["Size"] == len(members["state.bin"]) == found.size
    assert hashlib.sha256(members["state.bin"]).hexdigest() == found.state_sha256
    for line in members["SHA256SUMS"].decode().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256(members[name]).hexdigest() == digest


def test_the_same_file_is_sent_the_same_each_time() -> None:
    found = sieved(stream_of(whole()), "1.21.1")
    assert sent(found) == sent(found)


@pytest.mark.parametrize("version", ["1.20.4", "1.210.0", "2.0.0", ""])
def test_b5_a_layout_that_was_not_tried_is_not_guessed(version: str) -> None:
    data = whole()
    found = sieved(stream_of(data), version)
    assert (found.known, found.dropped, found.leases) == (False, {}, 1)
    assert sent(found) == data


def test_a_cut_archive_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(EvidenceError) as caught:
        sieved(stream_of(whole()[:-9]), "1.21.1")
    assert caught.value.code == "E_RAFT_CUT"
    broken = {**parts(STORE, state(STORE.entries())), "SHA256SUMS": b"0" * 64 + b"  state.bin\n"}
    with pytest.raises(EvidenceError) as caught:
        sieved(stream_of(archive(broken)), "1.21.1")
    assert caught.value.code == "E_RAFT_SUMS"


def test_inv6_no_lease_of_a_dynamic_secret_is_sent_in_a_rehearsal() -> None:
    """Vault would revoke one that is over as soon as it is unsealed, at the system that it is of."""
    data = whole()
    found = sieved(stream_of(data), "1.21.1", rehearsed=True)
    gone = {*GONE, "sys/expire/id/database/creds/app/x"}
    assert names(sent(found)) == [name for name in names(data) if name not in gone]
    assert (found.dropped["leases of dynamic secrets"], found.leases) == (1, 0)
