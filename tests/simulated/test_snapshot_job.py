"""The cluster saves snapshots of itself: what `up` makes for it, what a job does, and what stays (INV1, S2, B5)."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.root.root_key import parse_root
from bootstrap.adapters.snapshot.file import SnapshotFile
from bootstrap.cli.commands import status, status_metrics
from bootstrap.cli.commands.status import gather, lines
from bootstrap.model.errors import BootstrapError, DefinitionError, EvidenceError, HeldError, WorldError
from bootstrap.model.metrics import exposition
from bootstrap.model.names import JOB_ACCOUNT, JOB_POLICY, JOB_ROLE, SYSTEM_NAMESPACE
from bootstrap.model.sensitive import Sensitive
from bootstrap.model.snapshot_settings import CA, ESCROW, LEDGER_KEY, SETTINGS
from bootstrap.operations.snapshot import shelf
from bootstrap.operations.snapshot.job import save_and_note
from bootstrap.operations.snapshot.judge import Trust, contents, judged
from bootstrap.operations.snapshot.names import snapshots_in
from bootstrap.operations.snapshot.shelf import Folder
from bootstrap.operations.verify.invariants import prove
from bootstrap.ports import Ref
from bootstrap.steps.vault import last_snapshot, snapshot_objects
from bootstrap.steps.vault.lives import lives
from tests.simulator.platform import SNAPSHOTS, SimulatedPlatform, opened, scaffolded, with_snapshots
from tests.simulator.snapshot_job import as_job, given, settings_of
from tests.simulator.vault import Token
from tests.support.exposition import parsed

pytestmark = pytest.mark.usefixtures("same_each_time")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"), with_snapshots)


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    platform.up()
    return platform


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    folder = tmp_path / "volume"
    folder.mkdir()
    return folder


def root(platform: SimulatedPlatform) -> Trust:
    commit = opened(platform.repository)
    key = Sensitive((platform.repository.parent / "root.key").read_bytes(), "root key")
    return Trust(root=parse_root(key, lambda _: None), material=commit.material, keys=commit.intent.keys)


def job(platform: SimulatedPlatform, volume: Path, minutes: int = 0) -> SnapshotFile:
    saving = as_job(platform, minutes)
    try:
        return save_and_note(saving, Folder(volume), settings_of(platform).keep).file
    finally:
        saving.session.close()


def refused(kind: type[BootstrapError], act: Callable[[], object]) -> BootstrapError:
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.hint
    return caught.value


def proof(platform: SimulatedPlatform) -> Any:
    return next(each for each in prove(platform.world()) if each.id == "snapshots")


def measured(platform: SimulatedPlatform) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Each family's samples, as a collector reads them."""
    world = platform.world()
    text = "\n".join(exposition(status_metrics.samples(world, gather(world)))) + "\n"
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for (name, labels), value in parsed(text).items():
        found.setdefault(name, {})[labels] = value
    return found


def changed(platform: SimulatedPlatform, old: str, new: str) -> SimulatedPlatform:
    """The same platform under another commit."""
    path = platform.repository / "bootstrap.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-am", "another"],
        cwd=platform.repository,
        check=True,
    )
    opened.cache_clear()
    return platform


@pytest.fixture
def own(tmp_path: Path) -> SimulatedPlatform:
    """Of a repository that the test may change."""
    platform = SimulatedPlatform(tmp_path, scaffolded(tmp_path / "intent", with_snapshots))
    platform.up()
    return platform


def test_inv1_a_job_saves_what_the_root_opens_and_notes_it(platform: SimulatedPlatform, volume: Path) -> None:
    files = [job(platform, volume, minutes) for minutes in (0, 1, 2)]
    assert snapshots_in(volume) == tuple(Path(file.shown) for file in files)
    found = contents(judged(Path(files[-1].shown)), root(platform))
    assert found.saved == tuple(sorted(s.name for s in opened(platform.repository).intent.saved))
    assert found.unproven == ()
    last = last_snapshot.read(platform.cluster)
    assert last is not None
    assert (last.file, last.time, last.kept) == (Path(files[-1].shown).name, files[-1].manifest.time, 3)


def test_s2_nothing_of_its_tokens_is_left(platform: SimulatedPlatform, volume: Path) -> None:
    job(platform, volume)
    assert JOB_POLICY not in str([t.policies for t in platform.vault.live().tokens.values()])


def test_s2_its_role_reads_the_declared_paths_and_writes_nothing(platform: SimulatedPlatform) -> None:
    store, intent = platform.vault.live(), opened(platform.repository).intent
    role = store.plain[f"auth/kubernetes/role/{JOB_ROLE}"]
    assert role["token_policies"] == [JOB_POLICY]
    assert role["bound_service_account_names"] == [JOB_ACCOUNT]
    paths = [
        line.split('"')[1] for line in store.plain[f"sys/policies/acl/{JOB_POLICY}"]["policy"].splitlines()
    ]
    own = [f"secret/data/{path}" for path in intent.saved_paths]
    seen = ["auth/token/accessors", "auth/token/lookup-accessor"]
    sign = ["bootstrap-transit/sign/countersign"]
    kept = ["bootstrap-transit/keys/+/config"]  # which is denied
    assert paths == ["sys/storage/raft/snapshot", "auth/token/revoke-self", *sign, *own, *kept, *seen]


def test_s2_it_is_told_no_value_and_may_read_no_secret(platform: SimulatedPlatform) -> None:
    assert set(given(platform)) == {SETTINGS, ESCROW, LEDGER_KEY, CA, "root.txt", "kubeconfig"}
    rules = platform.cluster.get(snapshot_objects.ROLE)
    assert rules is not None
    assert {resource for rule in rules["rules"] for resource in rule["resources"]} == {"configmaps"}
    assert [rule.get("resourceNames") for rule in rules["rules"] if rule["verbs"] == ["update"]] == [
        ["snapshot-last"]
    ]


def test_g4_the_pod_is_restricted(platform: SimulatedPlatform) -> None:
    live = platform.cluster.get(last_snapshot.CRON_JOB)
    assert live is not None
    assert (live["spec"]["concurrencyPolicy"], live["spec"]["timeZone"]) == ("Forbid", "Etc/UTC")
    pod = live["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    text = json.dumps(live)
    assert "@sha256:" in container["image"]
    assert "vault-unseal" not in text
    assert '"secret"' not in text


def test_a_second_up_has_nothing_to_do(platform: SimulatedPlatform, volume: Path) -> None:
    job(platform, volume)
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    assert not platform.up().epoch
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])


def test_inv1_retention_keeps_the_newest_and_what_it_cannot_judge(
    platform: SimulatedPlatform, volume: Path
) -> None:
    files = [Path(job(platform, volume, minutes).shown) for minutes in range(3)]
    damaged = volume / "platform-20200101T000000Z.snapshot"
    damaged.write_bytes(files[0].read_bytes()[:-700])
    foreign = volume / "other.snapshot"
    foreign.write_bytes(b"not ours")
    newest = job(platform, volume, 9)
    assert set(snapshots_in(volume)) == {damaged, foreign, *files[1:], Path(newest.shown)}


def test_inv1_a_snapshot_of_another_cluster_is_not_deleted(
    platform: SimulatedPlatform, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_another(path: Path, environment: str = "") -> SnapshotFile:
        found = judged(path, environment)
        cluster = "another" if path == Path(first.shown) else found.manifest.cluster
        return replace(found, manifest=replace(found.manifest, cluster=cluster))

    first = job(platform, volume)
    monkeypatch.setattr(shelf, "judged", of_another)
    for minutes in range(1, 5):
        job(platform, volume, minutes)
    assert Path(first.shown) in snapshots_in(volume)


def test_a_failed_save_deletes_nothing_and_notes_nothing(platform: SimulatedPlatform, volume: Path) -> None:
    files = [Path(job(platform, volume, minutes).shown) for minutes in range(3)]
    last = last_snapshot.read(platform.cluster)
    platform.vault.snapshot_ends = 700
    assert refused(EvidenceError, lambda: job(platform, volume, 9)).code == "E_RAFT_CUT"
    assert list(snapshots_in(volume)) == files
    assert last_snapshot.read(platform.cluster) == last


def test_b5_none_is_saved_while_a_root_token_lives(platform: SimulatedPlatform, volume: Path) -> None:
    platform.vault.live().tokens["strange"] = Token("strange-accessor", ("root",))
    assert refused(EvidenceError, lambda: job(platform, volume)).code == "E_ROOT_ALIVE"
    assert snapshots_in(volume) == ()


def test_two_at_once_are_one_and_a_refusal(platform: SimulatedPlatform, volume: Path) -> None:
    with Folder(volume).alone():
        assert refused(HeldError, lambda: job(platform, volume)).code == "E_SNAPSHOT_HELD"
    assert Path(job(platform, volume).shown).exists()


def test_what_a_killed_one_left_goes(platform: SimulatedPlatform, volume: Path) -> None:
    part = volume / ".platform-20200101T000000Z.snapshot.0000.part"
    part.write_bytes(b"half")
    job(platform, volume)
    assert not part.exists()


def test_a_folder_that_is_not_there_is_named(platform: SimulatedPlatform, tmp_path: Path) -> None:
    assert refused(DefinitionError, lambda: job(platform, tmp_path / "absent")).code == "E_OUT"


def test_a_note_that_is_gone_is_named_and_the_file_is_there(
    platform: SimulatedPlatform, volume: Path
) -> None:
    live = platform.cluster.get(last_snapshot.REF)
    assert live is not None
    platform.cluster.delete(last_snapshot.REF, uid=live["metadata"]["uid"])
    assert refused(WorldError, lambda: job(platform, volume)).code == "E_SNAPSHOT_NOT_NOTED"
    assert len(snapshots_in(volume)) == 1
    platform.up()
    job(platform, volume, 1)
    assert last_snapshot.read(platform.cluster) is not None


def test_an_older_job_that_ends_late_does_not_go_back(platform: SimulatedPlatform, volume: Path) -> None:
    newest = job(platform, volume, 5)
    job(platform, volume, 1)
    last = last_snapshot.read(platform.cluster)
    assert last is not None
    assert last.time == newest.manifest.time


def test_inv1_a_note_of_a_clock_that_ran_ahead_hides_nothing(
    platform: SimulatedPlatform, volume: Path
) -> None:
    """One node whose clock is a year ahead: its note is said to be wrong, and the next one takes its place."""
    ahead = job(platform, volume, 366 * 24 * 60)
    assert proof(platform).ok is False
    assert "ahead of the API server's clock" in proof(platform).evidence
    assert gather(platform.world())["snapshots"]["overdue"] is True
    right = job(platform, volume, 1)
    last = last_snapshot.read(platform.cluster)
    assert last is not None
    assert last.time == right.manifest.time < ahead.manifest.time
    assert proof(platform).ok is True
    platform.cluster.now += timedelta(minutes=32)
    assert proof(platform).ok is False
    assert set(snapshots_in(volume)) == {Path(ahead.shown), Path(right.shown)}


def test_inv1_a_file_that_cannot_be_read_is_passed_by(platform: SimulatedPlatform, volume: Path) -> None:
    """The disk refuses it; what was saved is noted all the same."""
    (volume / "a.snapshot").symlink_to("/proc/self/mem")
    file = job(platform, volume)
    last = last_snapshot.read(platform.cluster)
    assert last is not None
    assert last.file == Path(file.shown).name
    assert (volume / "a.snapshot").is_symlink()


def test_inv1_one_that_may_not_be_deleted_is_counted_and_the_save_is_noted(
    platform: SimulatedPlatform, volume: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket whose objects are locked for a time, say."""
    files = [job(platform, volume, minutes) for minutes in range(3)]

    def locked(_: Folder, name: str) -> None:
        raise WorldError(f"{name} is locked", code="E_S3_DENIED")

    monkeypatch.setattr(Folder, "delete", locked)
    newest = job(platform, volume, 9)
    last = last_snapshot.read(platform.cluster)
    assert last is not None
    assert (last.time, last.kept) == (newest.manifest.time, len(files) + 1)


def test_inv1_status_and_verify_say_age_and_last_success(platform: SimulatedPlatform, volume: Path) -> None:
    assert proof(platform).ok is True
    assert "none saved yet" in proof(platform).evidence
    file = job(platform, volume)
    platform.cluster.now = as_job(platform).clock.now() + timedelta(minutes=5)
    assert (proof(platform).ok, Path(file.shown).name in proof(platform).evidence) == (True, True)
    assert "none is off-cluster" in proof(platform).evidence
    found = gather(platform.world())
    assert (found["snapshots"]["last"]["file"], found["snapshots"]["overdue"]) == (
        Path(file.shown).name,
        False,
    )
    assert any(line.startswith("snapshots    ") for line in lines(found))


def test_inv1_metrics_say_the_same(platform: SimulatedPlatform, volume: Path) -> None:
    before = measured(platform)
    assert before["bootstrap_snapshot_overdue"] == {(): 0}
    assert "bootstrap_snapshot_size_bytes" not in before
    file = job(platform, volume)
    platform.cluster.now = as_job(platform).clock.now() + timedelta(minutes=31)
    found = measured(platform)
    assert found["bootstrap_snapshot_size_bytes"] == {(): file.size}
    assert found["bootstrap_snapshot_age_seconds"] == {(): 31 * 60}
    assert found["bootstrap_snapshot_kept"] == {(): 1}
    assert found["bootstrap_snapshot_overdue"] == {(): 1}
    assert (
        found["bootstrap_looked_timestamp_seconds"][()] - 31 * 60
        == (found["bootstrap_snapshot_last_success_timestamp_seconds"][()])
    )


def test_metrics_say_the_days_of_each_certificate(platform: SimulatedPlatform) -> None:
    now = platform.cluster.server_time()
    left = measured(platform)["bootstrap_certificate_days_left"]
    world = platform.world()
    assert left == {
        (("certificate", each.what),): pytest.approx(each.certificate.days(now)) for each in lives(world)
    }
    words = " ".join(what for ((_, what),) in left)
    assert all(word in words for word in ("vault-0 serves", "CA in Vault", "CA of the commit"))


def test_metrics_hold_no_value_and_no_name_of_a_secret(platform: SimulatedPlatform) -> None:
    text = str(measured(platform))
    assert [s.name for s in opened(platform.repository).intent.secrets if s.name in text] == []


def test_what_could_not_be_looked_at_is_said_and_has_no_number(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: object) -> object:
        raise WorldError("refused", code="E_KUBE_DENIED")

    known = measured(platform)["bootstrap_unknown"]
    assert {part for ((_, part),), value in known.items() if value} == {"volumes"}  # no renewer has looked
    for where, name in ((status_metrics, "lives"), (status, "age"), (status, "uncommitted_head")):
        monkeypatch.setattr(where, name, away)
    monkeypatch.setattr(status, "_ledger", lambda _: "unknown: refused")
    found = measured(platform)
    assert {part for ((_, part),), value in found["bootstrap_unknown"].items() if not value} == set()
    for name in ("certificate_days_left", "snapshot_overdue", "uncommitted_heads", "secrets", "residuals"):
        assert f"bootstrap_{name}" not in found
    assert found["bootstrap_steps"]


def test_inv1_older_than_twice_the_schedule_is_broken(platform: SimulatedPlatform, volume: Path) -> None:
    job(platform, volume)
    platform.cluster.now = as_job(platform).clock.now() + timedelta(minutes=31)
    found = gather(platform.world())
    assert found["snapshots"]["overdue"] is True
    assert any("WARNING" in line for line in lines(found))
    assert proof(platform).ok is False


def test_inv1_one_that_never_came_is_broken_too(platform: SimulatedPlatform) -> None:
    platform.cluster.now += timedelta(minutes=31)
    assert proof(platform).ok is False


def test_s1_another_recipient_in_what_it_is_told_is_found(platform: SimulatedPlatform, volume: Path) -> None:
    live = platform.cluster.get(snapshot_objects.SETTINGS)
    assert live is not None
    platform.cluster.update_as("somebody", {**live, "data": {**live["data"], "root.txt": "age1other"}})
    assert (proof(platform).ok, "ConfigMap" in proof(platform).evidence) == (False, True)
    assert refused(WorldError, platform.up).code == "E_FIELD_OWNER"


def test_inv6_a_platform_with_snapshots_is_sound(platform: SimulatedPlatform, volume: Path) -> None:
    job(platform, volume)
    assert [f"{p.id}: {p.evidence}" for p in prove(platform.world(), deep=True) if p.ok is not True] == []


def test_what_is_no_longer_declared_goes_but_for_the_volume(own: SimulatedPlatform) -> None:
    changed(own, SNAPSHOTS, "")
    own.up()
    assert [str(ref) for ref in snapshot_objects.REMOVED if own.cluster.get(ref) is not None] == []
    assert own.cluster.get(snapshot_objects.CLAIM) is not None
    assert not [path for path in own.vault.live().plain if JOB_POLICY in path]
    assert [f"{p.id}: {p.evidence}" for p in prove(own.world(), deep=True) if p.ok is not True] == []


def test_another_schedule_is_applied(own: SimulatedPlatform) -> None:
    changed(own, "*/10 * * * *", "0 4 * * *")
    own.up()
    live = own.cluster.get(last_snapshot.CRON_JOB)
    assert live is not None
    assert live["spec"]["schedule"] == "0 4 * * *"


def test_a_platform_without_them_has_none_of_it(tmp_path: Path) -> None:
    plain = SimulatedPlatform(tmp_path)
    plain.up()
    assert plain.cluster.get(Ref("v1", "ConfigMap", "snapshot-settings", SYSTEM_NAMESPACE)) is None
    assert proof(plain).ok is True
    assert gather(plain.world())["snapshots"] == {}
