"""A further version of a secret, by its requests: announced, written behind what was seen, read back (INV3, H4)."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.ledger import chain
from bootstrap.ledger.chain import Chain, Ledger
from bootstrap.ledger.record import Audit, Destination, Fact, RecordType
from bootstrap.ledger.versions import GONE, SAME
from bootstrap.model.catalog import Secret
from bootstrap.model.errors import EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.ports import Answer
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.next_version import adoption, intention, recorded, write_next, written_unrecorded
from bootstrap.steps.secrets.transfer import Here, commitments_of
from bootstrap.steps.secrets.versions import Held, held_in
from bootstrap.steps.vault.init_window import WindowStore
from tests.simulator.platform import SimulatedPlatform
from tests.support.authorities import NOTE, ledger
from tests.support.kv import Kv, held
from tests.support.ledger_facts import RUN, TIME, Key
from tests.support.ledger_facts import fact as fact_of

OLD, NEW, THEIRS = {"a": held("old")}, {"a": held("new")}, {"a": held("theirs")}


@pytest.fixture
def kv(world: World) -> Kv:
    """With version 1."""
    made = Kv(versions={secret_of(world).in_vault: [OLD]}, metadata={secret_of(world).in_vault: {}})
    world.session = made  # type: ignore[assignment]  # as far as it is asked
    return made


@pytest.fixture
def world(platform: SimulatedPlatform) -> World:
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system"}}
    platform.cluster.create(home)
    window = Window(attempt=1, nonce="n", phase=WindowPhase.VERIFIED, cluster_id="v")
    WindowStore(platform.cluster).create(window)
    found = platform.world()
    knows(found)
    return found


def knows(world: World, *facts: Fact, cluster: str = "uid-1") -> Ledger:
    run = replace(RUN, cluster=cluster)
    known = (
        Ledger().extended(chain.write(facts, after=Chain(), run=run, time=TIME, signer=Key()))
        if facts
        else Ledger()
    )
    world.ledger = SimpleNamespace(read=lambda: known)  # type: ignore[assignment]
    return known


def secret_of(world: World) -> Secret:
    return world.intent.handovers[0]


def intent_of(world: World, values: dict[str, Any] = NEW, version: int = 2) -> Fact:
    return intention(world, secret_of(world), version, values, "it leaked")


def data(world: World, method: str = "POST") -> str:
    return f"{method} secret/data/{secret_of(world).in_vault}"


def now(world: World, kv: Kv) -> list[dict[str, Any]]:
    return kv.versions[secret_of(world).in_vault]


def test_inv3_it_is_written_behind_what_was_seen_read_back_and_recorded(world: World, kv: Kv) -> None:
    intent = intent_of(world)
    done = write_next(world, secret_of(world), intent, NEW)
    assert now(world, kv) == [OLD, NEW]
    assert kv.asked == [data(world), f"{data(world, 'GET')}?version=2"]
    txn = intent.details["txn"]
    assert kv.txns["r-1"] == txn
    assert done.audit == Audit(txn=txn, write_request_id="r-1", read_request_id="r-2")
    assert (done.type, done.commitments) == (RecordType.ACCEPTED, intent.commitments)


def test_inv3_of_a_lost_answer_the_read_tells(world: World, kv: Kv) -> None:
    kv.loses = data(world).__eq__
    done = write_next(world, secret_of(world), intent_of(world), NEW)
    assert isinstance(done.audit, Audit)
    assert (done.audit.write_request_id, done.audit.read_request_id) == ("", "r-2")


def test_inv3_a_write_that_was_refused_since_the_same_value_is_there_names_no_request(
    world: World, kv: Kv
) -> None:
    kv.before = lambda what: now(world, kv).append(NEW) if what == data(world) else None
    done = write_next(world, secret_of(world), intent_of(world), NEW)
    assert isinstance(done.audit, Audit)
    assert (done.audit.write_request_id, now(world, kv)) == ("", [OLD, NEW])


@pytest.mark.parametrize("theirs", [THEIRS, {**NEW, "more": 1}])
def test_inv4_what_another_wrote_meanwhile_is_not_written_over(
    theirs: dict[str, Any], world: World, kv: Kv
) -> None:
    kv.before = lambda what: now(world, kv).append(theirs) if what == data(world) else None
    with pytest.raises(EvidenceError) as raced:
        write_next(world, secret_of(world), intent_of(world), NEW)
    assert (raced.value.code, now(world, kv)) == ("E_VERSION_RACED", [OLD, theirs])


def test_inv3_where_nothing_is_there_nobody_knows_what_became_of_it(world: World, kv: Kv) -> None:
    kv.refuses = data(world).__eq__
    with pytest.raises(UnknownOutcome):
        write_next(world, secret_of(world), intent_of(world), NEW)
    kv.refuses, kv.loses = (lambda _: False), data(world).__eq__
    kv.after = lambda what: now(world, kv).pop() if what == data(world) else None
    with pytest.raises(UnknownOutcome) as unknown:
        write_next(world, secret_of(world), intent_of(world), NEW)
    assert unknown.value.code == "E_UNKNOWN"


def test_inv3_a_refusal_that_is_no_race_is_vault_s_own_error(world: World, kv: Kv) -> None:
    refused = Answer(status=413, data={}, errors=("too large",))
    absent = Answer(status=404, data={})
    world.session = SimpleNamespace(call=lambda *_, **__: refused, read=lambda _: absent)  # type: ignore[assignment]
    with pytest.raises(WorldError) as caught:
        write_next(world, secret_of(world), intent_of(world), NEW)
    assert (caught.value.code, "too large" in caught.value.message) == ("E_VAULT_REFUSED", True)


# ---------------------------------------------------------------- a version of another


def test_inv3_an_adopted_version_says_what_is_there(world: World) -> None:
    found = Held(2, THEIRS, None, read="r-9")
    fact = adoption(world, secret_of(world), 2, found, "their rotator")
    assert (fact.type, fact.details["how"], "txn" in fact.details) == (RecordType.ACCEPTED, "adopted", False)
    assert set(fact.commitments) == {"a"}
    assert fact.audit == Audit(txn="", read_request_id="r-9")
    assert {GONE, "notText"}.isdisjoint(fact.details)
    other = adoption(world, secret_of(world), 2, replace(found, others=("n", "m")), "their rotator")
    assert other.details["notText"] == "n m"


def test_inv3_an_adopted_version_that_is_gone_says_so(world: World) -> None:
    fact = adoption(world, secret_of(world), 2, None, "their rotator")
    assert (dict(fact.commitments), fact.audit) == ({}, None)
    assert GONE in fact.details


# ---------------------------------------------------------------- what no record says yet


def unrecorded(world: World, *facts: Fact, name: str = "") -> list[tuple[str, str]]:
    found = written_unrecorded(world, knows(world, *facts), name)
    return [(f.details["secret"], f.details["version"]) for f in found]


def test_inv3_a_version_that_a_run_announced_and_wrote_is_recorded_later(world: World, kv: Kv) -> None:
    name, intent = secret_of(world).name, intent_of(world)
    assert unrecorded(world, intent) == [], "it was not written"
    now(world, kv).append(NEW)
    assert unrecorded(world, intent) == [(name, "2")]
    assert unrecorded(world, intent, intent_of(world)) == [(name, "2")], "announced twice, and recorded once"
    assert unrecorded(world, intent, name=name) == [(name, "2")]
    assert unrecorded(world, intent, name="another") == []
    answer = held_in(kv.read(f"secret/data/{secret_of(world).in_vault}"), "a")
    assert answer is not None
    assert unrecorded(world, intent, recorded(intent, answer)) == [], "a record says it"


def test_inv3_what_holds_another_value_or_lies_in_another_vault_is_not_ours(world: World, kv: Kv) -> None:
    intent = intent_of(world)
    now(world, kv).append(THEIRS)
    assert unrecorded(world, intent) == []
    now(world, kv)[-1] = NEW
    assert intent.destination is not None
    elsewhere = replace(intent, destination=replace(intent.destination, cluster="another"))
    assert unrecorded(world, elsewhere) == []
    assert unrecorded(world, elsewhere, intent) == [(secret_of(world).name, "2")]


def test_inv3_vault_is_asked_only_where_something_is_open(world: World, kv: Kv) -> None:
    assert unrecorded(world, NOTE, fact_of(RecordType.INTENT, "a")) == []
    assert kv.asked == []


# ---------------------------------------------------------------- across a restore


def test_h5_fields_of_the_value_that_was_handed_over_elsewhere_are_named(world: World) -> None:
    """A commitment of here cannot be compared with one of there."""
    secret = secret_of(world)

    def same(cluster: str, values: dict[str, Any]) -> str:
        digests = commitments_of(world, secret.name, values, Here(cluster=cluster, vault=""))
        intent = fact_of(RecordType.INTENT, secret.name, commitments=digests)
        knows(world, intent, replace(intent, type=RecordType.COMMIT, audit=Audit(txn="t")), cluster=cluster)
        return intent_of(world, {"a": held("new"), "b": held("b")}).details.get(SAME, "")

    assert same("before", {"a": held("old"), "b": held("b"), "c": held("c")}) == "b"
    assert same("before", {"a": held("new"), "b": held("b")}) == "a b"
    assert same("before", {"a": held("old"), "b": held("other")}) == ""
    assert same("uid-1", {"a": held("old"), "b": held("b")}) == "", "of this cluster the digests are compared"
    knows(world)
    assert SAME not in intent_of(world).details


def test_h4_each_intent_has_a_mark_of_its_own_in_the_audit_log(world: World) -> None:
    first, second = intent_of(world), intent_of(world)
    assert first.details["txn"] != second.details["txn"]
    assert first.destination == Destination(cluster="v", path=secret_of(world).in_vault, version=2)
    assert ledger(first).records[0].fact == first
