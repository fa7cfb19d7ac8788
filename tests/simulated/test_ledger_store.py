"""The copies of the ledger: races, lost answers, kills at every call, restored snapshots (H4)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bootstrap.ledger import batch, copies, store
from bootstrap.ledger.chain import Ledger
from bootstrap.ledger.envelope import PublicKey
from bootstrap.ledger.head import head_file, head_of, read_head
from bootstrap.ledger.record import NONCE, Destination, Fact, RecordType, Writer
from bootstrap.ledger.store import LedgerStore
from bootstrap.ledger.verified import Verified
from bootstrap.ledger.versions import SET, details_of
from bootstrap.model.errors import EvidenceError, HeldError, UnknownOutcome, WorldError
from bootstrap.model.names import SYSTEM_NAMESPACE
from bootstrap.ports import Object, Reason, Ref, Refused
from tests.simulator.cluster import SimulatedCluster
from tests.simulator.faults import BASIC, Fault, Faulty, Killed
from tests.support.ledger_facts import ESCROW, VAULT, Key, entries, fact, story
from tests.support.simulated_clock import SimulatedClock


def cluster() -> SimulatedCluster:
    made = SimulatedCluster()
    made.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}})
    made.mutations.clear()
    return made


def opened(port: Any, run: str = "run-1") -> LedgerStore:
    key = Key()
    identity = Writer(cluster="uid-1", run_id=run, epoch=1, tool="0.1", plan_digest="sha256:0", actor="admin")
    return LedgerStore(
        port,
        key=key.public,
        clock=SimulatedClock(),
        signer=lambda: key,
        vault=lambda _: VAULT,
        run=lambda: identity,
    )


def note(text: str) -> Fact:
    return Fact(type=RecordType.ACCEPTED, details={"text": text})


def texts(ledger: Ledger) -> list[str]:
    return [each.fact.details["text"] for each in ledger.records]


def test_append_is_one_immutable_object_a_batch() -> None:
    world = cluster()
    ledger = opened(world)
    ledger.append(story()[:4])
    ledger.append(story()[4:])
    assert [ref.name for _, ref in world.mutations] == ["ledger-00000000", "ledger-00000004"]
    live = world.get(Ref("v1", "ConfigMap", "ledger-00000004", SYSTEM_NAMESPACE))
    assert live is not None
    assert live["immutable"] is True
    assert opened(world).load().records == ledger.current().records


def test_reading_needs_neither_root_key_nor_lock() -> None:
    world = cluster()
    opened(world).append(story())

    def never() -> Any:
        raise AssertionError("asked")

    reader = LedgerStore(
        world, key=Key().public, clock=SimulatedClock(), signer=never, vault=lambda _: never(), run=never
    )
    assert len(reader.load().records) == 10


def test_nothing_is_written_for_nothing() -> None:
    world = cluster()
    assert opened(world).append([]) == ()
    assert world.mutations == []


def test_two_writers_make_one_chain() -> None:
    world = cluster()
    one, two = opened(world, "run-1"), opened(world, "run-2")
    for number in range(6):
        one.load() if number == 0 else None
        (one if number % 2 else two).append([note(str(number))])
    assert texts(opened(world).load()) == list("012345")


def test_h1_a_second_commit_is_never_recorded() -> None:
    world = cluster()
    one, two = opened(world, "run-1"), opened(world, "run-2")
    one.append([fact(RecordType.INTENT)])
    two.load()
    one.append([fact(RecordType.COMMIT)])
    with pytest.raises(HeldError) as caught:
        two.append([fact(RecordType.COMMIT)])
    assert caught.value.code == "E_LEDGER_RACED"
    assert opened(world).load().chain.size == 2


def test_h3_what_was_committed_may_be_retired() -> None:
    world = cluster()
    for each in (RecordType.INTENT, RecordType.COMMIT, RecordType.RETIRED):
        opened(world).append([fact(each)])
    assert opened(world).load().chain.size == 3


def test_inv4_a_restore_is_recorded_once() -> None:
    """By its nonce: what other records say of it does not count, nor does another restore."""
    world = cluster()
    ledger = opened(world)
    about = {NONCE: "n-1"}
    restored = Fact(type=RecordType.RESTORED, details=about)
    for each in (Fact(type=RecordType.CLAIMED, details=about), restored):
        ledger.append([each])
    with pytest.raises(HeldError) as caught:
        ledger.append([restored])
    assert caught.value.code == "E_LEDGER_RACED"
    for each in (
        Fact(type=RecordType.ESCROW, details=about),
        Fact(type=RecordType.RESTORED, details={NONCE: "n-2"}),
    ):
        ledger.append([each])
    assert opened(world).load().chain.size == 4


def version_2(record_type: RecordType) -> Fact:
    to = Destination(cluster="vault-1", path="applications/keycloak-admin", version=2)
    said = details_of("keycloak-admin", 2, SET, "it leaked", "admin")
    return fact(record_type, destination=to, details=said)


def test_h4_a_changed_value_is_recorded_once() -> None:
    """Two runs that both come upon the version that an interrupted one wrote."""
    world = cluster()
    one, two = opened(world, "run-1"), opened(world, "run-2")
    one.append([version_2(RecordType.INTENT)])
    two.load()
    one.append([version_2(RecordType.ACCEPTED)])
    with pytest.raises(HeldError) as caught:
        two.append([version_2(RecordType.ACCEPTED)])
    assert (caught.value.code, "version 2 is already on record" in caught.value.message) == (
        "E_LEDGER_RACED",
        True,
    )
    assert opened(world).load().chain.size == 2


def test_a_fact_that_breaks_a_rule_is_not_written() -> None:
    world = cluster()
    with pytest.raises(EvidenceError):
        opened(world).append([fact(RecordType.COMMIT)])
    assert world.mutations == []


@pytest.mark.parametrize("fault", BASIC)
def test_every_fault_at_every_call_leaves_each_fact_once(fault: Fault) -> None:
    for at in range(1, 50):
        world = cluster()
        faulty = Faulty(world, at, fault)
        done: list[str] = []
        try:
            ledger = opened(faulty)
            for text in "abc":
                ledger.append([note(text)])
                done.append(text)
        except (Killed, WorldError):
            pass
        resumed = opened(world, "run-2")
        for text in "abc":
            if text not in texts(resumed.load()):
                resumed.append([note(text)])
        assert texts(resumed.load()) == list("abc")
        assert fault in (Fault.KILL_BEFORE, Fault.KILL_AFTER) or at == 1 or done == list("abc")
        if not faulty.fired:
            return
    pytest.fail("the fault never ran out of calls")


class Zombie:
    """The first create is delivered only after another writer has taken its place."""

    def __init__(self, world: SimulatedCluster, meanwhile: Callable[[], object]) -> None:
        self._world = world
        self._meanwhile: Callable[[], object] | None = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)

    def create(self, obj: Object) -> Object | Refused:
        if self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
            self._world.create(obj)
            raise UnknownOutcome("no answer")
        return self._world.create(obj)


def test_a_lost_race_with_a_lost_answer_ends_behind_the_other() -> None:
    world = cluster()
    zombie = Zombie(world, lambda: opened(world, "run-2").append([note("theirs")]))
    opened(zombie).append([note("ours")])
    assert texts(opened(world).load()) == ["theirs", "ours"]


def test_a_writer_that_never_rests_is_reported() -> None:
    class Busy(Zombie):
        def create(self, obj: Object) -> Object | Refused:
            opened(self._world, "run-2").append([note("theirs")])
            return self._world.create(obj)

    world = cluster()
    with pytest.raises(HeldError):
        opened(Busy(world, lambda: None)).append([note("ours")])
    assert set(texts(opened(world).load())) == {"theirs"}


def test_a_foreign_object_in_our_place_is_reported() -> None:
    world = cluster()
    meta = {"name": "ledger-00000000", "namespace": SYSTEM_NAMESPACE}
    world.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta})
    with pytest.raises(EvidenceError) as caught:
        opened(world).append([note("ours")])
    assert caught.value.code == "E_BATCH"


def test_no_namespace_is_a_clear_refusal() -> None:
    with pytest.raises(WorldError) as caught:
        opened(SimulatedCluster()).append([note("x")])
    assert caught.value.code == "E_LEDGER_WRITE"


def test_a_refusal_is_told_in_the_server_s_words_and_not_tried_again() -> None:
    port = Answering(cluster(), lambda: Refused(Reason.FORBIDDEN, "by a webhook"), does=False)
    with pytest.raises(WorldError, match="by a webhook") as caught:
        opened(port).append([note("x")])
    assert (caught.value.code, port.asked) == ("E_LEDGER_WRITE", 1)


def test_a_large_append_becomes_several_objects() -> None:
    world = cluster()
    facts = [note(f"{number:04}" + "x" * 3000) for number in range(300)]
    opened(world).append(facts)
    found = store.stored(world)
    assert len(found) > 1
    assert all(len(each.content) <= batch.LIMIT for each in found)
    assert texts(opened(world).load()) == [each.details["text"] for each in facts]


def test_a_batch_under_another_name_than_its_place_is_found() -> None:
    world, _ = filled()
    batches = store.stored(world)
    assert opened(world).batches() == batches
    there = cluster()
    store.restore(there, [*batches[:2], replace(batches[2], name="ledger-00000005")])
    with pytest.raises(EvidenceError) as caught:
        opened(there).load()
    assert (caught.value.code, "ledger-00000005" in caught.value.where) == ("E_CHAIN", True)


def test_a_missing_or_changed_object_is_found() -> None:
    world = cluster()
    ledger = opened(world)
    for text in "abc":
        ledger.append([note(text)])
    middle = Ref("v1", "ConfigMap", "ledger-00000001", SYSTEM_NAMESPACE)
    live = world.get(middle)
    assert live is not None
    world.delete(middle, uid=live["metadata"]["uid"])
    with pytest.raises(EvidenceError) as caught:
        opened(world).load()
    assert caught.value.code == "E_CHAIN"
    live["data"][batch.KEY] = live["data"][batch.KEY].replace("A", "B", 1)
    world.create(live)
    with pytest.raises(EvidenceError):
        opened(world).load()


class Kv:
    """Vault's copy in memory."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}
        self.writes = 0

    def read(self, name: str) -> bytes | None:
        return self.held.get(name)

    def write_once(self, name: str, content: bytes) -> None:
        assert name not in self.held
        self.writes += 1
        self.held[name] = content


def filled() -> tuple[SimulatedCluster, Kv]:
    world, kv = cluster(), Kv()
    ledger = opened(world)
    for text in "abc":
        ledger.append([note(text)])
    copies.publish(store.stored(world), kv)
    return world, kv


def test_inv1_a_lost_namespace_is_rebuilt_from_vault() -> None:
    world, kv = filled()
    before = store.stored(world)
    new = cluster()
    batches = copies.fetch(kv)
    ledger = Verified(Key().public).read(each for found in batches for each in found.envelopes)
    assert texts(ledger) == list("abc")
    assert store.restore(new, batches) == tuple(each.name for each in before)
    assert store.stored(new) == before
    assert store.restore(new, batches) == ()
    assert opened(new, "run-2").append([note("d")])[0].seq == 3


class Answering:
    """What the cluster says to the next create, whatever it does; ``does``: whether it does it."""

    def __init__(
        self, world: SimulatedCluster, answer: Callable[[], Object | Refused], *, does: bool
    ) -> None:
        self._world = world
        self._answer = answer
        self._does = does
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)

    def create(self, obj: Object) -> Object | Refused:
        self.asked += 1
        if self._does:
            self._world.create(obj)
        return self._answer()


def lost() -> Object:
    raise UnknownOutcome("no answer")


def test_inv1_of_a_lost_answer_what_is_there_counts() -> None:
    world, _ = filled()
    batches, there = store.stored(world), cluster()
    assert store.restore(Answering(there, lost, does=True), batches) == tuple(b.name for b in batches)
    assert store.stored(there) == batches
    empty = cluster()
    with pytest.raises(WorldError) as caught:
        store.restore(Answering(empty, lost, does=False), batches)
    assert (caught.value.code, store.stored(empty)) == ("E_LEDGER_WRITE", ())


def test_inv1_a_refusal_is_an_error_even_where_the_batch_is_there() -> None:
    world, _ = filled()
    port = Answering(cluster(), lambda: Refused(Reason.FORBIDDEN, "no"), does=True)
    with pytest.raises(WorldError) as caught:
        store.restore(port, store.stored(world))
    assert (caught.value.code, "no" in caught.value.message) == ("E_LEDGER_WRITE", True)


def test_inv1_another_batch_that_is_faster_is_a_fork() -> None:
    world, there, other = filled()[0], cluster(), cluster()
    opened(other).append([note("z")])
    (theirs,) = (each for each in other.list("v1", "ConfigMap", SYSTEM_NAMESPACE, f"{store.LABEL}=batch"))

    def forestalled() -> Refused:
        meta = {key: theirs["metadata"][key] for key in ("name", "namespace", "labels")}
        there.create({**theirs, "metadata": meta})
        return Refused(Reason.EXISTS, "")

    with pytest.raises(EvidenceError) as caught:
        store.restore(Answering(there, forestalled, does=False), store.stored(world))
    assert caught.value.code == "E_FORK"


def test_a_record_that_is_larger_than_a_batch_goes_alone() -> None:
    large, small = entries((note("x" * batch.LIMIT), note("y")))
    assert batch.fitting((large, small)) == (large,)
    assert batch.fitting((small, large)) == (small,)
    assert batch.fitting((small, small)) == (small, small)
    more = iter((large, small, small, small))
    assert batch.fitting(more) == (large,)
    assert len(tuple(more)) == 2, "what does not fit is not asked for: each would be signed for nothing"


def test_a_second_publication_writes_nothing() -> None:
    world, kv = filled()
    copies.publish(store.stored(world), kv)
    assert kv.writes == 3


def test_a_copy_of_another_history_is_a_fork() -> None:
    world, _ = filled()
    other = cluster()
    for text in "az":
        opened(other).append([note(text)])
    for act in (
        lambda: store.restore(other, store.stored(world)),
        lambda: copies.publish(store.stored(world), _kv(other)),
        lambda: copies.compare({"cluster": opened(world).load(), "Vault": opened(other).load()}),
    ):
        with pytest.raises(EvidenceError) as caught:
            act()
        assert caught.value.code == "E_FORK"
    with pytest.raises(EvidenceError, match="differ at record 1"):
        copies.compare({"cluster": opened(world).load(), "Vault": opened(other).load()})


def test_a_copy_is_read_as_it_is_whatever_is_known_of_another() -> None:
    _, kv = filled()
    other = cluster()
    opened(other).append([note("z")])
    assert copies.fetch(kv, store.stored(other)) == copies.fetch(kv)


def _kv(world: SimulatedCluster) -> Kv:
    kv = Kv()
    copies.publish(store.stored(world), kv)
    return kv


def test_a_restored_snapshot_is_behind() -> None:
    world, kv = filled()
    old = Verified(Key().public).read(each for found in copies.fetch(kv) for each in found.envelopes)
    opened(world).append([note("d"), note("e")])
    new = opened(world).load()
    assert copies.compare({"cluster": new, "Vault": new}).agree
    compared = copies.compare({"cluster": new, "Vault": old})
    assert (compared.agree, compared.size, compared.behind) == (False, 5, {"Vault": 2})


def test_an_unchanged_ledger_gives_an_unchanged_head() -> None:
    world, key = cluster(), Key()
    opened(world).append(story())
    ledger = opened(world).load()
    first = head_file(ledger, ESCROW, known=None, key=key.public, sign=lambda: key)
    assert first == head_file(ledger, ESCROW, known=b"", key=key.public, sign=lambda: key)

    def never() -> Key:
        raise AssertionError("asked for the ledger key")

    assert head_file(ledger, ESCROW, known=first, key=key.public, sign=never) == first
    assert read_head(first, key.public).vault_cluster == "vault-1"
    assert head_file(ledger, None, known=first, key=key.public, sign=lambda: key) != first


def test_an_empty_ledger_has_no_head() -> None:
    with pytest.raises(EvidenceError):
        head_of(opened(cluster()).load(), escrow=None)


# ---------------------------------------------------------------- each signature once


def test_a_signature_is_checked_once_whatever_copy_it_is_read_from(monkeypatch: pytest.MonkeyPatch) -> None:
    world, checked = cluster(), []
    accepts = PublicKey.accepts

    def counting(key: PublicKey, signature: bytes, data: bytes) -> bool:
        checked.append(signature)
        return accepts(key, signature, data)

    monkeypatch.setattr(PublicKey, "accepts", counting)
    opened(world).append(story())
    reader = opened(world, "run-2")
    assert checked == []
    first = reader.caught_up()
    assert len(checked) == len(first.records) == 10
    assert reader.caught_up() is first
    kept = [entry.envelope for entry in first.entries]
    assert reader.verified.read(kept).chain == first.chain
    assert reader.verified.read(kept[:4]).records == first.records[:4]
    assert reader.verified.read(kept).chain == first.chain
    assert len(checked) == 10
    reader.append([note("ours")])
    opened(world, "run-3").append([note("another's")])
    checked.clear()
    assert [r.fact.details["text"] for r in reader.caught_up().records[10:]] == ["ours", "another's"]
    assert len(checked) == 1, "what came from another"


def test_another_history_is_checked_and_takes_no_place() -> None:
    one, other = cluster(), cluster()
    for where, text in ((one, "one"), (other, "other")):
        opened(where).append([note("both")])
        opened(where).append([note(text), note(text)])
    reader = opened(one)
    ours = reader.caught_up()
    theirs = [entry.envelope for entry in opened(other).load().entries]
    assert texts(reader.verified.read(theirs)) == ["both", "other", "other"]
    assert reader.caught_up() is ours
    spoilt = theirs[1].replace(b"a", b"b", 1)
    with pytest.raises(EvidenceError):
        reader.verified.read([theirs[0], spoilt])


def test_what_was_signed_and_lost_to_another_is_not_taken_for_read() -> None:
    world = cluster()
    ours = opened(world, "run-1")
    ours.caught_up()
    opened(world, "run-2").append([note("theirs")])
    ours.append([note("ours")])
    assert texts(ours.caught_up()) == texts(opened(world).load()) == ["theirs", "ours"]
