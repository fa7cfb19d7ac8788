"""What a look at Vault's nodes comes to, and that no node is ended before all others serve, vote and one leads (G7)."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.model.catalog import Custody
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.ports import Object, Reason, Ref, Refused, SealStatus
from bootstrap.steps.kinds import vault_members
from bootstrap.steps.kinds.vault_members import Observation, VaultMembers
from bootstrap.steps.vault.init_window import REF
from bootstrap.steps.vault.objects import SHAPE
from tests.simulator.small_world import STEP, small_world

PODS = ("vault-0", "vault-1", "vault-2")
OPEN = SealStatus(initialized=True, sealed=False, cluster_id="ours")
SEALED = SealStatus(initialized=True, sealed=True, cluster_id="")
EMPTY = SealStatus(initialized=False, sealed=True)


def decided(*nodes: SealStatus | None, replicas: int = 3, voters: int = 3, outdated: str = "") -> Decision:
    listed = tuple(zip(PODS, nodes or (OPEN, OPEN, OPEN), strict=True))
    seen = Observation(replicas, listed, "ours", voters, tuple(outdated.split()))
    return VaultMembers(STEP, small_world(None)).decide(seen)


def stopped(*nodes: SealStatus | None) -> tuple[str, str]:
    decision = decided(*nodes)
    return (decision.error.code, decision.error.message) if isinstance(decision, Blocked) else ("", "")


def test_inv4_a_node_of_another_store_is_named_and_no_other() -> None:
    theirs = SealStatus(initialized=True, sealed=False, cluster_id="theirs")
    joining = SealStatus(initialized=True, sealed=False, cluster_id="")
    found = ("E_SECOND_CLUSTER", "vault-1 belongs to another raft cluster")
    assert stopped(OPEN, theirs, None) == stopped(SEALED, theirs, joining) == found
    said_before = SealStatus(initialized=True, sealed=True, cluster_id="theirs")
    assert stopped(OPEN, joining, None) == stopped(OPEN, said_before, SEALED) == ("", "")


def test_inv4_a_store_that_every_node_that_answers_has_lost_is_not_made_anew() -> None:
    assert stopped(EMPTY, None, EMPTY)[0] == "E_STORE_LOST"
    assert stopped(EMPTY, SEALED, None) == stopped(None, None, None) == ("", "")


@pytest.mark.parametrize(
    ("nodes", "more", "summary", "changes"),
    [
        ((), {"replicas": 1}, "grow to 3 replicas", ("StatefulSet vault/vault: 1 to 3",)),
        (
            (None, SEALED, OPEN),
            {"outdated": "vault-0 vault-2"},
            "restart what does not serve",
            ("restart vault-0",),
        ),
        (
            (None, SEALED, OPEN),
            {"outdated": "vault-2"},
            "wait until every node is unsealed",
            ("wait for vault-0", "wait for vault-1"),
        ),
        ((), {"voters": 2}, "wait until every node votes", ("2 of 3 are voters",)),
        (
            (),
            {"outdated": "vault-1 vault-2"},
            "restart replicas of an earlier template, one at a time",
            ("restart vault-1", "restart vault-2"),
        ),
    ],
)
def test_g7_what_is_lacking_comes_in_its_order(
    nodes: Sequence[SealStatus | None], more: dict[str, Any], summary: str, changes: tuple[str, ...]
) -> None:
    assert decided(*nodes, **more) == Act(summary, changes)


def test_g7_nothing_is_lacking() -> None:
    assert decided() == Satisfied("3 voters, unsealed, one cluster id")


class Nodes:
    """Three nodes behind both ports. A pod that was ended is made anew, and for two looks one thing is ``late``: the
    one before still ends, it is not there, it is sealed, it does not vote, or nobody leads. ``ended`` says of each what
    was lacking by then."""

    pods = PODS

    def __init__(self, late: str = "", outdated: Sequence[str] = PODS) -> None:
        self.late, self.looks = late, 0 if late in ("pod", "ending") else 2
        self.uids = {pod: f"{pod}-first" for pod in PODS}
        self.outdated, self.away = set(outdated), set[str]()
        self.set: Object | None = self.template("now") | {
            "spec": {"replicas": 3, "template": self.template("now")}
        }
        self.ended: list[tuple[str, str]] = []
        self.kept = True  # the StatefulSet, once it was applied
        self.sealed = set[str]()
        self.vault = SimpleNamespace(active=lambda _: None if self.is_late("active") else "vault-0")

    @staticmethod
    def template(shape: str) -> Object:
        return {"metadata": {"annotations": {SHAPE: shape}, "resourceVersion": "1"}}

    def is_late(self, what: str) -> bool:
        return self.looks > 0 and self.late == what

    def pass_time(self) -> None:
        self.looks -= 1

    def lacking(self) -> str:
        """What all nodes together lack now."""
        return self.late if self.looks > 0 else ""

    def get(self, ref: Ref) -> Object | None:
        if ref.kind == "StatefulSet":
            return self.set
        if ref.kind != "Pod" or ref.name in self.away:
            return None
        uid = self.uids[ref.name]
        if self.ended and self.ended[-1][0] == ref.name:
            if self.is_late("pod"):
                return None
            uid = f"{ref.name}-first" if self.is_late("ending") else uid
        found = self.template("before" if ref.name in self.outdated else "now")
        return found | {"metadata": found["metadata"] | {"uid": uid}}

    def apply(self, obj: Object) -> Object:
        self.applied = obj
        self.set = obj if self.kept else None
        self.set and self.set["spec"]["template"]["metadata"]["annotations"].update({SHAPE: "now"})
        return obj

    def delete(self, ref: Ref, *, uid: str) -> Refused | None:
        if uid != self.uids[ref.name]:
            return Refused(Reason.CONFLICT, ref.name)
        self.ended.append((ref.name, self.lacking()))
        self.uids[ref.name] += ", another"
        self.outdated -= {ref.name}
        self.sealed -= {ref.name}
        self.looks = 2
        return None

    def seal_status(self, pod: str) -> SealStatus | None:
        return SEALED if self.is_late("sealed") or pod in self.sealed else OPEN

    def voting(self, _: object) -> tuple[str, ...]:
        return ("vault-0", "vault-1") if self.is_late("voters") else (*PODS, "vault-9")


def members(nodes: Nodes, monkeypatch: pytest.MonkeyPatch, **spec: Any) -> VaultMembers:
    monkeypatch.setattr(vault_members, "voters", nodes.voting)
    world = small_world(nodes, nodes, **spec)
    world.clock.on_sleep.append(nodes.pass_time)  # type: ignore[attr-defined]
    return VaultMembers(STEP, world)


def seen(waiting: Sequence[str] = (), outdated: Sequence[str] = ()) -> Observation:
    nodes = tuple((pod, None if pod in waiting else OPEN) for pod in PODS)
    return Observation(3, nodes, "ours", 3, tuple(outdated))


@pytest.mark.parametrize("late", ["", "ending", "pod", "sealed", "voters", "active"])
def test_g7_no_node_is_ended_before_all_serve_and_vote_and_one_leads(
    late: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes = Nodes(late, ("vault-0", "vault-2"))
    members(nodes, monkeypatch).act(seen(outdated=("vault-0", "vault-2")))
    assert nodes.ended == [("vault-2", ""), ("vault-0", "")]
    assert nodes.lacking() == ""
    assert nodes.applied["spec"]["replicas"] == 3


def test_g7_of_what_does_not_serve_only_an_earlier_template_is_ended_and_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    nodes = Nodes(outdated=("vault-0", "vault-2"))
    nodes.sealed = {"vault-2"}  # for as long as that pod is there
    members(nodes, monkeypatch).act(seen(("vault-1", "vault-2"), ("vault-0", "vault-2")))
    assert [name for name, _ in nodes.ended] == ["vault-2", "vault-0"]


@pytest.mark.parametrize("gone", ["the pod", "the set"])
def test_g7_what_has_gone_since_is_not_ended(gone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = Nodes(outdated=("vault-2",))
    if gone == "the pod":
        nodes.away.add("vault-2")
    nodes.kept = gone != "the set"
    waiting = ("vault-2",) if gone == "the pod" else ()
    members(nodes, monkeypatch).act(seen(waiting, ("vault-2",)))
    assert nodes.ended == []


@pytest.mark.parametrize("custody", list(Custody))
def test_b4_only_where_nothing_unseals_them_the_run_does(
    custody: Custody, monkeypatch: pytest.MonkeyPatch
) -> None:
    nodes, asked = Nodes(), list[str]()
    nodes.sealed = {"vault-1"} if custody is Custody.OFFLINE else set()

    def unsealed(*_: object, **__: object) -> None:
        asked.extend(nodes.sealed or {"all are open"})
        nodes.sealed.clear()

    monkeypatch.setattr(vault_members, "unseal_all", unsealed)
    members(nodes, monkeypatch, custody=custody).act(seen())
    assert asked == (["vault-1"] if custody is Custody.OFFLINE else [])


def test_g7_what_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = Nodes(outdated=("vault-1",))
    nodes.away.add("vault-2")
    found = members(nodes, monkeypatch).observe()
    assert (found.replicas, found.cluster_id, found.voters, found.outdated) == (3, "", 3, ("vault-1",))
    nodes.set = None
    found = members(nodes, monkeypatch).observe()
    assert (found.replicas, found.outdated) == (0, ())


def test_g7_sealed_nodes_are_not_asked_who_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would answer; and the window says which store is ours."""
    nodes = Nodes()
    window = Window(attempt=1, nonce="n", phase=WindowPhase.VERIFIED, volume="v", cluster_id="ours")
    get = nodes.get
    monkeypatch.setattr(nodes, "get", lambda ref: {"data": window.to_data()} if ref == REF else get(ref))
    monkeypatch.setattr(nodes, "voting", lambda _: pytest.fail("asked"))
    for status in (SEALED, None):
        monkeypatch.setattr(nodes, "seal_status", lambda pod, s=status: s if pod == "vault-2" else OPEN)
        found = members(nodes, monkeypatch).observe()
        assert (found.voters, found.cluster_id, found.waiting) == (0, "ours", ("vault-2",))
