"""`up --restore FILE` on an empty cluster: the platform is as it was saved, no token of before lives (INV1, B5)."""

from pathlib import Path
from typing import Any

import pytest

from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import BootstrapError, UnknownOutcome
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.abandon.runner import Abandon
from bootstrap.operations.snapshot.judge import contents, judged
from bootstrap.ports import Answer, Object, Ref
from bootstrap.steps.context.transfers import named
from bootstrap.steps.vault.pod_login import CONFIG, IssuerKeys
from tests.simulated.restore.outcome import is_whole, refused
from tests.simulator.faults import Fault, Killed, Schedule
from tests.simulator.platform import SimulatedPlatform, opened, scaffolded, trust
from tests.simulator.rekeying import rekey, window
from tests.simulator.repeatable import repeatable
from tests.simulator.restoring import Saved, begun, saved
from tests.simulator.setting import CONSUMER, FIELD, NAME, NEW, PATH, change, versions
from tests.simulator.vault import Token
from tests.support.program import commit_all

pytestmark = pytest.mark.usefixtures("same_each_time")

SCAFFOLD = Ref("v1", "Secret", "deploy-credential-bootstrap", "gitops")
BOOTSTRAP = "gitops-deploy-credential"


def used(platform: SimulatedPlatform) -> None:
    """Values changed since their handover, one of them of a bootstrap secret; tokens of others that live."""
    change(platform)
    change(platform, b"another-deploy-credential", name=BOOTSTRAP, field="password")
    live = platform.vault.live().tokens
    live["hvs.theirs"] = Token("theirs", ("reader-orders",))


@pytest.fixture(scope="module")
def lost(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    with repeatable():
        return begun(tmp_path_factory.mktemp("lost"), repository, used)


@pytest.fixture
def empty(lost: Saved, tmp_path: Path) -> SimulatedPlatform:
    return lost.another(tmp_path / "new")


def killed(platform: SimulatedPlatform, at: int) -> None:
    schedule = Schedule(Fault.KILL_AFTER, at, only_writes=True)
    with pytest.raises(Killed):
        platform.up(**schedule.ports(platform))


def test_inv1_every_value_is_back_and_at_its_consumer(lost: Saved, empty: SimulatedPlatform) -> None:
    empty.up()
    for path, secret in lost.lost.vault.live().secrets.items():
        if not path.startswith("bootstrap/ledger/"):
            assert empty.vault.live().secrets[path].versions == secret.versions, path
    assert versions(empty)[-1] == {FIELD: NEW}
    live = empty.cluster.get(CONSUMER)
    assert live is not None
    assert live["data"][FIELD] == Sensitive(NEW)
    is_whole(empty)


def test_inv4_one_ledger_tells_it(lost: Saved, empty: SimulatedPlatform) -> None:
    before = lost.lost.world().ledger.read()
    empty.up()
    after = empty.world().ledger.read()
    assert after.entries[: before.chain.size] == before.entries
    record = after.records[before.chain.size]
    details = record.fact.details
    assert (record.fact.type, record.run.cluster) == (RecordType.RESTORED, "another-cluster")
    assert (details["from"], details["to"]) == (lost.lost.cluster.uid(), "another-cluster")
    assert (details["headCluster"], details["headSize"]) == (lost.lost.cluster.uid(), str(before.chain.size))
    assert (details["records"], details["raftIndex"]) == (str(before.chain.size), "41")
    assert "tokens" in details["leftOut"]
    assert after.records[before.chain.size + 1].fact.type is RecordType.ESCROW


def test_b5_no_token_of_before_lives_and_none_ever_did(lost: Saved, empty: SimulatedPlatform) -> None:
    """Looked at with each write to the restored Vault."""
    old, seen = set(lost.lost.vault.live().tokens), set[str]()
    assert "hvs.theirs" in old
    empty.vault.watchers.append(lambda store, _: seen.update(store.tokens))
    empty.up()
    assert not old & (seen | set(empty.vault.live().tokens))


def test_b5_of_an_unknown_layout_the_census_ends_every_token(
    lost: Saved, empty: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootstrap.adapters.vault.raft_sieve.KNOWN", ("0.0.",))
    with monkeypatch.context() as fresh:
        from tests.simulator import platform as simulated

        fresh.setattr(simulated, "source", simulated.source.__wrapped__)
        empty.up()
    assert "hvs.theirs" not in empty.vault.live().tokens
    (record,) = (r for r in empty.world().ledger.read().records if r.fact.type is RecordType.RESTORED)
    assert "was not tried" in record.fact.details["leftOut"]


def test_b5_roles_with_batch_tokens_are_named(lost: Saved, tmp_path: Path, repository: Path) -> None:
    def batch(platform: SimulatedPlatform) -> None:
        live = platform.vault.live()
        live.plain["auth/kubernetes/role/theirs"] = {"token_type": "batch"}
        live.plain["auth/kubernetes/role/ours"] = {"token_type": "service"}
        for mount, kind in (("people", "userpass"), ("machines", "cert"), ("staff", "ldap")):
            live.auth[f"{mount}/"] = {"type": kind, "config": {"token_type": "default-service"}}
        live.auth["cloud/"] = {"type": "jwt", "config": {"token_type": "batch"}}
        live.plain["auth/people/users/one"] = {"token_type": "batch"}
        live.plain["auth/machines/certs/two"] = {"token_type": "default-batch"}
        live.plain["auth/staff/config"] = {"token_type": "batch"}

    found = begun(tmp_path / "lost", repository, batch).another(tmp_path / "new")
    found.up()
    (record,) = (r for r in found.world().ledger.read().records if r.fact.type is RecordType.RESTORED)
    assert record.fact.details["batchRoles"] == ", ".join(
        (
            "auth/cloud",
            "auth/kubernetes/role/theirs",
            "auth/machines/certs/two",
            "auth/people/users/one",
            "auth/staff/config",
        )
    )


def test_while_it_is_restored_vault_listens_to_itself_alone(empty: SimulatedPlatform) -> None:
    seen = []

    def look(*_: object) -> None:
        config = empty.cluster.peek(Ref("v1", "ConfigMap", "vault-config", "vault"))
        seen.append('"127.0.0.1:8200"' in str(config))

    def before_the_window(*_: object) -> None:
        if empty.cluster.peek(Ref("v1", "ConfigMap", "vault-init", "bootstrap-system")) is None:
            look()

    empty.vault.watchers.append(before_the_window)
    empty.up()
    assert seen
    assert all(seen)
    config = empty.cluster.peek(Ref("v1", "ConfigMap", "vault-config", "vault"))
    assert "127.0.0.1:82" not in str(config)


def test_b1_a_bootstrap_copy_holds_the_saved_value_and_is_retired_again(
    lost: Saved, empty: SimulatedPlatform
) -> None:
    filled = []

    def look(_: object, verb: str, obj: Object) -> None:
        if (verb, obj["metadata"]["name"]) == ("created", SCAFFOLD.name):
            filled.append(obj["data"]["password"])

    empty.cluster.controllers.append(look)
    empty.up()
    assert filled == [Sensitive(b"another-deploy-credential")]
    assert empty.cluster.get(SCAFFOLD) is None
    record = named(empty.world().ledger.read(), RecordType.RETIRED)[BOOTSTRAP]
    assert record.run.cluster == "another-cluster"


def test_configuration_that_would_keep_the_run_out_is_repaired(tmp_path: Path, repository: Path) -> None:
    def spoilt(platform: SimulatedPlatform) -> None:
        platform.vault.live().plain["auth/kubernetes/config"]["kubernetes_host"] = "https://old.example"

    found = begun(tmp_path / "lost", repository, spoilt).another(tmp_path / "new")
    found.up()
    (record,) = (r for r in found.world().ledger.read().records if r.fact.type is RecordType.RESTORED)
    assert record.fact.details["repaired"] == "write auth/kubernetes/config"
    is_whole(found)


def test_s2_before_the_door_opens_vault_knows_its_pods_by_the_keys_of_this_cluster(
    tmp_path: Path, repository: Path
) -> None:
    def another_cluster(platform: SimulatedPlatform) -> None:
        platform.vault.live().plain[CONFIG]["jwt_validation_pubkeys"] = ["of the cluster that is gone"]

    found = begun(tmp_path / "lost", repository, another_cluster).another(tmp_path / "new")
    done = found.up()
    (record,) = (r for r in found.world().ledger.read().records if r.fact.type is RecordType.RESTORED)
    assert record.fact.details["repaired"] == IssuerKeys(found.world()).change
    acted = {outcome.step.id for outcome in done.outcomes if outcome.acted}
    assert "vault-restored" in acted and "vault-configuration" not in acted
    is_whole(found)


def test_it_can_be_saved_and_restored_again(empty: SimulatedPlatform, tmp_path: Path) -> None:
    empty.up()
    empty.restore = None
    change(empty, b"third")
    file = saved(empty, tmp_path / "second.snapshot")
    assert contents(judged(file), trust(empty.repository)).unproven == ()
    third = Saved(empty, file).another(tmp_path / "third", "third-cluster")
    third.up()
    assert versions(third)[-1] == {FIELD: b"third"}
    is_whole(third)
    types = [r.fact.type for r in third.world().ledger.read().records]
    assert types.count(RecordType.RESTORED) == 2


def test_b4_one_of_a_later_share_comes_back_under_its_generation(tmp_path: Path, repository: Path) -> None:
    found = begun(tmp_path / "lost", repository, rekeyed).another(tmp_path / "new")
    found.up()
    assert window(found).generation == 2
    is_whole(found)


def rekeyed(platform: SimulatedPlatform) -> None:
    rekey(platform)


def test_inv4_an_old_clone_with_the_superseded_head_goes_on(empty: SimulatedPlatform) -> None:
    empty.up()
    assert empty.heads  # of the lost cluster
    is_whole(empty)


def test_h5_what_git_still_has_is_told_across_a_restore(empty: SimulatedPlatform) -> None:
    """A value set on the new cluster to what was handed over on the old one."""
    from bootstrap.ledger.versions import changed

    empty.up()
    empty.restore = None
    world = empty.world()
    first = {k: v.decode() for k, v in versions(empty)[0].items()}
    change(empty, first[FIELD].encode(), name=NAME, field=FIELD)
    assert changed(empty.world().ledger.read())[NAME].kept == (FIELD,)
    change(empty, b"something else", name=NAME, field=FIELD)
    assert changed(empty.world().ledger.read())[NAME].kept == ()
    assert PATH in {s.in_vault for s in world.intent.handovers}


# ---------------------------------------------------------------- what is refused


def test_inv4_a_living_platform_is_not_overwritten(lost: Saved, tmp_path: Path, repository: Path) -> None:
    platform = SimulatedPlatform(tmp_path / "living", repository)
    (tmp_path / "living").mkdir()
    platform.up()
    file = saved(platform, tmp_path / "living.snapshot")
    change(platform)
    platform.restore = file
    error = refused(platform, 4, "E_RESTORE_LIVING")
    assert NAME in error.message


def test_inv4_what_is_left_of_a_platform_is_not_overwritten(empty: SimulatedPlatform) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "old"},
        "spec": {"claimRef": {"namespace": "vault", "name": "data-vault-1"}},
        "status": {"phase": "Released"},
    }
    empty.cluster.create(claim)
    error = refused(empty, 5, "E_SNAPSHOT_STALE")
    assert "may hold a store, and is voided: old" in error.message


def test_inv4_a_plain_up_in_between_says_what_is_under_way(empty: SimulatedPlatform) -> None:
    killed(empty, 30)
    file, empty.restore = empty.restore, None
    error = refused(empty, 5, "E_RESTORE_UNDER_WAY")
    assert "--restore" in error.hint
    empty.restore = file
    empty.up()
    is_whole(empty)


def test_inv4_given_back_while_the_ledger_comes_back_it_goes_on(empty: SimulatedPlatform) -> None:
    """`abandon` writes nothing into a ledger that is there in part, and of another cluster still."""

    def look(_: object, verb: str, obj: Object) -> None:
        made.append(str(obj["metadata"]["name"])) if verb == "created" else None
        if len([name for name in made if name.startswith("ledger-")]) == 2:
            raise Killed("the second batch of the ledger")

    made: list[str] = []
    empty.cluster.controllers.append(look)
    with pytest.raises(Killed):
        empty.up()
    empty.cluster.controllers.remove(look)
    batches = [ref for ref in empty.cluster.everything() if ref.name.startswith("ledger-")]
    file, empty.restore = empty.restore, None
    world = empty.world()
    Abandon(world).run()
    world.session.close()
    assert [ref for ref in empty.cluster.everything() if ref.name.startswith("ledger-")] == batches
    refused(empty, 5, "E_RESTORE_UNDER_WAY")
    empty.restore = file
    empty.up()
    is_whole(empty)


def test_inv4_another_file_does_not_go_on(empty: SimulatedPlatform, lost: Saved, tmp_path: Path) -> None:
    killed(empty, 30)
    file, empty.restore = empty.restore, saved(lost.lost, tmp_path / "another.snapshot")
    refused(empty, 5, "E_RESTORE_UNDER_WAY")
    empty.restore = file
    empty.up()
    is_whole(empty)


def test_inv4_the_same_command_once_more_changes_nothing(empty: SimulatedPlatform) -> None:
    empty.up()
    assert empty.up().epoch == 0


def test_inv4_a_snapshot_older_than_a_head_wants_a_decision(tmp_path: Path, repository: Path) -> None:
    found = begun(tmp_path / "lost", repository)
    size = found.lost.world().ledger.read().chain.size
    change(found.lost)
    platform = found.another(tmp_path / "new")
    lacking = found.lost.world().ledger.read().chain.size - size
    error = refused(platform, 5, "E_SNAPSHOT_STALE")
    assert f"{lacking} were written after the snapshot" in error.message
    assert "stale-snapshot" in error.hint
    with pytest.raises(Killed):
        schedule = Schedule(Fault.KILL_AFTER, 60, only_writes=True)
        platform.up(approve=("stale-snapshot",), **schedule.ports(platform))
    platform.up()  # the yes is kept while the run is unfinished
    details = [r.fact.details for r in platform.world().ledger.read().records if "accepted" in r.fact.details]
    assert {d.get("lostRecords") for d in details} == {None, str(lacking)}
    is_whole(platform)


def test_inv4_what_the_commit_has_and_the_snapshot_has_not_is_told_and_on_record(tmp_path: Path) -> None:
    """Nothing is known of it but the commit, so nothing is lost; yet that its value is Git's is said."""
    intent = scaffolded(tmp_path / "intent")
    platform = begun(tmp_path / "lost", intent).another(tmp_path / "new")
    entry = (intent / "secrets/database.yaml").read_text()
    entry = entry.replace("postgres-superuser", "later").replace(
        "platform/database/superuser", "platform/later"
    )
    (intent / "secrets/later.yaml").write_text(entry)
    commit_all(intent)
    opened.cache_clear()
    platform.up()
    assert platform.narrator.said("not in the snapshot, so Git's values count: later")
    records = [r for r in platform.world().ledger.read().records if r.fact.type is RecordType.RESTORED]
    assert [r.fact.details["notInIt"] for r in records] == ["later"]
    assert all("accepted" not in r.fact.details for r in records)
    is_whole(platform)


def test_another_release_of_vault_is_refused(
    empty: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.simulator.vault.VERSION", "1.22.0")
    with pytest.raises(BootstrapError) as stopped:
        empty.up()
    assert (stopped.value.code, stopped.value.exit_code) == ("E_RESTORE_VERSION", 4)


@pytest.mark.parametrize(
    ("devices", "opens"),
    [
        ({}, True),
        ({"file/": {"type": "file", "options": {"file_path": "/var/log/vault.log"}}}, False),
        ({"socket/": {"type": "socket", "options": {"address": "127.0.0.1:1"}}}, False),
        (
            {
                "more/": {"type": "syslog"},
                "file/": {"type": "file", "options": {"file_path": "/vault/audit/a"}},
            },
            True,
        ),
    ],
)
def test_b6_a_vault_that_could_not_audit_is_refused_before_it_is_touched(
    devices: dict[str, Any], opens: bool, lost: Saved, tmp_path: Path
) -> None:
    live = lost.lost.vault.live()
    before, live.audit = live.audit, devices
    try:
        file = saved(lost.lost, tmp_path / "spoilt.snapshot")
    finally:
        live.audit = before
    platform = Saved(lost.lost, file).another(tmp_path / "new")
    if opens:
        platform.up()
        is_whole(platform)
    else:
        assert refused(platform, 4, "E_RESTORE_AUDIT").where == str(file)


def test_a_snapshot_of_another_environment_is_refused(empty: SimulatedPlatform, lost: Saved) -> None:
    empty.restore = None
    world = empty.world()
    world.restore = lost.another(empty.folder / "x", "y").world().restore
    assert world.restore is not None
    from dataclasses import replace

    from bootstrap.steps.authority.gather import gather
    from bootstrap.steps.authority.restoring import restore_seen

    of_another = replace(world.restore.manifest, environment="production")
    world.restore = replace(world.restore, manifest=of_another)
    stop = restore_seen(world, gather(world)).stop
    assert stop is not None
    assert (stop.code, stop.exit_code) == ("E_SNAPSHOT_ENVIRONMENT", 6)


# ---------------------------------------------------------------- what does not come to its end


def test_b5_a_token_that_lives_on_stops_it(
    lost: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bootstrap.adapters.vault.raft_sieve.KNOWN", ("0.0.",))
    from tests.simulator import platform as simulated

    monkeypatch.setattr(simulated, "source", simulated.source.__wrapped__)
    platform = lost.another(tmp_path / "new")
    platform.vault.immortal.add("theirs")
    with pytest.raises(BootstrapError) as stopped:
        platform.up()
    assert (stopped.value.code, stopped.value.exit_code) == ("E_TOKENS_ALIVE", 6)
    assert stopped.value.where == "Vault accessor theirs"
    platform.vault.immortal.clear()
    platform.up()
    is_whole(platform)


def test_three_attempts_that_do_not_end_stop_the_run_and_the_next_one_goes_on(
    empty: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each time the process of Vault ends before the snapshot is in its place."""
    whole = empty.vault.raft_restore

    def ends(pod: str, *rest: Any) -> Answer:
        whole(pod, *rest)
        empty.vault.restart(pod)
        raise UnknownOutcome("the connection broke", code="E_UNKNOWN_OUTCOME", where=pod)

    monkeypatch.setattr(empty.vault, "raft_restore", ends)
    with pytest.raises(BootstrapError) as stopped:
        empty.up()
    assert (stopped.value.code, stopped.value.exit_code) == ("E_RESTORE", 1)
    monkeypatch.setattr(empty.vault, "raft_restore", whole)
    empty.up()
    is_whole(empty)


def test_a_file_that_vault_refuses_is_not_taken_for_restored(
    empty: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: Any) -> Answer:
        return Answer(status=400, data={}, errors=("no",))

    monkeypatch.setattr(empty.vault, "raft_restore", refuses)
    with pytest.raises(BootstrapError) as stopped:
        empty.up()
    assert stopped.value.code == "E_VAULT_REFUSED"
    window = empty.cluster.get(Ref("v1", "ConfigMap", "vault-init", "bootstrap-system"))
    assert window is None
