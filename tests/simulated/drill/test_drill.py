"""A drill on simulated servers: the platform comes back, nothing reaches out, and each value is compared (INV1)."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.engine.result import Result
from bootstrap.ledger.versions import committed
from bootstrap.model.errors import BootstrapError, Interrupted
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.drill.inward import ENDPOINTS, SERVICE
from bootstrap.operations.drill.page import page
from bootstrap.operations.drill.rehearsal import Drill
from bootstrap.operations.drill.report import Report, signed
from bootstrap.operations.verify.invariants import prove
from bootstrap.ports import Answer, Object
from bootstrap.steps.context.world import World
from tests.simulator.drilling import ADDRESSES, Rehearsal, rehearsal
from tests.simulator.faults import Fault, Killed, Schedule
from tests.simulator.platform import opened, scaffolded, with_snapshots
from tests.simulator.repeatable import repeatable
from tests.simulator.restoring import Saved, begun, saved
from tests.simulator.setting import FIELD, NAME, PATH, change, versions

pytestmark = pytest.mark.usefixtures("same_each_time")

UNUSED = "applications/orders/session-key"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"), with_snapshots)


@pytest.fixture(scope="module")
def lost(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    with repeatable():
        return begun(tmp_path_factory.mktemp("lost"), repository, change)


@pytest.fixture
def drill(lost: Saved, tmp_path: Path) -> Rehearsal:
    return rehearsal(lost, tmp_path / "drill")


@pytest.fixture(scope="module")
def over(lost: Saved, tmp_path_factory: pytest.TempPathFactory) -> tuple[Rehearsal, Report]:
    """A drill that has ended well, and its report."""
    with repeatable():
        found = rehearsal(lost, tmp_path_factory.mktemp("over"))
        return found, found.run()


def refused(drill: Rehearsal, exit_code: int, code: str) -> BootstrapError:
    """It stops before it has changed anything."""
    platform = drill.platform
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    with pytest.raises(BootstrapError) as stopped:
        drill.run()
    assert (stopped.value.exit_code, stopped.value.code) == (exit_code, code), stopped.value.message
    assert stopped.value.hint
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])
    return stopped.value


# ---------------------------------------------------------------- what comes of it


def test_inv1_everything_comes_back_and_is_compared(over: tuple[Rehearsal, Report], lost: Saved) -> None:
    drill, report = over
    assert report.differing == ()
    assert report.equal
    ledger = lost.lost.world().ledger.read()
    assert report.content["secrets"] == {
        "secrets": len(lost.lost.world().intent.handovers),
        "versions": len(committed(ledger)),
        "differing": [],
        "noLongerKept": [],
    }
    assert (NAME, 2) in committed(ledger)
    assert versions(drill.platform) == versions(lost.lost)


def test_its_times_are_those_of_the_steps(over: tuple[Rehearsal, Report]) -> None:
    drill, report = over
    rto = report.content["rto"]
    steps = [step for phase in rto["phases"] for step in phase["steps"]]
    assert [step["id"] for step in steps] == [step.id for step in drill.world().plan.steps]
    assert rto["milliseconds"] >= sum(step["milliseconds"] for step in steps) > 0
    for phase in rto["phases"]:
        assert phase["milliseconds"] == sum(step["milliseconds"] for step in phase["steps"])
    assert next(step for step in steps if step["id"] == "vault-restored")["acted"] is True


def test_every_proof_was_made_and_what_waits_is_a_push(over: tuple[Rehearsal, Report]) -> None:
    waiting = [proof for proof in over[1].content["proofs"] if proof["ok"] is not True]
    assert [(proof["id"], proof["state"]) for proof in waiting] == [("synced", "waits")]
    assert "orders-database waits for Secret database/orders-db-app" in waiting[0]["evidence"]


def test_h4_a_value_tampered_with_in_the_restored_vault_is_named(drill: Rehearsal) -> None:
    report = drill.run(lambda _: _put(drill, PATH, -1, FIELD))
    assert not report.equal
    found = {"name": NAME, "version": 2, "fields": [FIELD], "lost": False}
    assert report.content["secrets"]["differing"] == [found]
    assert f"{NAME} version 2 differs in {FIELD}" in report.differing


def test_h4_an_earlier_version_counts_and_so_does_one_field_more(drill: Rehearsal) -> None:
    def tampered(_: World) -> None:
        _put(drill, PATH, 0, FIELD)
        _put(drill, UNUSED, 0, "more")

    found = drill.run(tampered).content["secrets"]["differing"]
    assert {(each["name"], each["version"], *each["fields"]) for each in found} == {
        (NAME, 1, FIELD),
        ("orders-session-key", 1, "more"),
    }


def test_inv4_the_newest_version_that_is_gone_differs_and_an_earlier_one_is_named(drill: Rehearsal) -> None:
    def destroyed(_: World) -> None:
        live = drill.platform.vault.live().secrets
        live[PATH].destroyed.add(1)
        live[UNUSED].destroyed.add(1)

    found = drill.run(destroyed).content["secrets"]
    assert [(each["name"], each["lost"]) for each in found["differing"]] == [("orders-session-key", True)]
    assert found["noLongerKept"] == [{"name": NAME, "version": 1}]


def test_a_broken_proof_alone_differs(drill: Rehearsal) -> None:
    def planted(_: World) -> None:
        policy = 'path "secret/*" { capabilities = ["update"] }'
        drill.platform.vault.live().plain["sys/policies/acl/theirs"] = {"policy": policy}
        drill.platform.vault.live().plain["auth/kubernetes/role/theirs"] = {"token_policies": ["theirs"]}

    report = drill.run(planted)
    assert report.content["secrets"]["differing"] == []
    assert not report.equal
    assert any(each.startswith("proof vault-writers: ") for each in report.differing)


def _put(drill: Rehearsal, path: str, at: int, field: str) -> None:
    drill.platform.vault.live().secrets[path].versions[at][field] = Sensitive(b"tampered", "tampered")


# ---------------------------------------------------------------- what it lacks


def test_what_is_known_beyond_the_snapshot_is_in_the_report(repository: Path, tmp_path: Path) -> None:
    found = begun(tmp_path / "lost", repository)
    size = found.lost.world().ledger.read().chain.size
    change(found.lost)
    more = found.lost.world().ledger.read().chain.size - size
    report = rehearsal(found, tmp_path / "drill").run()
    rpo = report.content["rpo"]
    assert (rpo["recordsBehind"], rpo["newestHead"]["records"]) == (more, size + more)
    assert rpo["newestHead"]["place"].startswith("records/")
    assert rpo["secondsBehind"] >= 0
    assert rpo["raftIndex"] > 0
    assert report.equal  # it is older, and all that it holds is there


def test_nothing_is_known_beyond_it(over: tuple[Rehearsal, Report]) -> None:
    rpo = over[1].content["rpo"]
    assert (rpo["recordsBehind"], rpo["secondsBehind"], rpo["newestHead"]) == (0, 0, None)
    assert rpo["notInIt"] == []


# ---------------------------------------------------------------- nothing reaches out


def test_inv6_no_push_no_schedule_no_workload(over: tuple[Rehearsal, Report]) -> None:
    drill, report = over
    made = {ref.kind for _, ref in drill.platform.cluster.mutations}
    assert made.isdisjoint({"PushSecret", "CronJob"})
    assert [r.name for r in drill.platform.cluster.everything() if r.kind == "Deployment"] == [
        "external-secrets"
    ]
    out = report.content["leftOut"]
    assert (out["pushSecrets"], out["workloadFolders"], out["snapshots"]) == (1, 1, True)


def test_an_up_of_the_same_commit_makes_all_of_it(lost: Saved) -> None:
    """So the test above can fail."""
    made = {ref.kind for ref in lost.lost.cluster.everything()}
    assert {"PushSecret", "CronJob"} <= made


def test_s3_vaults_way_out_is_closed_before_it_is_unsealed(drill: Rehearsal) -> None:
    seen: list[tuple[Any, bool]] = []

    def look(_: object, verb: str, obj: Object) -> None:
        if obj["kind"] == "NetworkPolicy" and verb != "deleted":
            seen.append((obj["spec"]["egress"], bool(drill.platform.vault.unsealed)))

    drill.platform.cluster.controllers.append(look)
    drill.run()
    assert seen[0] == ([], False)
    blocks = [{"ipBlock": {"cidr": f"{a}/{128 if ':' in a else 32}"}} for a in sorted(ADDRESSES)]
    served = seen[-1][0]
    assert {
        "ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}],
        "to": blocks,
    } in served
    for rule in served:
        assert rule.get("to") or {port["port"] for port in rule["ports"]} == {53}


def test_s3_without_the_api_servers_addresses_it_does_not_begin(drill: Rehearsal) -> None:
    for ref in (SERVICE, ENDPOINTS):
        live = drill.platform.cluster.get(ref)
        assert live is not None
        drill.platform.cluster.delete(ref, uid=live["metadata"]["uid"])
    refused(drill, 4, "E_DRILL_API")


def test_inv6_what_acts_by_itself_is_refused_wherever_it_comes_from(drill: Rehearsal) -> None:
    cluster = drill.world().cluster
    for kind in ("CronJob", "PushSecret"):
        obj = {"apiVersion": "x/v1", "kind": kind, "metadata": {"name": "theirs", "namespace": "default"}}
        for ask in (cluster.create, cluster.apply, cluster.differs):
            with pytest.raises(BootstrapError) as stopped:
                ask(obj)
            assert (stopped.value.code, stopped.value.exit_code) == ("E_DRILL_OUTWARD", 6)


def test_inv6_a_manifest_that_acts_by_itself_is_found_before_anything_is_changed(drill: Rehearsal) -> None:
    world = drill.world()
    folder = world.intent.platform.external_secrets.manifests
    job = b"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: sync, namespace: external-secrets}\n"
    world.intent = replace(world.intent, manifests={**world.intent.manifests, f"{folder}/job.yaml": job})
    with pytest.raises(BootstrapError) as stopped:
        Drill(world, world.intent).run(lambda: pytest.fail("it began"))
    assert (stopped.value.code, stopped.value.where) == ("E_DRILL_OUTWARD", "CronJob external-secrets/sync")
    assert drill.platform.cluster.mutations == []


def test_inv6_leases_are_not_guessed_at(drill: Rehearsal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootstrap.adapters.vault.raft_sieve.KNOWN", ("0.0.",))
    refused(drill, 4, "E_DRILL_LAYOUT")


# ---------------------------------------------------------------- where it may be, and what it leaves


def test_inv4_a_living_platform_is_no_place_for_it(lost: Saved, drill: Rehearsal) -> None:
    drill.platform.restore = lost.file
    drill.platform.up()
    refused(drill, 4, "E_DRILL_NOT_EMPTY")


def test_a_drill_that_was_stopped_or_is_over_is_not_gone_on_with(drill: Rehearsal) -> None:
    with pytest.raises(Killed):
        drill.run(**Schedule(Fault.KILL_AFTER, 40, only_writes=True).ports(drill.platform))
    refused(drill, 4, "E_DRILL_NOT_EMPTY")


def test_what_stops_it_on_its_way_says_that_it_is_not_resumed(
    drill: Rehearsal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any) -> Answer:
        return Answer(status=400, data={}, errors=("no",))

    monkeypatch.setattr(drill.platform.vault, "raft_restore", refuses)
    with pytest.raises(BootstrapError) as stopped:
        drill.run()
    assert stopped.value.code == "E_VAULT_REFUSED"
    assert "begin anew in another, empty one" in stopped.value.hint


def test_g5_an_interrupted_one_does_not_name_up(drill: Rehearsal) -> None:
    world = drill.world()

    def interrupted() -> Result:
        world.cluster.create(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system"}}
        )
        raise Interrupted("interrupted", signal_number=2, hint="bootstrap up goes on from here")

    with pytest.raises(Interrupted) as stopped:
        Drill(world, world.intent).run(interrupted)
    assert "bootstrap up" not in stopped.value.hint
    assert "begin anew" in stopped.value.hint


def test_inv6_an_up_does_not_go_on_with_an_unfinished_drill(lost: Saved, drill: Rehearsal) -> None:
    """It would push, and start workloads."""
    with pytest.raises(Killed):
        drill.run(**Schedule(Fault.KILL_AFTER, 60, only_writes=True).ports(drill.platform))
    drill.platform.restore = lost.file
    with pytest.raises(BootstrapError) as stopped:
        drill.platform.up()
    assert (stopped.value.code, stopped.value.exit_code) == ("E_PLAN_CHANGED", 5)


def test_inv4_what_is_left_of_a_platform_is_no_place_for_it(drill: Rehearsal) -> None:
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "old"},
        "spec": {"claimRef": {"namespace": "vault", "name": "data-vault-1"}},
        "status": {"phase": "Released"},
    }
    drill.platform.cluster.create(volume)
    assert "delete" not in refused(drill, 4, "E_RESTORE_NOT_EMPTY").hint


def test_inv4_its_records_are_its_own(lost: Saved, drill: Rehearsal) -> None:
    before = _files(lost.lost.records)
    head = lost.lost.world().ledger.read().chain.last
    drill.run()
    assert _files(lost.lost.records) == before
    assert not drill.platform.records.exists()
    assert sorted(path.name for path in drill.records.iterdir()) == ["throw-away-cluster"]
    assert lost.lost.world().ledger.read().chain.last == head


def test_inv4_a_restore_of_the_same_file_goes_on_as_if_no_drill_had_been(
    lost: Saved, drill: Rehearsal, tmp_path: Path
) -> None:
    drill.run()
    platform = lost.another(tmp_path / "real")
    platform.up()
    assert [proof.id for proof in prove(platform.world(), deep=True) if proof.ok is False] == []


def test_b1_no_value_is_in_the_report_or_on_its_page(over: tuple[Rehearsal, Report]) -> None:
    drill, report = over
    content = signed(report, opened(drill.platform.repository).material.signer())
    shown = repr(report.content) + page(report, content, "key")
    live = drill.platform.vault.live().secrets
    values = {v.reveal() for secret in live.values() for each in secret.versions for v in each.values()}
    secret = [value.decode() for value in values if len(value) > 8 and b"postgres" not in value]
    assert len(secret) > 5
    assert [value for value in secret if value in shown] == []


def test_it_can_be_saved_and_rehearsed_after_a_restore(lost: Saved, tmp_path: Path) -> None:
    platform = lost.another(tmp_path / "real")
    platform.up()
    platform.restore = None
    again = Saved(platform, saved(platform, tmp_path / "again.snapshot"))
    report = rehearsal(again, tmp_path / "drill").run()
    assert report.differing == ()
    assert report.content["secrets"]["versions"] >= 8


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_intent_is_the_commits_but_for_what_acts(drill: Rehearsal) -> None:
    whole, inward = opened(drill.platform.repository).intent, drill.world().intent
    for secret, mine in zip(whole.secrets, inward.secrets, strict=True):
        assert mine == replace(
            secret, consumers=tuple(replace(each, workload=None) for each in secret.consumers)
        )
    assert any(c.workload for secret in whole.secrets for c in secret.consumers)
