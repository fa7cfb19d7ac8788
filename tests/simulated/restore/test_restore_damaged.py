"""`up --restore FILE` over what is left of a platform: nothing goes unsaid, old volumes go first (INV4, B5)."""

import random
import re
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bootstrap.ledger.record import NONCE, RecordType
from bootstrap.model.errors import BootstrapError
from bootstrap.model.restoration import Stage
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Object, Permission, Ref
from bootstrap.steps.authority.gather import gather
from bootstrap.steps.authority.last_copies import as_saved
from bootstrap.steps.authority.restoring import restore_seen
from bootstrap.steps.context.transfers import named
from bootstrap.steps.vault.clearing import clear
from bootstrap.steps.vault.restoration import REF, RestorationStore
from tests.simulated.restore.outcome import is_whole, refused
from tests.simulator.controllers import OPERATOR
from tests.simulator.faults import Fault, Killed, Schedule
from tests.simulator.forked import in_a_fork
from tests.simulator.losses import SYSTEM, VAULT, delete, wipe_volumes
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.restoring import Saved, begun
from tests.simulator.setting import CONSUMER, FIELD, NAME, change, versions
from tests.simulator.sweep import SEED

pytestmark = pytest.mark.usefixtures("same_each_time")

WRITES = 40  # of a run, up to about the new store
APPROVED = ("stale-snapshot",)
SCAFFOLD = Ref("v1", "Secret", "deploy-credential-bootstrap", "gitops")
POLICY = Ref("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "bootstrap-retired-scaffolds")
STATEFUL = Ref("apps/v1", "StatefulSet", "vault", "vault")
LATER, OLD = b"set after the snapshot", b"set before it"


@pytest.fixture
def found(tmp_path: Path, repository: Path) -> Saved:
    """Saved, and lived on."""
    return begun(tmp_path, repository, lambda platform: change(platform, OLD))


@pytest.fixture
def platform(found: Saved) -> SimulatedPlatform:
    """One value is newer than the snapshot; every volume of Vault is another, empty one."""
    change(found.lost, LATER)
    wipe_volumes(found.lost)
    found.lost.restore = found.file
    return found.lost


def restored(platform: SimulatedPlatform) -> list[dict[str, str]]:
    records = platform.world().ledger.read().records
    return [dict(r.fact.details) for r in records if r.fact.type is RecordType.RESTORED]


def consumed(platform: SimulatedPlatform) -> Sensitive:
    live = platform.cluster.get(CONSUMER)
    assert live is not None
    value = live["data"][FIELD]
    assert isinstance(value, Sensitive)
    return value


def uid(platform: SimulatedPlatform, ref: Ref) -> str:
    live = platform.cluster.get(ref)
    assert live is not None, ref
    return str(live["metadata"]["uid"])


def claim(number: int) -> Ref:
    return Ref("v1", "PersistentVolumeClaim", f"data-vault-{number}", "vault")


def test_inv4_what_would_be_lost_is_named_and_nothing_is_changed(platform: SimulatedPlatform) -> None:
    error = refused(platform, 5, "E_SNAPSHOT_STALE")
    assert f"{CONSUMER.namespace}/{CONSUMER.name}" in error.message
    assert f"written since: {NAME}" in error.message
    assert LATER.decode() not in error.message
    assert "--approve stale-snapshot" in error.hint
    assert consumed(platform) == Sensitive(LATER)


def test_inv1_approved_it_comes_back_in_place(platform: SimulatedPlatform) -> None:
    before = [uid(platform, claim(n)) for n in range(3)]
    platform.up(approve=APPROVED)
    assert versions(platform)[-1] == {FIELD: OLD}
    assert consumed(platform) == Sensitive(OLD)
    assert not {uid(platform, claim(n)) for n in range(3)} & set(before)
    (details, *_) = restored(platform)
    assert details["accepted"] == "stale-snapshot"
    assert details["changedSince"] == NAME
    assert details["differed"] == f"{CONSUMER.namespace}/{CONSUMER.name}"
    is_whole(platform)


def test_h4_an_answer_to_another_question_is_not_on_record(platform: SimulatedPlatform) -> None:
    """What is restored was not put back in time by others: there is no rollback to accept."""
    platform.up(approve=(*APPROVED, "rollback"))
    records = platform.world().ledger.read().records
    assert "rollback" not in [r.fact.details.get("what") for r in records]
    is_whole(platform)


def test_h4_the_records_that_go_are_kept_beside_those_of_the_operator(
    found: Saved, platform: SimulatedPlatform
) -> None:
    lost = platform.world().ledger.read().chain.size
    platform.up(approve=APPROVED)
    kept = sorted(p.name for p in (platform.records / platform.cluster.uid()).glob("superseded-*"))
    assert kept
    world = platform.world()
    assert world.restore is not None
    after, size = world.ledger.read(), world.restore.ledger.chain.size
    assert after.entries[:size] == world.restore.ledger.entries
    assert after.records[size].fact.type is RecordType.RESTORED
    assert [d["lostRecords"] for d in restored(platform) if "lostRecords" in d] == [str(lost - size)]


def test_inv5_the_operator_stops_first_and_starts_last(platform: SimulatedPlatform) -> None:
    order: list[str] = []

    def look(_: object, verb: str, obj: Object) -> None:
        name = f"{verb} {obj['kind']} {obj['metadata']['name']}"
        if obj["kind"] == "Deployment" and obj["metadata"]["name"] == OPERATOR.name:
            order.append(f"operator {obj['spec'].get('replicas', 1)}")
        elif verb == "deleted" or name == "created StatefulSet vault":
            order.append(name)

    platform.cluster.controllers.append(look)
    platform.up(approve=APPROVED)
    assert order[0] == "operator 0"
    assert order.index("deleted StatefulSet vault") < order.index(
        "deleted PersistentVolumeClaim data-vault-0"
    )
    last = len(order) - 1 - order[::-1].index("operator 1")
    assert order.index("created StatefulSet vault") < last
    assert "operator 1" not in order[:last]
    assert restored(platform)


def test_inv5_no_pod_of_the_operator_is_left_before_anything_goes(platform: SimulatedPlatform) -> None:
    """One that does not end: nothing of Vault is removed."""
    live = platform.cluster.get(OPERATOR)
    assert live is not None
    labels = live["spec"]["selector"]["matchLabels"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "stays", "namespace": OPERATOR.namespace, "labels": dict(labels)},
        "spec": {},
    }
    platform.cluster.create(pod)
    before = [uid(platform, claim(n)) for n in range(3)]
    with pytest.raises(BootstrapError) as stopped:
        platform.up(approve=APPROVED)
    assert stopped.value.code == "E_TIMEOUT"
    assert [uid(platform, claim(n)) for n in range(3)] == before
    delete(platform, Ref("v1", "Pod", "stays", OPERATOR.namespace))
    platform.up()
    is_whole(platform)


def test_h3_copies_are_made_again_and_retired_again_and_their_return_is_refused(
    platform: SimulatedPlatform,
) -> None:
    seen: list[str] = []

    def look(_: object, verb: str, obj: Object) -> None:
        if obj["metadata"]["name"] in (SCAFFOLD.name, POLICY.name):
            seen.append(f"{verb} {obj['kind']}")

    platform.cluster.controllers.append(look)
    platform.up(approve=APPROVED)
    assert seen.index("deleted ValidatingAdmissionPolicy") < seen.index("created Secret")
    assert seen.index("created ValidatingAdmissionPolicy") < seen.index("deleted Secret")
    assert platform.cluster.get(SCAFFOLD) is None
    ledger = platform.world().ledger.read()
    moved = max(r.seq for r in ledger.records if r.fact.type is RecordType.RESTORED)
    assert named(ledger, RecordType.RETIRED)["gitops-deploy-credential"].seq > moved


def test_b5_every_old_volume_is_voided_before_a_new_store_is_made(platform: SimulatedPlatform) -> None:
    """One whose node does not answer may hold a store; one is kept by its class."""
    kept = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "old"},
        "spec": {
            "claimRef": {"namespace": "vault", "name": "data-vault-1"},
            "persistentVolumeReclaimPolicy": "Retain",
        },
        "status": {"phase": "Released"},
    }
    platform.cluster.create(kept)
    old = {uid(platform, claim(n)) for n in range(3)}
    assert "old" in refused(platform, 5, "E_SNAPSHOT_STALE").message
    seen: list[set[str]] = []

    def look(_: object, verb: str, obj: Object) -> None:
        if (verb, obj["kind"]) == ("created", "StatefulSet"):
            there = {str(o["metadata"]["uid"]) for o in platform.cluster.list("v1", "PersistentVolumeClaim")}
            there |= {str(o["metadata"]["uid"]) for o in platform.cluster.list("v1", "PersistentVolume")}
            seen.append(there)

    platform.cluster.controllers.append(look)
    platform.up(approve=APPROVED)
    assert seen
    assert not old & seen[0]
    assert platform.cluster.get(Ref("v1", "PersistentVolume", "old")) is None
    (details, *_) = restored(platform)
    assert "old" in details["voided"]


def test_inv4_a_claim_that_was_not_written_down_is_not_removed(platform: SimulatedPlatform) -> None:
    """A later run's, say: what is removed was there when its UID was written down."""
    schedule = Schedule(Fault.KILL_AFTER, 12, only_writes=True)
    with pytest.raises(Killed):
        platform.up(approve=APPROVED, **schedule.ports(platform))
    now = RestorationStore(platform.cluster).read()
    assert now is not None
    assert now.stage is Stage.CLEARING
    world = platform.world()
    assert world.restore is not None
    made = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    platform.cluster.create({**made, "metadata": {"name": "data-vault-4", "namespace": "vault"}})
    later = uid(platform, claim(4))
    stale, store = now, RestorationStore(platform.cluster)
    assert store.swap(now, now.voids_too(("of-a-faster-run",)))
    for _ in range(5):
        clear(world, world.restore, stale)
    assert uid(platform, claim(4)) == later


# ---------------------------------------------------------------- what is refused, and what goes on


def test_inv4_one_whose_nodes_are_silent_is_not_overwritten(found: Saved) -> None:
    """Silent, all three: their volumes may hold everything."""
    platform = found.lost
    for n in range(3):
        live = platform.cluster.get(Ref("v1", "Pod", f"vault-{n}", "vault"))
        assert live is not None
        platform.cluster.set_status(live, {"phase": "Pending"})
    platform.restore = found.file
    assert refused(platform, 4, "E_RESTORE_LIVING").hint


def test_inv4_a_snapshot_that_holds_everything_needs_no_approval(found: Saved) -> None:
    platform = found.lost
    wipe_volumes(platform)
    platform.restore = found.file
    platform.up()
    assert all("accepted" not in details for details in restored(platform))
    is_whole(platform)


def test_inv4_a_materialized_secret_that_differs_alone_wants_a_decision(found: Saved) -> None:
    """No record tells of it: it may be the last copy in existence."""
    platform = found.lost
    live = platform.cluster.get(CONSUMER)
    assert live is not None
    platform.cluster.replace({**live, "data": {**live["data"], FIELD: Sensitive(LATER)}})
    wipe_volumes(platform)
    platform.restore = found.file
    error = refused(platform, 5, "E_SNAPSHOT_STALE")
    assert f"is in Secret: {CONSUMER.namespace}/{CONSUMER.name}" in error.message


@pytest.mark.parametrize("held", [None, b"\xff\xfe\x00"])
def test_inv4_a_materialized_secret_of_any_content_is_named(found: Saved, held: bytes | None) -> None:
    """Emptied by somebody, or filled with what is no text: it says something else than the snapshot."""
    platform = found.lost
    live = platform.cluster.peek(CONSUMER)
    assert live is not None
    if held is None:
        del live["data"]
    else:
        live["data"][FIELD] = Sensitive(held)
    wipe_volumes(platform)
    platform.restore = found.file
    error = refused(platform, 5, "E_SNAPSHOT_STALE")
    assert f"is in Secret: {CONSUMER.namespace}/{CONSUMER.name}" in error.message


def test_inv4_each_that_differs_is_named_however_many_there_are(found: Saved) -> None:
    platform = found.lost
    platform.restore = found.file
    wipe_volumes(platform)
    world = platform.world()
    read = next((s, c) for s in world.intent.secrets for c in s.consumers)
    consumers = [replace(read[1], secret=f"copy-{number}") for number in range(20)]
    for consumer in consumers:
        meta = {"name": consumer.secret, "namespace": consumer.namespace}
        platform.cluster.create({"apiVersion": "v1", "kind": "Secret", "metadata": meta})
    world.intent = replace(world.intent, secrets=(replace(read[0], consumers=tuple(consumers)),))
    stop = restore_seen(world, gather(world)).stop
    world.session.close()
    assert stop is not None
    assert [
        c.secret for c in consumers if f"{c.namespace}/{c.secret}" not in re.split(", |: |\n", stop.message)
    ] == []


@pytest.mark.parametrize("key", ["one", "two"])
def test_inv4_a_field_under_two_keys_is_compared_under_each(found: Saved, key: str) -> None:
    platform = found.lost
    platform.restore = found.file
    world, live = platform.world(), platform.cluster.peek(CONSUMER)
    assert world.restore is not None
    assert live is not None
    named = {(c.namespace, c.secret): s for s in world.intent.secrets for c in s.consumers}
    secret = named[CONSUMER.namespace, CONSUMER.name]
    consumer = replace(secret.consumers[0], keys={"one": FIELD, "two": FIELD})
    world.intent = replace(world.intent, secrets=(replace(secret, consumers=(consumer,)),))
    value, name = live["data"][FIELD], f"{CONSUMER.namespace}/{CONSUMER.name}"
    live["data"] = {"one": value, "two": value}
    assert as_saved(world, world.restore) == {name: True}
    live["data"][key] = Sensitive(LATER)
    assert as_saved(world, world.restore) == {name: False}
    world.session.close()


def test_inv4_a_volume_that_may_hold_a_store_wants_a_decision(found: Saved) -> None:
    """One of three does not answer: no quorum, and it may hold what was written last."""
    platform = found.lost
    wipe_volumes(platform)
    live = platform.cluster.get(Ref("v1", "Pod", "vault-1", "vault"))
    assert live is not None
    platform.cluster.set_status(live, {"phase": "Failed"})
    platform.restore = found.file
    assert "may hold a store, and is voided: vault-1" in refused(platform, 5, "E_SNAPSHOT_STALE").message


def test_inv4_the_same_file_once_more_after_another_loss(platform: SimulatedPlatform) -> None:
    platform.up(approve=APPROVED)
    wipe_volumes(platform)
    platform.up(approve=APPROVED)
    assert consumed(platform) == Sensitive(OLD)
    is_whole(platform)


def test_inv4_both_namespaces_gone_and_the_operator_running(found: Saved) -> None:
    platform = found.lost
    change(platform, LATER)
    delete(platform, VAULT, SYSTEM)
    platform.restore = found.file
    refused(platform, 5, "E_SNAPSHOT_STALE")
    platform.up(approve=APPROVED)
    assert consumed(platform) == Sensitive(OLD)
    is_whole(platform)


def test_every_permission_that_it_needs_is_named_before(platform: SimulatedPlatform) -> None:
    lacking = Permission("delete", "apps", "statefulsets", "vault")
    platform.cluster.denied.add(lacking)
    platform.cluster.mutations.clear()
    with pytest.raises(BootstrapError) as stopped:
        platform.up(approve=APPROVED)
    assert (stopped.value.code, str(lacking) in stopped.value.message) == ("E_RBAC", True)
    assert platform.cluster.mutations == []


def test_inv4_a_plain_up_in_between_says_what_is_under_way(platform: SimulatedPlatform) -> None:
    schedule = Schedule(Fault.KILL_AFTER, 12, only_writes=True)
    with pytest.raises(Killed):
        platform.up(approve=APPROVED, **schedule.ports(platform))
    file, platform.restore = platform.restore, None
    assert "--restore" in refused(platform, 5, "E_RESTORE_UNDER_WAY").hint
    platform.restore = file
    platform.up()
    is_whole(platform)


@pytest.mark.parametrize("change", [{}, {"stage": "OVER"}, {"attempt": "many"}])
def test_inv4_how_far_it_is_that_somebody_changed_is_said_and_nothing_is_done(
    platform: SimulatedPlatform, change: dict[str, str]
) -> None:
    schedule = Schedule(Fault.KILL_AFTER, 12, only_writes=True)
    with pytest.raises(Killed):
        platform.up(approve=APPROVED, **schedule.ports(platform))
    live = platform.cluster.peek(REF)
    assert live is not None
    before, live["data"] = live["data"], (live["data"] | change if change else {})
    platform.cluster.mutations.clear()
    assert str(REF) in refused(platform, 6, "E_RESTORE").where
    assert platform.cluster.mutations == []
    live["data"] = before
    platform.up(approve=APPROVED)
    is_whole(platform)


@pytest.mark.parametrize("fault", [Fault.KILL_BEFORE, Fault.KILL_AFTER, Fault.LOST_ANSWER])
def test_g5_stopped_anywhere_in_its_beginning_the_same_command_goes_on(
    fault: Fault, platform: SimulatedPlatform, whole: bool
) -> None:
    """Writes of the clearing and the first ones behind it; each walk in a process of its own."""
    draw = random.Random(f"{SEED} {fault}")
    writes = range(1, WRITES + 1) if whole else sorted(draw.sample(range(1, WRITES + 1), 2))
    ended = {at: in_a_fork(partial(stopped_and_gone_on, platform, fault, at)) for at in writes}
    assert {at: why for at, why in ended.items() if why} == {}


def stopped_and_gone_on(platform: SimulatedPlatform, fault: Fault, at: int) -> str:
    """Empty where it ends as it should."""
    schedule = Schedule(fault, at, only_writes=True)
    with suppress(BootstrapError, Killed):
        platform.up(approve=APPROVED, **schedule.ports(platform))
    if not schedule.fired:
        return "no such call"
    platform.up(approve=APPROVED)  # once more, since the first one may have been stopped before it kept that
    if consumed(platform) != Sensitive(OLD) or len({each[NONCE] for each in restored(platform)}) != 1:
        return f"{schedule.where}: not restored"
    is_whole(platform)
    return ""
