"""The moves of a rekey: what is kept before the next share counts, and what goes where it never did (B4, S5)."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.model.catalog import Custody
from bootstrap.model.errors import BootstrapError, EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.layout import ESCROW
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer, Object, Ref
from bootstrap.steps.context.names import SYSTEM_NAMESPACE
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import Escrow
from bootstrap.steps.vault.init_window import REF, Slots, WindowStore, share_part
from bootstrap.steps.vault.rekey import (
    TRIES,
    give_up_target,
    mark_ended,
    old_shares,
    rekeyed_to,
    remove_old_shares,
    settle,
)
from tests.simulator.concurrent import Answered, At, path_of
from tests.simulator.faults import Call
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.rekeying import Watched, in_escrow, in_slots, unseal_secret, window
from tests.simulator.standing import SHARE, proven, sealed_to_root
from tests.simulator.vault import Store

pytestmark = pytest.mark.usefixtures("same_each_time")

OTHER = "6" * 64
NEXT = Ref("v1", "Secret", "vault-unseal-2", "vault")


@pytest.fixture
def store(platform: SimulatedPlatform) -> Store:
    return proven(platform)


def escrow(platform: SimulatedPlatform) -> Path:
    return platform.records / platform.cluster.uid() / ESCROW


def changed(platform: SimulatedPlatform, **parts: Any) -> None:
    made = replace(Escrow.from_bytes(escrow(platform).read_bytes(), "escrow"), **parts)
    escrow(platform).write_bytes(made.to_bytes())


def refused(kind: type[BootstrapError], act: Callable[[], Any]) -> BootstrapError:
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.hint
    return caught.value


def begun(platform: SimulatedPlatform) -> None:
    """A rekey to generation 2 is under way."""
    before = window(platform)
    assert WindowStore(platform.cluster).swap(before, before.rekeying())


def asked(what: str) -> Callable[[Call], bool]:
    return lambda call: call.writes and path_of(call) == f"sys/rekey/{what}"


def with_vault(platform: SimulatedPlatform, at: At) -> World:
    return platform.world(vault=at.ports(platform)["vault"])


def guarded(world: World) -> World:
    """Another run has the cluster."""

    def held() -> None:
        raise WorldError("another run has it", code="E_HELD")

    world.session.guard = held
    return world


def custody(world: World, how: Custody) -> World:
    vault = replace(world.intent.platform.vault, custody=how)
    world.intent = replace(world.intent, platform=replace(world.intent.platform, vault=vault))
    return world


def at_proof(world: World, look: Callable[[], object]) -> World:
    """Looks before a fresh process proves which share opens Vault."""
    prove = world.proof.prove

    class Proof:
        def begin(self, cluster: str) -> None:
            raise AssertionError

        def prove(self, cluster: str) -> dict[str, str]:
            look()
            return dict(prove(cluster))

        def prove_following(self, cluster: str) -> dict[str, str]:
            raise AssertionError

    world.proof = Proof()
    return world


# ---------------------------------------------------------------- forward


def test_b4_the_next_share_counts_once_all_places_have_it(platform: SimulatedPlatform, store: Store) -> None:
    watched = Watched(platform)
    rekeyed_to(platform.world(), 2)
    assert store.share != SHARE
    assert watched.broken == []
    assert in_slots(platform) == {1: SHARE, 2: store.share}
    assert in_escrow(platform) == {2: store.share}
    assert unseal_secret(platform, 2) == store.share
    live = platform.cluster.get(NEXT)
    assert live is not None
    assert live["immutable"] is True
    assert (window(platform).generation, window(platform).target) == (2, 2)
    assert platform.narrator.said("the share of generation 2 opens Vault")
    before = store.share
    rekeyed_to(platform.world(), 2)
    assert store.share == before, "it is there already"


def test_b4_a_mark_of_another_run_counts(platform: SimulatedPlatform, store: Store) -> None:
    begun(platform)
    rekeyed_to(platform.world(), 2)
    assert (window(platform).generation, store.share != SHARE) == (2, True)


def test_b4_under_offline_custody_no_secret_is_made_of_it(
    platform: SimulatedPlatform, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def logs(*_: str) -> str:
        raise WorldError("no container of that name", code="E_NOT_FOUND")

    monkeypatch.setattr(platform.cluster, "logs", logs)  # nobody unseals there
    rekeyed_to(custody(platform.world(), Custody.OFFLINE), 2)
    assert in_escrow(platform) == {2: store.share}
    assert unseal_secret(platform, 2) is None


def test_b4_a_lost_answer_to_what_makes_it_count_is_looked_at(
    platform: SimulatedPlatform, store: Store
) -> None:
    def lost() -> None:
        raise UnknownOutcome("the connection broke", code="E_UNKNOWN_OUTCOME")

    at = At(asked("verify"), lost, after=True)
    rekeyed_to(with_vault(platform, at), 2)
    assert (at.fired, in_escrow(platform)) == (True, {2: store.share})


def test_b4_vault_that_restarts_each_time_is_not_asked_for_ever(
    platform: SimulatedPlatform, store: Store
) -> None:
    class Restarts(At):
        def __call__(self, call: Call) -> Any:
            if asked("verify")(call):
                self.count += 1
                for pod in ("vault-0", "vault-1", "vault-2"):
                    platform.vault.restart(pod)
            return call.apply()

    at = Restarts(lambda _: False, lambda: None)
    error = refused(WorldError, lambda: rekeyed_to(with_vault(platform, at), 2))
    assert (error.code, error.where, store.share) == ("E_REKEY", "sys/rekey", SHARE)
    assert at.count >= TRIES
    assert in_slots(platform) == in_escrow(platform) == {1: SHARE}


# ---------------------------------------------------------------- before it counts


@pytest.mark.parametrize("kept", ["slot", "escrow"])
def test_b4_a_share_that_is_kept_and_never_counted_goes_again(
    platform: SimulatedPlatform, store: Store, kept: str
) -> None:
    begun(platform)
    share = sealed_to_root(platform, OTHER)
    if kept == "slot":
        Slots(platform.cluster, window(platform).volume).write(share_part(2), share)
    else:
        changed(platform, following=share)
    meta = {"name": NEXT.name, "namespace": NEXT.namespace}
    made = {"apiVersion": "v1", "kind": "Secret", "metadata": meta}
    platform.cluster.create({**made, "data": {"key": Sensitive(OTHER.encode(), "key")}})
    settle(platform.world())
    assert store.share == SHARE
    assert in_slots(platform) == in_escrow(platform) == {1: SHARE}
    assert unseal_secret(platform, 2) is None
    assert platform.narrator.said("the old one opens Vault")
    assert window(platform).target == 2, "the command goes on"
    give_up_target(platform.world())
    assert (window(platform).generation, window(platform).target) == (1, 0)


@pytest.mark.parametrize("kept", ["slot", "escrow"])
def test_b4_what_an_attempt_before_left_gives_way_to_another(
    platform: SimulatedPlatform, store: Store, kept: str
) -> None:
    begun(platform)
    share = sealed_to_root(platform, OTHER)
    if kept == "slot":
        Slots(platform.cluster, window(platform).volume).write(share_part(2), share)
    else:
        changed(platform, following=share)
    rekeyed_to(platform.world(), 2)
    assert store.share not in (SHARE, OTHER)
    assert in_escrow(platform) == {2: store.share}


def test_b4_a_share_that_counts_already_is_kept_by_settling(
    platform: SimulatedPlatform, store: Store
) -> None:
    """A run was killed behind the request that made it count, and the slot alone tells."""
    begun(platform)
    Slots(platform.cluster, window(platform).volume).write(share_part(2), sealed_to_root(platform, OTHER))
    store.share = OTHER
    settle(platform.world())
    assert in_escrow(platform) == {2: OTHER}
    assert in_slots(platform) == {1: SHARE, 2: OTHER}
    assert window(platform).generation == 2
    before = platform.cluster.everything()
    settle(platform.world())
    assert platform.cluster.everything() == before


def test_b4_an_escrow_that_says_so_already_is_not_written_back(
    platform: SimulatedPlatform, store: Store
) -> None:
    """A run was killed between the escrow and the window."""
    begun(platform)
    share = sealed_to_root(platform, OTHER)
    Slots(platform.cluster, window(platform).volume).write(share_part(2), share)
    changed(platform, share=share, generation=2)
    store.share = OTHER
    seen: list[dict[int, str]] = []
    settle(at_proof(platform.world(), lambda: seen.append(in_escrow(platform))))
    assert [*seen, in_escrow(platform)] == [{2: OTHER}, {2: OTHER}]
    assert window(platform).generation == 2


def test_b4_settling_ends_an_attempt_of_ours_first(platform: SimulatedPlatform, store: Store) -> None:
    """Else a late request makes the other share count behind the proof."""
    begun(platform)

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rekeyed_to(with_vault(platform, At(asked("verify"), die)), 2)
    assert store.rekey.verification
    ended: list[str] = []
    settle(at_proof(platform.world(), lambda: ended.append(store.rekey.verification)))
    assert ended == [""]
    assert in_slots(platform) == in_escrow(platform) == {1: SHARE}


def test_b4_where_each_node_is_sealed_there_is_no_attempt_to_end(
    platform: SimulatedPlatform, store: Store
) -> None:
    begun(platform)
    Slots(platform.cluster, window(platform).volume).write(share_part(2), sealed_to_root(platform, OTHER))
    delete(platform, Ref("v1", "Secret", "vault-unseal-1", "vault"))
    for pod in ("vault-0", "vault-1", "vault-2"):
        platform.vault.restart(pod)
    settle(platform.world())
    assert in_slots(platform) == {1: SHARE}


@pytest.mark.parametrize("how", ["silent", "unsealed"])
def test_b4_while_none_leads_and_a_node_may_an_attempt_may_live(
    platform: SimulatedPlatform, store: Store, how: str
) -> None:
    begun(platform)
    Slots(platform.cluster, window(platform).volume).write(share_part(2), sealed_to_root(platform, OTHER))
    delete(platform, Ref("v1", "Secret", "vault-unseal-1", "vault"))
    for pod in ("vault-0", "vault-1", "vault-2"):
        platform.vault.restart(pod)
    if how == "silent":
        live = platform.cluster.get(Ref("v1", "Pod", "vault-1", "vault"))
        assert live is not None
        platform.cluster.set_status(live, {"phase": "Pending"})
    else:
        platform.vault.unseal("vault-1", Sensitive(SHARE.encode(), "share"))
    error = refused(WorldError, lambda: settle(platform.world()))
    assert error.code == "E_TIMEOUT"
    assert "has ended" in error.message


def test_b4_an_attempt_that_did_not_end_at_once_is_ended_again(
    platform: SimulatedPlatform, store: Store
) -> None:
    begun(platform)
    Slots(platform.cluster, window(platform).volume).write(share_part(2), sealed_to_root(platform, OTHER))
    own = platform.world().material.unseal_key().certificate
    store.rekey.nonce, store.rekey.key = "left", base64.b64encode(own).decode()
    answered = Answered(lambda call: asked("init")(call) and call.args[0] == "DELETE", Answer(204, {}))
    ended: list[str] = []
    settle(at_proof(with_vault(platform, answered), lambda: ended.append(store.rekey.nonce)))
    assert (answered.fired, ended) == (True, [""])


@pytest.mark.parametrize("at", ["before it counts", "before it is settled"])
def test_b5_a_run_that_slept_changes_nothing_behind_another(
    platform: SimulatedPlatform, store: Store, at: str
) -> None:
    begun(platform)
    if at == "before it is settled":
        Slots(platform.cluster, window(platform).volume).write(share_part(2), sealed_to_root(platform, OTHER))
        with pytest.raises(WorldError, match="another run"):
            settle(guarded(platform.world()))
        assert in_escrow(platform) == {1: SHARE, 2: OTHER}
    else:
        with pytest.raises(WorldError, match="another run"):
            rekeyed_to(guarded(platform.world()), 2)
        assert store.rekey.verification, "it was not given back"
    assert (store.share, window(platform).generation) == (SHARE, 1)


@pytest.mark.parametrize(
    "given",
    [Answer(200, {"complete": False}), Answer(400, {"complete": True})],
    ids=["not complete", "refused"],
)
def test_b4_a_share_that_vault_does_not_take_makes_no_other(
    platform: SimulatedPlatform, store: Store, given: Answer
) -> None:
    class Answers(At):
        def __call__(self, call: Call) -> Any:
            return given if asked("update")(call) else call.apply()

    at = Answers(lambda _: False, lambda: None)
    error = refused(EvidenceError, lambda: rekeyed_to(with_vault(platform, at), 2))
    assert (error.code, store.share) == ("E_ESCROW", SHARE)
    assert in_slots(platform) == in_escrow(platform) == {1: SHARE}


def test_b4_an_attempt_that_a_killed_run_left_is_followed_by_another(
    platform: SimulatedPlatform, store: Store
) -> None:
    own = platform.world().material.unseal_key().certificate
    store.rekey.nonce, store.rekey.key = "left", base64.b64encode(own).decode()
    rekeyed_to(platform.world(), 2)
    assert store.share != SHARE


def test_b4_an_escrow_outside_that_does_not_hold_it_stops_it(
    platform: SimulatedPlatform, store: Store
) -> None:
    world = platform.world()

    class Proof:
        def begin(self, cluster: str) -> None:
            raise AssertionError

        def prove(self, cluster: str) -> dict[str, str]:
            raise AssertionError

        def prove_following(self, cluster: str) -> dict[str, str]:
            return {"generation": "2", "commitment": "0" * 64}

    world.proof = Proof()
    assert refused(EvidenceError, lambda: rekeyed_to(world, 2)).code == "E_ESCROW"
    assert (store.share, unseal_secret(platform, 2)) == (SHARE, None)


@pytest.mark.parametrize(
    "logs",
    [
        "keys: vault-unseal-1\n",
        "keys: vault-unseal-1 vault-unseal-2\nkeys: vault-unseal-1\n",  # the last word counts
        "vault-unseal-2 is there\n",  # another line
        "",
    ],
)
def test_b4_unsealers_that_do_not_have_it_stop_it(
    platform: SimulatedPlatform, store: Store, monkeypatch: pytest.MonkeyPatch, logs: str
) -> None:
    monkeypatch.setattr(platform.cluster, "logs", lambda *_: logs)
    error = refused(WorldError, lambda: rekeyed_to(platform.world(), 2))
    assert error.code == "E_TIMEOUT"
    assert f"the unsealers read {NEXT}" in error.message
    assert store.share == SHARE


def test_b4_unsealers_that_have_an_earlier_one_of_its_name_stop_it(
    platform: SimulatedPlatform, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = "keys: vault-unseal-1 vault-unseal-2\nit is a noise\n"
    monkeypatch.setattr(platform.cluster, "logs", lambda *_: logs)
    error = refused(WorldError, lambda: rekeyed_to(platform.world(), 2))
    assert error.code == "E_TIMEOUT"
    assert f"no unsealer reads an earlier {NEXT}" in error.message
    assert (store.rekey.nonce, store.share) == ("", SHARE)


def test_b4_without_an_escrow_and_without_a_window_nothing_begins(
    platform: SimulatedPlatform, store: Store
) -> None:
    escrow(platform).unlink()
    world = platform.world()
    world.files = None  # nor is it made again of the slot
    assert refused(EvidenceError, lambda: rekeyed_to(world, 2)).code == "E_ESCROW"
    delete(platform, REF)
    assert refused(WorldError, lambda: rekeyed_to(platform.world(), 2)).code == "E_WINDOW"
    assert store.rekey.nonce == ""


# ---------------------------------------------------------------- behind it


def test_s5_what_is_left_of_the_share_before_goes_by_its_uid(
    platform: SimulatedPlatform, store: Store
) -> None:
    other: Object = {"apiVersion": "v1", "kind": "Secret"}
    platform.cluster.create({**other, "metadata": {"name": "vault-unseal-0", "namespace": "vault"}})
    assert old_shares(platform.world()) == (), "there is none before the first"
    rekeyed_to(platform.world(), 2)
    names = [each["metadata"]["name"] for each in old_shares(platform.world())]
    assert names == ["vault-unseal-1", f"vault-slot-{window(platform).volume}-share"]
    remove_old_shares(platform.world())
    assert old_shares(platform.world()) == ()
    assert in_slots(platform) == {2: store.share}
    assert unseal_secret(platform, 2) == store.share
    delete(platform, Ref("v1", "ConfigMap", REF.name, SYSTEM_NAMESPACE))
    assert old_shares(platform.world()) == ()


def test_b4_a_rekey_is_marked_ended_where_it_came_to_its_goal(
    platform: SimulatedPlatform, store: Store
) -> None:
    begun(platform)
    mark_ended(platform.world())
    assert window(platform).target == 2, "it is under way"
    rekeyed_to(platform.world(), 2)
    give_up_target(platform.world())
    assert window(platform).target == 2, "what came to its goal is not given up"
    mark_ended(platform.world())
    assert (window(platform).generation, window(platform).target) == (2, 0)
