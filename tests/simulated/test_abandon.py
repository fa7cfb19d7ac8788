"""`abandon` at any moment of a run: what it owns and nothing committed goes, and one `up` then ends as always.

By default a sample that is another one each day; `--whole` takes every write of a run and every call of `abandon`.
"""

import json
import random
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from bootstrap.adapters.git.repository import open_repository
from bootstrap.adapters.root.root_material import CommitMaterial
from bootstrap.cli import compose
from bootstrap.cli.commands import abandon as command
from bootstrap.cli.options import Options, Output
from bootstrap.engine import lock
from bootstrap.engine.record import read_run
from bootstrap.engine.resume import check_plan
from bootstrap.journal.store import read_journal
from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import BootstrapError, DecisionNeeded, HeldError, PreconditionError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.operations.abandon.runner import Abandon, Listing
from bootstrap.ports import Permission, Ref
from bootstrap.steps.context.names import RUN_POLICY
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref
from bootstrap.steps.vault.init_window import WindowStore
from tests.simulator.concurrent import At, Dies, Granted, path_of
from tests.simulator.digest import differences, state
from tests.simulator.faults import BASIC, Call, Fault, Killed, Schedule
from tests.simulator.losses import run_record
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import overlapping
from tests.simulator.sweep import SEED, length
from tests.support.simulated_clock import SimulatedClock

STATEFUL_SET = Ref("apps/v1", "StatefulSet", "vault", "vault")
CLAIM = Ref("v1", "PersistentVolumeClaim", "data-vault-0", "vault")
SOME = 6  # writes of `up` after which it is abandoned, by default
POINTS = 3  # faults in each `abandon`, by default


@pytest.fixture(scope="module")
def golden(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    platform = SimulatedPlatform(tmp_path_factory.mktemp("golden"), repository)
    platform.up()
    return state(platform)


@pytest.fixture(autouse=True)
def same_each_time() -> Iterator[None]:
    with overlapping():
        yield


def killed(platform: SimulatedPlatform, fits: Callable[[Call], bool]) -> None:
    """One `up` that is killed once the first call that fits is applied."""
    with pytest.raises(Killed):
        platform.up(**Dies(fits).ports(platform))


def abandon(platform: SimulatedPlatform, schedule: Schedule | None = None, **ports: Any) -> Listing:
    """The whole command but for its words: the listing, then the deed."""
    world = platform.world(**(schedule.ports(platform) if schedule else {}), **ports)
    try:
        work = Abandon(world)
        found = work.listing()
        if not found.over:
            work.run()
        return found
    finally:
        world.session.close()


def window(platform: SimulatedPlatform) -> Window | None:
    return WindowStore(platform.cluster).read()


def phase(platform: SimulatedPlatform) -> WindowPhase | None:
    found = window(platform)
    return found.phase if found else None


class Before:
    """What must outlive any `abandon`."""

    def __init__(self, platform: SimulatedPlatform) -> None:
        world = platform.world()
        committed = named(world.ledger.read(), RecordType.COMMIT)
        self.platform = platform
        self.records = {p: p.read_bytes() for p in platform.records.rglob("*") if p.is_file()}
        self.proven = phase(platform) is WindowPhase.VERIFIED
        everything = platform.cluster.everything()
        self.kept = {
            ref: obj["metadata"]["uid"]
            for ref, obj in everything.items()
            if (ref.namespace == "vault" and self.proven)
            or ref.name.startswith(("ledger-", "journal-"))
            or (
                ref.kind == "Secret" and ref in map(bootstrap_copy_ref, committed_scaffolds(world, committed))
            )
            or (ref.kind == "Secret" and ref.name.endswith("-share") and self.proven)
        }
        self.values = {
            path: [dict(v) for v in secret.versions]
            for store in platform.vault.stores.values()
            for path, secret in store.secrets.items()
        }
        self.scaffolds = {bootstrap_copy_ref(s) for s in world.intent.scaffolds if s.name not in committed}

    def check(self) -> None:
        everything = self.platform.cluster.everything()
        for ref, uid in self.kept.items():
            assert ref in everything, f"{ref} is gone"
            assert everything[ref]["metadata"]["uid"] == uid, f"{ref} is another one"
        stores = list(self.platform.vault.stores.values())
        now = {path: secret.versions for store in stores for path, secret in store.secrets.items()}
        assert now == self.values
        assert self.records == {p: p.read_bytes() for p in self.records}
        if self.proven:
            live = self.platform.vault.live()
            assert not [t for t in live.tokens.values() if RUN_POLICY in t.policies]
        else:
            vault = [r for r in everything if r.namespace == "vault" and r.kind not in ("Namespace",)]
            assert vault == []
            assert everything.keys() & self.scaffolds == set()


def committed_scaffolds(world: World, committed: Any) -> list[Any]:
    return [s for s in world.intent.scaffolds if s.name in committed]


def ends_as_always(platform: SimulatedPlatform, golden: dict[str, Any]) -> None:
    platform.up()
    assert differences(golden, state(platform)) == []
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    assert platform.up().epoch == 0
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])


# ---------------------------------------------------------------- at every phase


def test_abandoned_after_any_write_up_ends_as_always(
    repository: Path, tmp_path: Path, golden: dict[str, Any], whole: bool
) -> None:
    writes = length(Fault.KILL_AFTER, repository, only_writes=True)
    draw = random.Random(f"{SEED} abandon")
    points = range(1, writes + 1) if whole else sorted(draw.sample(range(1, writes + 1), SOME))
    told = []
    for point in points:
        folder = tmp_path / str(point)
        folder.mkdir()
        platform = SimulatedPlatform(folder, repository)
        with pytest.raises(Killed):
            platform.up(**Schedule(Fault.KILL_AFTER, point, only_writes=True).ports(platform))
        record = read_run(platform.cluster)
        if record is None or record.state == "finished":
            with pytest.raises(PreconditionError) as stopped:
                abandon(platform)
            assert stopped.value.code == "E_NOTHING_TO_ABANDON"
            continue
        try:
            before = Before(platform)
            abandon(platform)
            before.check()
            ends_as_always(platform, golden)
        except (AssertionError, BootstrapError) as error:
            told.append(f"write {point}: {type(error).__name__} {error}")
    print(f"abandoned after {len(points)} of {writes} writes, seed {SEED}")
    assert not told, "\n".join(told)


MOMENTS: dict[str, Callable[[Call], bool]] = {
    "the first replica stands": lambda c: c.name == "seal_status" and c.args == ("vault-0",),
    "sys/init was sent": lambda c: c.name == "initialise",
    "the keys are in their slots": lambda c: c.name == "write" and c.system == "records",
    "the key is proven": lambda c: c.name == "replace" and "VERIFIED" in str(c.args[0].get("data")),
    "the run has an identity": lambda c: path_of(c) == "auth/token/lookup-self",
    "a secret is written": lambda c: path_of(c).startswith("secret/data/") and c.writes,
    "a secret is committed": lambda c: c.name == "apply" and c.args[0]["kind"] == "ClusterSecretStore",
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_abandon_itself_is_killed_or_unheard_and_goes_on(
    moment: str, repository: Path, tmp_path: Path, golden: dict[str, Any], whole: bool
) -> None:
    """After the fault `abandon` again, or `up` at once: both go on from there."""

    def begun(name: str) -> SimulatedPlatform:
        (tmp_path / name).mkdir()
        platform = SimulatedPlatform(tmp_path / name, repository)
        killed(platform, MOMENTS[moment])
        return platform

    faults = (*BASIC, Fault.TWICE, Fault.ZOMBIE)
    counts = {}
    for fault in faults:
        counting = Schedule(fault, 0)
        abandon(begun(f"count {fault.name}"), counting)
        counts[fault] = counting.count
    draw = random.Random(f"{SEED} {moment}")
    every = [(fault, at) for fault in faults for at in range(1, counts[fault] + 1)]
    points = every if whole else draw.sample(every, POINTS)
    for n, (fault, at) in enumerate(points):
        platform = begun(f"{fault.name}@{at}")
        before = Before(platform)
        schedule = Schedule(fault, at)
        try:
            abandon(platform, schedule)
        except (Killed, BootstrapError) as error:
            print(f"{fault.name}@{at} {schedule.where}: {type(error).__name__}")
        assert schedule.fired
        if n % 2:
            abandon(platform)
            before.check()
        ends_as_always(platform, golden)
        schedule.deliver()  # what was late undoes nothing
        assert differences(golden, state(platform)) == []
    print(f"{moment}: {len(points)} of {len(every)} faults, seed {SEED}")


# ---------------------------------------------------------------- what goes, what stays


def test_before_the_key_is_proven_vault_goes_and_the_window_moves_on(platform: SimulatedPlatform) -> None:
    killed(platform, MOMENTS["the keys are in their slots"])
    before = window(platform)
    assert before is not None
    assert before.phase is WindowPhase.KEYS
    found = abandon(platform)
    assert any(f"PersistentVolumeClaim vault/data-vault-0 (UID {before.volume})" in g for g in found.goes)
    assert any("vault-slot" in g for g in found.goes)
    assert "the initial root token, as ciphertext" not in found.stays
    after = window(platform)
    assert after is not None
    assert (after.phase, after.attempt, after.volume) == (WindowPhase.CLAIMED, before.attempt + 1, "")
    assert platform.records.joinpath(platform.cluster.uid(), "escrow.json").exists()


def test_a_store_whose_key_is_proven_stays_and_is_said_to(platform: SimulatedPlatform) -> None:
    killed(platform, MOMENTS["the key is proven"])
    found = abandon(platform)
    assert "its key is proven" in found.stays["Vault in namespace vault, with its volumes and keys"]
    assert "nothing else can make the run's identity" in found.stays["the initial root token, as ciphertext"]
    assert platform.vault.live().tokens


def test_b5_the_root_token_is_revoked_once_the_identity_stands(platform: SimulatedPlatform) -> None:
    killed(platform, lambda c: path_of(c) == "sys/capabilities-self")
    found = abandon(platform)
    assert any("revoke" in g for g in found.goes)
    assert not [t for t in platform.vault.live().tokens.values() if "root" in t.policies]
    assert not [r for r in platform.cluster.everything() if r.name.endswith("-root")]


def test_without_the_root_key_its_token_stays_and_the_rest_goes(
    platform: SimulatedPlatform, repository: Path
) -> None:
    killed(platform, lambda c: path_of(c) == "sys/capabilities-self")
    world = platform.world()
    material = CommitMaterial(open_repository(repository, "HEAD"), None)
    work = Abandon(replace(world, files=None, material=material))
    assert "--root" in work.listing().stays["the initial root token, as ciphertext"]
    work.run()
    live = platform.vault.live()
    assert [t for t in live.tokens.values() if "root" in t.policies]
    record = read_run(platform.cluster)
    assert record is not None
    assert record.state == "abandoned"


def test_a_vault_that_does_not_answer_does_not_hold_the_run(
    platform: SimulatedPlatform, golden: dict[str, Any]
) -> None:
    killed(platform, MOMENTS["a secret is written"])
    for pod in ("vault-0", "vault-1", "vault-2"):
        live = platform.cluster.get(Ref("v1", "Pod", pod, "vault"))
        assert live is not None
        platform.cluster.set_status(live, {"phase": "Pending"})
    found = abandon(platform)
    assert "15 minutes" in found.stays["tokens of the run in Vault"]
    for pod in ("vault-0", "vault-1", "vault-2"):
        platform.vault.restart(pod)
    ends_as_always(platform, golden)


@pytest.mark.parametrize(
    ("store", "answers", "bound", "goes"),
    [
        (False, True, True, True),
        (True, True, True, False),
        (False, False, True, False),
        (False, False, False, True),
    ],
)
def test_a_claimed_store_goes_only_where_it_is_seen_to_be_empty(
    store: bool, answers: bool, bound: bool, goes: bool, platform: SimulatedPlatform
) -> None:
    killed(platform, MOMENTS["the first replica stands"])
    assert phase(platform) is WindowPhase.CLAIMED
    claim, pod = platform.cluster.get(CLAIM), platform.cluster.get(Ref("v1", "Pod", "vault-0", "vault"))
    assert claim is not None
    assert pod is not None
    platform.cluster.set_status(claim, {"phase": "Bound" if bound else "Pending"})
    if not answers:
        platform.cluster.set_status(pod, {"phase": "Pending"})
    if store:
        from tests.simulator.vault import Store

        platform.vault.stores[claim["metadata"]["uid"]] = Store(share="theirs", cluster_id="theirs")
    found = abandon(platform)
    assert (platform.cluster.get(CLAIM) is None) is goes
    assert (platform.cluster.get(STATEFUL_SET) is None) is goes
    assert ("Vault in namespace vault, with its volumes and keys" in found.stays) is not goes


def test_somebody_elses_vault_is_not_touched(platform: SimulatedPlatform) -> None:
    killed(platform, MOMENTS["the first replica stands"])
    abandon(platform)
    theirs = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data-vault-0", "namespace": "vault"},
        "status": {"phase": "Pending"},
    }
    platform.cluster.create(theirs)
    found = abandon(platform)
    assert found.over
    assert platform.cluster.get(CLAIM) is not None


def test_what_has_the_name_of_ours_and_is_not_ours_stays(platform: SimulatedPlatform) -> None:
    killed(platform, MOMENTS["the keys are in their slots"])
    ref = Ref("v1", "Service", "vault", "vault")
    ours = platform.cluster.get(ref)
    assert ours is not None
    platform.cluster.delete(ref, uid=ours["metadata"]["uid"])
    platform.cluster.create({**ours, "metadata": {"name": ref.name, "namespace": ref.namespace}})
    found = abandon(platform)
    assert not [item for item in found.goes if str(ref) + " " in item]
    assert platform.cluster.get(ref) is not None
    assert platform.cluster.get(CLAIM) is None


def scaffold_of(platform: SimulatedPlatform) -> Ref:
    return bootstrap_copy_ref(platform.world().intent.scaffolds[0])


def test_somebody_elses_secret_of_that_name_stays(platform: SimulatedPlatform) -> None:
    killed(platform, MOMENTS["the keys are in their slots"])
    ref = scaffold_of(platform)
    live = platform.cluster.get(ref)
    assert live is not None
    platform.cluster.delete(ref, uid=live["metadata"]["uid"])
    platform.cluster.create({**live, "metadata": {"name": ref.name, "namespace": ref.namespace}})
    assert abandon(platform).stays[str(ref)] == "not ours"
    assert platform.cluster.get(ref) is not None


def test_a_bootstrap_secret_that_went_is_there_again_before_vault_is_its_authority(
    platform: SimulatedPlatform,
) -> None:
    killed(platform, MOMENTS["the key is proven"])
    found = abandon(platform)
    assert any(str(scaffold_of(platform)) in item for item in found.goes)
    killed(platform, MOMENTS["a secret is written"])
    assert platform.cluster.get(scaffold_of(platform)) is not None


def test_while_it_is_under_way_no_plan_holds_the_next_run(platform: SimulatedPlatform) -> None:
    killed(platform, MOMENTS["the keys are in their slots"])
    with pytest.raises(Killed):
        abandon(platform, Dies(lambda c: c.name == "delete"))
    record = read_run(platform.cluster)
    assert record is not None
    assert record.state == "abandoning"
    other = replace(platform.world().plan, document={"another": "plan"})
    assert check_plan(record, other, False, lambda _: None) == ()


def test_missing_permissions_stop_it_before_anything_is_changed(platform: SimulatedPlatform) -> None:
    killed(platform, MOMENTS["the keys are in their slots"])
    platform.cluster.denied.add(Permission("delete", "apps", "statefulsets", "vault"))
    platform.cluster.mutations.clear()
    with pytest.raises(PreconditionError) as stopped:
        abandon(platform)
    assert (stopped.value.code, platform.cluster.mutations) == ("E_RBAC", [])
    assert "delete statefulsets.apps in vault" in stopped.value.message


# ---------------------------------------------------------------- when it may


def test_a_finished_cluster_and_an_empty_one_have_nothing_to_abandon(platform: SimulatedPlatform) -> None:
    with pytest.raises(PreconditionError, match="no run has begun") as stopped:
        abandon(platform)
    assert (stopped.value.code, stopped.value.exit_code) == ("E_NOTHING_TO_ABANDON", 4)
    platform.up()
    platform.cluster.mutations.clear()
    with pytest.raises(PreconditionError, match="run 1 is finished"):
        abandon(platform)
    assert platform.cluster.mutations == []


def test_a_second_time_there_is_nothing_to_do(platform: SimulatedPlatform) -> None:
    killed(platform, MOMENTS["sys/init was sent"])
    assert not abandon(platform).over
    platform.cluster.mutations.clear()
    assert abandon(platform).over
    assert platform.cluster.mutations == []


def test_it_is_journalled_and_another_plan_may_follow(platform: SimulatedPlatform) -> None:
    killed(platform, MOMENTS["a secret is written"])
    abandon(platform)
    entries = [e for e in read_journal(platform.cluster) if e.epoch == 2]
    assert entries[0].message == "abandon: the runs so far are given back"
    assert {e.step for e in entries} >= {"abandon-tokens", "abandon-scaffolds"}
    assert entries[-1].message == "abandoned"
    world = platform.world()
    other = replace(world.plan, document={**world.plan.document, "tool": "0.2.0"})
    assert check_plan(read_run(platform.cluster), other, False, lambda _: None) == ()


def test_while_another_run_holds_the_cluster_nothing_is_given_back(platform: SimulatedPlatform) -> None:
    from bootstrap.engine.lease import Lease

    killed(platform, MOMENTS["the keys are in their slots"])
    clock = SimulatedClock()
    holder = Lease(platform.cluster, clock, platform.narrator, "ann, run x")
    clock.sleep(60)
    live = platform.cluster.get(Ref("coordination.k8s.io/v1", "Lease", "bootstrap", "bootstrap-system"))
    assert live is not None
    platform.cluster.replace({**live, "spec": {**live["spec"], "holderIdentity": "ann, run x"}})
    clock.on_sleep.append(holder.renew)
    platform.cluster.mutations.clear()
    with pytest.raises(HeldError, match="ann, run x, since") as stopped:
        abandon(platform, clock=clock)
    assert stopped.value.exit_code == 7
    assert {ref.kind for _, ref in platform.cluster.mutations} == {"Lease"}  # its holder's own


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_slept_meanwhile_stops_held_and_harms_nothing(
    moment: str, platform: SimulatedPlatform, golden: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a Lease, so that nothing but epoch, compare-and-swap and UIDs keeps the two apart."""
    monkeypatch.setattr(lock, "Lease", Granted)
    at = At(MOMENTS[moment], lambda: abandon(platform), after=True)
    with pytest.raises(BootstrapError) as stopped:
        platform.up(**at.ports(platform))
    assert at.fired
    assert isinstance(stopped.value, HeldError), stopped.value
    assert re.search("abandon run-2, since .*, abandoned$", stopped.value.message)
    ends_as_always(platform, golden)


# ---------------------------------------------------------------- the command


@pytest.fixture
def asked(
    platform: SimulatedPlatform, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., int]:
    @contextmanager
    def world(*_: Any, approvals: frozenset[str] = frozenset()) -> Iterator[World]:
        found = platform.world()
        yield found
        found.session.close()

    monkeypatch.setattr(compose, "world", world)

    def ask(*approvals: str, output: Output = Output.JSON) -> int:
        return command.abandon(Options(repo=str(repository), output=output), approvals=frozenset(approvals))

    return ask


def test_it_is_shown_first_and_done_once_approved(
    platform: SimulatedPlatform, asked: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    killed(platform, MOMENTS["the keys are in their slots"])
    platform.cluster.mutations.clear()
    with pytest.raises(DecisionNeeded) as stopped:
        asked()
    assert (stopped.value.code, stopped.value.exit_code) == ("E_APPROVAL", 5)
    shown = json.loads(capsys.readouterr().out)
    assert (shown["done"], platform.cluster.mutations) == (False, [])
    assert shown["run"]["state"] == "running"
    assert shown["heldBy"].startswith("operator 1, run run-1, since ")
    assert {"what", "why"} == set(shown["stays"][0])
    assert asked("abandon") == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["done"], done["goes"]) == (True, shown["goes"])
    assert asked(output=Output.TEXT) == 0
    text = capsys.readouterr().out
    assert text.startswith("run       2, abandoned, begun by operator")
    assert text.endswith("nothing to do: it was given back before\n")


@pytest.mark.parametrize(("answer", "gone"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_on_a_terminal_it_asks(
    answer: str,
    gone: bool,
    platform: SimulatedPlatform,
    asked: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed(platform, MOMENTS["the keys are in their slots"])
    monkeypatch.setattr(typer, "confirm", lambda *_, **how: answer == "y\n" or how["default"])
    for stream in (sys.stdin, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    if gone:
        assert asked(output=Output.TEXT) == 0
    else:
        with pytest.raises(DecisionNeeded):
            asked(output=Output.TEXT)
    assert (platform.cluster.get(CLAIM) is None) is gone


def test_h4_a_run_that_was_given_back_is_on_record(
    platform: SimulatedPlatform, golden: dict[str, Any]
) -> None:
    """At once where the ledger is open; else the run record keeps it for the next `up`."""
    given = []
    for moment in ("the first replica stands", "a secret is committed"):
        killed(platform, MOMENTS[moment])
        given.append(run_record(platform)["run"])
        abandon(platform)
        opened = platform.world().ledger.read().entries
        assert run_record(platform)["unrecorded"] == ([] if opened else [f"abandoned {given[-1]}"])
    platform.up()
    records = platform.world().ledger.read().records
    said = [r.fact.details["run"] for r in records if r.fact.type is RecordType.ABANDONED]
    assert (said, len(set(said))) == (given, 2)
    assert run_record(platform)["unrecorded"] == []
    ends_as_always(platform, golden)
