"""Handover, when Vault is not what it was left: nothing is overwritten, nothing is taken for granted, and no COMMIT
speaks of a value that Vault does not have (H1, H2).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from bootstrap.ledger.record import RecordType
from bootstrap.model.catalog import Renew
from bootstrap.model.decision import Blocked
from bootstrap.model.errors import EvidenceError, UnknownOutcome
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.context.transfers import named
from bootstrap.steps.secrets.values import vault_values
from tests.simulator.concurrent import At, path_of
from tests.simulator.faults import Call
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.platform import SimulatedPlatform, scaffolded
from tests.simulator.vault import Secret

THEIRS = {"theirs": Sensitive(b"theirs", "theirs")}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"))


@pytest.fixture
def platform(tmp_path: Path, repository: Path) -> SimulatedPlatform:
    return SimulatedPlatform(tmp_path, repository)


@pytest.fixture
def path(platform: SimulatedPlatform) -> str:
    """Where the first secret goes to."""
    return str(platform.world().intent.handovers[0].path)


def recorded(platform: SimulatedPlatform, record_type: RecordType) -> set[str]:
    return set(named(platform.world().ledger.read(), record_type))


def refused(step: HalfwayStep) -> str:
    decision = step.decide()
    assert isinstance(decision, Blocked)
    return decision.error.code


def written(path: str) -> Callable[[Call], bool]:
    return lambda call: call.writes and path_of(call) == f"secret/data/{path}"


def test_h1_a_version_that_no_intent_explains_stops_the_run_before_it_writes(
    platform: SimulatedPlatform, path: str
) -> None:
    step = halfway(platform, "handover")
    platform.vault.live().secrets[path] = Secret(versions=[dict(THEIRS)])
    platform.vault.mutations.clear()
    assert refused(step) == "E_AUTHORITY_CONFLICT"
    assert (platform.vault.mutations, recorded(platform, RecordType.INTENT)) == ([], set())


@pytest.mark.parametrize("all_of_it", [True, False])
def test_inv1_a_value_that_is_gone_after_its_handover_is_never_written_from_git_again(
    all_of_it: bool, platform: SimulatedPlatform, path: str
) -> None:
    """With its metadata, or without: a path of which no version is left has no value."""
    platform.up()
    secrets = platform.vault.live().secrets
    if all_of_it:
        del secrets[path]
    else:
        secrets[path].versions.clear()
    platform.vault.mutations.clear()
    assert refused(step_of(platform, "handover")) == "E_VALUE_LOST"
    with pytest.raises(EvidenceError) as caught:
        platform.up()
    assert (caught.value.code, platform.vault.mutations) == ("E_VALUE_LOST", [])


def test_h2_what_is_written_between_look_and_write_is_neither_replaced_nor_committed(
    platform: SimulatedPlatform, path: str
) -> None:
    """The write takes an empty path only; and what is read back is compared."""
    step = halfway(platform, "handover")
    at = At(written(path), lambda: platform.vault.live().secrets.update({path: Secret(versions=[THEIRS])}))
    with pytest.raises(EvidenceError) as caught:
        step_of(platform, "handover", **at.ports(platform)).take()
    assert at.fired
    assert (caught.value.code, step.world.intent.handovers[0].name in caught.value.message) == (
        "E_AUTHORITY_CONFLICT",
        True,
    )
    assert platform.vault.live().secrets[path].versions == [THEIRS]
    assert recorded(platform, RecordType.COMMIT) == set()


def spoil(platform: SimulatedPlatform, path: str) -> None:
    version = platform.vault.live().secrets[path].versions[0]
    version.update({name: Sensitive(b"spoilt", name) for name in version})


def test_h2_a_value_that_reads_back_otherwise_is_not_committed(
    platform: SimulatedPlatform, path: str
) -> None:
    halfway(platform, "handover")
    at = At(written(path), lambda: spoil(platform, path), after=True)
    with pytest.raises(EvidenceError) as caught:
        step_of(platform, "handover", **at.ports(platform)).take()
    assert (at.fired, caught.value.code) == (True, "E_AUTHORITY_CONFLICT")
    assert recorded(platform, RecordType.COMMIT) == set()


class Alike:
    """Commitments that are equal whatever the values are."""

    def commit(self, *_: object) -> str:
        return "0" * 64


def test_h2_the_values_themselves_are_compared_not_their_digests_alone(
    platform: SimulatedPlatform, path: str
) -> None:
    halfway(platform, "handover")
    at = At(written(path), lambda: spoil(platform, path), after=True)
    step = step_of(platform, "handover", **at.ports(platform))
    step.world.material.commitments = Alike  # type: ignore[method-assign]
    with pytest.raises(EvidenceError) as caught:
        step.take()
    assert caught.value.code == "E_AUTHORITY_CONFLICT"
    assert recorded(platform, RecordType.COMMIT) == set()


def test_h2_after_the_handover_vault_takes_no_write_that_does_not_name_its_version(
    platform: SimulatedPlatform,
) -> None:
    """``cas_required``, for every secret, and before its value is there."""
    unguarded: list[str] = []

    def look(store: Any, line: Any) -> None:
        if line.path.startswith("secret/data/") and "bootstrap/" not in line.path:
            kept = store.secrets.get(line.path.removeprefix("secret/data/"))
            if kept is None or not kept.metadata.get("cas_required"):
                unguarded.append(line.path)

    platform.vault.watchers.append(look)
    platform.up()
    assert unguarded == []
    root = platform.vault.live()
    assert all(root.secrets[str(s.path)].metadata["cas_required"] for s in platform.world().intent.handovers)


def test_h2_a_version_1_that_was_deleted_meanwhile_is_not_taken_for_an_empty_path(
    platform: SimulatedPlatform, path: str
) -> None:
    halfway(platform, "handover")
    at = At(written(path), lambda: platform.vault.live().secrets[path].deleted.add(1), after=True)
    with pytest.raises(EvidenceError) as caught:
        step_of(platform, "handover", **at.ports(platform)).take()
    assert (caught.value.code, "was deleted" in caught.value.message) == ("E_AUTHORITY_CONFLICT", True)
    assert recorded(platform, RecordType.COMMIT) == set()


def test_h2_a_write_that_left_nothing_behind_is_an_unknown_outcome_and_not_committed(
    platform: SimulatedPlatform, path: str
) -> None:
    halfway(platform, "handover")
    at = At(written(path), lambda: platform.vault.live().secrets[path].versions.clear(), after=True)
    with pytest.raises(UnknownOutcome):
        step_of(platform, "handover", **at.ports(platform)).take()
    assert recorded(platform, RecordType.COMMIT) == set()
    platform.up()
    assert len(platform.vault.live().secrets[path].versions) == 1


def test_h2_of_a_lost_answer_the_commit_names_no_request_and_of_a_heard_one_it_does(
    platform: SimulatedPlatform, path: str
) -> None:
    def lose() -> None:
        platform.vault.lose_next_answer = True

    halfway(platform, "handover")
    step_of(platform, "handover", **At(written(path), lose).ports(platform)).take()
    first, second = (s.name for s in platform.world().intent.handovers[:2])
    commits = named(platform.world().ledger.read(), RecordType.COMMIT)
    audits = {name: cast("Any", commits[name].fact.audit) for name in (first, second)}
    assert (audits[first].write_request_id, bool(audits[second].write_request_id)) == ("", True)
    assert all(audit.read_request_id and audit.txn for audit in audits.values())


def test_h1_a_version_1_that_is_another_than_was_announced_is_not_ours(
    platform: SimulatedPlatform, path: str
) -> None:
    """An intent alone is no proof of the writer: what it announced must be what is there."""
    halfway(platform, "handover")
    step = step_of(platform, "handover", **At(written(path), die).ports(platform))
    with pytest.raises(Died):
        step.take()
    assert step.world.intent.handovers[0].name in recorded(platform, RecordType.INTENT)
    platform.vault.live().secrets[path] = Secret(versions=[dict(THEIRS)])
    with pytest.raises(EvidenceError) as caught:
        step_of(platform, "handover").take()
    assert caught.value.code == "E_AUTHORITY_CONFLICT"
    assert recorded(platform, RecordType.COMMIT) == set()


def test_h1_the_same_value_is_announced_once_and_another_anew(platform: SimulatedPlatform, path: str) -> None:
    """Killed before the write: what is written next was announced before; nothing is announced twice."""
    halfway(platform, "handover")
    with pytest.raises(Died):
        step_of(platform, "handover", **At(written(path), die).ports(platform)).take()
    before = intents(platform)
    step_of(platform, "handover").take()
    kept = {s.name for s in platform.world().intent.handovers if s.handover.renew is not Renew.GENERATE}
    assert kept
    assert {name: intents(platform).count(name) for name in kept} == dict.fromkeys(kept, 1)
    assert set(before) == set(intents(platform))


def intents(platform: SimulatedPlatform) -> list[str]:
    facts = (record.fact for record in platform.world().ledger.read().records)
    return [fact.secret.name for fact in facts if fact.type is RecordType.INTENT and fact.secret]


class Died(BaseException):
    """No handler of ours may survive it."""


def die() -> None:
    raise Died


def test_h5_what_is_to_be_made_anew_is_and_everything_else_is_git_s_value(
    platform: SimulatedPlatform,
) -> None:
    platform.up()
    world, found = platform.world(), platform.vault.live().secrets
    anew = {}
    for secret in world.intent.handovers:
        ours, git = found[str(secret.path)].versions[0], vault_values(world, secret)
        assert ours.keys() == git.keys()
        anew[secret.name] = sorted(field for field in git if ours[field] != git[field])
        for field in anew[secret.name]:
            assert len(ours[field].reveal()) == secret.handover.length
    assert {name: fields for name, fields in anew.items() if fields} == {
        "postgres-superuser": ["password"],
        "orders-session-key": ["key"],
    }


def test_h5_a_value_made_anew_is_named_in_its_records(platform: SimulatedPlatform) -> None:
    platform.up()
    commits = named(platform.world().ledger.read(), RecordType.COMMIT)
    generated = {name: r.fact.details.get("generated") for name, r in commits.items()}
    assert {name: text for name, text in generated.items() if text} == {
        "postgres-superuser": "password",
        "orders-session-key": "key",
    }
