"""The escrow of a Vault that was rekeyed, or is being: which share counts, and which of two opens it (B4, S5)."""

import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.model.errors import EvidenceError
from bootstrap.model.layout import ESCROW
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.vault.escrow import (
    Escrow,
    escrow_bytes,
    prove_escrow,
    prove_following,
    read_escrow,
    share_digest,
)
from bootstrap.steps.vault.init_window import REF, Slots, WindowStore, share_part
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.rekeying import window
from tests.simulator.standing import KEY, proven, sealed_to_root

pytestmark = pytest.mark.usefixtures("same_each_time")

NEXT = "2" * 64


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    proven(platform)
    return platform


def file(platform: SimulatedPlatform) -> Path:
    return platform.records / platform.cluster.uid() / ESCROW


def change(platform: SimulatedPlatform, to: Callable[[Escrow], Escrow]) -> Escrow:
    """Another escrow in the records folder."""
    made = to(Escrow.from_bytes(file(platform).read_bytes(), "escrow"))
    file(platform).write_bytes(made.to_bytes())
    return made


def kept(platform: SimulatedPlatform, generation: int, ciphertext: Sensitive) -> None:
    Slots(platform.cluster, window(platform).volume).write(share_part(generation), ciphertext)


def counts(platform: SimulatedPlatform, share: str = NEXT) -> Sensitive:
    """The second share does, and the records folder is of a machine that has not heard of it."""
    ciphertext, before = sealed_to_root(platform, share), window(platform)
    kept(platform, 2, ciphertext)
    assert WindowStore(platform.cluster).swap(before, before.rekeying().rekeyed().settled())
    platform.vault.live().share = share
    return ciphertext


def test_b4_an_escrow_of_before_a_rekey_counts_as_lost(platform: SimulatedPlatform) -> None:
    old, share = file(platform).read_bytes(), counts(platform)
    escrow = read_escrow(platform.world())
    assert escrow is not None
    assert escrow.shares == {2: share}
    world = platform.world()
    world.files = None  # it cannot be made again
    assert escrow_bytes(world) == old


def test_b4_one_of_the_generation_that_counts_is_taken_as_it_lies(platform: SimulatedPlatform) -> None:
    counts(platform)
    made = change(platform, lambda e: replace(e, generation=2, share=sealed_to_root(platform, "3" * 64)))
    assert read_escrow(platform.world()) == made


def test_b4_where_the_window_is_gone_the_file_alone_counts(platform: SimulatedPlatform) -> None:
    delete(platform, REF)
    assert escrow_bytes(platform.world()) == file(platform).read_bytes()
    file(platform).unlink()
    assert escrow_bytes(platform.world()) is None


def test_b4_without_a_rekey_a_damaged_file_is_given_as_it_lies(platform: SimulatedPlatform) -> None:
    """The ledger's record of its digest tells that it is another one: what only compares it goes on."""
    file(platform).write_bytes(b"damaged")
    assert escrow_bytes(platform.world()) == b"damaged"


def test_b4_the_next_share_is_made_again_from_its_slot_too(platform: SimulatedPlatform) -> None:
    share = sealed_to_root(platform, NEXT)
    kept(platform, 2, share)
    file(platform).unlink()
    escrow = read_escrow(platform.world())
    assert escrow is not None
    assert (sorted(escrow.shares), escrow.following) == ([1, 2], share)


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("opens", [1, 2])
def test_b4_of_two_shares_the_proof_names_the_one_that_opens_vault(
    platform: SimulatedPlatform, opens: int, sealed: bool
) -> None:
    escrow = read_escrow(platform.world())
    assert escrow is not None
    right, wrong = escrow.share, sealed_to_root(platform, secrets.token_hex(32))
    one, two = (right, wrong) if opens == 1 else (wrong, right)
    change(platform, lambda e: replace(e, share=one, following=two))
    if sealed:
        delete(platform, KEY)
        for pod in ("vault-0", "vault-1", "vault-2"):
            platform.vault.restart(pod)
    proof = prove_escrow(platform.world(), platform.cluster.uid())
    assert proof["generation"] == str(opens)
    assert proof["method"] == ("unseal" if sealed else "rekey, cancelled")
    assert proof["vaultClusterId"] == platform.vault.live().cluster_id


def test_b4_the_next_share_is_read_where_it_lies_and_vault_is_not_asked(platform: SimulatedPlatform) -> None:
    uid, world = platform.cluster.uid(), platform.world()
    with pytest.raises(EvidenceError) as caught:
        prove_following(world, uid)
    assert caught.value.code == "E_ESCROW"
    change(platform, lambda e: replace(e, following=sealed_to_root(platform, NEXT)))
    platform.vault.mutations.clear()
    commitment = share_digest(world, uid, Sensitive(NEXT.encode(), "share"))
    assert prove_following(platform.world(), uid) == {"generation": "2", "commitment": commitment}
    assert platform.vault.mutations == []
    with pytest.raises(EvidenceError, match="no escrow of this cluster"):
        prove_following(platform.world(), "another")
