"""The handover of many, by its requests: announced before it is written, committed once it was read back (H1, H2)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.catalog import Renew
from bootstrap.model.errors import EvidenceError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets import handing_over
from bootstrap.steps.secrets.handing_over import HandingOver, announced_by
from bootstrap.steps.secrets.transfer import here, planned_copy
from bootstrap.steps.vault.init_window import WindowStore
from tests.simulator.platform import SimulatedPlatform
from tests.support.authorities import NOTE, ledger
from tests.support.kv import Kv, held
from tests.support.ledger_facts import fact

pytestmark = pytest.mark.usefixtures("same_each_time")


@pytest.fixture
def kv() -> Kv:
    return Kv()


@pytest.fixture
def world(platform: SimulatedPlatform, kv: Kv) -> World:
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system"}}
    platform.cluster.create(home)
    window = Window(attempt=1, nonce="n", phase=WindowPhase.VERIFIED, cluster_id="v")
    WindowStore(platform.cluster).create(window)
    return another(platform, kv)


def another(platform: SimulatedPlatform, kv: Kv) -> World:
    """A further run."""
    found = platform.world()
    found.session = kv  # type: ignore[assignment]  # as far as it is asked
    return found


def hand_over(world: World, *present: str) -> None:
    HandingOver(world, frozenset(present)).run(world.intent.handovers)


def names(world: World, kind: RecordType) -> list[str]:
    facts = (record.fact for record in world.ledger.read().records)
    return [f.secret.name for f in facts if f.type is kind and f.secret]


def writes(path: str) -> str:
    return f"POST secret/data/{path}"


class Died(BaseException):
    """No handler of ours may survive it."""


def dies(at: str) -> Callable[[str], None]:
    def die(what: str) -> None:
        if what == at:
            raise Died

    return die


def test_h1_each_is_announced_before_it_is_written_and_committed_once(world: World, kv: Kv) -> None:
    ours = {writes(str(s.path)): s.name for s in world.intent.handovers}
    early: list[str] = []

    def look(what: str) -> None:
        if what in ours and ours[what] not in names(world, RecordType.INTENT):
            early.append(what)

    kv.before = look
    hand_over(world)
    declared = [s.name for s in world.intent.handovers]
    assert early == []
    assert names(world, RecordType.INTENT) == names(world, RecordType.COMMIT) == declared
    assert {p: len(v) for p, v in kv.versions.items()} == {str(s.path): 1 for s in world.intent.handovers}
    reads = [what for what in kv.asked if what.startswith("GET")]
    assert len(reads) == len(declared), "the reading back alone"


@pytest.mark.parametrize("size", [1, 2, 3])
def test_h2_batches_overlap_and_no_more_than_two_are_under_way(
    size: int, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "BATCH", size)
    hand_over(world)
    declared = [s.name for s in world.intent.handovers]
    assert names(world, RecordType.COMMIT) == declared
    records = [r.fact for r in world.ledger.read().records if r.fact.secret]
    open_now, most = 0, 0
    for each in records:
        open_now += 1 if each.type is RecordType.INTENT else -1
        most = max(most, open_now)
    assert size < most <= 2 * size


@pytest.mark.parametrize("after", [True, False], ids=["written", "not written"])
def test_h1_what_a_run_that_died_had_announced_is_announced_and_written_once(
    after: bool, platform: SimulatedPlatform, world: World, kv: Kv
) -> None:
    first = next(s for s in world.intent.handovers if s.handover.renew is not Renew.GENERATE)
    setattr(kv, "after" if after else "before", dies(writes(str(first.path))))
    with pytest.raises(Died):
        hand_over(world)
    kv.before = kv.after = lambda _: None
    kv.asked.clear()
    again = another(platform, kv)
    hand_over(again)
    kept = [s.name for s in world.intent.handovers if s.handover.renew is not Renew.GENERATE]
    assert [names(again, RecordType.INTENT).count(name) for name in kept] == [1] * len(kept)
    assert sorted(names(again, RecordType.COMMIT)) == sorted(s.name for s in world.intent.handovers)
    assert all(len(v) == 1 for v in kv.versions.values())
    assert (writes(str(first.path)) in kv.asked) is not after


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "not seen"])
def test_h1_a_version_that_nobody_announced_is_not_ours(seen: bool, world: World, kv: Kv) -> None:
    first = world.intent.handovers[0]
    kv.versions[str(first.path)] = [{"theirs": held("theirs")}]
    with pytest.raises(EvidenceError) as caught:
        hand_over(world, *([first.name] if seen else []))
    assert caught.value.code == "E_AUTHORITY_CONFLICT"
    assert kv.versions[str(first.path)] == [{"theirs": held("theirs")}]
    assert names(world, RecordType.COMMIT) == []
    assert (names(world, RecordType.INTENT) == []) is seen, "seen before, nothing is announced"


def test_h1_what_another_run_announces_meanwhile_counts_too(
    platform: SimulatedPlatform, world: World, kv: Kv
) -> None:
    """Its write may have arrived."""
    first = next(s for s in world.intent.handovers if s.handover.renew is not Renew.GENERATE)
    ours, theirs = HandingOver(world, frozenset([first.name])), another(platform, kv)
    copy = planned_copy(theirs, first, here(theirs))
    theirs.ledger.append((copy.intent(theirs, here(theirs)),))
    kv.versions[str(first.path)] = [dict(copy.values)]
    ours.run(world.intent.handovers)
    assert names(world, RecordType.COMMIT).count(first.name) == 1
    assert names(world, RecordType.INTENT).count(first.name) == 1


def digests(letter: str) -> frozenset[tuple[str, str]]:
    return frozenset({("password", letter * 64)})


def test_h1_announced_are_all_values_of_a_secret_s_handover() -> None:
    first, second = fact(RecordType.INTENT, "a"), fact(RecordType.INTENT, "a", commitment="d" * 64)
    later = _version(first, 2)
    commit, retired = fact(RecordType.COMMIT, "a"), fact(RecordType.RETIRED, "a", commitment="f" * 64)
    found = announced_by(ledger(NOTE, first, second, later, commit, retired, fact(RecordType.INTENT, "b")))
    assert found == {"a": frozenset({digests("c"), digests("d")}), "b": frozenset({digests("c")})}


def _version(of: Fact, number: int) -> Fact:
    assert of.destination is not None
    place = replace(of.destination, version=number)
    return replace(of, destination=place, commitments={"password": "e" * 64}, source=None)
