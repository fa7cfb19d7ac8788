"""`bootstrap rekey-unseal`: at each moment one share is proven to open Vault, and kept (B4, S5)."""

import base64
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.openpgp.keys import PgpKey, generate
from bootstrap.adapters.root.root_key import parse_root
from bootstrap.engine.record import FINISHED, read_run
from bootstrap.ledger.record import Audit, RecordType
from bootstrap.model.errors import (
    BootstrapError,
    EvidenceError,
    PreconditionError,
    UnknownOutcome,
    WorldError,
)
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.snapshot.judge import Trust, contents, judged
from bootstrap.operations.snapshot.save import save
from bootstrap.operations.unseal_rekey.runner import UnsealRekey
from bootstrap.operations.verify.invariants import prove
from bootstrap.ports import Answer, Ref
from bootstrap.steps.vault.configuring import powerful
from bootstrap.steps.vault.escrow import prove_escrow
from tests.simulator.faults import BASIC, Fault, Killed, Schedule
from tests.simulator.losses import SYSTEM, delete
from tests.simulator.platform import SimulatedPlatform, opened, scaffolded, with_snapshots
from tests.simulator.rekeying import Watched, in_escrow, in_slots, rekey, unseal_secret, window
from tests.simulator.restoring import begun
from tests.simulator.sweep import SEED, Point, singles
from tests.simulator.vault import HANDLERS, Call

pytestmark = pytest.mark.usefixtures("same_each_time")

POINTS = 3  # of each fault, by default
FAULTS = (
    *BASIC,
    Fault.ZOMBIE,
    Fault.TWICE,
    Fault.ERROR_APPLIED,
    Fault.BUSY,
    Fault.STANDBY,
    Fault.RESTART_BEFORE,
    Fault.RESTART_AFTER,
    Fault.SECOND_UP,
)


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    platform.up()
    return platform


def unsound(platform: SimulatedPlatform) -> list[str]:
    """Proofs that do not hold, and what one more `up` finds to do: nothing, of a platform that is finished."""
    found = [f"{p.id}: {p.evidence}" for p in prove(platform.world(), deep=True) if p.ok is not True]
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    if platform.up().epoch:
        found.append("`up` had something to do")
    return found + [f"changed: {each}" for each in (*platform.cluster.mutations, *platform.vault.mutations)]


def refused(kind: type[BootstrapError], act: Callable[[], Any]) -> BootstrapError:
    with pytest.raises(kind) as caught:
        act()
    assert caught.value.hint
    return caught.value


def records(platform: SimulatedPlatform) -> list[str]:
    found = platform.world().ledger.read().records
    return [r.fact.details["generation"] for r in found if r.fact.type is RecordType.REKEYED]


def test_b4_the_share_of_the_next_generation_opens_vault_and_the_old_one_is_gone(
    platform: SimulatedPlatform,
) -> None:
    watched, before = Watched(platform), platform.vault.live().share
    assert rekey(platform).generation == 2
    now = platform.vault.live().share
    assert now != before
    assert in_slots(platform) == {2: now}
    assert in_escrow(platform) == {2: now}
    assert (unseal_secret(platform, 1), unseal_secret(platform, 2)) == (None, now)
    assert (window(platform).generation, window(platform).target) == (2, 0)
    assert records(platform) == ["2"]
    assert watched.broken == []
    secret = platform.cluster.get(Ref("v1", "Secret", "vault-unseal-2", "vault"))
    assert secret is not None
    assert secret["immutable"] is True
    assert unsound(platform) == []
    for pod in ("vault-0", "vault-1", "vault-2"):
        platform.vault.restart(pod)
    assert all((s := platform.vault.seal_status(f"vault-{n}")) and not s.sealed for n in range(3))
    assert rekey(platform).generation == 3
    assert records(platform) == ["2", "3"]


def rotated(platform: SimulatedPlatform) -> list[tuple[str, str]]:
    """Generation and term of each rotation of the barrier key that is on record."""
    found = (r.fact.details for r in platform.world().ledger.read().records)
    return [(d["generation"], d["barrierTerm"]) for d in found if "barrierTerm" in d]


def test_s5_the_barrier_key_gives_way_too_on_record_and_in_the_audit_log(platform: SimulatedPlatform) -> None:
    rekey(platform)
    assert (platform.vault.live().barrier_term, rotated(platform)) == (2, [("2", "2")])
    changing = [r for r in platform.world().ledger.read().records if r.fact.type is RecordType.CONFIGURING]
    audit = changing[-1].fact.audit
    assert isinstance(audit, Audit)
    (line,) = [each for each in platform.vault.live().log if each.path == "sys/rotate"]
    assert line.txn == audit.txn
    assert "barrier key" in changing[-1].fact.details["changes"]
    assert not powerful({a: t.policies for a, t in platform.vault.live().tokens.items()})


def test_s5_one_that_vault_did_not_make_is_no_rotation(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(HANDLERS, "sys/rotate", Call.done)
        error = refused(WorldError, lambda: rekey(platform))
    assert (error.code, rotated(platform)) == ("E_ROTATE", [])
    assert not powerful({a: t.policies for a, t in platform.vault.live().tokens.items()})
    assert rekey(platform).generation == 2  # it goes on
    assert rotated(platform) == [("2", "2")]
    assert unsound(platform) == []


def test_s5_a_rotation_whose_answer_was_lost_is_seen(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(call: Call) -> Answer:
        call.rotate()
        raise UnknownOutcome("the answer was lost", code="E_VAULT_UNKNOWN")

    monkeypatch.setitem(HANDLERS, "sys/rotate", lost)
    assert rekey(platform).generation == 2
    assert (platform.vault.live().barrier_term, rotated(platform)) == (2, [("2", "2")])


def test_b4_the_old_share_opens_vault_no_more(platform: SimulatedPlatform) -> None:
    kept = (platform.records / platform.cluster.uid() / "escrow.json").read_bytes()
    rekey(platform)
    (platform.records / platform.cluster.uid() / "escrow.json").write_bytes(kept)
    world = platform.world()
    assert (
        prove_escrow(world, world.cluster.uid())["generation"] == "2"
    )  # of the slot: an older file counts as lost


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_b4_any_fault_at_any_call_loses_no_share(
    tmp_path: Path, repository: Path, whole: bool, fault: Fault
) -> None:
    """All faults of one kind on one platform in turn; then the same command, or `up` and the command."""
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    schedule = Schedule(fault, 0)
    rekey(platform, **schedule.ports(platform))
    watched, wrong = Watched(platform), list[str]()
    points = singles(fault, schedule.count, 0 if whole else POINTS, random.Random(SEED))
    for point in points:
        wrong += disturbed(platform, watched, point)
        wrong += [f"{point}: {each}" for each in watched.broken]
        watched.broken.clear()
    print(f"{fault.name}: {len(points)} of {schedule.count} calls, seed {SEED}")
    assert wrong == []


def finished(platform: SimulatedPlatform) -> bool:
    record = read_run(platform.cluster)
    return record is not None and record.state == FINISHED


def disturbed(platform: SimulatedPlatform, watched: Watched, point: Point) -> list[str]:
    """A generation further, by the command that goes on; `up` alone ends it too, or takes it back."""
    before, schedule, wrong = window(platform).generation, point.schedule(), list[str]()
    with suppress(Killed, BootstrapError):
        rekey(platform, **schedule.ports(platform))
    watched.look()
    if point.at % 2:
        platform.up()
        watched.look()
        if window(platform).target:
            wrong.append(f"{point}: `up` left a rekey under way")
    if window(platform).generation == before or window(platform).target or not finished(platform):
        rekey(platform)
    schedule.deliver()
    watched.look()
    after = window(platform).generation
    if after != before + 1:
        wrong.append(f"{point}: generation {before} became {after}")
    wrong += [f"{point}, at the end: {each}" for each in unsound(platform)]
    return wrong


def test_b4_an_escrow_that_does_not_hold_the_new_share_stops_before_it_counts(
    platform: SimulatedPlatform,
) -> None:
    before = platform.vault.live().share
    world = platform.world()

    class Proof:
        def begin(self, cluster: str) -> None:
            raise AssertionError

        def prove(self, cluster: str) -> dict[str, str]:
            return prove_escrow(platform.world(), cluster)

        def prove_following(self, cluster: str) -> dict[str, str]:
            return {"generation": "2", "commitment": "0" * 64}

    world.proof = Proof()
    error = refused(EvidenceError, lambda: UnsealRekey(world).run())
    assert error.code == "E_ESCROW"
    assert platform.vault.live().share == before
    platform.up()
    assert (window(platform).generation, window(platform).target) == (1, 0)
    assert in_slots(platform) == in_escrow(platform) == {1: before}
    assert unseal_secret(platform, 2) is None


def test_b4_unsealers_that_do_not_read_the_new_secret_stop_it_before_it_counts(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = platform.vault.live().share
    monkeypatch.setattr(platform.cluster, "logs", lambda *_: "keys: vault-unseal-1\n")
    assert refused(BootstrapError, lambda: rekey(platform)).code == "E_TIMEOUT"
    assert platform.vault.live().share == before


def test_another_s_rekey_is_left_alone(platform: SimulatedPlatform) -> None:
    attempt = platform.vault.live().rekey
    attempt.nonce, attempt.key = "theirs", base64.b64encode(PgpKey(generate("theirs")).certificate).decode()
    assert refused(BootstrapError, lambda: rekey(platform)).code == "E_TIMEOUT"
    assert attempt.nonce == "theirs"


def test_an_unfinished_platform_is_not_rekeyed(platform: SimulatedPlatform) -> None:
    schedule = Schedule(Fault.KILL_AFTER, 3, only_writes=True)
    platform.vault.live().plain.pop("sys/policies/acl/bootstrap-snapshot")
    with suppress(Killed):
        platform.up(**schedule.ports(platform))
    assert refused(PreconditionError, lambda: rekey(platform)).code == "E_RUN_UNFINISHED"


def test_without_the_root_nothing_begins(platform: SimulatedPlatform) -> None:
    world = platform.world()
    world.files = None
    assert refused(PreconditionError, lambda: UnsealRekey(world).run()).code == "E_ROOT_NEEDED"


def test_inv1_a_lost_namespace_comes_back_with_its_generation(platform: SimulatedPlatform) -> None:
    rekey(platform)
    share = platform.vault.live().share
    delete(platform, SYSTEM)
    platform.up()
    assert window(platform).generation == 2
    assert in_slots(platform) == {2: share}
    assert unsound(platform) == []


def test_inv1_a_snapshot_of_generation_1_is_still_verified_and_names_its_generation(
    platform: SimulatedPlatform, tmp_path: Path
) -> None:
    commit = opened(platform.repository)
    key = Sensitive((platform.repository.parent / "root.key").read_bytes(), "root key")
    root = parse_root(key, lambda _: None)
    trust = Trust(root=root, material=commit.material, keys=commit.intent.keys)
    first = Path(save(platform.world(), tmp_path / "first", root.recipients).shown)
    rekey(platform)
    second = Path(save(platform.world(), tmp_path / "second", root.recipients).shown)
    for path, generation in ((first, 1), (second, 2)):
        assert judged(path).manifest.share.generation == generation
        assert contents(judged(path), trust).entries > 10


def test_a_snapshot_is_not_saved_with_the_escrow_of_another_generation(
    platform: SimulatedPlatform, tmp_path: Path
) -> None:
    kept = (platform.records / platform.cluster.uid() / "escrow.json").read_bytes()
    rekey(platform)
    (platform.records / platform.cluster.uid() / "escrow.json").write_bytes(kept)
    recipients = ("age1unused",)
    error = refused(PreconditionError, lambda: save(platform.world(), tmp_path / "one", recipients))
    assert error.code == "E_ESCROW_MISSING"


def test_inv1_a_platform_comes_back_with_the_generation_of_its_snapshot(
    tmp_path: Path, repository: Path
) -> None:
    found = begun(tmp_path / "lost", repository, rekey)
    share = found.lost.vault.live().share
    back = found.another(tmp_path / "new")
    back.up()
    assert back.vault.live().share == share
    assert (window(back).generation, window(back).target) == (2, 0)
    assert in_slots(back) == in_escrow(back) == {2: share}
    assert (unseal_secret(back, 1), unseal_secret(back, 2)) == (None, share)
    assert records(back) == ["2"]
    back.restore = None
    assert unsound(back) == []
    assert rekey(back).generation == 3


def test_inv1_the_cluster_saves_its_snapshots_with_the_new_share(tmp_path: Path) -> None:
    """What saves them by itself has the escrow of the generation that counts, without another `up`."""
    platform = SimulatedPlatform(tmp_path, scaffolded(tmp_path / "intent", with_snapshots))
    platform.up()
    rekey(platform)
    assert unsound(platform) == []
