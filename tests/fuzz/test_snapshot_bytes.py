"""A damaged snapshot is refused, whatever was done to it: by its form and digests, or by what the root shows (INV1).

Half of them were damaged as they lay; the other half inside, and sealed anew around it with every digest redone: what
Vault's ``snapshot-force`` accepts is among them.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.adapters.snapshot.container import BLOCK, members
from bootstrap.ledger.bundle import Bundle
from bootstrap.model.errors import BootstrapError
from bootstrap.operations.snapshot.judge import contents, judged, signed
from tests.support.ledger_facts import Key
from tests.support.raft_snapshots import archive, parts, snapshot, state, sums
from tests.support.snapshot_files import BUNDLE, STORE, platform, whole

ALL, SAMPLED = 1000, 120
PLATFORM = platform()
VALUES = [STORE.entry(f"logical/kv/{n}", f"canary-{n}".encode() * 20) for n in range(20)]
ENTRIES = STORE.entries(*VALUES, STORE.token("saver", "bootstrap-snapshot"))
STATE = state(ENTRIES)
SENT = snapshot(STORE, ENTRIES)
KEYS = {"ledger.pub": Key().pem}
GZIP_HEADER = 10  # bytes, of which some say nothing


def flipped(data: bytes, dice: random.Random, begin: int = 0) -> bytes:
    at = dice.randrange(begin, len(data))
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]


def cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data))]


def cut_at_a_block(data: bytes, dice: random.Random) -> bytes:
    return data[: BLOCK * dice.randrange(len(data) // BLOCK)]


def longer(data: bytes, dice: random.Random) -> bytes:
    return data + dice.randbytes(dice.choice((1, BLOCK, 2 * BLOCK)))


def closed_twice(data: bytes, dice: random.Random) -> bytes:
    return data + bytes(BLOCK * dice.randint(1, 18))


def without_a_block(data: bytes, dice: random.Random) -> bytes:
    at = BLOCK * dice.randrange(len(data) // BLOCK)
    return data[:at] + data[at + BLOCK :]


def doubled_block(data: bytes, dice: random.Random) -> bytes:
    at = BLOCK * dice.randrange(len(data) // BLOCK)
    return data[: at + BLOCK] + data[at:]


def overwritten(data: bytes, dice: random.Random) -> bytes:
    at = dice.randrange(len(data) - 40)
    return data[:at] + dice.randbytes(40) + data[at + 40 :]


def zeroed(data: bytes, dice: random.Random) -> bytes:
    at = BLOCK * dice.randrange(len(data) // BLOCK - 2)
    return data[:at] + bytes(BLOCK) + data[at + BLOCK :]


Damage = Callable[[bytes, random.Random], bytes]
OUTSIDE: tuple[Damage, ...] = (
    flipped,
    flipped,
    cut,
    cut_at_a_block,
    longer,
    closed_twice,
    without_a_block,
    doubled_block,
    overwritten,
    zeroed,
)


def gzip_end_cut(dice: random.Random) -> bytes:
    return SENT[: -dice.randint(1, 16)]


def inside_flipped(dice: random.Random) -> bytes:
    return flipped(SENT, dice, GZIP_HEADER)


def inside_cut(dice: random.Random) -> bytes:
    return cut(SENT, dice)


def no_sealed_sums(dice: random.Random) -> bytes:
    members = redone(entry_changed(dice) if dice.random() < 0.5 else STATE)
    return archive({name: content for name, content in members.items() if name != "SHA256SUMS.sealed"})


def redone(content: bytes) -> dict[str, bytes]:
    """As anybody can: the clear sums fit, the sealed ones are those of the good one."""
    members = {**parts(STORE, STATE), "state.bin": content}
    return {**members, "SHA256SUMS": sums(members)}


def entry_changed(dice: random.Random) -> bytes:
    at = dice.randrange(len(ENTRIES))
    path, value = ENTRIES[at]
    return state([*ENTRIES[:at], (path, flipped(value, dice)), *ENTRIES[at + 1 :]])


def sums_redone(dice: random.Random) -> bytes:
    return archive(redone(entry_changed(dice)))


def entry_dropped(dice: random.Random) -> bytes:
    at = dice.randrange(len(ENTRIES))
    return archive(redone(state([*ENTRIES[:at], *ENTRIES[at + 1 :]])))


def empty_state(dice: random.Random) -> bytes:
    return archive(redone(b""))


def short_state(dice: random.Random) -> bytes:
    return archive(redone(STATE[: dice.randrange(1, len(STATE))]))


def other_vaults(dice: random.Random) -> bytes:
    return whole(replace(STORE, share=dice.randbytes(32)))


def sealed_by_vault(dice: random.Random) -> bytes:
    """Sealed sums and all, so that only the entry itself can tell: not one of those that no key covers."""
    at = dice.choice([n for n, (path, _) in enumerate(ENTRIES) if path.startswith(("logical/", "sys/"))])
    path, value = ENTRIES[at]
    bad = state([*ENTRIES[:at], (path, flipped(value, dice)), *ENTRIES[at + 1 :]])
    return archive(parts(STORE, bad))


INSIDE: tuple[Callable[[random.Random], bytes], ...] = (
    gzip_end_cut,
    inside_flipped,
    inside_cut,
    no_sealed_sums,
    sums_redone,
    entry_dropped,
    empty_state,
    short_state,
    other_vaults,
    sealed_by_vault,
)


def damaged(seed: int, good: bytes, path: Path) -> str:
    dice = random.Random(seed)
    if seed % 2:
        outside = OUTSIDE[seed // 2 % len(OUTSIDE)]
        data = outside(good, dice)
        assert data != good
        path.write_bytes(data)
        return outside.__name__
    inside = INSIDE[seed // 2 % len(INSIDE)]
    PLATFORM.write(path, inside(dice))
    return inside.__name__


def test_inv1_damaged_snapshots_are_refused(tmp_path: Path, whole: bool) -> None:
    good = PLATFORM.write(tmp_path / "good", SENT)
    assert contents(judged(good), PLATFORM.trust).entries > len(VALUES)
    data, codes = good.read_bytes(), Counter[str]()
    for seed in range(ALL if whole else SAMPLED):
        path = tmp_path / str(seed)
        how = damaged(seed, data, path)
        with pytest.raises(BootstrapError) as caught:
            contents(judged(path), PLATFORM.trust)
            pytest.fail(f"seed {seed}: {how} was not refused")
        assert caught.value.code.startswith(("E_SNAPSHOT_", "E_RAFT_")), (seed, how, caught.value.message)
        assert "canary" not in caught.value.message
        codes[caught.value.code] += 1
        path.unlink()
    found = ", ".join(f"{code} {count}" for code, count in sorted(codes.items()))
    print(f"{codes.total()} damaged snapshots, {codes.total()} refused: {found}")
    assert hashlib.sha256(good.read_bytes()).digest() == hashlib.sha256(data).digest()


def test_inv1_every_changed_byte_of_manifest_and_signature_is_found_without_the_root(tmp_path: Path) -> None:
    """Each byte in turn, by one bit; in the manifest with its digest redone, so that the signature alone tells."""
    good, heads = PLATFORM.write(tmp_path / "good", SENT), {"head": Bundle.parse(BUNDLE).head}
    with good.open("rb") as disk:
        found = {member.name: member for member in members(disk)}
    signed(judged(good), KEYS, heads)
    data, path, dice = good.read_bytes(), tmp_path / "changed", random.Random(1)
    tried = 0
    for name in ("manifest.json", "end.json"):
        begin, content = found[name].offset, found[name].content
        for at in range(len(content)):
            other = content[:at] + bytes([content[at] ^ 1 << dice.randrange(7)]) + content[at + 1 :]
            changed = data[:begin] + other + data[begin + len(content) :]
            if name == "manifest.json":
                before, after = (hashlib.sha256(each).hexdigest().encode() for each in (content, other))
                changed = changed.replace(before, after)
            path.write_bytes(changed)
            with pytest.raises(BootstrapError) as caught:
                signed(judged(path), KEYS, heads)
                pytest.fail(f"byte {at} of {name} was not found")
            assert caught.value.code.startswith("E_SNAPSHOT_"), (name, at, caught.value.message)
            tried += 1
    print(f"{tried} bytes changed, {tried} found")
    assert tried > 1000
