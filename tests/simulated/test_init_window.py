"""The window between ``sys/init`` and a proven key, where another process moves too, or an answer is lost (B4, B5)."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import (
    BootstrapError,
    DecisionNeeded,
    EvidenceError,
    PreconditionError,
    UnknownOutcome,
    WorldError,
)
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Ref
from bootstrap.steps.vault.empty_store import remove_voided
from bootstrap.steps.vault.first_replica import attempt_tls_name
from bootstrap.steps.vault.init_window import REBUILT, REF, Slots, WindowStore, slot_ref
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.concurrent import At, nth
from tests.simulator.faults import Call
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.rekeying import in_slots
from tests.simulator.vault import Store
from tests.support.simulated_clock import SimulatedClock

CLAIM = Ref("v1", "PersistentVolumeClaim", "data-vault-0", "vault")


def window(platform: SimulatedPlatform) -> Window:
    found = WindowStore(platform.cluster).read()
    assert found is not None
    return found


def move(platform: SimulatedPlatform, change: Callable[[Window], Window]) -> None:
    before = window(platform)
    assert WindowStore(platform.cluster).swap(before, change(before))


@pytest.mark.parametrize("change", [{}, {"phase": "OVER"}, {"attempt": "many"}])
def test_inv4_a_window_that_somebody_changed_is_said_and_nothing_is_done(
    platform: SimulatedPlatform, change: dict[str, str]
) -> None:
    platform.up()
    live = platform.cluster.peek(REF)
    assert live is not None
    before, live["data"] = live["data"], (live["data"] | change if change else {})
    platform.cluster.mutations.clear()
    with pytest.raises(EvidenceError) as stopped:
        platform.up()
    assert (stopped.value.code, stopped.value.where, bool(stopped.value.hint)) == ("E_WINDOW", str(REF), True)
    assert platform.cluster.mutations == []
    live["data"] = before
    platform.up()


def step_id(platform: SimulatedPlatform) -> str:
    return next(s.id for s in platform.world().plan.steps if s.kind == "vault-init")


def to_sent(call: Call) -> bool:
    return call.name == "replace" and call.args[0].get("data", {}).get("phase") == "SENT"


def asks_init(call: Call) -> bool:
    return call.name == "initialise"


class Noted(At):
    """Keeps what was called."""

    def __init__(self, *how: Any) -> None:
        super().__init__(*how)
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> Any:
        self.calls.append(call)
        return super().__call__(call)


def taken(step: HalfwayStep) -> BootstrapError | None:
    try:
        step.take()
    except BootstrapError as error:
        return error
    return None


def sent(platform: SimulatedPlatform) -> int:
    return platform.vault.mutations.count(("POST", "sys/init"))


def test_b4_a_run_that_lost_the_swap_to_sent_does_not_send(platform: SimulatedPlatform) -> None:
    """Another run's SENT is in its place: two requests for one store would make one of the answers worthless."""
    halfway(platform, "vault-init")
    at = Noted(to_sent, lambda: move(platform, lambda w: w.sent("another's")))
    taken(step_of(platform, "vault-init", **at.ports(platform)))
    assert at.fired
    assert [c for c in at.calls if asks_init(c)] == []


@pytest.mark.parametrize("after", [False, True])
def test_b4_a_swap_whose_answer_was_lost_sends_nothing(platform: SimulatedPlatform, after: bool) -> None:
    """It may have been this run's, or not: a run that cannot know does not send."""
    halfway(platform, "vault-init")

    def lost() -> None:
        raise UnknownOutcome("the connection broke", code="E_UNKNOWN_OUTCOME")

    at = At(to_sent, lost, after=after)
    with pytest.raises(UnknownOutcome):
        step_of(platform, "vault-init", **at.ports(platform)).take()
    assert (at.fired, sent(platform)) == (True, 0)


def test_b4_nothing_is_sent_before_the_window_says_so(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-init")
    phases: list[WindowPhase] = []
    at = At(asks_init, lambda: phases.append(window(platform).phase))
    step_of(platform, "vault-init", **at.ports(platform)).take()
    assert phases == [WindowPhase.SENT]
    assert window(platform).phase is WindowPhase.KEYS


def test_b4_a_store_that_is_initialised_already_is_not_asked_and_not_touched(
    platform: SimulatedPlatform,
) -> None:
    """A claim of ours, and a store that answers: another made it."""
    halfway(platform, "vault-init")
    volume = platform.cluster.get(CLAIM)
    assert volume is not None
    platform.vault.stores[volume["metadata"]["uid"]] = Store("theirs", "their-cluster")
    decision = step_of(platform, "vault-init").decide()
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_FOREIGN_STORE"
    assert platform.cluster.get(CLAIM) == volume


def lose_answer(platform: SimulatedPlatform) -> None:
    platform.vault.lose_next_answer = True


def test_b4_a_lost_answer_is_voided_by_the_uid_of_its_volume_and_asked_anew(
    platform: SimulatedPlatform,
) -> None:
    halfway(platform, "vault-init")
    first = platform.cluster.get(CLAIM)
    step_of(platform, "vault-init", **At(asks_init, lambda: lose_answer(platform)).ports(platform)).take()
    second = platform.cluster.get(CLAIM)
    assert first is not None
    assert second is not None
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert (window(platform).attempt, window(platform).phase) == (2, WindowPhase.KEYS)
    assert window(platform).volume == second["metadata"]["uid"]


def test_b4_a_volume_that_is_not_the_voided_one_is_never_removed(platform: SimulatedPlatform) -> None:
    """VOIDING names a volume; another lies there by now."""
    halfway(platform, "vault-init")
    move(platform, lambda w: w.sent("uid-of-the-voided").voiding())
    before = platform.cluster.get(CLAIM)
    assert taken(step_of(platform, "vault-init")) is None
    assert platform.cluster.get(CLAIM) == before


def test_b4_no_store_is_voided_without_asking_where_that_was_forbidden(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-init")
    step = step_of(platform, "vault-init", **At(asks_init, lambda: lose_answer(platform)).ports(platform))
    step.world.auto_void = False
    before = platform.cluster.get(CLAIM)
    with pytest.raises(DecisionNeeded) as caught:
        step.take()
    assert caught.value.code == "E_INIT_LOST"
    again = step_of(platform, "vault-init")
    again.world.auto_void = False
    decision = again.decide()
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_INIT_LOST"
    assert platform.cluster.get(CLAIM) == before


def test_b4_a_fourth_attempt_is_a_human_s_and_with_approval_it_is_made(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-init")
    move(platform, lambda w: Window(attempt=3, nonce=w.nonce, phase=WindowPhase.VOIDING))
    decision = step_of(platform, "vault-init").decide()
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_INIT_ATTEMPTS"
    step = step_of(platform, "vault-init", approve=(step_id(platform),))
    step.take()
    assert (window(platform).attempt, window(platform).phase) == (4, WindowPhase.KEYS)


def test_b4_nor_is_a_fourth_attempt_begun_where_the_third_one_s_volume_is_gone(
    platform: SimulatedPlatform,
) -> None:
    halfway(platform, "vault-init")
    move(platform, lambda w: Window(attempt=3, nonce=w.nonce, phase=WindowPhase.VOIDING))
    live = platform.cluster.get(CLAIM)
    assert live is not None
    platform.cluster.delete(CLAIM, uid=live["metadata"]["uid"])
    decision = step_of(platform, "vault-init").decide()
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_INIT_ATTEMPTS"


def test_b4_a_slot_that_holds_another_answer_is_an_error_and_is_kept(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-init")
    slots = Slots(platform.cluster, "uid-of-a-volume")
    slots.write(Slots.SHARE, Sensitive(b"first", "share"))
    slots.write(Slots.SHARE, Sensitive(b"first", "share"))  # the same again: a lost answer, say
    with pytest.raises(WorldError) as caught:
        slots.write(Slots.SHARE, Sensitive(b"second", "share"))
    assert caught.value.code == "E_SLOT"
    assert slots.read(Slots.SHARE) == Sensitive(b"first", "share")


def test_b4_keys_that_can_be_read_save_an_attempt_whose_run_died(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-init")
    step_of(platform, "vault-init").take()
    move(platform, lambda w: Window(attempt=1, nonce=w.nonce, phase=WindowPhase.SENT, volume=w.volume))
    step_of(platform, "vault-init").take()
    assert (window(platform).attempt, window(platform).phase) == (1, WindowPhase.KEYS)
    assert isinstance(step_of(platform, "vault-init").decide(), Satisfied)


def test_b4_one_slot_alone_saves_nothing(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-init")
    step_of(platform, "vault-init").take()
    volume = window(platform).volume
    Slots(platform.cluster, volume).remove(Slots.ROOT)
    move(platform, lambda w: Window(attempt=1, nonce=w.nonce, phase=WindowPhase.SENT, volume=w.volume))
    decision = step_of(platform, "vault-init").decide()
    assert isinstance(decision, Act)
    assert decision.changes == ("mark VOIDING",)


def test_b4_a_window_is_swapped_from_what_was_read_and_nothing_else(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-init")
    store, before = WindowStore(platform.cluster), window(platform)
    assert store.swap(before, before.sent("a"))
    assert not store.swap(before, before.sent("b"))
    assert window(platform).volume == "a"

    # Another process swaps between this one's look and its write.
    at = At(to_sent, lambda: move(platform, lambda w: w.voiding()))
    late = WindowStore(at.ports(platform)["cluster"])
    assert not late.swap(window(platform), before.sent("c"))
    assert window(platform).phase is WindowPhase.VOIDING
    live = platform.cluster.get(REF)
    assert live is not None
    platform.cluster.delete(REF, uid=live["metadata"]["uid"])
    assert not store.swap(before, before.sent("d")), "one that is gone is not swapped, and not made anew"
    assert store.read() is None


def test_b4_a_fourth_attempt_is_not_begun_by_a_run_that_comes_upon_it_either(
    platform: SimulatedPlatform,
) -> None:
    """It may be met in the middle of the moves, after the decision."""
    halfway(platform, "vault-init")
    move(platform, lambda w: Window(attempt=3, nonce=w.nonce, phase=WindowPhase.VOIDING))
    step, before = step_of(platform, "vault-init"), window(platform)
    step.act(step.kind.observe())
    assert window(platform) == before


def test_b4_a_process_that_slept_voids_nothing_of_a_later_attempt(platform: SimulatedPlatform) -> None:
    step = halfway(platform, "vault-init")
    move(platform, lambda w: w.sent("").voiding())
    slept = window(platform)
    move(platform, lambda w: w.again("later"))
    platform.cluster.mutations.clear()
    assert not remove_voided(step.world, slept)
    assert platform.cluster.mutations == []


def test_b4_a_window_that_cannot_be_made_is_an_error(platform: SimulatedPlatform) -> None:
    class Silent(SimulatedCluster):
        def create(self, obj: Any) -> Any:
            raise UnknownOutcome("the connection broke", code="E_UNKNOWN_OUTCOME")

    with pytest.raises((WorldError, UnknownOutcome)):
        cluster = SimulatedCluster()
        cluster.__class__ = Silent
        WindowStore(cluster).create(Window(attempt=1, nonce="n", phase=WindowPhase.CLAIMED))


def test_b4_of_two_runs_that_make_a_window_both_go_on_with_the_first(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-init")
    store, first = WindowStore(platform.cluster), window(platform)
    assert store.create(Window(attempt=1, nonce="second", phase=WindowPhase.CLAIMED)) == first


def test_b4_a_window_that_goes_away_meanwhile_is_an_error_and_nothing_is_sent(
    platform: SimulatedPlatform,
) -> None:
    halfway(platform, "vault-init")
    step = step_of(platform, "vault-init")
    seen = step.kind.observe()
    live = platform.cluster.get(REF)
    assert live is not None
    platform.cluster.delete(REF, uid=live["metadata"]["uid"])
    with pytest.raises(WorldError) as caught:
        step.act(seen)
    assert (caught.value.code, sent(platform)) == ("E_WINDOW", 0)


def test_b4_a_volume_that_goes_before_the_request_is_not_asked_for_keys(platform: SimulatedPlatform) -> None:
    """The window names the volume whose store is initialised; without one there is nothing to name."""
    halfway(platform, "vault-init")
    seen = step_of(platform, "vault-init").kind.observe()

    def removed() -> None:
        live = platform.cluster.get(CLAIM)
        assert live is not None
        platform.cluster.controllers.clear()  # nobody makes another one
        platform.cluster.delete(CLAIM, uid=live["metadata"]["uid"])

    at = At(nth(2, lambda call: call.name == "get" and call.args[0] == CLAIM), removed)
    with suppress(WorldError):  # it waits for a volume in vain
        step_of(platform, "vault-init", **at.ports(platform)).act(seen)
    assert at.fired
    assert (window(platform).phase, sent(platform)) == (WindowPhase.CLAIMED, 0)


def test_inv4_a_store_whose_window_and_escrow_are_both_gone_is_nobodys(
    platform: SimulatedPlatform,
) -> None:
    halfway(platform, "vault-init")
    live = platform.cluster.get(REF)
    assert live is not None
    platform.cluster.delete(REF, uid=live["metadata"]["uid"])
    step = step_of(platform, "vault-init")
    seen = step.kind.observe()
    decision = step.decide()
    assert isinstance(decision, Act)
    assert decision.summary.startswith("prove the unseal key again")
    with pytest.raises(PreconditionError) as caught:
        step.act(seen)
    assert (caught.value.code, sent(platform)) == ("E_FOREIGN_STORE", 0)


def test_b4_of_a_window_that_is_gone_the_escrow_gives_it_back_with_its_share(
    platform: SimulatedPlatform,
) -> None:
    """Once it has opened this very Vault; the store is not initialised again."""
    platform.up()
    before = window(platform)
    for ref in (REF, slot_ref(before.volume, Slots.SHARE)):
        live = platform.cluster.get(ref)
        assert live is not None
        platform.cluster.delete(ref, uid=live["metadata"]["uid"])
    platform.vault.mutations.clear()
    step_of(platform, "vault-init").take()
    after = window(platform)
    assert (after.phase, after.volume, after.cluster_id, after.facts) == (
        WindowPhase.VERIFIED,
        before.volume,
        before.cluster_id,
        REBUILT,
    )
    assert in_slots(platform) == {1: platform.vault.live().share}
    assert sent(platform) == 0
    assert isinstance(step_of(platform, "vault-init").decide(), Satisfied)


def test_b4_before_anything_is_there_a_first_attempt_is_what_comes(platform: SimulatedPlatform) -> None:
    decision = step_of(platform, "vault-init").decide()
    assert isinstance(decision, Act)
    assert decision.summary == "initialise Vault, attempt 1"


class Late:
    """A Vault whose pods do not answer until ``answers``."""

    def __init__(self, vault: Any, answers: Callable[[], bool]) -> None:
        self._vault, self._answers = vault, answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)

    def seal_status(self, pod: str) -> Any:
        return self._vault.seal_status(pod) if self._answers() else None


def test_b4_a_replica_that_does_not_answer_yet_is_waited_for(platform: SimulatedPlatform) -> None:
    halfway(platform, "vault-init")
    clock = SimulatedClock()
    vault = Late(platform.vault, lambda: clock.seconds > 30)
    step_of(platform, "vault-init", clock=clock, vault=vault).take()
    assert (window(platform).phase, sent(platform)) == (WindowPhase.KEYS, 1)


def test_b4_a_run_that_lost_the_next_attempt_to_another_makes_no_certificate_for_it(
    platform: SimulatedPlatform,
) -> None:
    """It is made once, and with this run's name the other's request would be answered by nobody."""
    halfway(platform, "vault-init")
    move(platform, lambda w: w.sent(w.volume).voiding())

    def claims(call: Call) -> bool:
        return call.name == "replace" and call.args[0].get("data", {}).get("attempt") == "2"

    at = At(claims, lambda: move(platform, lambda w: w.again("another")))
    with pytest.raises(WorldError) as caught:  # the other has not installed its replica
        step_of(platform, "vault-init", **at.ports(platform)).take()
    assert caught.value.code == "E_TIMEOUT"
    assert (at.fired, window(platform).nonce) == (True, "another")
    tls = Ref("v1", "Secret", attempt_tls_name(window(platform)), "vault")
    assert platform.cluster.get(tls) is None
