"""`bootstrap set` on a finished platform: a value changed, or a version adopted, on record; none is written over."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.cli.commands.status import gather
from bootstrap.cli.commands.status import lines as status_lines
from bootstrap.engine.record import FINISHED, SETTING, read_run
from bootstrap.ledger.head import head_of
from bootstrap.ledger.record import Audit, RecordType
from bootstrap.ledger.tally import report_of
from bootstrap.ledger.text import lines
from bootstrap.model.errors import BootstrapError, HeldError
from bootstrap.operations.abandon.runner import Abandon
from bootstrap.operations.verify.invariants import prove
from bootstrap.steps.context.world import World
from tests.simulator.concurrent import At, Dies, path_of
from tests.simulator.faults import Call, Killed
from tests.simulator.hand import SimulatedHand
from tests.simulator.losses import forget_copy
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.setting import (
    BY_HAND,
    CONSUMER,
    FIELD,
    NAME,
    NEW,
    PATH,
    change,
    changes,
    unsound,
    versions,
    write_by_hand,
)

pytestmark = pytest.mark.usefixtures("same_each_time")

SEVERAL, SEVERAL_PATH = "postgres-superuser", "platform/database/superuser"
BINARY, BINARY_PATH = "identity-hmac-key", "applications/identity/hmac-key"
BYTES = b"\x00\xff\n not text \x80"


@pytest.fixture
def platform(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    return platform


def served(platform: SimulatedPlatform) -> bytes:
    live = platform.cluster.get(CONSUMER)
    assert live is not None
    return bytes(live["data"][FIELD].reveal())


def refused(code: str, run: Callable[[], object]) -> BootstrapError:
    with pytest.raises(BootstrapError) as caught:
        run()
    assert caught.value.code == code, caught.value.message
    assert caught.value.where or code == "E_ROOT_NEEDED"
    assert caught.value.hint
    return caught.value


def unchanged(platform: SimulatedPlatform, code: str, run: Callable[[], object]) -> BootstrapError:
    """Refused before Lease, epoch, ledger and Vault are touched."""
    error = refused(code, run)
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])
    return error


def writes_the_value(call: Call) -> bool:
    return path_of(call) == f"secret/data/{PATH}" and call.writes


def retires(call: Call) -> bool:
    return call.name == "delete" and "deploy-credential-bootstrap" in str(call)


def killed(platform: SimulatedPlatform, *, written: bool) -> None:
    """One `set` that is gone just before, or just after, its value is written."""
    with pytest.raises(Killed):
        change(platform, **Dies(writes_the_value, after=written).ports(platform))


# ------------------------------------------------------------ a value


def test_inv3_a_value_is_set_recorded_and_served(platform: SimulatedPlatform) -> None:
    size = platform.world().ledger.read().chain.size
    done = change(platform)
    assert (done.changed, done.version, done.waits) == (True, 2, ())
    assert versions(platform)[1:] == [{FIELD: NEW}]
    assert served(platform) == NEW
    added = platform.world().ledger.read().records[size:]
    intent, record = (r for r in added if r.fact.type is not RecordType.COUNTERSIGNED)
    assert (intent.fact.type, record.fact.type) == (RecordType.INTENT, RecordType.ACCEPTED)
    assert intent.fact.commitments == record.fact.commitments
    assert (record.fact.details["reason"], record.fact.details["by"]) == ("it leaked", record.run.actor)
    audit, log = record.fact.audit, {line.request: line for line in platform.vault.live().log}
    assert isinstance(audit, Audit)
    assert log[audit.write_request_id].txn == audit.txn
    assert audit.read_request_id in log
    assert unsound(platform) == []


def test_one_field_of_several_leaves_the_others(platform: SimulatedPlatform) -> None:
    (before,) = versions(platform, SEVERAL_PATH)
    error = unchanged(platform, "E_FIELD", lambda: change(platform, name=SEVERAL))
    assert "host, password, port, username" in error.message
    error = unchanged(platform, "E_FIELD", lambda: change(platform, name=SEVERAL, field="passwort"))
    assert error.hint == "did you mean --field password?"
    change(platform, name=SEVERAL, field="password")
    assert versions(platform, SEVERAL_PATH) == [before, {**before, "password": NEW}]
    assert unsound(platform) == []


def test_every_byte_counts(platform: SimulatedPlatform) -> None:
    change(platform, b"  two lines\r\n\n")
    assert versions(platform)[-1] == {FIELD: b"  two lines\r\n\n"}
    change(platform, BYTES, name=BINARY)
    assert versions(platform, BINARY_PATH)[-1] == {"hmac.bin": base64.b64encode(BYTES)}
    assert unsound(platform) == []


@pytest.mark.parametrize(
    ("value", "code"), [(b"", "E_EMPTY"), (b"\xff", "E_BINARY"), (b"x" * (512 * 1024 + 1), "E_SIZE")]
)
def test_what_git_could_not_introduce_is_refused(
    platform: SimulatedPlatform, value: bytes, code: str
) -> None:
    unchanged(platform, code, lambda: change(platform, value))


def test_the_value_that_is_there_is_not_written_again(platform: SimulatedPlatform) -> None:
    (before,) = versions(platform)
    done = change(platform, before[FIELD])
    assert (done.changed, done.version) == (False, 1)
    assert (platform.cluster.mutations, platform.vault.mutations) == ([], [])


def test_an_operator_that_is_away_is_named_and_does_no_harm(platform: SimulatedPlatform) -> None:
    SimulatedHand(platform).stop_operator()
    done = change(platform)
    assert done.changed
    (waits,) = done.waits
    assert (
        "orders/orders-payment-token holds version 1, Vault has 2; the operator looks again within 5m"
        in waits
    )
    run = read_run(platform.cluster)
    assert run is not None
    assert run.state == FINISHED


def test_h4_the_report_names_who_when_and_why(platform: SimulatedPlatform) -> None:
    change(platform)
    change(platform, name=SEVERAL, field="password", reason="the old administrator left")
    world = platform.world()
    ledger = world.ledger.read()
    report = report_of(ledger, head_of(ledger, escrow=None), verified=True)
    found = {line.name: line for line in report.secrets}
    assert len(found) == len(report.secrets)
    (version,) = found[SEVERAL].versions
    assert (version.version, version.how, version.reason) == (2, "set", "the old administrator left")
    assert found[NAME].note.startswith("changed since (version 2): ")
    assert found[SEVERAL].note == (
        "changed since (version 2); host, port, username in Git history still live until reissued"
    )
    text = "\n".join(lines(report))
    assert f"version 2 set {version.time} by {version.actor}: the old administrator left" in text
    assert found[NAME].authority == "Vault"


# ------------------------------------------------------------ what it does not do


def test_h5_status_and_up_no_longer_call_the_replaced_value_alive(platform: SimulatedPlatform) -> None:
    def told(name: str) -> str:
        return next(
            (line for line in gather(platform.world())["residuals"] if line.startswith(f"{name}: ")), ""
        )

    assert "lives until its issuer makes a new one" in told(NAME)
    change(platform)
    assert told(NAME) == ""
    change(platform, name=SEVERAL, field="host")
    assert "port, username in Vault as in Git, the rest changed since (version 2)" in told(SEVERAL)
    stages = [line for line in status_lines(gather(platform.world())) if line.startswith(f"  {NAME} ")]
    assert [line.endswith("retired, changed since: version 2") for line in stages] == [True]


def test_no_word_of_the_value_is_left_anywhere(platform: SimulatedPlatform) -> None:
    change(platform)
    world = platform.world()
    kept = "".join(str(r) for r in world.ledger.read().records)
    kept += str([obj for ref, obj in platform.cluster.everything().items() if ref.kind == "ConfigMap"])
    kept += "".join(p.read_text() for p in platform.records.rglob("*.json"))
    kept += str(platform.narrator.events)
    assert "it leaked" in kept
    assert NEW.decode() not in kept


def test_a_secret_that_is_not_in_the_catalog(platform: SimulatedPlatform) -> None:
    error = unchanged(platform, "E_SECRET_UNKNOWN", lambda: change(platform, name="orders-payment-tokn"))
    assert error.hint == "did you mean orders-payment-token?"
    error = unchanged(platform, "E_SECRET_UNKNOWN", lambda: change(platform, name="orders-database"))
    assert "InternalSecret" in error.message
    unchanged(platform, "E_NOT_HANDED_OVER", lambda: change(platform, name="unseal-key"))


def test_before_the_handover_git_counts(tmp_path: Path, repository: Path) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    error = refused("E_NOT_HANDED_OVER", lambda: change(platform))
    assert "`bootstrap up`" in error.hint
    with pytest.raises(Killed):
        platform.up(**Dies(writes_the_value).ports(platform))
    refused("E_NOT_HANDED_OVER", lambda: change(platform))
    assert NEW not in [each[FIELD] for each in versions(platform)]


def test_an_unfinished_up_comes_first(tmp_path: Path, repository: Path) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    with pytest.raises(Killed):
        platform.up(**Dies(retires, after=False).ports(platform))
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    unchanged(platform, "E_RUN_UNFINISHED", lambda: change(platform))
    platform.up()
    assert change(platform).changed


def test_without_the_root_nothing_is_signed(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = platform.world

    def rootless(**ports: Any) -> World:
        world = made(**ports)
        world.files = None
        return world

    monkeypatch.setattr(platform, "world", rootless)
    unchanged(platform, "E_ROOT_NEEDED", lambda: change(platform))


def test_ph4_another_environment_is_refused(platform: SimulatedPlatform) -> None:
    platform.environment = "production"
    unchanged(platform, "E_ENVIRONMENT", lambda: change(platform))


def test_inv4_a_vault_that_went_back_is_not_written_to(platform: SimulatedPlatform) -> None:
    forget_copy(platform, 1)
    unchanged(platform, "E_ROLLBACK_VAULT", lambda: change(platform))


def test_inv4_a_deleted_value_is_not_replaced_by_a_guess(platform: SimulatedPlatform) -> None:
    SimulatedHand(platform).vault("DELETE", f"secret/data/{PATH}")
    platform.vault.mutations.clear()
    unchanged(platform, "E_VALUE_LOST", lambda: change(platform))
    del platform.vault.live().secrets[PATH]
    unchanged(platform, "E_VALUE_LOST", lambda: change(platform))


# ------------------------------------------------------------ other writers


def test_inv4_a_faster_writer_is_not_written_over(platform: SimulatedPlatform) -> None:
    at = At(writes_the_value, lambda: write_by_hand(platform))
    error = refused("E_VERSION_RACED", lambda: change(platform, **at.ports(platform)))
    assert "--adopt 2" in error.hint
    assert [v[FIELD] for v in versions(platform)][1:] == [BY_HAND]
    assert changes(platform) == []
    assert platform.up().epoch  # ends what was begun, and does not take the other's version for its own
    assert changes(platform) == []
    refused("E_VERSION_UNEXPLAINED", lambda: change(platform))
    change(platform, adopt=2, reason="the payment provider's own rotator")
    change(platform)
    assert [v[FIELD] for v in versions(platform)][1:] == [BY_HAND, NEW]
    assert unsound(platform) == []


def test_inv3_a_version_of_another_is_adopted_and_then_explained(platform: SimulatedPlatform) -> None:
    write_by_hand(platform)
    broken = {p.id: p for p in prove(platform.world()) if p.ok is False}
    assert "--adopt VERSION" in broken["explained"].hint
    platform.vault.mutations.clear()
    error = unchanged(platform, "E_VERSION_UNEXPLAINED", lambda: change(platform))
    assert error.exit_code == 5
    done = change(platform, adopt=2, reason="a rotation by hand")
    assert (done.changed, done.version) == (True, 2)
    (fact,) = changes(platform)
    assert (fact.details["how"], fact.details["reason"]) == ("adopted", "a rotation by hand")
    assert set(fact.commitments) == {FIELD}
    assert served(platform) == BY_HAND
    assert unsound(platform) == []


def test_what_is_on_record_is_not_adopted_again(platform: SimulatedPlatform) -> None:
    for version in (1, 1):
        assert not change(platform, adopt=version).changed
    unchanged(platform, "E_NO_VERSION", lambda: change(platform, adopt=2))
    unchanged(platform, "E_NO_VERSION", lambda: change(platform, adopt=-1))


def test_a_version_whose_value_is_gone_can_still_be_explained(platform: SimulatedPlatform) -> None:
    write_by_hand(platform)
    write_by_hand(platform, cas=2)
    SimulatedHand(platform).vault("POST", f"secret/destroy/{PATH}", {"versions": [2]})
    for version in (2, 3):
        change(platform, adopt=version)
    gone, kept = changes(platform)
    assert (dict(gone.commitments), "gone" in gone.details) == ({}, True)
    assert "gone" not in kept.details
    assert unsound(platform) == []


def test_a_run_that_was_overtaken_writes_nothing(platform: SimulatedPlatform) -> None:
    """Another run has the cluster by the time that the value would be written: its fence holds."""
    at = At(writes_the_value, platform.up)
    with pytest.raises(HeldError):
        change(platform, **at.ports(platform))
    assert len(versions(platform)) == 1
    change(platform)
    assert unsound(platform) == []


def test_an_up_in_between_records_it_and_it_is_recorded_once(platform: SimulatedPlatform) -> None:
    at = At(writes_the_value, platform.up, after=True)
    with pytest.raises(HeldError):
        change(platform, **at.ports(platform))
    assert [fact.details["version"] for fact in changes(platform)] == ["2"]
    assert not change(platform).changed
    assert unsound(platform) == []


# ------------------------------------------------------------ interrupted


def test_a_set_that_was_killed_after_its_write_is_recorded_by_up(platform: SimulatedPlatform) -> None:
    killed(platform, written=True)
    run = read_run(platform.cluster)
    assert run is not None
    assert run.state == SETTING
    assert changes(platform) == []
    platform.up()
    (fact,) = changes(platform)
    assert (fact.details["how"], fact.details["reason"]) == ("set", "it leaked")
    assert fact.details["by"] != platform.world().run.actor
    assert [v[FIELD] for v in versions(platform)][1:] == [NEW]


def test_and_by_the_next_set(platform: SimulatedPlatform) -> None:
    killed(platform, written=True)
    change(platform, b"another-value-4242", reason="again")
    assert [f.details["reason"] for f in changes(platform)] == ["it leaked", "again"]
    assert [v[FIELD] for v in versions(platform)][1:] == [NEW, b"another-value-4242"]
    assert unsound(platform) == []


def test_and_by_an_adoption(platform: SimulatedPlatform) -> None:
    killed(platform, written=True)
    change(platform, adopt=2, reason="found it there")
    (fact,) = changes(platform)
    assert (fact.details["how"], fact.details["reason"]) == ("set", "it leaked")


def test_a_set_that_was_killed_before_its_write_leaves_nothing(platform: SimulatedPlatform) -> None:
    killed(platform, written=False)
    platform.up()
    assert len(versions(platform)) == 1
    assert unsound(platform) == []
    assert change(platform, b"another-value-4242").version == 2
    (fact,) = changes(platform)
    assert unsound(platform) == []
    assert fact.details["version"] == "2"


def test_ph3_it_is_nothing_to_abandon(platform: SimulatedPlatform) -> None:
    killed(platform, written=True)
    world = platform.world()
    error = refused("E_NOTHING_TO_ABANDON", lambda: Abandon(world).listing())
    assert "`bootstrap up` ends" in error.message
