"""Vault's store out of a snapshot, move by move: what stands there is looked at, no answer is believed (INV4)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.model.errors import (
    BootstrapError,
    EvidenceError,
    PreconditionError,
    UnknownOutcome,
    WorldError,
)
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.restoration import Move, Restoration, Stage
from bootstrap.ports import Ref
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.restoration import RestorationStore
from bootstrap.steps.vault.restored_store import RestoredStore, check_release
from tests.simulated.restore.outcome import is_whole
from tests.simulator.concurrent import At, Dies, nth
from tests.simulator.faults import Call, Killed
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import repeatable
from tests.simulator.restoring import Saved, begun
from tests.simulator.vault import Store

pytestmark = pytest.mark.usefixtures("same_each_time")

CLAIM = Ref("v1", "PersistentVolumeClaim", "data-vault-0", "vault")
POD = Ref("v1", "Pod", "vault-0", "vault")
STATEFUL = Ref("apps/v1", "StatefulSet", "vault", "vault")


@pytest.fixture(scope="module")
def lost(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    with repeatable():
        return begun(tmp_path_factory.mktemp("lost"), repository)


@pytest.fixture
def empty(lost: Saved, tmp_path: Path) -> SimulatedPlatform:
    return lost.another(tmp_path / "new")


def restoration(platform: SimulatedPlatform) -> Restoration:
    found = RestorationStore(platform.cluster).read()
    assert found is not None
    return found


def store_of(step: HalfwayStep) -> RestoredStore:
    assert step.world.restore is not None
    return RestoredStore(step.world, step.world.restore)


def asked(name: str, at: int = 1) -> Callable[[Call], bool]:
    """The ``at``-th call of that name to Vault."""
    return nth(at, lambda call: call.system == "vault" and call.name == name)


def to_stage(stage: Stage) -> Callable[[Call], bool]:
    return lambda call: call.name == "replace" and call.args[0].get("data", {}).get("stage") == stage.value


def killed(platform: SimulatedPlatform, fits: Callable[[Call], bool]) -> None:
    with pytest.raises(Killed):
        platform.up(**Dies(fits).ports(platform))


def inits(platform: SimulatedPlatform) -> int:
    return platform.vault.mutations.count(("POST", "sys/init"))


@pytest.mark.parametrize(
    ("fits", "attempt", "said"),
    [
        # sealed, and the snapshot's share does not open it
        (asked("initialise"), 2, "attempt 1: the snapshot did not take the place of the store"),
        # open, with keys that are kept nowhere: it is no restored store
        (asked("unseal"), 2, "the keys of attempt 1 are gone"),
        (asked("unseal", 2), 1, ""),  # open, with the snapshot's share
        (to_stage(Stage.OPENED), 1, ""),
    ],
    ids=["initialised", "opened by keys that are gone", "opened by its share", "written down"],
)
def test_inv1_a_run_that_died_is_followed_by_what_stands_there(
    empty: SimulatedPlatform, fits: Callable[[Call], bool], attempt: int, said: str
) -> None:
    killed(empty, fits)
    empty.up()
    assert empty.narrator.said(said)
    assert restoration(empty).attempt == attempt
    assert (inits(empty), WindowStore(empty.cluster).read()) == (attempt, proven(empty))
    is_whole(empty)


def test_inv1_what_vault_did_not_clearly_answer_is_looked_at(empty: SimulatedPlatform) -> None:
    def lost() -> None:
        raise UnknownOutcome("the connection broke", code="E_UNKNOWN_OUTCOME")

    empty.up(**At(asked("raft_restore"), lost).ports(empty))
    assert empty.narrator.said("no clear answer (the connection broke)")
    assert restoration(empty).attempt == 2
    is_whole(empty)


def proven(platform: SimulatedPlatform) -> Window:
    """As it stands behind a restore."""
    now = restoration(platform)
    return Window(
        attempt=now.attempt,
        nonce=now.nonce[:8],
        phase=WindowPhase.VERIFIED,
        volume=now.volume,
        cluster_id=platform.vault.live().cluster_id,
        facts="restored",
    )


def test_inv1_a_store_that_was_opened_and_sealed_since_is_opened_again(empty: SimulatedPlatform) -> None:
    killed(empty, to_stage(Stage.OPENED))
    empty.vault.restart("vault-0")
    empty.up()
    assert restoration(empty).attempt == 1
    is_whole(empty)


def test_inv1_a_store_that_was_opened_and_lost_its_pod_since_gets_another(empty: SimulatedPlatform) -> None:
    killed(empty, to_stage(Stage.OPENED))
    delete(empty, STATEFUL, POD)
    empty.up()
    assert restoration(empty).attempt == 1
    is_whole(empty)


def test_inv4_a_store_that_others_made_meanwhile_is_left_alone(empty: SimulatedPlatform) -> None:
    step = halfway(empty, "vault-restored")
    store_of(step).make(Move.INSTALL, restoration(empty))
    claim = empty.cluster.get(CLAIM)
    assert claim is not None
    empty.vault.stores[claim["metadata"]["uid"]] = Store("theirs", "their-cluster")
    with pytest.raises(PreconditionError) as caught:
        step.take()
    assert (caught.value.code, caught.value.where) == ("E_FOREIGN_STORE", str(CLAIM))
    assert (empty.cluster.get(CLAIM), restoration(empty).stage) == (claim, Stage.BEGUN)


def test_b5_without_a_volume_and_for_a_run_that_slept_nothing_is_sent(empty: SimulatedPlatform) -> None:
    """SENT names the volume whose store is made; and it is one run's alone."""
    step = halfway(empty, "vault-restored")
    before, store = restoration(empty), store_of(step)
    store.make(Move.SEND, before)
    assert (restoration(empty), inits(empty)) == (before, 0), "there is no volume yet"
    store.make(Move.INSTALL, before)
    assert RestorationStore(empty.cluster).swap(before, before.sent("another's"))
    store.make(Move.SEND, before)
    assert (restoration(empty).volume, inits(empty)) == ("another's", 0)


@pytest.mark.parametrize("move", [Move.INSTALL, Move.FINISH_VOID])
def test_b5_a_run_that_slept_changes_nothing_of_a_later_attempt(empty: SimulatedPlatform, move: Move) -> None:
    killed(empty, to_stage(Stage.OPENED))
    step = step_of(empty, "vault-restored")
    slept = restoration(empty).voiding()
    seen = empty.cluster.get(STATEFUL), empty.cluster.get(CLAIM)
    store_of(step).make(move, slept)
    assert (empty.cluster.get(STATEFUL), empty.cluster.get(CLAIM)) == seen
    assert restoration(empty).stage is Stage.OPENED


def test_b5_what_is_left_of_a_platform_goes_before_a_store_is_made(empty: SimulatedPlatform) -> None:
    """Also where it is come upon here only."""
    step = halfway(empty, "vault-restored")
    before = restoration(empty)
    clearing = replace(before, stage=Stage.CLEARING)
    assert RestorationStore(empty.cluster).swap(before, clearing)
    store_of(step).make(Move.CLEAR, clearing)
    assert restoration(empty) == before


def silent_once(platform: SimulatedPlatform, at: Callable[[Call], bool]) -> At:
    """vault-0 does not answer the first look after a call."""
    heard = platform.vault.seal_status

    def silence() -> None:
        def seal_status(_: str) -> None:
            platform.vault.seal_status = heard  # type: ignore[method-assign]

        platform.vault.seal_status = seal_status  # type: ignore[method-assign,assignment]

    return At(at, silence, after=True)


def test_the_release_of_a_vault_that_is_silent_for_a_moment_is_waited_for(
    empty: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not known is not taken for the right one: nothing is forced."""
    monkeypatch.setattr("tests.simulator.vault.VERSION", "1.22.0")
    with pytest.raises(PreconditionError) as caught:
        empty.up(**silent_once(empty, lambda call: call.args == (("vault-0",),)).ports(empty))
    assert caught.value.code == "E_RESTORE_VERSION"
    assert ("POST", "sys/storage/raft/snapshot-force") not in empty.vault.mutations


@pytest.mark.parametrize(
    ("server", "taken"),
    [("", True), ("1.21.1", True), ("1.21.9", True), ("1.22.1", False), ("2.21.1", False)],
)
def test_only_the_same_release_takes_it_and_one_that_is_not_known_yet_may(
    empty: SimulatedPlatform, server: str, taken: bool
) -> None:
    source = empty.world().restore
    assert source is not None
    try:
        check_release(source, server)
    except PreconditionError as error:
        assert (error.code, taken) == ("E_RESTORE_VERSION", False)
    else:
        assert taken


def test_inv1_a_vault_that_is_silent_while_it_takes_the_snapshot_is_waited_for(
    empty: SimulatedPlatform,
) -> None:
    empty.up(**silent_once(empty, asked("raft_restore")).ports(empty))
    assert restoration(empty).attempt == 1
    assert empty.narrator.said("is sent, without")
    is_whole(empty)


@pytest.mark.parametrize("leases", ["0", "3"])
def test_what_comes_back_of_dynamic_secrets_is_said(empty: SimulatedPlatform, leases: str) -> None:
    step = halfway(empty, "vault-restored")
    assert step.world.restore is not None
    sent = {**step.world.restore.sent, "leases": leases}
    step.world.restore = replace(step.world.restore, sent=sent)
    step.take()
    assert bool(empty.narrator.said("leases of dynamic secrets come back")) is (leases == "3")


@pytest.mark.parametrize("stage", [Stage.BEGUN, Stage.OPENED])
def test_b6_a_vault_that_does_not_become_active_is_told_with_its_likely_cause(
    empty: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch, stage: Stage
) -> None:
    if stage is Stage.OPENED:
        killed(empty, to_stage(stage))
        step = step_of(empty, "vault-restored")
    else:
        step = halfway(empty, "vault-restored")
    monkeypatch.setattr(empty.vault, "active", lambda _: None)
    with pytest.raises(WorldError) as caught:
        step.take()
    assert caught.value.code == "E_TIMEOUT"
    assert "a snapshot whose audit devices cannot be opened" in caught.value.hint
    assert restoration(empty).stage is (Stage.OPENED if stage is Stage.OPENED else Stage.SENT)


def test_b5_an_escrow_that_opens_another_vault_does_not_end_it(empty: SimulatedPlatform) -> None:
    killed(empty, to_stage(Stage.OPENED))
    step = step_of(empty, "vault-restored")

    class Proof:
        def begin(self, cluster: str) -> None:
            raise AssertionError

        def prove(self, cluster: str) -> dict[str, str]:
            return {"vaultClusterId": "another", "generation": "1"}

        def prove_following(self, cluster: str) -> dict[str, str]:
            raise AssertionError

    step.world.proof = Proof()
    with pytest.raises(EvidenceError) as caught:
        step.take()
    assert caught.value.code == "E_ESCROW"
    assert (restoration(empty).stage, WindowStore(empty.cluster).read()) == (Stage.OPENED, None)


def test_inv4_a_window_of_others_does_not_end_it(empty: SimulatedPlatform) -> None:
    killed(empty, to_stage(Stage.OPENED))
    theirs = Window(attempt=1, nonce="theirs", phase=WindowPhase.CLAIMED)
    WindowStore(empty.cluster).create(theirs)
    with pytest.raises(UnknownOutcome) as caught:
        step_of(empty, "vault-restored").take()
    assert caught.value.code == "E_WINDOW"
    assert (restoration(empty).stage, WindowStore(empty.cluster).read()) == (Stage.OPENED, theirs)


def test_inv1_a_refusal_that_says_nothing_of_the_share_voids_no_store(
    empty: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(empty, asked("initialise"))
    before = restoration(empty)

    def denied(*_: Any) -> None:
        raise WorldError("Vault answered 403", code="E_VAULT_DENIED")

    monkeypatch.setattr(empty.vault, "unseal", denied)
    with pytest.raises(BootstrapError) as caught:
        step_of(empty, "vault-restored").take()
    assert (caught.value.code, restoration(empty)) == ("E_VAULT_DENIED", before)
