"""Vault countersigns the ledger of a platform, from its first handover on (H4, INV4)."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.engine.runner import Runner
from bootstrap.ledger import batch, chain, store
from bootstrap.ledger.batch import Batch
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.countersigning import public_key
from bootstrap.ledger.record import Fact, RecordType, Writer
from bootstrap.model.decision import Blocked, Decision, Satisfied
from bootstrap.model.errors import BootstrapError, EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.plan import Step
from bootstrap.ports import Answer, Ref
from bootstrap.steps.base import KindClass
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.kinds import vault_configuration
from bootstrap.steps.registry import kind_class
from bootstrap.steps.vault import leaves
from bootstrap.steps.vault.transit import KEYS, SIGN, live_key
from tests.simulator.halfway import step_of
from tests.simulator.losses import delete, wipe_volumes
from tests.simulator.platform import SimulatedPlatform, opened
from tests.simulator.transit import Key

pytestmark = pytest.mark.usefixtures("same_each_time")

WINDOW = Ref("v1", "ConfigMap", "vault-init", "bootstrap-system")
NOTE = Fact(type=RecordType.ACCEPTED, details={"what": "plan"})


@pytest.fixture
def empty(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    return SimulatedPlatform(tmp_path, repository)


@pytest.fixture
def platform(empty: SimulatedPlatform) -> SimulatedPlatform:
    empty.up()
    return empty


def ledger(platform: SimulatedPlatform) -> Ledger:
    return platform.world().ledger.read()


def types(found: Ledger) -> list[RecordType]:
    return [record.fact.type for record in found.records]


def refused(act: Callable[[], Any]) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        act()
    assert caught.value.hint
    return caught.value


def test_h4_each_batch_from_the_announcement_on_ends_with_vaults_signature(
    platform: SimulatedPlatform,
) -> None:
    world = platform.world()
    found, batches = world.ledger.read(), world.ledger.stored()
    announced = types(found).index(RecordType.COUNTERSIGNER)
    assert announced < types(found).index(RecordType.INTENT)
    ends, at = [], 0
    for each in batches:
        at += len(each.envelopes)
        ends += [found.records[at - 1].fact.type] if at > announced else []
    assert len(ends) > 3
    assert set(ends) == {RecordType.COUNTERSIGNED}
    assert types(found).count(RecordType.COUNTERSIGNED) == len(ends)
    current = found.meaning.countersigning.current
    assert current is not None
    assert current.key == live_key(world.session.call)
    assert (current.mount, current.name) == ("bootstrap-transit", "countersign")


def test_a_second_up_signs_nothing(platform: SimulatedPlatform) -> None:
    platform.vault.denied.add(f"POST {SIGN}")
    platform.up()


@contextmanager
def earlier_version(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """It has no such key, and none of its policies knows of one."""
    every, run = leaves.every_leaf, leaves.RUN_IDENTITY

    def older(intent: Any) -> tuple[leaves.Leaf, ...]:
        return tuple(leaf for leaf in every(intent) if "bootstrap-transit" not in leaf.change)

    with monkeypatch.context() as patch:
        patch.setattr(vault_configuration, "every_leaf", older)
        yield
    assert run == leaves.RUN_IDENTITY


class Nothing:
    def __init__(self, step: Step, world: World) -> None: ...
    def observe(self) -> None: ...
    def decide(self, seen: None) -> Decision:
        return Satisfied("an earlier version has no such step")

    def act(self, seen: None) -> None: ...


def kinds(name: str) -> KindClass:
    return Nothing if name == "countersigner" else kind_class(name)


def test_a_platform_of_an_earlier_version_gets_it_by_one_up(
    empty: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    with earlier_version(monkeypatch):
        world = empty.world()
        Runner(world.plan, world, kinds).run()
        world.session.close()
    before = ledger(empty)
    assert before.meaning.countersigning.current is None
    assert "bootstrap-transit/" not in empty.vault.live().mounts
    empty.vault.denied.add(f"GET {KEYS}")  # as its policy of the run has it

    def policy_written(_: Any, line: Any) -> None:
        if line.path == "sys/mounts/bootstrap-transit":
            empty.vault.denied.clear()

    empty.vault.watchers.append(policy_written)
    empty.up()
    after = ledger(empty)
    assert after.records[: len(before.records)] == before.records
    added = types(after)[len(before.records) :]
    assert added == [
        RecordType.CONFIGURING,
        RecordType.CONFIGURED,
        RecordType.COUNTERSIGNER,
        RecordType.COUNTERSIGNED,
    ]
    head = json.loads((next(empty.records.iterdir()) / "head.json").read_bytes())
    assert head["payload"]


def test_a_lost_answer_is_asked_for_again_and_the_batch_is_one(platform: SimulatedPlatform) -> None:
    asked = []

    class Lossy:
        def __getattr__(self, name: str) -> Any:
            return getattr(platform.vault, name)

        def call(self, method: str, path: str, *rest: Any, **more: Any) -> Answer:
            answer = platform.vault.call(method, path, *rest, **more)
            if path == SIGN:
                asked.append(answer.data["signature"])
                if len(asked) == 1:
                    raise UnknownOutcome("the answer was lost", code="E_UNKNOWN_OUTCOME")
            return answer

    world = platform.world(vault=Lossy())
    size = world.ledger.read().chain.size
    written = world.ledger.append([NOTE])
    assert [r.fact.type for r in written] == [RecordType.ACCEPTED, RecordType.COUNTERSIGNED]
    assert (len(asked), len(set(asked))) == (2, 1)
    assert ledger(platform).chain.size == size + 2


def test_inv4_a_batch_of_the_ledger_key_alone_stops_the_run(platform: SimulatedPlatform) -> None:
    found, signer = ledger(platform), opened(platform.repository).material.signer()
    run = Writer(cluster=platform.cluster.uid(), run_id="x", epoch=9, tool="0", plan_digest="", actor="x")
    entries = tuple(
        chain.write([NOTE], after=found.chain, run=run, time="2026-01-01T00:00:00Z", signer=signer)
    )
    platform.cluster.create(store._config_map(Batch.of(entries)))
    error = refused(platform.up)
    assert (error.code, error.exit_code) == ("E_COUNTERSIGN", 6)


def test_inv4_another_key_of_that_name_signs_nothing(platform: SimulatedPlatform) -> None:
    size = ledger(platform).chain.size
    platform.vault.live().transit_keys["countersign"] = Key()
    assert refused(lambda: platform.world().ledger.append([NOTE])).code == "E_COUNTERSIGN"
    assert ledger(platform).chain.size == size
    assert refused(platform.up).code == "E_COUNTERSIGN"


def test_h4_what_is_announced_is_of_this_vault_and_a_lost_window_changes_nothing(
    platform: SimulatedPlatform,
) -> None:
    current = ledger(platform).meaning.countersigning.current
    assert current is not None
    assert current.vault_cluster == platform.vault.live().cluster_id
    said = Satisfied(f"each batch is countersigned by {current}")
    assert step_of(platform, "countersigner").decide() == said
    delete(platform, WINDOW)
    assert step_of(platform, "countersigner").decide() == said


@pytest.mark.parametrize("another", [Key(), None])
def test_inv4_which_key_vault_has_instead_is_told(platform: SimulatedPlatform, another: Key | None) -> None:
    keys = platform.vault.live().transit_keys
    del keys["countersign"]
    if another is not None:
        keys["countersign"] = another
    decision = step_of(platform, "countersigner").decide()
    assert isinstance(decision, Blocked)
    has = public_key(another.public()).key_id[:16] if another else "none"
    assert (decision.error.code, decision.error.message.rpartition(" ")[2]) == ("E_COUNTERSIGN", has)


def test_inv4_no_key_is_announced_twice_and_none_that_is_not_there(platform: SimulatedPlatform) -> None:
    step = step_of(platform, "countersigner")
    seen, size = step.kind.observe(), ledger(platform).chain.size
    for each in (seen, replace(seen, named=None, live=None)):
        with pytest.raises(WorldError) as caught:
            step.act(each)
        assert caught.value.code == "E_COUNTERSIGN"
    assert ledger(platform).chain.size == size


@pytest.mark.parametrize("flag", ["exportable", "allow_plaintext_backup", "deletion_allowed"])
def test_h4_a_key_that_may_have_left_vault_stops_the_run(platform: SimulatedPlatform, flag: str) -> None:
    platform.vault.live().transit_keys["countersign"].flags[flag] = True
    error = refused(platform.up)
    assert (error.code, flag in error.message) == ("E_COUNTERSIGN", True)


def test_inv4_a_new_authority_announces_a_new_key(platform: SimulatedPlatform) -> None:
    old = ledger(platform).meaning.countersigning.current
    wipe_volumes(platform)
    platform.up(approve=("new-authority",))
    found = ledger(platform)
    state = found.meaning.countersigning
    assert state.current is not None
    assert old is not None
    assert state.current.key != old.key
    decided = types(found).index(RecordType.NEW_AUTHORITY)
    assert types(found)[decided - 1] is RecordType.COUNTERSIGNED
    assert len(state.alone) == 2
    assert state.alone[1][0] == decided
    assert state.keys == {old.key.key_id, state.current.key.key_id}
    assert named(found, RecordType.COMMIT)


def test_a_batch_is_within_its_limit_with_vaults_record(platform: SimulatedPlatform) -> None:
    many = [Fact(type=RecordType.ACCEPTED, details={"what": "plan", "why": "x" * 20_000})] * 40
    world = platform.world()
    size = world.ledger.read().chain.size
    written = world.ledger.append(many)
    assert [r.seq for r in written] == list(range(size, size + len(written)))
    assert len([r for r in written if r.fact.type is RecordType.ACCEPTED]) == 40
    made = [each for each in world.ledger.stored() if int(each.name.rsplit("-")[-1]) >= size]
    assert len(made) > 1
    assert all(len(each.content) <= batch.LIMIT for each in made)
    with pytest.raises(EvidenceError):
        store.load(platform.cluster, type(world.ledger.key)(raw=b"0" * 32, key_id="0" * 64))
