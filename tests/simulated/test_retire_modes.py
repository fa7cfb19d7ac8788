"""What becomes of a scaffold is what Git declares: it goes, it is emptied, or it stays and is named (H3)."""

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.intent.rules.classes import judge
from bootstrap.ledger import text
from bootstrap.ledger.head import head_of
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.ledger.tally import report_of
from bootstrap.model.catalog import RetireMode, Secret
from bootstrap.model.decision import Satisfied
from bootstrap.model.errors import EvidenceError, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.abandon.parts import UncommittedCopies
from bootstrap.operations.verify.invariants import prove
from bootstrap.operations.verify.proof import Proof
from bootstrap.operations.verify.proofs.retirement import scaffolds_gone
from bootstrap.operations.verify.residuals import residuals
from bootstrap.ports import Object, Permission, Reason, Ref, Refused
from bootstrap.steps.context.transfers import named
from bootstrap.steps.permissions import wanted
from bootstrap.steps.secrets.admission import POLICY
from bootstrap.steps.vault.escrow import escrow_bytes
from tests.simulator.faults import Call, Fault, Killed, Schedule
from tests.simulator.halfway import halfway, step_of
from tests.simulator.platform import SimulatedPlatform, opened, scaffolded
from tests.simulator.sweep import SEED, Point, length, walk
from tests.support.program import commit_all

SCAFFOLD = Ref("v1", "Secret", "deploy-credential-bootstrap", "gitops")
NAME = "gitops-deploy-credential"
COPY = "kubectl.kubernetes.io/last-applied-configuration"
KEPT = (RetireMode.INERT, RetireMode.IGNORED)
RETIREMENT = range(21, 28)  # its writes, counted from the last of the run
SOME = 2  # of them, by default
UPDATE = Permission("update", "", "secrets", "gitops")


def declare(repository: Path, mode: RetireMode) -> None:
    file = repository / "secrets/gitops.yaml"
    lines = file.read_text().splitlines()
    lines = [f"    retire: {mode}" if line.startswith("    retire: ") else line for line in lines]
    if not any(line.startswith("    until: ") for line in lines):
        lines.insert(lines.index(f"    retire: {mode}"), "    until: 2027-01-31")
    file.write_text("\n".join(lines) + "\n")
    commit_all(repository)
    opened.cache_clear()


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[RetireMode, Path]:
    found = {mode: scaffolded(tmp_path_factory.mktemp(mode)) for mode in KEPT}
    for mode, repository in found.items():
        declare(repository, mode)
    return found


@pytest.fixture
def inert(tmp_path: Path, repositories: dict[RetireMode, Path]) -> SimulatedPlatform:
    return SimulatedPlatform(tmp_path, repositories[RetireMode.INERT])


@pytest.fixture
def ignored(tmp_path: Path, repositories: dict[RetireMode, Path]) -> SimulatedPlatform:
    return SimulatedPlatform(tmp_path, repositories[RetireMode.IGNORED])


@pytest.fixture(params=KEPT)
def kept(
    request: pytest.FixtureRequest, tmp_path: Path, repositories: dict[RetireMode, Path]
) -> SimulatedPlatform:
    return SimulatedPlatform(tmp_path, repositories[request.param])


class Once(Schedule):
    """Something happens at the first call that fits: before it, or in its place."""

    def __init__(self, fits: Any, what: Any) -> None:
        super().__init__(Fault.SECOND_UP, 0)
        self._fits, self._what = fits, what

    def __call__(self, call: Call) -> Any:
        if self.dead:
            raise Killed(str(call))
        if self.fired or not self._fits(call):
            return call.apply()
        self.fired = True
        return self._what(self, call)


def live(platform: SimulatedPlatform) -> Object:
    found = platform.cluster.get(SCAFFOLD)
    assert found is not None
    return found


def retired(platform: SimulatedPlatform) -> Fact:
    return named(platform.world().ledger.read(), RecordType.RETIRED)[NAME].fact


def writes_scaffold(call: Call) -> bool:
    return call.name == "replace" and call.args[0]["metadata"]["name"] == SCAFFOLD.name


def last_step(call: Call) -> bool:
    """The first write of the retirement: everything is handed over, every scaffold as it was."""
    return call.name == "apply" and call.args[0]["metadata"]["name"] == POLICY


def proof_of(platform: SimulatedPlatform) -> Proof:
    return scaffolds_gone(platform.world())


def note_of(platform: SimulatedPlatform) -> str:
    decision = step_of(platform, "retired").decide()
    assert isinstance(decision, Satisfied)
    return decision.note


def pod(*, phase: str = "Running") -> Object:
    volume = {"name": "key", "secret": {"secretName": SCAFFOLD.name}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "reader", "namespace": "gitops"},
        "spec": {"volumes": [volume], "containers": [{"name": "c"}]},
        "status": {"phase": phase},
    }


# ---------------------------------------------------------------- the whole road


def noting(platform: SimulatedPlatform, found: list[Object]) -> Callable[..., Any]:
    """The copy in the cluster goes to ``found`` just before the call."""

    def act(_: object, call: Call) -> Any:
        found.append(live(platform))
        return call.apply()

    return act


def test_h3_an_ignored_scaffold_stays_as_it_was_and_its_record_says_so(ignored: SimulatedPlatform) -> None:
    found: list[Object] = []
    ignored.up(**Once(last_step, noting(ignored, found)).ports(ignored))
    assert live(ignored) == found[0]
    assert set(live(ignored)["data"]) == {"username", "password"}
    fact = retired(ignored)
    assert (fact.retire, fact.details["how"]) == (
        RetireMode.IGNORED,
        "left in the cluster; no pod holds it",
    )
    assert {"scaffold-in-cluster", "etcd-history", "etcd-backups"} <= set(fact.residuals)
    assert fact.details["until"] == "2027-01-31"


def test_h3_an_inert_scaffold_is_emptied_and_keeps_its_marks(inert: SimulatedPlatform) -> None:
    found: list[Object] = []
    inert.up(**Once(last_step, noting(inert, found)).ports(inert))
    now, meta, before = live(inert), live(inert)["metadata"], found[0]["metadata"]
    assert not now.get("data")
    assert (meta["uid"], meta["labels"], meta["annotations"]) == (
        before["uid"],
        before["labels"],
        before["annotations"],
    )
    assert meta["labels"]
    assert meta["annotations"]
    fact = retired(inert)
    assert (fact.retire, fact.details["how"]) == (
        RetireMode.INERT,
        "its content removed by compare-and-swap; the object stays",
    )
    assert "scaffold-in-cluster" not in fact.residuals


def test_h3_an_emptied_scaffold_gets_no_content_again(inert: SimulatedPlatform) -> None:
    inert.up()
    now = live(inert)
    filled = inert.cluster.update_as("kubectl", {**now, "data": {"password": Sensitive(b"x")}})
    assert isinstance(filled, Refused)
    assert filled.reason is Reason.FORBIDDEN
    applied = inert.cluster.apply_as(
        "kubectl", {**_bare(now), "data": {"password": Sensitive(b"x")}}, force=True
    )
    assert isinstance(applied, Refused)
    marked = {**now, "metadata": {**now["metadata"], "annotations": {"a": "b"}}}
    assert not isinstance(inert.cluster.update_as("kubectl", marked), Refused)
    assert not live(inert).get("data")


def _bare(obj: Object) -> Object:
    meta = {key: obj["metadata"][key] for key in ("name", "namespace")}
    return {"apiVersion": "v1", "kind": "Secret", "type": obj["type"], "metadata": meta}


def test_every_proof_is_good_and_names_what_is_left(kept: SimulatedPlatform) -> None:
    kept.up()
    assert [p for p in prove(kept.world(), deep=True) if p.ok is not True] == []
    assert proof_of(kept).evidence.startswith(
        "1 scaffolds, 1 left in the cluster by declaration: gitops/deploy-credential-bootstrap"
    )


def test_the_step_counts_what_became_of_them(kept: SimulatedPlatform) -> None:
    kept.up()
    mode = kept.world().intent.secret(NAME).handover.retire
    count = {RetireMode.INERT: "1 emptied", RetireMode.IGNORED: "1 left"}[mode]
    assert note_of(kept).endswith(f" retired, 0 scaffolds gone for good, {count}")


def test_g5_a_second_up_changes_nothing(kept: SimulatedPlatform) -> None:
    kept.up()
    kept.cluster.mutations.clear()
    kept.vault.mutations.clear()
    assert kept.up().epoch == 0
    assert (kept.cluster.mutations, kept.vault.mutations) == ([], [])


def test_inv1_a_lost_ledger_brings_no_content_back(kept: SimulatedPlatform) -> None:
    kept.up()
    before, home = live(kept), Ref("v1", "Namespace", "bootstrap-system")
    namespace = kept.cluster.get(home)
    assert namespace is not None
    kept.cluster.delete(home, uid=namespace["metadata"]["uid"])
    kept.up()
    assert live(kept) == before
    assert kept.up().epoch == 0


# ---------------------------------------------------------------- stopped in the middle


@pytest.mark.parametrize("answer", ["killed", "lost", "twice"])
def test_ph3_an_emptied_scaffold_without_a_record_is_no_drift(answer: str, inert: SimulatedPlatform) -> None:
    what = {"killed": Schedule.kill_after, "lost": Schedule.lost_answer, "twice": Schedule.twice}[answer]
    at = Once(writes_scaffold, what)
    if answer == "killed":
        with pytest.raises(Killed):
            inert.up(**at.ports(inert))
        assert not live(inert).get("data")
        assert NAME not in named(inert.world().ledger.read(), RecordType.RETIRED)
    else:
        inert.up(**at.ports(inert))
    assert at.fired
    inert.up()
    assert retired(inert).retire is RetireMode.INERT
    assert inert.up().epoch == 0


def test_ph3_killed_before_the_record_an_ignored_one_is_recorded_by_the_next(
    ignored: SimulatedPlatform,
) -> None:
    at = Once(last_step, Schedule.kill_after)
    with pytest.raises(Killed):
        ignored.up(**at.ports(ignored))
    before = live(ignored)
    ignored.up()
    assert (live(ignored), retired(ignored).retire) == (before, RetireMode.IGNORED)


@pytest.mark.parametrize("mode", KEPT)
@pytest.mark.parametrize("fault", [Fault.KILL_AFTER, Fault.LOST_ANSWER, Fault.TWICE, Fault.ZOMBIE])
def test_g5_a_fault_at_any_write_of_the_retirement_and_one_up_puts_it_right(
    fault: Fault, mode: RetireMode, repositories: dict[RetireMode, Path], whole: bool
) -> None:
    """One of them after each write, the others after some; all with ``--whole``."""
    repository = repositories[mode]
    count = length(fault, repository, only_writes=True)
    first = (mode, fault) == (RetireMode.INERT, Fault.KILL_AFTER)
    draw = random.Random(f"{SEED} {mode} {fault}")
    chosen = RETIREMENT if whole or first else draw.sample(RETIREMENT, SOME)
    told = [walk((Point(fault, count - back, only_writes=True),), repository) for back in chosen]
    print(f"{fault}, {mode}: {len(told)} of {len(RETIREMENT)} writes, seed {SEED}")
    assert [str(each) for each in told if each.broken] == []
    assert all(each.fired for each in told)
    if first:
        assert any(SCAFFOLD.name in str(each) for each in told), "the count misses the retirement"


def test_a_swap_that_somebody_forestalls_changes_nothing_and_is_done_by_the_next(
    inert: SimulatedPlatform,
) -> None:
    def labelled(_: Schedule, call: Call) -> Any:
        now = live(inert)
        now["metadata"]["labels"]["somebody"] = "else"
        rules = inert.cluster.updates[:]
        inert.cluster.updates.clear()  # by another API server, where the policy is not in effect yet
        inert.cluster.update_as("kubectl", now)
        inert.cluster.updates += rules
        return call.apply()

    with pytest.raises(WorldError):
        inert.up(**Once(writes_scaffold, labelled).ports(inert))
    assert set(live(inert)["data"]) == {"username", "password"}
    inert.up()
    assert not live(inert).get("data")
    assert live(inert)["metadata"]["labels"]["somebody"] == "else"


# ---------------------------------------------------------------- others at work


def changed(platform: SimulatedPlatform) -> Once:
    def edit(_: Schedule, call: Call) -> Any:
        now = live(platform)
        platform.cluster.replace({**now, "data": {"password": Sensitive(b"edited", "edited")}})
        return call.apply()

    return Once(last_step, edit)


def test_h3_a_changed_scaffold_is_not_emptied(inert: SimulatedPlatform) -> None:
    with pytest.raises(EvidenceError) as stopped:
        inert.up(**changed(inert).ports(inert))
    assert (stopped.value.code, stopped.value.where) == ("E_SOURCE_DRIFT", str(SCAFFOLD))
    assert set(live(inert)["data"]) == {"password"}
    assert NAME not in named(inert.world().ledger.read(), RecordType.RETIRED)


def test_an_ignored_scaffold_is_not_touched_whoever_changed_it(ignored: SimulatedPlatform) -> None:
    ignored.up(**changed(ignored).ports(ignored))
    assert set(live(ignored)["data"]) == {"password"}


def test_an_emptied_scaffold_that_is_filled_again_is_emptied_again(inert: SimulatedPlatform) -> None:
    found: list[Object] = []
    inert.up(**Once(last_step, noting(inert, found)).ports(inert))
    refusing = inert.cluster.updates[:]
    inert.cluster.updates.clear()  # by one who may change admission
    inert.cluster.update_as("argocd", {**live(inert), "data": found[0]["data"]})
    inert.cluster.updates += refusing
    assert proof_of(inert).ok is False
    inert.up()
    assert not live(inert).get("data")
    assert proof_of(inert).ok is True


def test_h3_one_that_somebody_emptied_meanwhile_is_left_and_recorded(inert: SimulatedPlatform) -> None:
    step = halfway(inert, "retired")
    seen = step.kind.observe()
    inert.cluster.update_as("another", {**live(inert), "data": {}})
    before = live(inert)
    step.act(seen)
    assert live(inert) == before
    assert retired(inert).retire is RetireMode.INERT


def test_one_without_annotations_is_emptied(inert: SimulatedPlatform) -> None:
    step = halfway(inert, "retired")
    now = live(inert)
    del now["metadata"]["annotations"]
    inert.cluster.update_as("another", now)
    step.take()
    assert not live(inert).get("data")
    assert retired(inert).retire is RetireMode.INERT


def test_no_value_stays_in_an_annotation(inert: SimulatedPlatform) -> None:
    def applied(_: Schedule, call: Call) -> Any:
        now = live(inert)
        now["metadata"]["annotations"][COPY] = '{"data": {"password": "c2VjcmV0"}}'
        inert.cluster.update_as("kubectl", now)
        return call.apply()

    inert.up(**Once(last_step, applied).ports(inert))
    notes = live(inert)["metadata"]["annotations"]
    assert COPY not in notes
    assert notes


def test_h3_a_pod_that_holds_it_is_waited_for(kept: SimulatedPlatform) -> None:
    def held(_: Schedule, call: Call) -> Any:
        kept.cluster.create(pod())
        return call.apply()

    result = kept.up(**Once(last_step, held).ports(kept))
    waits = [item for outcome in result.outcomes for item in outcome.pending]
    assert waits == [f"{NAME}: Pod gitops/reader"]
    assert set(live(kept)["data"]) == {"username", "password"}
    assert NAME not in named(kept.world().ledger.read(), RecordType.RETIRED)
    told = proof_of(kept)
    assert (told.ok, "Pod gitops/reader" in told.evidence) == (None, True)
    reader = Ref("v1", "Pod", "reader", "gitops")
    kept.cluster.delete(reader, uid=(kept.cluster.get(reader) or {})["metadata"]["uid"])
    kept.up()
    assert retired(kept).retire in KEPT


def test_a_pod_that_takes_an_ignored_one_up_again_is_named(ignored: SimulatedPlatform) -> None:
    ignored.up()
    ignored.cluster.create(pod())
    told = proof_of(ignored)
    assert (told.ok, "Pod gitops/reader" in told.evidence) == (None, True)


def test_a_pod_that_names_one_that_was_emptied_holds_nothing(inert: SimulatedPlatform) -> None:
    inert.up()
    inert.cluster.create(pod())
    assert proof_of(inert).ok is True


def test_one_that_somebody_deleted_is_recorded_as_gone(ignored: SimulatedPlatform) -> None:
    def deleted(_: Schedule, call: Call) -> Any:
        ignored.cluster.delete(SCAFFOLD, uid=live(ignored)["metadata"]["uid"])
        return call.apply()

    ignored.up(**Once(last_step, deleted).ports(ignored))
    fact = retired(ignored)
    assert (fact.retire, fact.details["how"]) == (
        RetireMode.DELETED,
        "the scaffold was gone already, re-creation refused",
    )
    assert "scaffold-in-cluster" not in fact.residuals
    assert proof_of(ignored).ok is True
    assert note_of(ignored).endswith(" retired, 1 scaffolds gone for good")


# ---------------------------------------------------------------- another declaration later


def test_what_is_declared_later_is_done_and_recorded(tmp_path: Path) -> None:
    platform = SimulatedPlatform(tmp_path)
    declare(platform.repository, RetireMode.IGNORED)
    platform.up()
    for mode in (RetireMode.INERT, RetireMode.DELETED):
        declare(platform.repository, mode)
        platform.up()
        assert retired(platform).retire is mode
    assert platform.cluster.get(SCAFFOLD) is None
    ledger, escrow = platform.world().ledger.read(), escrow_bytes(platform.world())
    report = report_of(ledger, head_of(ledger, escrow=escrow), verified=True)
    told = "\n".join(text.lines(report))
    assert "(deleted); audit" in told
    assert "scaffold-in-cluster" not in told
    assert platform.up().epoch == 0
    declare(platform.repository, RetireMode.IGNORED)  # there is nothing left to keep
    platform.up()
    assert retired(platform).retire is RetireMode.DELETED


# ---------------------------------------------------------------- what is told, asked for, refused


def test_an_ignored_scaffold_is_a_residual(ignored: SimulatedPlatform, inert: SimulatedPlatform) -> None:
    def told(platform: SimulatedPlatform) -> str:
        intent = platform.world().intent
        return "\n".join(residuals(intent, intent.scaffolds))

    stays = "its scaffold gitops/deploy-credential-bootstrap stays in the cluster (retire: ignored)"
    assert stays in told(ignored)
    assert "until 2027-01-31" in told(ignored)
    assert "scaffold" not in told(inert)


def test_abandon_leaves_what_stays_by_declaration(kept: SimulatedPlatform) -> None:
    kept.up()
    world = kept.world()
    step = next(s for phase in world.plan.phases for s in phase.steps if s.kind == "scaffold")
    work = UncommittedCopies(step, world)
    mode = world.intent.secret(NAME).handover.retire
    seen = work.observe()
    assert work.stays(seen) == {str(SCAFFOLD): f"retired: it stays by declaration (retire: {mode})"}
    assert seen.go == ()


def test_update_is_asked_for_where_one_is_emptied(
    inert: SimulatedPlatform, ignored: SimulatedPlatform
) -> None:
    assert UPDATE in wanted(inert.world().intent)
    assert UPDATE not in wanted(ignored.world().intent)


@pytest.mark.parametrize("mode", KEPT)
@pytest.mark.parametrize(
    "kind", ["Opaque", "kubernetes.io/tls", "kubernetes.io/dockerconfigjson", "kubernetes.io/ssh-auth"]
)
def test_a_secret_of_a_type_with_its_own_keys_cannot_be_emptied(
    kind: str, mode: RetireMode, ignored: SimulatedPlatform
) -> None:
    intent = ignored.world().intent

    def typed(secret: Secret) -> Secret:
        if secret.name != NAME or secret.scaffold is None:
            return secret
        handover = replace(secret.handover, retire=mode)
        return replace(secret, scaffold=replace(secret.scaffold, type=kind), handover=handover)

    found = [
        f
        for f in judge(replace(intent, secrets=tuple(map(typed, intent.secrets))))
        if f.id == "E_RETIRE_POLICY"
    ]
    refused = mode is RetireMode.INERT and kind != "Opaque"
    assert [f.hint for f in found] == (["write retire: deleted, or ignored"] if refused else [])
