"""The escrow file: a share is read back under its generation, and the one that a rekey makes beside it."""

import json

import pytest

from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.vault.escrow import Escrow

SHARE, NEXT = (Sensitive(b"age-encryption.org/v1\n" + text, "share ciphertext") for text in (b"one", b"next"))
FIRST = Escrow("a-cluster", "a-volume", "AB12", SHARE)
KEYS = {"apiVersion", "cluster", "kind", "share", "unsealKey", "volume"}


@pytest.mark.parametrize(
    ("escrow", "more", "shares"),
    [
        (FIRST, set(), {1: SHARE}),  # as earlier versions wrote it, and read it
        (Escrow("a-cluster", "a-volume", "AB12", SHARE, 2), {"generation"}, {2: SHARE}),
        (
            Escrow("a-cluster", "a-volume", "AB12", SHARE, 1, NEXT),
            {"following"},
            {1: SHARE, 2: NEXT},
        ),
        (
            Escrow("a-cluster", "a-volume", "AB12", SHARE, 4, NEXT),
            {"generation", "following"},
            {4: SHARE, 5: NEXT},
        ),
    ],
)
def test_b4_every_share_is_read_back_under_its_generation(
    escrow: Escrow, more: set[str], shares: dict[int, Sensitive]
) -> None:
    written = escrow.to_bytes()
    assert set(json.loads(written)) == KEYS | more
    assert Escrow.from_bytes(written, "escrow.json") == escrow
    assert escrow.shares == shares
