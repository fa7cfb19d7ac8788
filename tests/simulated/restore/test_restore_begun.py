"""That a snapshot is restored is written down first, and what is left goes by what is written (INV1, INV4)."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bootstrap.ledger.record import NONCE, Fact, RecordType
from bootstrap.model.decision import Act, Blocked, Satisfied
from bootstrap.model.errors import WorldError
from bootstrap.model.restoration import Restoration, Stage
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.health import ref_of
from bootstrap.steps.context.names import labels
from bootstrap.steps.kinds import restore_begun
from bootstrap.steps.secrets.admission import POLICY
from bootstrap.steps.vault.restoration import FILE, REF, RestorationStore
from bootstrap.steps.vault.voiding import uid_of
from tests.simulator.controllers import OPERATOR
from tests.simulator.halfway import HalfwayStep, step_of
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.support.authorities import NOTE, ledger, snapshot_source

SOURCE = snapshot_source(NOTE)
OLD = Ref("v1", "PersistentVolume", "old")
BEGUN = Restoration(file=SOURCE.digest, nonce="n" * 32, begun="2026-01-03T00:00:00Z")
CLEARING = replace(BEGUN, stage=Stage.CLEARING)
OVER = "begin to restore the snapshot over what is left of a platform"
GOES = (f"write {REF}", f"stop {OPERATOR}")


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    step_of(platform, "claim").take()
    return platform


@pytest.fixture
def volume(platform: SimulatedPlatform) -> Object:
    """Of a Vault that was here."""
    made: Any = platform.cluster.create(
        {
            "apiVersion": OLD.api,
            "kind": OLD.kind,
            "metadata": {"name": OLD.name},
            "spec": {"claimRef": {"namespace": "vault", "name": "data-vault-1"}},
            "status": {"phase": "Released"},
        }
    )
    return dict(made)


def step(platform: SimulatedPlatform, *, given: bool = True) -> HalfwayStep:
    found = step_of(platform, "restore-begun")
    found.world.restore = SOURCE if given else None
    return found


def now(platform: SimulatedPlatform) -> Restoration:
    found = RestorationStore(platform.cluster).read()
    assert found is not None
    return found


def test_inv4_in_an_empty_cluster_it_is_begun_and_nothing_goes_or_is_given_up(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What else was lost is judged at its end, by what is known then."""
    known = SimpleNamespace(details={"records": "9"})
    monkeypatch.setattr(restore_begun, "losses", lambda *_: known)
    stages = list[str]()
    platform.cluster.controllers.append(
        lambda _, verb, obj: stages.append(now(platform).stage) if ref_of(obj) == REF else None
    )
    assert step(platform, given=False).decide() == Satisfied("no snapshot is being restored")
    assert step(platform).decide() == Act("begin to restore the snapshot", (f"write {REF}",))
    step(platform).take()
    begun = now(platform)
    assert (begun.file, begun.stage, len(begun.nonce)) == (SOURCE.digest, Stage.BEGUN, 32)
    assert (begun.voids, begun.lost, stages) == (frozenset(), {}, [Stage.BEGUN])
    said = Satisfied(f"a snapshot is being restored since {begun.begun}, attempt 1")
    assert step(platform).decide() == step(platform, given=False).decide() == said


def test_inv4_what_goes_is_written_down_before_it_goes(platform: SimulatedPlatform, volume: Object) -> None:
    stages = list[str]()

    def look(_: object, verb: str, obj: Object) -> None:
        if ref_of(obj) in (REF, OLD):
            stages.append(verb if ref_of(obj) == OLD else now(platform).stage)

    platform.cluster.controllers.append(look)
    assert step(platform).decide() == Act(OVER, (*GOES, f"delete {OLD}"))
    step(platform).take()
    assert stages == [Stage.CLEARING, "deleted", Stage.BEGUN]
    assert now(platform).voids == {uid_of(volume)}
    assert OLD.name in str(now(platform).lost)


def test_inv4_what_has_no_volume_is_left_of_a_platform_too(platform: SimulatedPlatform) -> None:
    rule = Ref("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", POLICY)
    meta = {"name": rule.name, "labels": labels("guard")}
    platform.cluster.create({"apiVersion": rule.api, "kind": rule.kind, "metadata": meta})
    assert step(platform).decide() == Act(OVER, (*GOES, f"delete {rule}"))


def test_inv4_one_that_makes_room_goes_on_with_its_file_alone(
    platform: SimulatedPlatform, volume: Object
) -> None:
    RestorationStore(platform.cluster).begin(replace(CLEARING, voids=frozenset([uid_of(volume)])), None)
    blocked = step(platform, given=False).decide()
    assert isinstance(blocked, Blocked)
    assert blocked.error.code == "E_RESTORE_UNDER_WAY"
    assert step(platform).decide() == Act(OVER, (*GOES, f"delete {OLD}"))
    step(platform).take()
    assert (now(platform).stage, platform.cluster.peek(OLD)) == (Stage.BEGUN, None)


def test_inv4_for_another_file_nothing_makes_room(platform: SimulatedPlatform, volume: Object) -> None:
    other = replace(CLEARING, file="another", voids=frozenset([uid_of(volume)]))
    RestorationStore(platform.cluster).begin(other, None)
    seen = step(platform).kind.observe()
    step(platform).act(seen)
    assert (now(platform), platform.cluster.peek(OLD) is not None) == (other, True)
    delete(platform, REF)
    step(platform).act(seen)
    assert platform.cluster.peek(OLD) is not None


def test_what_is_made_again_and_again_ends_the_run(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    RestorationStore(platform.cluster).begin(CLEARING, None)
    monkeypatch.setattr(restore_begun, "clear", lambda *_: None)
    with pytest.raises(WorldError) as caught:
        step(platform).take()
    assert caught.value.code == "E_RESTORE"


def test_inv4_a_vault_that_came_from_this_file_is_not_restored_again(
    platform: SimulatedPlatform, volume: Object, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ledger(Fact(type=RecordType.RESTORED, details={FILE: SOURCE.digest, NONCE: "n"})).records
    monkeypatch.setattr(restore_begun, "restored", lambda _: before)
    monkeypatch.setattr(restore_begun, "is_back", lambda *_: True)
    said = Satisfied(f"restored from this file before, at {before[0].time}")
    assert step(platform).decide() == said
    assert platform.cluster.peek(OLD) is not None
