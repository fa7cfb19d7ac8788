"""A finished platform is saved without the root key, and what was saved opens with it (INV1, S2, B5)."""

import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.root.root_key import parse_root
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.errors import BootstrapError, EvidenceError, PreconditionError, Transient, UnknownOutcome
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.snapshot.judge import Contents, Trust, contents, judged
from bootstrap.operations.snapshot.names import snapshots_in
from bootstrap.operations.snapshot.save import save
from bootstrap.ports import Answer, Ref
from bootstrap.steps.context.names import SNAPSHOT_ACCOUNT, SNAPSHOT_POLICY, SNAPSHOT_ROLE, SYSTEM_NAMESPACE
from bootstrap.steps.context.world import World
from tests.simulator.platform import SimulatedPlatform, opened
from tests.simulator.vault import Token
from tests.support.snapshot_files import platform as another

pytestmark = pytest.mark.usefixtures("same_each_time")


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    platform.up()
    return platform


def root(platform: SimulatedPlatform) -> Trust:
    commit = opened(platform.repository)
    key = Sensitive((platform.repository.parent / "root.key").read_bytes(), "root key")
    return Trust(root=parse_root(key, lambda _: None), material=commit.material, keys=commit.intent.keys)


def without_root(platform: SimulatedPlatform) -> World:
    """Nothing under the root may be asked for."""
    world = platform.world()
    world.files = None
    world.material = None  # type: ignore[assignment]  # any use of it is an error
    return world


def saved(platform: SimulatedPlatform, out: Path) -> Path:
    world = without_root(platform)
    try:
        return Path(save(world, out, root(platform).root.recipients).shown)
    finally:
        world.session.close()


def shown(platform: SimulatedPlatform, path: Path) -> Contents:
    return contents(judged(path), root(platform))


def refused(kind: type[BootstrapError], act: Callable[[], object]) -> BootstrapError:
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.hint
    return caught.value


def test_inv1_it_is_saved_without_the_root_and_opens_with_it(
    platform: SimulatedPlatform, tmp_path: Path
) -> None:
    folder = tmp_path / "snapshots"
    folder.mkdir()
    path = saved(platform, folder)
    assert snapshots_in(folder) == (path,)
    manifest, found = judged(path).manifest, shown(platform, path)
    assert manifest.vault_cluster == platform.vault.live().cluster_id
    assert manifest.ledger.size == found.records
    assert found.saved == tuple(sorted(s.name for s in opened(platform.repository).intent.saved))
    assert found.saved
    assert found.unproven == ()


def test_s2_its_own_token_is_in_it_and_nowhere_else(platform: SimulatedPlatform, tmp_path: Path) -> None:
    path = saved(platform, tmp_path / "one")
    manifest = judged(path).manifest
    assert shown(platform, path).tokens[manifest.saver] == (SNAPSHOT_POLICY,)
    assert SNAPSHOT_POLICY not in str([t.policies for t in platform.vault.live().tokens.values()])


def test_saving_changes_nothing(platform: SimulatedPlatform, tmp_path: Path) -> None:
    vault, cluster = list(platform.vault.mutations), list(platform.cluster.mutations)
    saved(platform, tmp_path / "one")
    assert (platform.vault.mutations, platform.cluster.mutations) == (vault, cluster)


def test_s2_its_role_reads_the_declared_paths_and_writes_nothing(platform: SimulatedPlatform) -> None:
    store, intent = platform.vault.live(), opened(platform.repository).intent
    assert store.plain[f"auth/kubernetes/role/{SNAPSHOT_ROLE}"]["token_policies"] == [SNAPSHOT_POLICY]
    policy = store.plain[f"sys/policies/acl/{SNAPSHOT_POLICY}"]["policy"]
    paths = [line.split('"')[1] for line in policy.splitlines()]
    own = [f"secret/data/{path}" for path in intent.saved_paths]
    signing, kept = "bootstrap-transit/sign/countersign", "bootstrap-transit/keys/+/config"
    assert paths == ["sys/storage/raft/snapshot", "auth/token/revoke-self", signing, *own, kept]
    assert f'path "{kept}" {{ capabilities = ["deny"] }}' in policy
    assert not any(verb in policy for verb in ("create", "delete", "sudo", "patch", "list"))


@pytest.mark.parametrize("policy", ["root", "bootstrap-configure"])
def test_b5_nothing_is_saved_while_a_token_with_power_lives(
    platform: SimulatedPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str
) -> None:
    monkeypatch.setattr(platform.vault, "raft_snapshot", None)  # it is not even asked for
    platform.vault.live().tokens["strange"] = Token("strange-accessor", (policy,))
    error = refused(EvidenceError, lambda: saved(platform, tmp_path / "one"))
    assert (error.code, "strange-accessor" in error.where) == ("E_ROOT_ALIVE", True)
    assert not (tmp_path / "one").exists()


def test_b5_a_root_token_that_comes_while_it_streams_is_seen(
    platform: SimulatedPlatform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = platform.vault.raft_snapshot

    def meanwhile(pod: str, token: Sensitive) -> object:
        platform.vault.live().tokens["late"] = Token("late-accessor", ("root",))
        return whole(pod, token)

    monkeypatch.setattr(platform.vault, "raft_snapshot", meanwhile)
    assert refused(EvidenceError, lambda: saved(platform, tmp_path / "one")).code == "E_ROOT_ALIVE"
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("ends", [0, 700, -9, -1])
def test_a_stream_that_ends_early_as_if_it_were_whole_leaves_nothing(
    platform: SimulatedPlatform, tmp_path: Path, ends: int
) -> None:
    folder = tmp_path / "snapshots"
    folder.mkdir()
    platform.vault.snapshot_ends = ends
    assert refused(EvidenceError, lambda: saved(platform, folder)).code == "E_RAFT_CUT"
    assert list(folder.iterdir()) == []
    assert SNAPSHOT_POLICY not in str([t.policies for t in platform.vault.live().tokens.values()])


def test_a_token_that_lives_on_leaves_no_file(platform: SimulatedPlatform, tmp_path: Path) -> None:
    platform.vault.denied.add("POST auth/token/revoke-self")
    assert refused(EvidenceError, lambda: saved(platform, tmp_path / "one")).code == "E_SNAPSHOT_TOKEN"
    assert not (tmp_path / "one").exists()


def test_a_lost_answer_of_its_revocation_is_looked_at(platform: SimulatedPlatform, tmp_path: Path) -> None:
    class Lossy:
        def __getattr__(self, name: str) -> Any:
            return getattr(platform.vault, name)

        def call(self, method: str, path: str, *rest: Any, **more: Any) -> Answer:
            answer = platform.vault.call(method, path, *rest, **more)
            if path == "auth/token/revoke-self":
                raise UnknownOutcome("the answer was lost", code="E_UNKNOWN_OUTCOME")
            return answer

    world = platform.world(vault=Lossy())
    assert Path(save(world, tmp_path / "one", root(platform).root.recipients).shown).exists()


def test_a_node_that_is_no_longer_active_leaves_no_file_and_says_how_to_go_on(
    platform: SimulatedPlatform, tmp_path: Path
) -> None:
    """It streamed all of it, and another leads before it signs."""

    class Deposed:
        def __getattr__(self, name: str) -> Any:
            return getattr(platform.vault, name)

        def call(self, method: str, path: str, *rest: Any, **more: Any) -> Answer:
            if path.startswith("bootstrap-transit/sign/"):
                raise Transient("this pod is not the active node", code="E_VAULT_STANDBY")
            return platform.vault.call(method, path, *rest, **more)

    world = platform.world(vault=Deposed())
    error = refused(Transient, lambda: save(world, tmp_path / "one", root(platform).root.recipients))
    assert (error.code, "save again" in error.hint) == ("E_VAULT_STANDBY", True)
    assert not (tmp_path / "one").exists()
    assert SNAPSHOT_POLICY not in str([t.policies for t in platform.vault.live().tokens.values()])


def test_an_unfinished_run_is_not_saved(platform: SimulatedPlatform, tmp_path: Path) -> None:
    platform.world().ledger.append([Fact(type=RecordType.ACCEPTED, details={"how": "plan"})])
    assert refused(PreconditionError, lambda: saved(platform, tmp_path / "one")).code == "E_RUN_UNFINISHED"


def test_without_its_escrow_nothing_is_saved(platform: SimulatedPlatform, tmp_path: Path) -> None:
    for folder in platform.records.iterdir():
        (folder / "escrow.json").unlink()
    assert refused(PreconditionError, lambda: saved(platform, tmp_path / "one")).code == "E_ESCROW_MISSING"


def test_a_platform_without_the_role_says_what_makes_it(platform: SimulatedPlatform, tmp_path: Path) -> None:
    del platform.vault.live().plain[f"auth/kubernetes/role/{SNAPSHOT_ROLE}"]
    error = refused(BootstrapError, lambda: saved(platform, tmp_path / "one"))
    assert (error.code, "bootstrap up" in error.hint) == ("E_SNAPSHOT_LOGIN", True)


def test_a_platform_without_the_account_says_what_makes_it(
    platform: SimulatedPlatform, tmp_path: Path
) -> None:
    account = Ref("v1", "ServiceAccount", SNAPSHOT_ACCOUNT, SYSTEM_NAMESPACE)
    live = platform.cluster.get(account)
    assert live is not None
    platform.cluster.delete(account, uid=live["metadata"]["uid"])
    error = refused(BootstrapError, lambda: saved(platform, tmp_path / "one"))
    assert (error.code, "bootstrap up" in error.hint) == ("E_SNAPSHOT_LOGIN", True)
    platform.up()
    assert saved(platform, tmp_path / "one").exists()


def test_a_value_that_no_record_commits_to_is_named(platform: SimulatedPlatform, tmp_path: Path) -> None:
    name = opened(platform.repository).intent.saved[0]
    stored = platform.vault.live().secrets[name.in_vault]
    for version in stored.versions:
        for field in version:
            version[field] = Sensitive(b"written by hand", "value")
    assert name.name in shown(platform, saved(platform, tmp_path / "one")).unproven


def test_its_environment_is_the_clusters(tmp_path: Path, repository: Path) -> None:
    """Bound at the first run, and in the name of the file."""
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    path = saved(platform, tmp_path)
    assert judged(path).manifest.environment == ""
    error = refused(EvidenceError, lambda: judged(path, "production"))
    assert error.code == "E_SNAPSHOT_ENVIRONMENT"
    with tarfile.open(path) as tar:
        assert tar.getnames()[-2:] == ["manifest.json", "end.json"]


def test_another_commits_unseal_key_does_not_open_it(platform: SimulatedPlatform, tmp_path: Path) -> None:
    path = saved(platform, tmp_path / "one")
    material: Any = another().material
    trust = replace(root(platform), material=material)
    assert refused(EvidenceError, lambda: contents(judged(path), trust)).code == "E_SNAPSHOT_GENERATION"
