"""What Vault's audit log was cut into is on record, so that a part that was changed since is found (B6, H4)."""

from dataclasses import replace

import pytest

from bootstrap.ledger.record import Fact, RecordType
from bootstrap.operations.verify.invariants import prove
from bootstrap.operations.verify.proof import State
from bootstrap.steps.context.world import World
from bootstrap.steps.kinds import recorded as steps_recorded
from bootstrap.steps.vault.audit_parts import Parts, kept, not_recorded, record_of
from tests.simulator.platform import SimulatedPlatform

PARTS = {f"audit-2026113{n}T000000Z.log": f"{n}" * 64 for n in range(3)}


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    platform.up()
    return platform


def says(platform: SimulatedPlatform, pod: str, parts: dict[str, str]) -> None:
    """The renewer, after what it said before."""
    line = " ".join(f"{name}={digest}" for name, digest in parts.items())
    log = platform.cluster.renewers.get(pod, "volumes: data 1%, audit 2%\nparts: \n")
    platform.cluster.renewers[pod] = f"{log}volumes: data 1%, audit 3%\nparts: {line}\n"


def on_record(platform: SimulatedPlatform) -> list[dict[str, str]]:
    records = platform.world().ledger.read().records
    return [dict(r.fact.details) for r in records if r.fact.type is RecordType.AUDIT_LOG]


def verdict(platform: SimulatedPlatform) -> tuple[State, str]:
    world = platform.world()
    (found,) = [proof for proof in prove(world) if proof.id == "audit"]
    world.session.close()
    return found.state, found.evidence


def test_b6_what_was_cut_is_on_record_by_the_next_run_in_one_record_and_once(
    platform: SimulatedPlatform,
) -> None:
    says(platform, "vault-0", PARTS)
    says(platform, "vault-2", dict([*PARTS.items()][:1]))
    assert "0 of 4 parts that are kept are on record" in verdict(platform)[1]
    assert platform.up().epoch == 2
    first = next(iter(PARTS))
    assert on_record(platform) == [
        {f"vault-0/{name}": digest for name, digest in PARTS.items()} | {f"vault-2/{first}": "0" * 64}
    ]
    assert platform.up().epoch == 0
    assert "4 of 4 parts that are kept are on record" in verdict(platform)[1]
    says(platform, "vault-0", dict([*PARTS.items()][1:]) | {"audit-20261201T000000Z.log": "f" * 64})
    assert platform.up().epoch == 3
    assert on_record(platform)[1:] == [{"vault-0/audit-20261201T000000Z.log": "f" * 64}]
    assert verdict(platform)[0] is State.HOLDS  # what is no longer kept is not missed


def test_b6_a_part_that_is_cut_while_others_are_recorded_is_the_next_runs(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy Vault cuts its log at any time: no run waits for that to end."""
    late, (first, *_) = "audit-20261201T000000Z.log", PARTS

    def meanwhile(world: World, parts: Parts) -> Fact:
        says(platform, "vault-0", PARTS | {late: "f" * 64})
        return record_of(world, parts)

    says(platform, "vault-0", PARTS)
    monkeypatch.setattr(steps_recorded, "record_of", meanwhile)
    assert platform.up().epoch == 2
    monkeypatch.undo()
    assert f"vault-0/{first}" in on_record(platform)[0]
    assert f"vault-0/{late}" not in on_record(platform)[0]
    assert platform.up().epoch == 3
    assert on_record(platform)[1:] == [{f"vault-0/{late}": "f" * 64}]


def test_b6_a_part_that_was_changed_since_is_found_and_stays_found(platform: SimulatedPlatform) -> None:
    says(platform, "vault-0", PARTS)
    platform.up()
    last = [*PARTS][-1]
    says(platform, "vault-0", PARTS | {last: "e" * 64})
    for _ in range(2):
        state, evidence = verdict(platform)
        assert state is State.BROKEN
        assert f"not as recorded: vault-0/{last}" in evidence
        assert platform.up().epoch == 0


def without(*lost: str) -> dict[str, str]:
    return {name: digest for name, digest in PARTS.items() if name not in lost}


def test_b6_a_part_that_is_gone_before_an_older_one_is_missed(platform: SimulatedPlatform) -> None:
    says(platform, "vault-0", PARTS)
    platform.up()
    _, middle, last = PARTS
    for lost in ((middle,), (last,), (middle, last)):
        says(platform, "vault-0", without(*lost))
        state, evidence = verdict(platform)
        assert state is State.BROKEN
        assert "gone before older ones: " + ", ".join(f"vault-0/{name}" for name in lost) in evidence


def test_b6_the_oldest_parts_go_by_themselves(platform: SimulatedPlatform) -> None:
    says(platform, "vault-0", PARTS)
    platform.up()
    first, middle, last = PARTS
    for gone in ((first,), (first, middle), (first, middle, last)):
        says(platform, "vault-0", without(*gone))
        assert verdict(platform)[0] is State.HOLDS


def test_what_another_pod_keeps_is_no_witness(platform: SimulatedPlatform) -> None:
    """As where a volume is a new one."""
    says(platform, "vault-0", PARTS)
    platform.up()
    says(platform, "vault-0", {})
    says(platform, "vault-1", PARTS)
    assert verdict(platform)[0] is State.HOLDS


def test_without_the_root_nothing_is_asked_for_it(platform: SimulatedPlatform) -> None:
    says(platform, "vault-0", PARTS)
    world = platform.world()
    assert not_recorded(world, world.ledger.read(), kept(world))
    assert not not_recorded(replace(world, files=None), world.ledger.read(), kept(world))
