"""Each move of a restore alone, without a platform's road to it: what it does, leaves alone and says (INV4).

The roads through them are in ``test_restored_store.py``.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.model.errors import EvidenceError, PreconditionError, UnknownOutcome, WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.layout import ESCROW
from bootstrap.model.restoration import Move, Restoration, Stage, StoreState, next_move
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import SYSTEM_NAMESPACE, namespace
from bootstrap.steps.vault import restored_store
from bootstrap.steps.vault.escrow import Escrow
from bootstrap.steps.vault.init_window import Slots, WindowStore
from bootstrap.steps.vault.restoration import RestorationStore
from bootstrap.steps.vault.restored_store import RestoredStore, check_release
from bootstrap.steps.vault.restored_tokens import Settled
from tests.simulator import snapshots
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.standing import SHARE, sealed_to_root
from tests.simulator.vault import Store
from tests.support.authorities import NOTE, snapshot_source
from tests.support.simulated_clock import SimulatedClock

pytestmark = pytest.mark.usefixtures("same_each_time")

CLAIM = Ref("v1", "PersistentVolumeClaim", "data-vault-0", "vault")
POD = Ref("v1", "Pod", "vault-0", "vault")
STATEFUL = Ref("apps/v1", "StatefulSet", "vault", "vault")
SAVED = Store(SHARE, "saved-vault")  # what the file holds
BEGUN = Restoration(file="d" * 64, nonce="n" * 32, begun="2026-01-03T00:00:00Z")
FORCED = ("POST", "sys/storage/raft/snapshot-force")


@pytest.fixture
def platform(platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch) -> SimulatedPlatform:
    """An empty cluster in which a restore was begun. What lives in the restored Vault is another test's."""
    platform.cluster.create(namespace(SYSTEM_NAMESPACE, {}))
    RestorationStore(platform.cluster).begin(BEGUN, None)
    monkeypatch.setattr(restored_store, "settled", lambda *_: Settled(("a leaf", "another"), ("a role",)))
    return platform


def send(write: Callable[[bytes], object]) -> None:
    write(snapshots.archived(SAVED))


def restoring(platform: SimulatedPlatform, leases: str = "0", **ports: Any) -> RestoredStore:
    """In the hands of a new process; ``ports`` as in ``SimulatedPlatform.world``."""
    source = snapshot_source(NOTE)
    share = replace(source.manifest.share, ciphertext=sealed_to_root(platform, SHARE).ciphertext())
    return RestoredStore(
        platform.world(**ports),
        replace(
            source,
            manifest=replace(source.manifest, vault_cluster=SAVED.cluster_id, share=share),
            sent={"leftOut": "3 tokens", "leases": leases},
            send=send,
        ),
    )


def now(platform: SimulatedPlatform) -> Restoration:
    found = RestorationStore(platform.cluster).read()
    assert found is not None
    return found


def walked(
    platform: SimulatedPlatform, restored: RestoredStore | None = None, *, until: Move = Move.DONE
) -> list[Move]:
    """The moves up to one, as the step makes them."""
    restored, moves = restored or restoring(platform), list[Move]()
    for _ in range(8):
        move = next_move(now(platform), restored.state())
        if move is until:
            return moves
        moves.append(move)
        restored.make(move, now(platform))
    raise AssertionError(moves)


def installed(platform: SimulatedPlatform) -> str:
    """The UID of the volume of an empty Vault that answers."""
    walked(platform, until=Move.SEND)
    live = platform.cluster.get(CLAIM)
    assert live is not None
    return str(live["metadata"]["uid"])


def holding(platform: SimulatedPlatform, store: Store, *, sealed: bool = False) -> str:
    """SENT, and this store stands there."""
    volume = installed(platform)
    assert RestorationStore(platform.cluster).swap(BEGUN, BEGUN.sent(volume))
    store.voters = {"vault-0"}
    platform.vault.stores[volume] = store
    if not sealed:
        platform.vault.unseal("vault-0", Sensitive(store.share.encode(), "share"))
    return volume


def seen(platform: SimulatedPlatform) -> tuple[Object | None, ...]:
    return tuple(platform.cluster.get(ref) for ref in (STATEFUL, POD, CLAIM))


def saved() -> Store:
    return Store(SAVED.share, SAVED.cluster_id)


class AnotherVault:
    """What the escrow opens is not what the snapshot is of."""

    def begin(self, _: str) -> None:
        raise AssertionError

    def prove(self, _: str) -> dict[str, str]:
        return {"vaultClusterId": "another", "generation": "1"}

    def prove_following(self, _: str) -> dict[str, str]:
        raise AssertionError


# ---------------------------------------------------------------- the road


def test_inv1_the_saved_store_takes_the_place_and_what_opens_it_is_kept(platform: SimulatedPlatform) -> None:
    assert walked(platform) == [Move.INSTALL, Move.SEND, Move.SETTLE]
    done, uid = now(platform), platform.cluster.uid()
    assert (done.stage, done.repaired, done.batch) == (Stage.DONE, "a leaf; another", "a role")
    assert platform.vault.live().cluster_id == SAVED.cluster_id
    assert platform.vault.mutations == [("POST", "sys/init"), FORCED]
    assert WindowStore(platform.cluster).read() == Window(
        attempt=1,
        nonce="n" * 8,
        phase=WindowPhase.VERIFIED,
        volume=done.volume,
        cluster_id=SAVED.cluster_id,
        facts="restored",
    )
    escrow = Escrow.from_bytes((platform.records / uid / ESCROW).read_bytes(), "escrow")
    assert (escrow.cluster, escrow.volume, escrow.generation) == (uid, done.volume, 1)
    kept = Slots(platform.cluster, done.volume).read(Slots.SHARE)
    assert kept is not None
    assert kept.ciphertext() == escrow.share.ciphertext()
    opened = platform.world().material.unseal_key().decrypt(kept.ciphertext())
    assert opened.reveal().decode() == SHARE
    assert platform.narrator.said("the snapshot of 2026-01-02T00:00:00Z is sent, without 3 tokens")


@pytest.mark.parametrize("leases", ["0", "3"])
def test_what_comes_back_of_dynamic_secrets_is_said(platform: SimulatedPlatform, leases: str) -> None:
    walked(platform, restoring(platform, leases))
    assert bool(platform.narrator.said("3 leases of dynamic secrets come back")) is (leases == "3")


def test_inv1_each_store_is_seen_as_it_is(platform: SimulatedPlatform) -> None:
    assert restoring(platform).state() == StoreState(initialized=None)
    volume = installed(platform)
    assert restoring(platform).state() == StoreState(initialized=False, volume=volume)
    platform.vault.stores[volume] = replace(saved(), voters={"vault-0"})
    assert restoring(platform).state() == StoreState(initialized=True, volume=volume)
    platform.vault.unseal("vault-0", Sensitive(SHARE.encode(), "share"))
    there = StoreState(initialized=True, sealed=False, restored=True, volume=volume)
    assert restoring(platform).state() == there
    platform.vault.live().cluster_id = "another"
    assert restoring(platform).state() == replace(there, restored=False)


# ---------------------------------------------------------------- before the share has opened it


def test_inv4_a_store_that_others_made_is_left_alone(platform: SimulatedPlatform) -> None:
    volume = installed(platform)
    platform.vault.stores[volume] = Store("theirs", "their-vault")
    before = seen(platform)
    with pytest.raises(PreconditionError) as caught:
        walked(platform)
    assert (caught.value.code, caught.value.where) == ("E_FOREIGN_STORE", str(CLAIM))
    assert (seen(platform), now(platform)) == (before, BEGUN)


def test_b5_without_a_volume_and_for_a_run_that_slept_nothing_is_sent(platform: SimulatedPlatform) -> None:
    """SENT names the volume whose store is made; and it is one run's alone."""
    restoring(platform).make(Move.SEND, BEGUN)
    assert (now(platform), platform.vault.mutations) == (BEGUN, []), "there is no volume yet"
    installed(platform)
    others = BEGUN.sent("another's")
    assert RestorationStore(platform.cluster).swap(BEGUN, others)
    restoring(platform).make(Move.SEND, BEGUN)
    assert (now(platform), platform.vault.mutations) == (others, [])


@pytest.mark.parametrize("move", [Move.INSTALL, Move.FINISH_VOID])
def test_b5_a_run_that_slept_changes_nothing_of_a_later_attempt(
    platform: SimulatedPlatform, move: Move
) -> None:
    volume = holding(platform, saved())
    before, later = seen(platform), now(platform)
    slept = replace(BEGUN, attempt=7, volume=volume)
    restoring(platform).make(move, slept)
    assert (seen(platform), now(platform)) == (before, later)


def test_b5_what_is_left_of_a_platform_goes_before_a_store_is_made(platform: SimulatedPlatform) -> None:
    """Also where it is come upon here only."""
    clearing = replace(BEGUN, stage=Stage.CLEARING)
    assert RestorationStore(platform.cluster).swap(BEGUN, clearing)
    assert walked(platform, until=Move.INSTALL) == [Move.CLEAR]
    assert now(platform) == BEGUN


def test_inv1_what_vault_did_not_clearly_answer_is_looked_at(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store under keys that are gone is no restored one, and the next attempt begins without it."""

    def lost(*_: Any) -> None:
        raise UnknownOutcome("the connection broke", code="E_UNKNOWN_OUTCOME")

    with monkeypatch.context() as patched:
        patched.setattr(platform.vault, "raft_restore", lost)
        walked(platform, until=Move.VOID)
    assert platform.narrator.said("no clear answer (the connection broke)")
    before = now(platform)
    assert (before.stage, before.attempt) == (Stage.SENT, 1)
    assert walked(platform, until=Move.INSTALL) == [Move.VOID, Move.FINISH_VOID]
    assert platform.narrator.said("the keys of attempt 1 are gone")
    assert (now(platform), platform.cluster.get(CLAIM)) == (BEGUN.again(), None)
    assert walked(platform) == [Move.INSTALL, Move.SEND, Move.SETTLE]


def test_inv1_a_vault_that_dies_before_it_took_the_snapshot_is_not_called_opened(
    platform: SimulatedPlatform,
) -> None:
    """The answer came before the work, and while it is open it says so to any share."""
    installed(platform)
    clock = SimulatedClock()
    clock.on_sleep.append(lambda: platform.vault.restart("vault-0") if platform.vault.forced else None)
    restoring(platform, clock=clock).make(Move.SEND, BEGUN)
    assert (now(platform).stage, platform.vault.forced) == (Stage.VOIDING, {})


def test_inv1_a_store_that_the_share_does_not_open_is_voided(platform: SimulatedPlatform) -> None:
    holding(platform, Store("6" * 64, "another"), sealed=True)
    assert walked(platform, until=Move.FINISH_VOID) == [Move.TRY_SHARE]
    assert now(platform).stage is Stage.VOIDING
    assert platform.narrator.said("attempt 1: the snapshot did not take the place of the store")


@pytest.mark.parametrize(("sealed", "by"), [(True, Move.TRY_SHARE), (False, Move.MARK_OPENED)])
def test_inv1_the_store_that_the_share_opens_is_never_voided(
    platform: SimulatedPlatform, sealed: bool, by: Move
) -> None:
    """Once it is written down; whatever is seen of it then."""
    holding(platform, saved(), sealed=sealed)
    assert walked(platform, until=Move.SETTLE) == [by]
    assert now(platform).stage is Stage.OPENED
    assert walked(platform) == [Move.SETTLE]


def test_inv1_a_refusal_that_says_nothing_of_the_share_voids_no_store(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    holding(platform, saved(), sealed=True)
    before = now(platform)

    def denied(*_: Any) -> None:
        raise WorldError("Vault answered 403", code="E_VAULT_DENIED")

    monkeypatch.setattr(platform.vault, "unseal", denied)
    with pytest.raises(WorldError) as caught:
        restoring(platform).make(Move.TRY_SHARE, before)
    assert (caught.value.code, now(platform)) == ("E_VAULT_DENIED", before)


def test_the_process_of_the_proof_begins_while_vault_takes_the_snapshot(platform: SimulatedPlatform) -> None:
    installed(platform)
    restored, before = restoring(platform), list[tuple[bool, bool]]()

    class Proof(AnotherVault):
        def begin(self, _: str) -> None:
            there = platform.vault.live().cluster_id == SAVED.cluster_id
            before.append((FORCED in platform.vault.mutations, there))

    restored.world.proof = Proof()
    restored.make(Move.SEND, BEGUN)
    assert before == [(True, False)]


# ---------------------------------------------------------------- its release


def silent_after(platform: SimulatedPlatform, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """vault-0 does not answer the first look after that call."""
    asked, heard = getattr(platform.vault, name), platform.vault.seal_status
    silent = list[str]()

    def call(*args: Any, **how: Any) -> Any:
        answer = asked(*args, **how)
        silent.append("once")
        return answer

    monkeypatch.setattr(platform.vault, name, call)
    monkeypatch.setattr(
        platform.vault, "seal_status", lambda pod: None if silent and silent.pop() else heard(pod)
    )


def test_the_release_of_a_vault_that_is_silent_for_a_moment_is_waited_for(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not known is not taken for the right one: nothing is forced."""
    installed(platform)
    monkeypatch.setattr("tests.simulator.vault.VERSION", "1.22.0")
    silent_after(platform, "active", monkeypatch)
    with pytest.raises(PreconditionError) as caught:
        restoring(platform).make(Move.SEND, BEGUN)
    assert caught.value.code == "E_RESTORE_VERSION"
    assert platform.vault.mutations == [("POST", "sys/init")]


@pytest.mark.parametrize(
    ("server", "taken"),
    [("", True), ("1.21.1", True), ("1.21.9", True), ("1.22.1", False), ("2.21.1", False)],
)
def test_only_the_same_release_takes_it_and_one_that_is_not_known_yet_may(server: str, taken: bool) -> None:
    try:
        check_release(snapshot_source(NOTE), server)
    except PreconditionError as error:
        assert (error.code, taken) == ("E_RESTORE_VERSION", False)
    else:
        assert taken


def test_inv1_a_vault_that_is_silent_while_it_takes_the_snapshot_is_waited_for(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent_after(platform, "raft_restore", monkeypatch)
    assert walked(platform) == [Move.INSTALL, Move.SEND, Move.SETTLE]


# ---------------------------------------------------------------- behind the closed door


def opened(platform: SimulatedPlatform) -> Restoration:
    """The snapshot's share has opened it, and a new process comes upon it."""
    holding(platform, saved())
    walked(platform, until=Move.SETTLE)
    return now(platform)


@pytest.mark.parametrize("lost", [(POD,), (STATEFUL, POD)], ids=["sealed since", "without a pod since"])
def test_inv1_a_store_that_was_opened_is_opened_again(
    platform: SimulatedPlatform, lost: tuple[Ref, ...]
) -> None:
    opened(platform)
    delete(platform, *lost)
    assert walked(platform) == [Move.SETTLE]
    status = platform.vault.seal_status("vault-0")
    assert status is not None
    assert not status.sealed


@pytest.mark.parametrize("stage", [Stage.BEGUN, Stage.OPENED])
def test_b6_a_vault_that_does_not_become_active_is_told_with_its_likely_cause(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    if stage is Stage.OPENED:
        opened(platform)
    monkeypatch.setattr(platform.vault, "active", lambda _: None)
    with pytest.raises(WorldError) as caught:
        walked(platform)
    assert caught.value.code == "E_TIMEOUT"
    assert "a snapshot whose audit devices cannot be opened" in caught.value.hint
    assert now(platform).stage is (Stage.OPENED if stage is Stage.OPENED else Stage.SENT)
    assert FORCED not in platform.vault.mutations


def test_b5_an_escrow_that_opens_another_vault_does_not_end_it(platform: SimulatedPlatform) -> None:
    before, restored = opened(platform), restoring(platform)
    restored.world.proof = AnotherVault()
    with pytest.raises(EvidenceError) as caught:
        restored.make(Move.SETTLE, before)
    assert caught.value.code == "E_ESCROW"
    assert (now(platform), WindowStore(platform.cluster).read()) == (before, None)


def test_inv4_a_window_of_others_does_not_end_it(platform: SimulatedPlatform) -> None:
    before, theirs = opened(platform), Window(attempt=1, nonce="theirs", phase=WindowPhase.CLAIMED)
    WindowStore(platform.cluster).create(theirs)
    with pytest.raises(UnknownOutcome) as caught:
        restoring(platform).make(Move.SETTLE, before)
    assert caught.value.code == "E_WINDOW"
    assert (now(platform), WindowStore(platform.cluster).read()) == (before, theirs)
