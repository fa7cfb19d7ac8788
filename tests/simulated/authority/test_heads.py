"""Heads in the commit, in the folder of --records and in the cluster: each is signed, and each counts (INV4, PH4)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.adapters.records.folder import FolderRecords
from bootstrap.cli.commands.status import gather
from bootstrap.engine.inspect import Health, survey
from bootstrap.ledger.head import glance_head, read_head, sign_head
from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import BootstrapError, WorldError
from bootstrap.model.layout import HEAD
from bootstrap.operations.records import uncommitted_head, write_records
from bootstrap.operations.verify.invariants import prove
from bootstrap.ports import Permission, Reason, Ref, Refused
from bootstrap.steps.registry import kind_class
from tests.simulator.concurrent import Answered, At
from tests.simulator.faults import Call
from tests.simulator.halfway import step_of
from tests.simulator.losses import SYSTEM, VAULT, commit_records, delete, forget_records, run_record
from tests.simulator.platform import SimulatedPlatform
from tests.support.ledger_facts import Key

IN_CLUSTER = Ref("v1", "ConfigMap", "ledger-head", "bootstrap-system")


@pytest.fixture
def platform(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    made = SimulatedPlatform(tmp_path, repository)
    made.up()
    return made


def stopped(platform: SimulatedPlatform) -> BootstrapError:
    """By an error, before anything is changed."""
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    with pytest.raises(BootstrapError) as found:
        platform.up()
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])
    return found.value


def in_commit(platform: SimulatedPlatform, data: bytes) -> None:
    platform.heads[platform.cluster.uid()] = data


def in_folder(platform: SimulatedPlatform, data: bytes) -> None:
    (platform.records / platform.cluster.uid() / HEAD).write_bytes(data)


def in_cluster(platform: SimulatedPlatform, data: bytes) -> None:
    live = platform.cluster.get(IN_CLUSTER)
    assert live is not None
    platform.cluster.replace({**live, "data": {HEAD: data.decode()}})


Put = Callable[[SimulatedPlatform, bytes], None]
PLACES = pytest.mark.parametrize("put", [in_commit, in_folder, in_cluster], ids=lambda put: put.__name__)


def own(platform: SimulatedPlatform) -> bytes:
    live = platform.cluster.get(IN_CLUSTER)
    assert live is not None
    return str(live["data"][HEAD]).encode()


def changed(platform: SimulatedPlatform, **what: object) -> bytes:
    """The head with other content, signed by the platform's own key."""
    head = replace(glance_head(own(platform)), **what)  # type: ignore[arg-type]  # names of Head's own
    return sign_head(head, platform.world().material.signer())


def test_inv4_the_head_lies_in_cluster_and_folder_once_vault_has_the_records(
    platform: SimulatedPlatform,
) -> None:
    data = own(platform)
    folder = platform.records / platform.cluster.uid()
    assert (folder / HEAD).read_bytes() == data
    world = platform.world()
    assert read_head(data, world.ledger.key).size == world.ledger.read().chain.size


@PLACES
@pytest.mark.parametrize("junk", [b"junk", b"{}", b""])
def test_inv4_junk_is_no_head(platform: SimulatedPlatform, put: Put, junk: bytes) -> None:
    put(platform, junk)
    error = stopped(platform)
    assert (error.code, error.exit_code) == ("E_HEAD", 6)


@PLACES
def test_inv4_a_changed_signature_is_no_head(platform: SimulatedPlatform, put: Put) -> None:
    data = own(platform)
    put(platform, data.replace(b'"sig":"', b'"sig":"AAAA')[: len(data)])
    assert stopped(platform).code == "E_HEAD"


@PLACES
def test_inv4_another_history_is_a_fork(platform: SimulatedPlatform, put: Put) -> None:
    put(platform, changed(platform, size=3, root="0" * 64, last="1" * 64))
    error = stopped(platform)
    assert (error.code, error.exit_code) == ("E_FORK", 6)


@PLACES
def test_inv4_more_records_than_there_are(platform: SimulatedPlatform, put: Put) -> None:
    put(platform, changed(platform, size=99))
    error = stopped(platform)
    assert (error.code, error.exit_code) == ("E_ROLLBACK_VAULT", 6)


@PLACES
def test_g2_a_foreign_key_is_another_platforms(platform: SimulatedPlatform, put: Put) -> None:
    put(platform, sign_head(glance_head(own(platform)), Key(7)))
    error = stopped(platform)
    assert (error.code, error.exit_code, error.hint) == ("E_HEAD_KEY", 2, "remove this folder")


@pytest.mark.parametrize("put", [in_commit, in_folder], ids=lambda put: put.__name__)
def test_inv4_an_older_head_put_back_is_behind_and_stops_nobody(
    platform: SimulatedPlatform, put: Put
) -> None:
    chain = platform.world().ledger.read().at(4)
    put(platform, changed(platform, size=4, last=chain.last, root=chain.root))
    assert platform.up().epoch == 0
    assert (platform.records / platform.cluster.uid() / HEAD).read_bytes() == own(platform)


def test_inv4_an_older_head_in_the_cluster_is_written_again(platform: SimulatedPlatform) -> None:
    whole, chain = own(platform), platform.world().ledger.read().at(4)
    in_cluster(platform, changed(platform, size=4, last=chain.last, root=chain.root))
    assert platform.up().epoch == 2
    assert own(platform) == whole


def writes_head(call: Call) -> bool:
    return call.name == "replace" and call.args[0]["metadata"]["name"] == IN_CLUSTER.name


def older(platform: SimulatedPlatform) -> bytes:
    chain = platform.world().ledger.read().at(4)
    return changed(platform, size=4, last=chain.last, root=chain.root)


def test_inv4_a_head_that_was_put_there_meanwhile_is_not_overwritten(platform: SimulatedPlatform) -> None:
    foreign = changed(platform, size=99)
    in_cluster(platform, older(platform))
    at = At(writes_head, lambda: in_cluster(platform, foreign))
    with pytest.raises(BootstrapError) as refused:
        step_of(platform, "recorded", **at.ports(platform)).take()
    assert (at.fired, refused.value.code, own(platform)) == (True, "E_HEAD", foreign)


def test_inv4_a_head_that_may_not_be_written_is_an_error(platform: SimulatedPlatform) -> None:
    before = older(platform)
    in_cluster(platform, before)
    at = Answered(writes_head, Refused(Reason.FORBIDDEN, "by a webhook"))
    with pytest.raises(WorldError) as refused:
        step_of(platform, "recorded", **at.ports(platform)).take()
    assert (refused.value.code, "by a webhook" in refused.value.message) == ("E_HEAD_WRITE", True)
    assert own(platform) == before


def test_inv4_a_head_in_the_folder_of_another_cluster(platform: SimulatedPlatform) -> None:
    platform.heads["another-cluster"] = own(platform)
    error = stopped(platform)
    assert error.code == "E_HEAD"
    assert platform.cluster.uid() in error.message


def test_inv4_records_are_not_written_over_what_they_do_not_extend(platform: SimulatedPlatform) -> None:
    folder = platform.records / platform.cluster.uid()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    foreign = changed(platform, size=3, root="0" * 64, last="1" * 64)
    (folder / HEAD).write_bytes(foreign)
    (folder / "cluster.json").write_bytes(b"{}")
    with pytest.raises(BootstrapError) as refused:
        write_records(platform.world())
    assert (refused.value.code, refused.value.exit_code) == ("E_HEAD", 6)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before | {
        HEAD: foreign,
        "cluster.json": b"{}",
    }


def test_h4_verify_judges_the_heads_too(platform: SimulatedPlatform) -> None:
    in_folder(platform, changed(platform, size=99))
    (proof,) = [p for p in prove(platform.world()) if p.title.startswith("the ledger verifies")]
    assert (proof.ok, proof.evidence.partition(":")[0]) == (False, "E_ROLLBACK_VAULT")


def test_status_names_an_uncommitted_head(platform: SimulatedPlatform) -> None:
    assert HEAD in gather(platform.world())["uncommitted"][0]
    commit_records(platform, keep=True)
    assert gather(platform.world())["uncommitted"] == []
    forget_records(platform)
    platform.heads.clear()
    assert uncommitted_head(platform.world()) == str(IN_CLUSTER)


def test_what_is_no_folder_of_a_cluster_is_passed_by(platform: SimulatedPlatform) -> None:
    (platform.records / ".git").mkdir()
    assert FolderRecords(platform.records).clusters() == (platform.cluster.uid(),)


# ---------------------------------------------------------------- traces


def test_inv4_volumes_that_vault_claimed_are_a_trace(tmp_path: Path, repository: Path) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    platform.cluster.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": "pv-1"},
            "spec": {"claimRef": {"namespace": "vault", "name": "data-vault-0"}},
            "status": {"phase": "Released"},
        }
    )
    error = stopped(platform)
    assert (error.code, "PersistentVolume pv-1 of data-vault-0 (Released)" in error.message) == (
        "E_AUTHORITY_LOST",
        True,
    )


def test_inv4_volumes_that_may_not_be_listed_are_said(tmp_path: Path, repository: Path) -> None:
    """A right that a run can do without: it goes on, and `doctor` and `plan` say what was not looked for."""
    platform = SimulatedPlatform(tmp_path, repository)
    platform.cluster.denied.add(Permission("list", "", "persistentvolumes"))
    world = platform.world()
    first = next(s for s in survey(world.plan, world, kind_class) if s.step.kind == "preflight")
    assert (first.health, "PersistentVolumes may not be listed" in first.message) == (Health.HOLDS, True)
    assert platform.up().epoch == 1


@pytest.mark.parametrize("kind", ["ExternalSecret", "policy", "store"])
def test_inv4_each_trace_alone_is_enough(platform: SimulatedPlatform, kind: str) -> None:
    forget_records(platform)
    delete(platform, SYSTEM, VAULT)
    names = {"policy": "ValidatingAdmissionPolicy", "store": "ClusterSecretStore"}
    for ref, obj in platform.cluster.everything().items():
        ours = (obj["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == "bootstrap"
        if (
            ours
            and ref.kind in ("ExternalSecret", "PushSecret", *names.values())
            and ref.kind != names.get(kind, kind)
        ):
            delete(platform, ref)
    error = stopped(platform)
    assert (error.code, error.exit_code) == ("E_AUTHORITY_LOST", 5)


# ---------------------------------------------------------------- environments


@pytest.fixture
def bound(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    made = SimulatedPlatform(tmp_path, repository)
    made.environment = "production"
    made.up()
    return made


def test_ph4_the_environment_is_bound_at_the_first_run(bound: SimulatedPlatform) -> None:
    home = bound.cluster.get(SYSTEM)
    assert home is not None
    assert home["metadata"]["annotations"]["bootstrap.dev/environment"] == "production"
    assert glance_head(own(bound)).environment == "production"
    records = bound.world().ledger.read().records
    said = {r.fact.type for r in records if r.fact.details.get("environment") == "production"}
    assert said == {RecordType.CLAIMED, RecordType.VAULT_INITIALISED}
    assert '"environment": "production"' in (bound.records / bound.cluster.uid() / "cluster.json").read_text()
    assert bound.world().plan.document["environment"] == "production"
    assert bound.up().epoch == 0


@pytest.mark.parametrize("other", ["staging", ""])
@pytest.mark.parametrize("lost", [False, True])
def test_ph4_another_one_or_none_is_refused(bound: SimulatedPlatform, other: str, lost: bool) -> None:
    """By the namespace; where that is lost, by the head."""
    if lost:
        delete(bound, SYSTEM)
    bound.environment = other
    error = stopped(bound)
    assert (error.code, error.exit_code) == ("E_ENVIRONMENT", 4)
    assert "production" in error.message
    assert "production" in error.hint


def test_ph4_a_cluster_bound_without_one_takes_none(platform: SimulatedPlatform) -> None:
    platform.environment = "production"
    assert stopped(platform).code == "E_ENVIRONMENT"


def test_ph4_a_head_of_another_environment_does_not_stop_a_first_run(
    tmp_path: Path, repository: Path, bound: SimulatedPlatform
) -> None:
    other = SimulatedPlatform(tmp_path / "other", repository)
    uid = other.cluster.peek(Ref("v1", "Namespace", "kube-system"))
    assert uid is not None
    uid["metadata"]["uid"] = "another-cluster"
    commit_records(bound, keep=True)
    other.heads = dict(bound.heads)
    for name, code in (("", "E_OTHER_CLUSTER"), ("production", "E_OTHER_CLUSTER")):
        other.environment = name
        assert stopped(other).code == code
    other.environment = "staging"
    other.up()
    assert run_record(other)["approvals"] == []
    assert RecordType.NEW_AUTHORITY not in {r.fact.type for r in other.world().ledger.read().records}
