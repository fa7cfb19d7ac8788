"""Vault's raft snapshot is whole, or it is none: what the server and ``snapshot-force`` let pass is refused (INV1)."""

import gzip
import json
from collections.abc import Callable
from functools import partial

import pytest

from bootstrap.adapters.vault.barrier import Barrier, Entries, check_sealed_sums
from bootstrap.adapters.vault.census import Census, Found
from bootstrap.adapters.vault.raft_archive import Archive, ArchiveReader
from bootstrap.model.errors import EvidenceError
from bootstrap.model.sensitive import Sensitive
from tests.support.raft_snapshots import Store, archive, meta, parts, state, sums

STORE = Store()
SHARE = Sensitive(STORE.share.hex().encode(), "share")
ENTRIES = STORE.entries(STORE.entry("logical/x/1", b"canary-6e02"), STORE.token("root-one", "root"))
STATE = state(ENTRIES)
WHOLE = archive(parts(STORE, STATE))


def read(data: bytes, step: int = 1000) -> tuple[Archive, bytes]:
    seen = bytearray()
    reader = ArchiveReader(seen.extend)
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
    return reader.close(), bytes(seen)


def refused(act: Callable[[], object]) -> EvidenceError:
    with pytest.raises(EvidenceError) as caught:
        act()
    assert "canary" not in caught.value.message
    return caught.value


@pytest.mark.parametrize("step", [1, 7, 512, 1 << 20])
def test_a_whole_one_is_read_in_pieces_of_any_size(step: int) -> None:
    found, content = read(WHOLE, step)
    assert (found.index, found.term, found.size, content) == (41, 3, len(WHOLE), STATE)


@pytest.mark.parametrize("left", range(0, len(WHOLE), 37))
def test_every_cut_is_noticed(left: int) -> None:
    assert refused(lambda: read(WHOLE[:left])).code == "E_RAFT_CUT"


@pytest.mark.parametrize("less", range(1, 12))
def test_a_cut_of_its_last_bytes_is_noticed_which_vault_lets_pass(less: int) -> None:
    assert refused(lambda: read(WHOLE[:-less])).code == "E_RAFT_CUT"


def without(name: str) -> bytes:
    return archive({n: c for n, c in parts(STORE, STATE).items() if n != name})


def with_members(**changed: bytes) -> bytes:
    named = {"meta": "meta.json", "state": "state.bin", "sums": "SHA256SUMS", "sealed": "SHA256SUMS.sealed"}
    return archive({**parts(STORE, STATE), **{named[n]: content for n, content in changed.items()}})


def unpacked_end(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data)[:-1024])


BROKEN = {
    "nothing": (b"", "E_RAFT_CUT"),
    "no gzip": (b"PK\3\4" * 200, "E_RAFT_FORM"),
    "gzip of something else": (gzip.compress(b"text " * 400), "E_RAFT_FORM"),
    "garbage behind it": (WHOLE + b"x", "E_RAFT_FORM"),
    "a second stream behind it": (WHOLE + WHOLE, "E_RAFT_FORM"),
    "archive without its end": (unpacked_end(WHOLE), "E_RAFT_CUT"),
    "no meta": (without("meta.json"), "E_RAFT_FORM"),
    "no state": (without("state.bin"), "E_RAFT_FORM"),
    "no sums": (without("SHA256SUMS"), "E_RAFT_FORM"),
    "no sealed sums, which Vault lets pass": (without("SHA256SUMS.sealed"), "E_RAFT_SUMS"),
    "a member more": (archive({**parts(STORE, STATE), "more": b"x"}), "E_RAFT_FORM"),
    "another order": (archive(dict(reversed(parts(STORE, STATE).items()))), "E_RAFT_FORM"),
    "empty state, on which Vault panics": (archive(parts(STORE, b"")), "E_RAFT_EMPTY"),
    "state changed": (with_members(state=STATE[:-1] + b"x"), "E_RAFT_SUMS"),
    "meta changed": (with_members(meta=meta(index=42)), "E_RAFT_SUMS"),
    "meta that is none": (archive(parts(STORE, STATE, b"[]")), "E_RAFT_FORM"),
    "sums of another form": (with_members(sums=b"0" * 64 + b"\n"), "E_RAFT_SUMS"),
    "meta without end": (archive(parts(STORE, STATE, b" " * (1 << 21))), "E_RAFT_FORM"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_no_whole_snapshot_is_refused(how: str) -> None:
    data, code = BROKEN[how]
    assert refused(lambda: read(data)).code == code


# ---------------------------------------------------------------- with the share


def census(data: bytes, share: Sensitive = SHARE) -> Census:
    found = Found()
    reader = ArchiveReader(found.entries.feed)
    reader.feed(data)
    whole = reader.close()
    check_sealed_sums(whole.sealed_sums, whole.sums, share)
    taken = Census(found.barrier(share))
    entries = Entries(taken.take)
    again = ArchiveReader(entries.feed)
    again.feed(data)
    again.close()
    entries.close()
    return taken


def test_every_entry_is_opened_and_tells_what_lives_in_it() -> None:
    found = census(WHOLE)
    assert (found.opened, found.clear) == (len(ENTRIES) - 3, ["core/lock", "core/seal-config"])
    assert (found.cluster, found.version) == ("vault-1", "1.21.1")
    assert [(t.accessor, t.policies) for t in found.tokens] == [("root-one", ("root",))]


def test_another_share_opens_nothing() -> None:
    assert refused(lambda: census(WHOLE, Sensitive(b"ab" * 32, "share"))).code == "E_RAFT_SHARE"
    assert refused(lambda: census(WHOLE, Sensitive(b"no hex", "share"))).code == "E_RAFT_SHARE"


def made_anew(entries: list[tuple[str, bytes]]) -> bytes:
    """As it can be made without the share: the clear sums are those of the new state."""
    members = {**parts(STORE, STATE), "state.bin": state(entries)}
    return archive({**members, "SHA256SUMS": sums(members)})


def test_sums_made_anew_over_another_state_are_refused_which_vault_lets_pass() -> None:
    assert refused(lambda: census(made_anew(ENTRIES[:-1]))).code == "E_RAFT_SUMS"


def sealed(entries: list[tuple[str, bytes]]) -> bytes:
    """As Vault itself would have sealed it: only the entries can tell."""
    return archive(parts(STORE, state(entries)))


def test_an_entry_that_was_changed_moved_or_is_in_clear_is_refused() -> None:
    path, value = ENTRIES[-2]
    rest = [each for each in ENTRIES if each[0] != path]
    for entry in (
        (path, value[:-1] + bytes([value[-1] ^ 1])),
        (path + "x", value),
        (path, b"in the open, and long enough"),
        (path, b""),
        (path, b"\0\0\0\7" + value[4:]),
    ):
        assert refused(partial(census, sealed([*rest, entry]))).code == "E_RAFT_ENTRY"


def test_a_store_without_its_keys_is_none() -> None:
    for gone in ("core/keyring", "core/hsm/barrier-unseal-keys"):
        left = [entry for entry in ENTRIES if entry[0] != gone]
        assert refused(partial(census, sealed(left))).code == "E_RAFT_FORM"


def test_a_state_that_ends_inside_an_entry_is_refused() -> None:
    for cut in (STATE[:-1], STATE + b"\x05\x0a", STATE + b"\xff" * 12):
        assert refused(partial(census, archive(parts(STORE, cut)))).code == "E_RAFT_FORM"


def test_b2_no_error_of_a_barrier_shows_what_it_opened() -> None:
    barrier = Barrier.opened(
        SHARE, *(dict(ENTRIES)[p] for p in ("core/hsm/barrier-unseal-keys", "core/keyring"))
    )
    opened = barrier.open("logical/x/1", dict(ENTRIES)["logical/x/1"])
    assert opened == Sensitive(b"canary-6e02")
    assert "canary" not in json.dumps(str(opened))
