"""The end of a run: Vault has the whole ledger, and the signed head in the cluster is of just that (H4, INV4)."""

from bootstrap.ledger.head import Head, glance_head
from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.decision import Act, Decision, Satisfied
from bootstrap.ports import Ref
from bootstrap.steps.context.names import ENVIRONMENT_ANNOTATION
from bootstrap.steps.vault import cluster_head
from bootstrap.steps.vault.escrow import escrow_digest
from tests.simulator.concurrent import At
from tests.simulator.halfway import step_of
from tests.simulator.losses import SYSTEM, delete, forget_copy, forget_records
from tests.simulator.platform import SimulatedPlatform

NOTE = Fact(type=RecordType.ACCEPTED, details={"what": "plan"})
HEAD = Ref("v1", "ConfigMap", "ledger-head", "bootstrap-system")
WRITE = f"write the signed head into {HEAD}"


def decided(platform: SimulatedPlatform) -> Decision:
    return step_of(platform, "recorded").decide()


def changes(platform: SimulatedPlatform) -> tuple[str, ...]:
    found = decided(platform)
    assert isinstance(found, Act)
    return found.changes


def size(platform: SimulatedPlatform) -> int:
    return platform.world().ledger.read().chain.size


def head(platform: SimulatedPlatform) -> Head:
    content = cluster_head.read(platform.cluster)
    assert content is not None
    return glance_head(content)


def is_whole(platform: SimulatedPlatform) -> bool:
    return decided(platform) == Satisfied(f"{size(platform)} records, in the cluster and in Vault")


def test_h4_before_anything_is_on_record_nobody_is_asked_and_no_head_is_written(
    platform: SimulatedPlatform,
) -> None:
    asked = At(lambda call: call.system == "vault" or call.name == "logs", lambda: None)
    step = step_of(platform, "recorded", **asked.ports(platform))
    assert step.decide() == Act("record what was done", ("nothing is on record yet",))
    step.take()
    assert not asked.fired
    assert platform.cluster.mutations == []


def test_h4_a_batch_that_vault_lost_is_copied_again_and_the_head_stays(platform: SimulatedPlatform) -> None:
    platform.up()
    assert is_whole(platform)
    before, batches = cluster_head.read(platform.cluster), platform.world().ledger.stored()
    forget_copy(platform, keep=len(batches) - 2)
    platform.cluster.mutations.clear()
    assert changes(platform) == tuple(each.name for each in batches[-2:])
    step_of(platform, "recorded").take()
    assert (cluster_head.read(platform.cluster), platform.cluster.mutations) == (before, [])
    assert is_whole(platform)
    delete(platform, HEAD)
    assert decided(platform) == Act(f"write the head of {size(platform)} records", (WRITE,))
    step_of(platform, "recorded").take()
    assert is_whole(platform)


def test_h4_what_was_recorded_since_goes_into_the_copy_and_then_into_the_head(
    platform: SimulatedPlatform,
) -> None:
    platform.up()
    world = platform.world()
    world.ledger.append([NOTE])
    world.session.close()
    last = platform.world().ledger.stored()[-1].name
    assert changes(platform) == (last, WRITE)
    step_of(platform, "recorded").take()
    assert head(platform).size == size(platform)
    assert is_whole(platform)


def test_h4_the_head_is_of_the_escrow_and_the_environment_as_they_are(platform: SimulatedPlatform) -> None:
    platform.up()
    before = size(platform)
    live = platform.cluster.peek(SYSTEM)
    assert live is not None
    live["metadata"]["annotations"][ENVIRONMENT_ANNOTATION] = "production"
    assert changes(platform) == (WRITE,)
    step_of(platform, "recorded").take()
    assert (head(platform).environment, head(platform).size) == ("production", before)
    file = platform.records / platform.cluster.uid() / "escrow.json"
    file.write_bytes(file.read_bytes() + b"\n")
    assert changes(platform) == (WRITE,)
    step_of(platform, "recorded").take()
    assert head(platform).escrow_sha256 == escrow_digest(file.read_bytes())
    assert is_whole(platform)


def test_inv4_a_head_that_nobody_signed_is_none(platform: SimulatedPlatform) -> None:
    platform.up()
    live = platform.cluster.peek(HEAD)
    assert live is not None
    live["data"]["head.json"] = "{}"
    assert changes(platform) == (WRITE,)


def test_h4_without_the_escrow_at_hand_the_head_is_left_as_it_is(platform: SimulatedPlatform) -> None:
    platform.up()
    before, batches = cluster_head.read(platform.cluster), platform.world().ledger.stored()
    forget_records(platform)
    forget_copy(platform, keep=len(batches) - 1)
    step = step_of(platform, "recorded")
    step.world.files = None
    assert step.decide() == Act("copy 1 batches of records into Vault", (batches[-1].name,))
    step.take()
    assert cluster_head.read(platform.cluster) == before
    assert step.decide() == Satisfied(f"{size(platform)} records, in the cluster and in Vault")


def test_b6_what_was_cut_until_the_first_look_is_recorded_and_no_more(platform: SimulatedPlatform) -> None:
    platform.up()
    first, late = "audit-20261130T000000Z.log", "audit-20261201T000000Z.log"
    platform.cluster.renewers["vault-0"] = f"parts: {first}={'0' * 64}\n"
    step, before = step_of(platform, "recorded"), size(platform)
    assert step.decide() == Act(
        "record 1 parts of Vault's audit log", (f"record the digest of vault-0/{first}",)
    )
    platform.cluster.renewers["vault-0"] = f"parts: {first}={'0' * 64} {late}={'1' * 64}\n"
    step.take()
    record = platform.world().ledger.read().records[before]
    assert (record.fact.type, record.fact.details) == (RecordType.AUDIT_LOG, {f"vault-0/{first}": "0" * 64})
    assert head(platform).size == size(platform)
    assert step.decide() == Satisfied(f"{size(platform)} records, in the cluster and in Vault")
    assert changes(platform) == (f"record the digest of vault-0/{late}",)
