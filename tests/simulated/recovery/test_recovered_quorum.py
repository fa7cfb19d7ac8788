"""One node's volume becomes Vault again, move by move: each looks at what is there, and is of one recovery (S4, B5)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.model.catalog import Custody
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.recovery import Move, Recovery, Stage, StoreState, next_move
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import namespace
from bootstrap.steps.context.world import World
from bootstrap.steps.vault import recovered_quorum
from bootstrap.steps.vault.recovered_quorum import RecoveredQuorum, others
from bootstrap.steps.vault.recovery import RecoveryStore
from bootstrap.steps.vault.voiding import uid_of
from tests.simulator.controllers import OPERATOR
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.standing import KEY, SHARE, claim, nodes

pytestmark = pytest.mark.usefixtures("same_each_time")

STATEFUL = Ref("apps/v1", "StatefulSet", "vault", "vault")


def ref(kind: str, name: str) -> Ref:
    return Ref("v1", kind, name, "vault")


def need(platform: SimulatedPlatform, ref: Ref) -> Object:
    live = platform.cluster.get(ref)
    assert live is not None, ref
    return live


@pytest.fixture
def platform(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedPlatform:
    """Vault-1 alone has the store of the three."""
    made = SimulatedPlatform(tmp_path, repository)
    store = nodes(made, 1)
    monkeypatch.setattr(recovered_quorum, "voters", lambda _: tuple(sorted(store.voters)))
    return made


def begun(platform: SimulatedPlatform, **more: Any) -> Recovery:
    world = platform.world()
    now = Recovery(
        nonce="n" * 32, begun="2026-01-01T00:00:00Z", pod="vault-1", volume=claim(platform, 1), **more
    )
    found = frozenset(uid_of(each) for group in others(world, now).values() for each in group())
    now = replace(now, voids=now.voids or found)
    RecoveryStore(platform.cluster).begin(now, None)
    return now


def read(platform: SimulatedPlatform) -> Recovery:
    now = RecoveryStore(platform.cluster).read()
    assert now is not None
    return now


def walked(platform: SimulatedPlatform, world: World | None = None, *, until: Move = Move.DONE) -> list[Move]:
    """The moves up to one, as the step makes them."""
    recovering = RecoveredQuorum(world or platform.world())
    moves: list[Move] = []
    for _ in range(12):
        now = read(platform)
        move = next_move(now, recovering.state(now))
        if move is until:
            return moves
        moves.append(move)
        recovering.make(move, now)
    raise AssertionError(moves)


def state(platform: SimulatedPlatform) -> StoreState:
    return RecoveredQuorum(platform.world()).state(read(platform))


def test_s4_the_node_that_is_left_leads_alone_and_the_others_join_it(platform: SimulatedPlatform) -> None:
    begun(platform)
    before = claim(platform, 1)
    assert walked(platform) == [Move.VOID, Move.RESTART, Move.GROW, Move.FINISH]
    assert claim(platform, 1) == before
    assert need(platform, STATEFUL)["spec"]["replicas"] == 3
    assert "initContainers" not in need(platform, STATEFUL)["spec"]["template"]["spec"]
    assert platform.vault.seal_status("vault-1") is not None
    assert platform.narrator.said("vault-1 is restarted as the only voter")
    assert platform.narrator.said("vault-1 leads alone, with its store")
    assert state(platform) == StoreState(grown=True, leads=True)


def test_s4_each_state_is_seen_as_it_is(platform: SimulatedPlatform) -> None:
    begun(platform)
    delete(platform, KEY)
    assert state(platform) == StoreState(grown=True), "as before: all may join, and none leads"
    assert walked(platform, until=Move.OPEN) == [Move.VOID, Move.RESTART]
    assert state(platform) == StoreState(made=True, sealed=True)
    platform.vault.unseal("vault-1", Sensitive(SHARE.encode(), "share"))
    assert state(platform) == StoreState(made=True, sealed=False, leads=True, voters=("vault-1",))
    status = need(platform, ref("Pod", "vault-1"))
    platform.cluster.set_status(status, {"phase": "Pending"})
    assert state(platform) == StoreState(made=True)
    platform.cluster.controllers.clear()
    delete(platform, ref("Pod", "vault-1"))
    assert state(platform) == StoreState()
    delete(platform, STATEFUL)
    assert state(platform) == StoreState()


def test_s4_what_another_writer_changed_is_put_back_before_anything_rests_on_it(
    platform: SimulatedPlatform,
) -> None:
    begun(platform)
    walked(platform, until=Move.GROW)
    live = need(platform, STATEFUL)
    platform.cluster.update_as("another", {**live, "spec": {**live["spec"], "replicas": 2}})
    assert state(platform) == StoreState()


@pytest.mark.parametrize("move", [Move.VOID, Move.RESTART, Move.GROW])
def test_b5_a_run_that_slept_changes_nothing_of_a_later_recovery(
    platform: SimulatedPlatform, move: Move
) -> None:
    slept = begun(platform)
    assert RecoveryStore(platform.cluster).swap(slept, slept.voids_too(("later",)))
    before = platform.cluster.everything()
    RecoveredQuorum(platform.world()).make(move, slept)
    assert platform.cluster.everything() == before


def test_b5_what_was_not_written_down_is_written_down_first(platform: SimulatedPlatform) -> None:
    now = begun(platform, voids=frozenset({"another"}))
    RecoveredQuorum(platform.world()).make(Move.VOID, now)
    written = read(platform)
    fresh = written.voids - now.voids
    assert (written.stage, bool(fresh)) == (Stage.VOIDING, True)
    assert fresh <= {uid_of(each) for each in platform.cluster.everything().values()}, "it is there still"
    walked(platform, until=Move.RESTART)
    assert not fresh & {uid_of(each) for each in platform.cluster.everything().values()}


def test_inv5_the_operator_rests_before_any_volume_goes(platform: SimulatedPlatform) -> None:
    now = begun(platform)
    home, marks = OPERATOR.namespace, {"a": "b"}
    platform.cluster.create(namespace(home, {}))
    deployment = {"apiVersion": OPERATOR.api, "kind": "Deployment"}
    meta: Object = {"name": OPERATOR.name, "namespace": home}
    spec = {"replicas": 2, "selector": {"matchLabels": marks}}
    platform.cluster.create({**deployment, "metadata": meta, "spec": spec})
    meta = {"name": "stays", "namespace": home, "labels": marks}
    platform.cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta})
    with pytest.raises(WorldError) as stopped:
        RecoveredQuorum(platform.world()).make(Move.VOID, now)
    assert stopped.value.code == "E_TIMEOUT"
    assert claim(platform, 0)


def test_s4_a_pod_of_this_recovery_is_not_restarted_once_more(platform: SimulatedPlatform) -> None:
    begun(platform)
    walked(platform, until=Move.GROW)
    before = need(platform, ref("Pod", "vault-1"))
    RecoveredQuorum(platform.world()).make(Move.RESTART, read(platform))
    assert need(platform, ref("Pod", "vault-1")) == before


def never(platform: SimulatedPlatform, number: int) -> None:
    """No pod of that node answers."""

    def pending(cluster: Any, verb: str, obj: Object) -> None:
        if (verb, obj["kind"], obj["metadata"]["name"]) == ("created", "Pod", f"vault-{number}"):
            cluster.set_status(obj, {"phase": "Pending"})

    platform.cluster.controllers.append(pending)


@pytest.mark.parametrize(
    ("move", "message"),
    [
        (Move.RESTART, "vault-1 answers as the only voter"),
        (Move.OPEN, "vault-1 is unsealed"),
        (Move.WAIT, "a node of Vault leads"),
    ],
)
def test_s4_what_does_not_come_is_said(platform: SimulatedPlatform, move: Move, message: str) -> None:
    begun(platform)
    walked(platform, until=Move.RESTART)
    never(platform, 1)
    with pytest.raises(WorldError, match=message) as stopped:
        if move is not Move.RESTART:
            with pytest.raises(WorldError):
                walked(platform, until=Move.OPEN)
        RecoveredQuorum(platform.world()).make(move, read(platform))
    assert stopped.value.code == "E_TIMEOUT"


def test_s4_a_pod_that_never_comes_back_is_waited_for(platform: SimulatedPlatform) -> None:
    begun(platform)
    walked(platform, until=Move.RESTART)
    platform.cluster.controllers.clear()
    for _ in range(2):  # the one of before goes, and none comes
        with pytest.raises(WorldError) as stopped:
            RecoveredQuorum(platform.world()).make(Move.RESTART, read(platform))
        assert stopped.value.code == "E_TIMEOUT"


def test_s4_a_pod_of_before_that_does_not_end_is_not_taken_for_it(platform: SimulatedPlatform) -> None:
    begun(platform)
    walked(platform, until=Move.RESTART)
    live = platform.cluster.peek(ref("Pod", "vault-1"))
    assert live is not None
    live["metadata"]["finalizers"] = ["somebody.example/keeps-it"]
    assert platform.vault.seal_status("vault-1") is not None
    with pytest.raises(WorldError, match="vault-1 answers as the only voter") as stopped:
        RecoveredQuorum(platform.world()).make(Move.RESTART, read(platform))
    assert stopped.value.code == "E_TIMEOUT"


def test_b4_a_node_that_its_unsealer_does_not_open_is_waited_for(platform: SimulatedPlatform) -> None:
    begun(platform)
    delete(platform, KEY)
    walked(platform, until=Move.OPEN)
    with pytest.raises(WorldError, match="vault-1 is unsealed") as stopped:
        RecoveredQuorum(platform.world()).make(Move.OPEN, read(platform))
    assert stopped.value.code == "E_TIMEOUT"


def test_s4_other_voters_than_itself_stop_it(platform: SimulatedPlatform) -> None:
    now = begun(platform)
    with pytest.raises(EvidenceError) as stopped:
        RecoveredQuorum(platform.world()).make(Move.OTHERS, now)
    assert (stopped.value.code, stopped.value.where) == ("E_RECOVERY", str(ref("Pod", "vault-1")))
    assert "kubectl --namespace vault logs vault-1" in stopped.value.hint


# ---------------------------------------------------------------- its share, under offline custody


def offline(platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch, *shares: str) -> World:
    """Its pod waits for a share, and the escrow holds these."""
    begun(platform)
    delete(platform, KEY)
    walked(platform, until=Move.OPEN)
    world = platform.world()
    vault = replace(world.intent.platform.vault, custody=Custody.OFFLINE)
    world.intent = replace(world.intent, platform=replace(world.intent.platform, vault=vault))
    opened = tuple(Sensitive(share.encode(), "share") for share in shares)
    monkeypatch.setattr(recovered_quorum, "opened_shares", lambda _: opened)
    return world


def test_b4_of_two_shares_the_one_that_opens_it_is_given(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = offline(platform, monkeypatch, "6" * 64, SHARE)
    RecoveredQuorum(world).make(Move.OPEN, read(platform))
    status = platform.vault.seal_status("vault-1")
    assert status is not None
    assert not status.sealed
    assert platform.narrator.said("does not take this share")


def test_b4_what_says_nothing_of_the_share_is_said(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = offline(platform, monkeypatch, SHARE)

    def denied(*_: Any) -> None:
        raise WorldError("Vault answered 403", code="E_VAULT_DENIED")

    monkeypatch.setattr(platform.vault, "unseal", denied)
    with pytest.raises(WorldError) as stopped:
        RecoveredQuorum(world).make(Move.OPEN, read(platform))
    assert stopped.value.code == "E_VAULT_DENIED"


def test_b4_under_custody_of_the_cluster_no_escrow_is_asked_for(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(_: World) -> tuple[Sensitive, ...]:
        raise AssertionError("the unsealer has it")

    monkeypatch.setattr(recovered_quorum, "opened_shares", asked)
    begun(platform)
    walked(platform, until=Move.GROW)
    RecoveredQuorum(platform.world()).make(Move.OPEN, read(platform))


# ---------------------------------------------------------------- what goes


def test_b5_all_but_the_claim_that_was_written_down_goes(platform: SimulatedPlatform) -> None:
    now = begun(platform)
    specs: dict[str, dict[str, Any]] = {
        "its-own": {"name": "data-vault-1", "uid": now.volume},
        "its-own-without-uid": {"name": "data-vault-1"},
        "of-a-claim-before": {"name": "data-vault-1", "uid": "of-before"},
        "of-another": {"name": "data-vault-2", "uid": now.volume},
    }
    for name, spec in specs.items():
        made = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}}
        platform.cluster.create({**made, "spec": {"claimRef": {"namespace": "vault", **spec}}})
    going = {
        what: sorted(str(each["metadata"]["name"]) for each in group())
        for what, group in others(platform.world(), now).items()
    }
    assert going == {
        "the other pods": ["vault-0", "vault-2"],
        "the other data claims": ["data-vault-0", "data-vault-2"],
        "the other data volumes": ["of-a-claim-before", "of-another"],
    }
