"""The ledger is opened for a new Vault, comes back from Vault's copy, and holds what people decided (H4, INV4)."""

import pytest

from bootstrap.ledger.record import RecordType
from bootstrap.model.decision import Act, Blocked, Decision, Satisfied
from bootstrap.ports import Ref
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.losses import delete, forget_copy
from tests.simulator.platform import SimulatedPlatform

OPENED = [
    RecordType.CLAIMED,
    RecordType.VAULT_INITIALISED,
    RecordType.ESCROW,
    RecordType.VERIFIED,
    RecordType.ROOT_REVOKED,
]


def step(platform: SimulatedPlatform, *unrecorded: str) -> HalfwayStep:
    """``unrecorded`` as a run leaves it that could not record it yet."""
    found = step_of(platform, "ledger")
    found.world.run.unrecorded = unrecorded
    return found


def types(platform: SimulatedPlatform) -> list[RecordType]:
    return [record.fact.type for record in platform.world().ledger.read().records]


def is_open(decision: Decision, platform: SimulatedPlatform) -> bool:
    return decision == Satisfied(f"{len(types(platform))} records")


def test_h4_it_is_opened_once_and_what_was_decided_before_goes_into_it(platform: SimulatedPlatform) -> None:
    halfway(platform, "ledger")
    opening = Act("open the ledger", ("record how Vault was initialised and proven",))
    assert step(platform, "abandoned run-0").decide() == opening
    step(platform, "abandoned run-0").take()
    assert types(platform) == [*OPENED, RecordType.ABANDONED]
    assert is_open(step(platform, "abandoned run-0").decide(), platform)


def test_h4_what_is_decided_later_is_recorded_by_itself(platform: SimulatedPlatform) -> None:
    halfway(platform, "ledger").take()
    before = types(platform)
    assert is_open(step(platform).decide(), platform)
    later = ("abandoned run-1", "plan sha256:1 sha256:2 run-1")
    assert step(platform, *later).decide() == Act(
        "record what was decided",
        ("ABANDONED run run-1", "ACCEPTED what plan, from sha256:1, to sha256:2, run run-1"),
    )
    step(platform, *later).take()
    assert types(platform) == [*before, RecordType.ABANDONED, RecordType.ACCEPTED]
    assert is_open(step(platform, *later).decide(), platform)


@pytest.mark.parametrize("head", [True, False])
def test_inv4_one_that_was_lost_comes_back_from_vault_and_says_so(
    head: bool, platform: SimulatedPlatform
) -> None:
    platform.up()
    before, batches = types(platform), platform.world().ledger.stored()
    if not head:
        delete(platform, Ref("v1", "ConfigMap", "ledger-head", "bootstrap-system"))
    delete(platform, *(Ref("v1", "ConfigMap", each.name, "bootstrap-system") for each in batches))
    found = step(platform, "abandoned run-0")
    assert found.decide() == Act(
        f"rebuild the cluster's ledger from Vault's copy, {len(before)} records",
        tuple(each.name for each in batches),
    )
    found.take()
    assert types(platform) == [
        *before,
        RecordType.REBUILT,
        RecordType.ABANDONED,
        RecordType.COUNTERSIGNED,
    ]
    assert is_open(found.decide(), platform)


def test_inv4_a_vault_that_was_put_back_in_time_stops_it(platform: SimulatedPlatform) -> None:
    platform.up()
    forget_copy(platform, keep=2)
    decision = step(platform).decide()
    assert isinstance(decision, Blocked)
    assert decision.error.code == "E_ROLLBACK_VAULT"
