"""A cluster that was finished and has lost its Vault, or its ledger, is never taken for a first run (INV4)."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bootstrap.engine.runner import Runner
from bootstrap.ledger import chain, store
from bootstrap.ledger.batch import Batch
from bootstrap.ledger.countersigning import public_key
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.errors import BootstrapError, EvidenceError, WorldError
from bootstrap.model.names import TRANSIT_KEY
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.verify.invariants import prove
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.transfers import named
from bootstrap.steps.registry import kind_class
from tests.simulator.concurrent import At, path_of
from tests.simulator.faults import Call, Fault, Killed, Schedule
from tests.simulator.halfway import step_of
from tests.simulator.losses import (
    SYSTEM,
    VAULT,
    commit_records,
    delete,
    forget_copy,
    forget_records,
    run_record,
    wipe_volumes,
)
from tests.simulator.platform import SimulatedPlatform, opened, scaffolded
from tests.simulator.transit import Key
from tests.simulator.vault import Store
from tests.support.program import commit_all

APPROVED = ("new-authority",)
POLICY = Ref("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", "bootstrap-retired-scaffolds")


def without_scaffold(repository: Path) -> Path:
    file = repository / "secrets/gitops.yaml"
    lines = [line for line in file.read_text().splitlines() if "scaffold:" not in line]
    file.write_text("\n".join(lines).replace("class: bootstrap", "class: runtime") + "\n")
    commit_all(repository)
    opened.cache_clear()
    return repository


def emptied(repository: Path) -> Path:
    file = repository / "secrets/gitops.yaml"
    text = file.read_text()
    assert "    retire: deleted" in text
    file.write_text(text.replace("    retire: deleted", "    retire: inert\n    until: 2027-01-31"))
    commit_all(repository)
    opened.cache_clear()
    return repository


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "scaffold": scaffolded(tmp_path_factory.mktemp("intent")),
        "no scaffold": without_scaffold(scaffolded(tmp_path_factory.mktemp("bare"))),
        "inert": emptied(scaffolded(tmp_path_factory.mktemp("inert"))),
    }


@pytest.fixture(params=["scaffold", "no scaffold"])
def finished(
    request: pytest.FixtureRequest, tmp_path: Path, repositories: dict[str, Path]
) -> SimulatedPlatform:
    platform = SimulatedPlatform(tmp_path, repositories[request.param])
    platform.up()
    return platform


@pytest.fixture
def platform(tmp_path: Path, repositories: dict[str, Path]) -> SimulatedPlatform:
    made = SimulatedPlatform(tmp_path, repositories["scaffold"])
    made.up()
    return made


def in_records(_: SimulatedPlatform) -> None:
    """The folder of --records has them, and no commit."""


def uncommitted(platform: SimulatedPlatform) -> None:
    """The commit has those of a time before."""
    commit_records(platform, keep=True)
    before, (cluster,) = dict(platform.heads), platform.heads
    changed = platform.cluster.get(Ref("v1", "ConfigMap", "bootstrap-run", "bootstrap-system"))
    assert changed is not None
    rebuilt(platform)
    assert (platform.records / cluster / "head.json").read_bytes() != before[cluster]


def rebuilt(platform: SimulatedPlatform) -> None:
    """A run whose records go beyond those of the one before."""
    delete(platform, SYSTEM)
    platform.up()


Losing = Callable[[SimulatedPlatform], None]
KEPT = {
    "committed": commit_records,
    "uncommitted": uncommitted,
    "in --records": in_records,
    "never": forget_records,
}


def refused(platform: SimulatedPlatform) -> BootstrapError:
    """`up` stops, and nothing was changed."""
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    with pytest.raises(BootstrapError) as stopped:
        platform.up()
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])
    return stopped.value


def types(platform: SimulatedPlatform) -> list[RecordType]:
    return [r.fact.type for r in platform.world().ledger.read().records]


def is_whole(platform: SimulatedPlatform) -> None:
    """As a finished platform is: each proof holds, each secret is handed over and retired, nothing is to do."""
    bad = [p for p in prove(platform.world(), deep=True) if p.ok is not True]
    assert not bad
    world = platform.world()
    retired = named(world.ledger.read(), RecordType.RETIRED)
    assert set(retired) == {s.name for s in world.intent.handovers}
    assert platform.up().epoch == 0


# ---------------------------------------------------------------- the Vault is gone


@pytest.mark.parametrize("kept", KEPT)
def test_inv4_both_namespaces_gone_wants_a_decision(finished: SimulatedPlatform, kept: str) -> None:
    KEPT[kept](finished)
    delete(finished, VAULT, SYSTEM)
    error = refused(finished)
    assert (error.code, error.exit_code) == ("E_AUTHORITY_LOST", 5), error.message
    count = len(finished.world().intent.handovers)
    assert f"{count} secrets go back to Git's value" in error.hint
    assert "snapshot" in error.hint
    if kept != "never":
        assert "head.json" in error.where
        assert finished.cluster.uid() in error.message
    finished.up(approve=APPROVED)
    found = types(finished)
    assert found[0] is RecordType.NEW_AUTHORITY
    assert RecordType.CLAIMED in found
    is_whole(finished)


@pytest.mark.parametrize("lost", [lambda p: delete(p, VAULT), wipe_volumes], ids=["namespace", "volumes"])
def test_inv4_vault_alone_gone_wants_a_decision(finished: SimulatedPlatform, lost: Losing) -> None:
    before = finished.world().ledger.read()
    lost(finished)
    error = refused(finished)
    assert (error.code, error.exit_code) == ("E_AUTHORITY_LOST", 5)
    assert f"the cluster's ledger: {before.chain.size} records" in error.message
    finished.up(approve=APPROVED)
    after = finished.world().ledger.read()
    assert after.entries[: before.chain.size] == before.entries
    assert after.records[before.chain.size].fact.type is RecordType.NEW_AUTHORITY
    is_whole(finished)


def test_inv4_while_its_namespace_is_being_deleted_nothing_is_judged_or_made(
    platform: SimulatedPlatform,
) -> None:
    home = platform.cluster.get(VAULT)
    assert home is not None
    platform.cluster.set_status(home, {"phase": "Terminating"})
    error = refused(platform)
    assert (error.code, error.exit_code) == ("E_NAME_TAKEN", 4)


def test_inv4_a_scaffold_that_was_emptied_is_filled_again(
    tmp_path: Path, repositories: dict[str, Path]
) -> None:
    platform = SimulatedPlatform(tmp_path, repositories["inert"])
    platform.up()
    scaffold = Ref("v1", "Secret", "deploy-credential-bootstrap", "gitops")
    delete(platform, VAULT)
    filled = []
    platform.cluster.controllers.append(
        lambda _, verb, obj: (
            filled.append(bool(obj.get("data"))) if obj["metadata"]["name"] == scaffold.name else None
        )
    )
    platform.up(approve=APPROVED)
    live = platform.cluster.get(scaffold)
    assert live is not None
    assert (filled, live.get("data") or {}) == ([True, False], {})


def test_inv4_a_window_without_its_namespace_and_new_volumes(finished: SimulatedPlatform) -> None:
    """bootstrap-system and the volumes are gone, the StatefulSet stands."""
    wipe_volumes(finished)
    delete(finished, SYSTEM)
    assert refused(finished).code == "E_AUTHORITY_LOST"
    finished.up(approve=APPROVED)
    is_whole(finished)


def test_inv4_the_approval_is_spent(platform: SimulatedPlatform) -> None:
    """Kept while the run is unfinished; on record it does not answer for a second loss."""
    delete(platform, VAULT)
    schedule = Schedule(Fault.KILL_AFTER, 60, only_writes=True)
    with pytest.raises(Killed):
        platform.up(approve=APPROVED, **schedule.ports(platform))
    assert run_record(platform)["approvals"][0].startswith("new-authority@")
    platform.up()
    assert types(platform).count(RecordType.NEW_AUTHORITY) == 1
    delete(platform, VAULT)
    assert refused(platform).code == "E_AUTHORITY_LOST"


def test_inv4_an_approval_that_nothing_rests_on_is_not_kept(
    tmp_path: Path, repositories: dict[str, Path]
) -> None:
    platform = SimulatedPlatform(tmp_path, repositories["scaffold"])
    platform.up(approve=(*APPROVED, "rollback"))
    assert run_record(platform)["approvals"] == []
    assert RecordType.NEW_AUTHORITY not in types(platform)


def test_inv4_vault_that_came_back_is_not_begun_anew(platform: SimulatedPlatform) -> None:
    """Somebody restores what was lost while an approved run is unfinished: then nothing is lost any more."""
    objects, stores = platform.cluster.everything(), dict(platform.vault.stores)
    delete(platform, VAULT)
    with pytest.raises(Killed):
        platform.up(approve=APPROVED, **Schedule(Fault.KILL_AFTER, 2, only_writes=True).ports(platform))
    put_back(platform, [o for ref, o in objects.items() if ref.namespace == "vault" or ref == VAULT], stores)
    with suppress(BootstrapError):
        platform.up()
    assert RecordType.NEW_AUTHORITY not in types(platform)


def put_back(platform: SimulatedPlatform, objects: list[Object], stores: dict[str, Store]) -> None:
    """A backup of the namespace, volumes included."""
    order = ("Namespace", "PersistentVolumeClaim")
    for obj in sorted(objects, key=lambda o: order.index(o["kind"]) if o["kind"] in order else 9):
        made = platform.cluster.create(obj)
        if obj["kind"] == "PersistentVolumeClaim" and isinstance(made, dict):
            old = obj["metadata"]["uid"]
            if old in stores:
                platform.vault.stores[made["metadata"]["uid"]] = stores[old]


# ---------------------------------------------------------------- another cluster


def test_inv4_the_same_repository_and_a_cluster_made_anew(
    tmp_path: Path, repositories: dict[str, Path], platform: SimulatedPlatform
) -> None:
    again = SimulatedPlatform(tmp_path / "again", repositories["scaffold"])
    live = again.cluster.peek(Ref("v1", "Namespace", "kube-system"))
    assert live is not None
    live["metadata"]["uid"] = "another-cluster"
    commit_records(platform, keep=True)
    again.heads, again.escrows = dict(platform.heads), dict(platform.escrows)
    error = refused(again)
    assert (error.code, error.exit_code) == ("E_OTHER_CLUSTER", 5)
    again.up(approve=APPROVED)
    first = again.world().ledger.read().records[0].fact
    assert first.type is RecordType.NEW_AUTHORITY
    assert first.details["headCluster"] == platform.cluster.uid()
    is_whole(again)


# ---------------------------------------------------------------- Vault is behind


def test_inv4_vault_put_back_in_time_is_named_and_stops(platform: SimulatedPlatform) -> None:
    forget_copy(platform, keep=2)
    error = refused(platform)
    assert (error.code, error.exit_code) == ("E_ROLLBACK_VAULT", 6)
    ledger = platform.world().ledger.read()
    assert "gitops-deploy-credential" in error.message
    assert ledger.records[5].time in error.message
    assert "--approve rollback" in error.hint
    platform.up(approve=("rollback",))
    accepted = [r.fact for r in platform.world().ledger.read().records if r.fact.type is RecordType.ACCEPTED]
    assert accepted[-1].details["what"] == "rollback"
    is_whole(platform)


def test_inv4_vault_put_back_in_time_without_bootstrap_system(platform: SimulatedPlatform) -> None:
    forget_copy(platform, keep=2)
    delete(platform, SYSTEM)
    with pytest.raises(EvidenceError) as stopped:
        platform.up()
    assert stopped.value.code == "E_ROLLBACK_VAULT"
    assert platform.vault.live().secrets.keys() >= {"bootstrap/ledger/ledger-00000000"}


def test_inv4_an_unfinished_copy_is_no_rollback(tmp_path: Path, repositories: dict[str, Path]) -> None:
    platform = SimulatedPlatform(tmp_path, repositories["scaffold"])
    schedule = Schedule(Fault.KILL_AFTER, 160, only_writes=True)
    with pytest.raises(Killed):
        platform.up(**schedule.ports(platform))
    assert types(platform)
    platform.up()
    is_whole(platform)


def test_inv4_the_cluster_put_back_in_time(platform: SimulatedPlatform) -> None:
    delete(platform, Ref("v1", "ConfigMap", "ledger-head", "bootstrap-system"))
    batches = platform.cluster.list("v1", "ConfigMap", "bootstrap-system", "bootstrap.dev/ledger=batch")
    for each in batches[2:]:
        delete(platform, Ref("v1", "ConfigMap", each["metadata"]["name"], "bootstrap-system"))
    error = refused(platform)
    assert (error.code, error.exit_code) == ("E_ROLLBACK_CLUSTER", 6)
    for each in batches[:2]:
        delete(platform, Ref("v1", "ConfigMap", each["metadata"]["name"], "bootstrap-system"))
    platform.up()
    is_whole(platform)
    assert types(platform).count(RecordType.REBUILT) == 1, "that its batches were lost is on record"


# ---------------------------------------------------------------- Vault's copy of the ledger


@dataclass(frozen=True)
class VaultSigner:
    """Vault's own key behind the ``Signer`` port: what only Vault could do."""

    key: Key

    @property
    def key_id(self) -> str:
        return public_key(self.key.public()).key_id

    def sign(self, data: bytes) -> bytes:
        return self.key.sign(data)


@pytest.mark.parametrize(("by_vault", "code"), [(True, "E_FORK"), (False, "E_COUNTERSIGN")])
def test_inv4_copies_of_two_histories_stop_the_run(
    platform: SimulatedPlatform, by_vault: bool, code: str
) -> None:
    """As long as the cluster's, signed by the same keys or by the ledger key alone, and with another last batch."""
    world, last = platform.world(), store.stored(platform.cluster)[-1]
    ledger, count = world.ledger.read(), len(last.envelopes)
    before, live = ledger.records[-1], platform.vault.live()
    start = chain.Ledger().extended(ledger.entries[:-count])
    another = [Fact(type=RecordType.ABANDONED, details={"run": "another"})] * (count - by_vault)
    ours = world.material.signer()
    written = tuple(chain.write(another, after=start.chain, run=before.run, time=before.time, signer=ours))
    if by_vault:
        signer = VaultSigner(live.transit_keys[TRANSIT_KEY])
        after = start.extended(written)
        written += (chain.countersigned(after, run=before.run, time=before.time, signer=signer),)
    live.secrets[f"bootstrap/ledger/{last.name}"].versions[0]["batch"] = Sensitive(
        Batch.of(written).content, "batch"
    )
    error = refused(platform)
    assert (error.code, error.exit_code) == (code, 6)


def test_inv4_a_copy_that_cannot_be_read_is_not_taken_for_an_empty_one(platform: SimulatedPlatform) -> None:
    """Before anything is written to Vault it has to answer; until then a Vault that is silent is there."""

    def reads_copy(call: Call) -> bool:
        return path_of(call).startswith("secret/data/bootstrap/ledger/")

    def fail() -> None:
        raise WorldError("the connection broke", code="E_VAULT_UNREACHABLE", where="vault-0")

    step = step_of(platform, "ledger", **At(reads_copy, fail).ports(platform))
    with pytest.raises(WorldError):
        step.kind.observe()
    silent = step_of(platform, "preflight", **At(reads_copy, fail).ports(platform)).kind.observe()
    assert (silent.authority.found.silent, silent.authority.found.copy) == (True, None)


# ---------------------------------------------------------------- other decisions on record


@pytest.mark.parametrize("at", [40, 160])
def test_h4_an_accepted_plan_change_is_on_record(
    tmp_path: Path, repositories: dict[str, Path], at: int
) -> None:
    """Accepted before the ledger was open, and after."""
    platform = SimulatedPlatform(tmp_path, repositories["scaffold"])
    with pytest.raises(Killed):
        platform.up(**Schedule(Fault.KILL_AFTER, at, only_writes=True).ports(platform))
    world = platform.world()
    before = world.plan
    world.plan = replace(before, document={**before.document, "tool": "0.2.0"})
    Runner(world.plan, world, kind_class, accept_plan_change=True).run()
    records = platform.world().ledger.read().records
    (said,) = [dict(r.fact.details) for r in records if r.fact.type is RecordType.ACCEPTED]
    assert said == {"what": "plan", "from": before.digest, "to": world.plan.digest, "run": world.run.id}
    assert run_record(platform)["unrecorded"] == []


def test_h4_the_first_records_say_how_vault_came_to_be(platform: SimulatedPlatform) -> None:
    assert types(platform)[:5] == [
        RecordType.CLAIMED,
        RecordType.VAULT_INITIALISED,
        RecordType.ESCROW,
        RecordType.VERIFIED,
        RecordType.ROOT_REVOKED,
    ]
    claimed = platform.world().ledger.read().records[0].fact.details
    assert claimed["plan"] == platform.world().plan.digest


def test_h4_voided_attempts_are_on_record(tmp_path: Path, repositories: dict[str, Path]) -> None:
    platform = SimulatedPlatform(tmp_path, repositories["scaffold"])
    platform.vault.lose_next_answer = True
    platform.up()
    voided = platform.world().ledger.read().records[1].fact
    assert (voided.type, voided.details) == (RecordType.VOIDED, {"attempts": "1"})
