"""No byte of a bundle is free: every change of every byte is found (H4).

A sample of the bytes, others each day; every one with ``--whole``.
"""

import random

import pytest

from bootstrap.ledger.bundle import verify_bundle
from bootstrap.model.errors import EvidenceError
from tests.simulator.sweep import SEED
from tests.support.ledger_facts import Key, bundle_of, signed_by_both

KEYS = {"ledger.pub": Key().pem}
STRETCH = 16  # bytes, of which one is changed by default
DATA = bundle_of(tuple(each.envelope for each in signed_by_both()))


def others(at: int) -> list[int]:
    """What byte ``at`` is changed to: the lowest bit, the case, the top bit, a blank, a line end, a letter."""
    old = DATA[at]
    changed = (old ^ 1, old ^ 0x20, old ^ 0x80, 0x20, 0x0A, ord("A"), random.Random(at).randrange(256))
    return [new for new in dict.fromkeys(changed) if new != old]


def assert_found(at: int, new: int) -> None:
    try:
        verify_bundle(DATA[:at] + bytes([new]) + DATA[at + 1 :], KEYS)
    except EvidenceError:
        return
    pytest.fail(f"byte {at}: {DATA[at]:#x} to {new:#x} was not found")


def test_h4_every_changed_byte_is_found() -> None:
    """One position of each stretch, each with one of the changes in turn."""
    draw = random.Random(SEED)
    tried = [at + draw.randrange(min(STRETCH, len(DATA) - at)) for at in range(0, len(DATA), STRETCH)]
    for number, at in enumerate(tried):
        choices = others(at)
        assert_found(at, choices[number % len(choices)])
    print(f"{len(tried)} of {len(DATA)} bytes changed, all found, seed {SEED}")


@pytest.mark.whole
@pytest.mark.parametrize("part", range(8))
def test_h4_every_change_of_every_byte_is_found(part: int) -> None:
    for at in range(part, len(DATA), 8):
        for new in others(at):
            assert_found(at, new)
