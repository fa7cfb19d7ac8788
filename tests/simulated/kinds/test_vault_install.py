"""What stands where Vault comes: ours, another's, or a lost one that gives way to this run's attempt (INV4, B4)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.errors import Transient, UnknownOutcome
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import labels
from bootstrap.steps.kinds import vault_install
from bootstrap.steps.kinds.vault_install import Observation, VaultInstall
from bootstrap.steps.vault.init_window import WindowStore
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.small_world import STEP, small_world

LEFT = Ref("v1", "Secret", "vault-tls", "vault")
NEW = ("namespace vault", "StatefulSet vault/vault with TLS and volumes")


def made(ref: Ref, **meta: Any) -> Object:
    found = {"name": ref.name, "namespace": ref.namespace, **meta}
    return {"apiVersion": ref.api, "kind": ref.kind, "metadata": found}


def window(phase: WindowPhase, attempt: int = 1) -> Window:
    return Window(attempt=attempt, nonce="n", phase=phase, volume="v")


class Place:
    """A cluster, and what is found there: the answers of what looks at more than this step does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cluster = SimulatedCluster()
        for name in ("vault", "bootstrap-system"):
            self.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        self.anew = self.gone = self.answers = False
        self.foreign = ""
        self.installed: list[Window] = []
        self.asked_of: list[Window | None] = []
        for name, value in {
            "begins_anew": lambda *_: self.anew,
            "is_gone": lambda _: self.gone,
            "first_replica_answers": lambda *_: self.answers,
            "foreign_store": lambda _: self.foreign,
            "leftovers": self.leftovers,
            "install_first_replica": lambda _, window: self.installed.append(window),
        }.items():
            monkeypatch.setattr(vault_install, name, value)
        world = small_world(self.cluster)
        world.ledger = cast(Any, SimpleNamespace(read=lambda: None))
        self.windows, self.step = WindowStore(self.cluster), VaultInstall(STEP, world)

    def leftovers(self, _: object, window: Window | None) -> tuple[Object, ...]:
        self.asked_of.append(window)
        live = self.cluster.get(LEFT)
        return (live,) if live is not None else ()

    def stateful_set(self, **meta: Any) -> None:
        self.cluster.create(made(Ref("apps/v1", "StatefulSet", "vault", "vault"), **meta))

    def decided(self) -> Decision:
        return self.step.decide(self.step.observe())

    def act(self) -> None:
        self.step.act(self.step.observe())


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


def test_b4_nothing_is_there_so_a_first_attempt_is_claimed(place: Place) -> None:
    assert place.step.observe() == Observation(None, False, "", False)
    assert place.decided() == Act("install one replica of Vault", NEW)
    place.act()
    assert [(w.attempt, w.phase) for w in place.installed] == [(1, WindowPhase.CLAIMED)]
    assert place.windows.read() == place.installed[0]


def test_inv4_another_s_vault_stops_it_whatever_else_is_there(place: Place) -> None:
    place.foreign = "StatefulSet vault/theirs"
    place.windows.create(window(WindowPhase.CLAIMED))
    decision = place.decided()
    assert isinstance(decision, Blocked)
    assert (decision.error.code, decision.error.where) == ("E_FOREIGN_STORE", place.foreign)


def test_b4_a_proven_vault_is_past_it_and_nothing_more_is_asked(place: Place) -> None:
    place.windows.create(window(WindowPhase.VERIFIED))
    place.foreign = "not asked"
    assert place.step.observe() == Observation(window(WindowPhase.VERIFIED), True, "", False)
    assert place.decided() == Satisfied("Vault is past its first replica")


@pytest.mark.parametrize("ours", [True, False])
def test_inv4_without_a_window_only_a_vault_of_ours_is_rebuilt(ours: bool, place: Place) -> None:
    place.stateful_set(labels=labels() if ours else {})
    place.answers = True
    assert place.step.observe() == Observation(None, False, "", ours)
    if ours:
        assert place.decided() == Satisfied("a Vault of ours is here; its window is rebuilt next")
    else:
        assert place.decided() == Act("install one replica of Vault", NEW)


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("answers", [True, False])
def test_b4_an_attempt_whose_replica_is_there_and_answers_is_installed(
    there: bool, answers: bool, place: Place
) -> None:
    place.windows.create(window(WindowPhase.CLAIMED, attempt=2))
    if there:
        place.stateful_set(labels=labels())
    place.answers = answers
    if there and answers:
        assert place.decided() == Satisfied("one replica answers, attempt 2")
    else:
        assert place.decided() == Act("install one replica of Vault", NEW)
        place.act()
        assert place.installed == [window(WindowPhase.CLAIMED, attempt=2)]


def test_b4_a_store_that_is_being_voided_is_not_this_step_s(place: Place) -> None:
    place.windows.create(window(WindowPhase.VOIDING))
    assert place.decided() == Satisfied("a voided store is removed next")


def test_b4_an_attempt_that_is_under_way_is_not_begun_anew(place: Place) -> None:
    """It moved on since it was seen: what was seen is installed, which does nothing then."""
    before = window(WindowPhase.CLAIMED)
    place.windows.create(before)
    seen = place.step.observe()
    assert place.windows.swap(before, before.sent("v"))
    place.step.act(seen)
    assert (place.installed, place.windows.read()) == ([before], before.sent("v"))


# ---------------------------------------------------------------- the Vault that is lost


@pytest.fixture
def lost(place: Place) -> Place:
    place.anew = place.gone = True
    place.cluster.create(made(LEFT))
    return place


@pytest.mark.parametrize("known", [True, False], ids=["its window is there", "its window is gone"])
def test_inv4_what_a_lost_vault_left_goes_and_a_first_attempt_is_claimed(known: bool, lost: Place) -> None:
    if known:
        lost.windows.create(window(WindowPhase.VERIFIED, attempt=2))
    lost.stateful_set(labels=labels())
    lost.answers = True  # what answers is of before
    seen = lost.step.observe()
    assert (seen.lost, seen.rebuild, seen.answers) == (True, False, False)
    assert lost.asked_of == [seen.window]
    change = "delete Secret vault/vault-tls, of the lost Vault"
    assert lost.step.decide(seen) == Act("install one replica of Vault", (change, *NEW))
    lost.step.act(seen)
    assert lost.cluster.get(LEFT) is None
    assert [(w.attempt, w.phase, w.volume) for w in lost.installed] == [(1, WindowPhase.CLAIMED, "")]
    assert lost.windows.read() == lost.installed[0]


@pytest.mark.parametrize(("anew", "gone"), [(True, False), (False, True), (False, False)])
def test_inv4_a_vault_is_lost_only_where_it_is_gone_and_that_was_decided(
    anew: bool, gone: bool, lost: Place
) -> None:
    lost.anew, lost.gone = anew, gone
    lost.windows.create(window(WindowPhase.VERIFIED))
    assert lost.step.observe() == Observation(window(WindowPhase.VERIFIED), True, "", False)
    assert lost.asked_of == []


def test_inv4_an_attempt_that_is_not_proven_is_no_lost_vault(lost: Place) -> None:
    lost.windows.create(window(WindowPhase.SENT))
    assert lost.step.observe() == Observation(window(WindowPhase.SENT), False, "", False)


def test_inv4_while_the_window_moves_nothing_is_called_left(
    lost: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = window(WindowPhase.VERIFIED)
    lost.windows.create(before)

    def moves(*_: object) -> tuple[Object, ...]:
        lost.windows.swap(before, window(WindowPhase.CLAIMED, attempt=3))
        return ()

    monkeypatch.setattr(vault_install, "leftovers", moves)
    with pytest.raises(Transient) as stopped:
        lost.step.observe()
    assert stopped.value.code == "E_WINDOW"


def test_inv4_a_window_that_moves_is_no_error_where_nothing_is_lost(
    lost: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = window(WindowPhase.VERIFIED)
    lost.windows.create(before)
    monkeypatch.setattr(
        vault_install, "begins_anew", lambda *_: not lost.windows.swap(before, before.rekeying())
    )
    assert lost.step.observe() == Observation(before, True, "", False)


def test_inv4_what_has_that_name_by_now_is_another_one_and_stays(lost: Place) -> None:
    seen = lost.step.observe()
    live = lost.cluster.get(LEFT)
    assert live is not None
    lost.cluster.delete(LEFT, uid=live["metadata"]["uid"])
    lost.cluster.create(made(LEFT))
    lost.step.act(seen)
    assert lost.cluster.get(LEFT) is not None


def test_b4_another_run_s_attempt_is_not_overwritten(lost: Place) -> None:
    before, theirs = window(WindowPhase.VERIFIED), window(WindowPhase.SENT, attempt=2)
    lost.windows.create(before)
    seen = lost.step.observe()
    assert lost.windows.swap(before, theirs)
    with pytest.raises(UnknownOutcome) as stopped:
        lost.step.act(seen)
    assert (stopped.value.code, lost.windows.read(), lost.installed) == ("E_WINDOW", theirs, [])
