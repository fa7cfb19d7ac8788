"""Handover, when Vault is not what it was left: nothing is overwritten, nothing is taken for granted, and no COMMIT
speaks of a value that Vault does not have (H1, H2).
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, cast

import pytest

from bootstrap.ledger.record import RecordType
from bootstrap.model.catalog import Renew
from bootstrap.model.decision import Blocked, Satisfied
from bootstrap.model.errors import EvidenceError, UnknownOutcome, WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.ports import Answer
from bootstrap.steps.context.transfers import named
from bootstrap.steps.secrets.bootstrap_copy import bootstrap_copy_ref
from bootstrap.steps.secrets.values import vault_values
from tests.simulator.concurrent import Answered, At, path_of
from tests.simulator.faults import Call
from tests.simulator.halfway import HalfwayStep, halfway, step_of
from tests.simulator.many import Asked
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.vault import Secret

THEIRS = {"theirs": Sensitive(b"theirs", "theirs")}


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


def several_in_one_folder(platform: SimulatedPlatform) -> list[str]:
    """Their names are listed at once. Paths."""
    paths = [str(s.path) for s in platform.world().intent.handovers]
    folders = Counter(path.rpartition("/")[0] for path in paths)
    found = [path for path in paths if folders[path.rpartition("/")[0]] > 1]
    assert found
    return found


def test_inv1_of_several_in_one_folder_each_is_missed(platform: SimulatedPlatform) -> None:
    platform.up()
    for path in several_in_one_folder(platform):
        kept = platform.vault.live().secrets.pop(path)
        assert refused(step_of(platform, "handover")) == "E_VALUE_LOST", path
        platform.vault.live().secrets[path] = kept
    assert isinstance(step_of(platform, "handover").decide(), Satisfied)


def test_h1_a_name_that_is_listed_is_no_version(platform: SimulatedPlatform) -> None:
    """Somebody wrote metadata before us: not a value of theirs, and not ours."""
    step = halfway(platform, "handover")
    for path in several_in_one_folder(platform):
        platform.vault.live().secrets[path] = Secret(versions=[])
    step.take()
    assert recorded(platform, RecordType.COMMIT) == {s.name for s in step.world.intent.handovers}


def test_h1_what_this_run_has_not_begun_it_writes_without_a_look_at_each(platform: SimulatedPlatform) -> None:
    """And what an earlier run has announced, it looks for: its write may have arrived."""
    step, asked = halfway(platform, "handover"), Asked()
    step = step_of(platform, "handover", **asked.ports(platform))
    step.take()
    secrets = step.world.intent.handovers
    assert asked.calls["GET secret/data"] == len(secrets), "the reading back alone"


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


@pytest.mark.parametrize("part", ["metadata", "data"])
def test_h2_a_write_that_vault_refuses_ends_the_handover_there(
    platform: SimulatedPlatform, path: str, part: str
) -> None:
    """Without its metadata a value would take a write that names no version."""
    halfway(platform, "handover")

    def writes(call: Call) -> bool:
        return call.writes and path_of(call) == f"secret/{part}/{path}"

    at = Answered(writes, Answer(400, {}, errors=("no",)))
    with pytest.raises((WorldError, UnknownOutcome)):
        step_of(platform, "handover", **at.ports(platform)).take()
    assert at.fired
    kept = platform.vault.live().secrets.get(path)
    assert kept is None or kept.versions == []
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


def test_h1_a_version_1_that_was_written_by_a_run_that_died_is_ours_and_is_not_written_again(
    platform: SimulatedPlatform, path: str
) -> None:
    halfway(platform, "handover")
    with pytest.raises(Died):
        step_of(platform, "handover", **At(written(path), die, after=True).ports(platform)).take()
    first, found = platform.world().intent.handovers[0].name, platform.vault.live().secrets[path]
    before, txn = dict(found.versions[0]), found.metadata["custom_metadata"]["txn"]
    assert recorded(platform, RecordType.COMMIT) == set()
    step_of(platform, "handover").take()
    assert platform.vault.live().secrets[path].versions == [before]
    assert recorded(platform, RecordType.COMMIT) == {s.name for s in platform.world().intent.handovers}
    commit = named(platform.world().ledger.read(), RecordType.COMMIT)[first].fact
    assert commit.details["txn"] == txn
    audit = cast("Any", commit.audit)
    assert (audit.txn, audit.write_request_id, bool(audit.read_request_id)) == (txn, "", True)
    assert platform.up().epoch


def test_h4_a_scaffold_that_is_gone_before_the_handover_is_no_source(platform: SimulatedPlatform) -> None:
    """Git's value is handed over all the same; the record names no object that nobody has seen."""
    halfway(platform, "handover")
    secret = platform.world().intent.scaffolds[0]
    ref = bootstrap_copy_ref(secret)
    live = platform.cluster.get(ref)
    assert live is not None
    platform.cluster.delete(ref, uid=live["metadata"]["uid"])
    step_of(platform, "handover").take()
    commits = named(platform.world().ledger.read(), RecordType.COMMIT)
    assert commits[secret.name].fact.source is None


def test_h4_the_record_names_the_scaffold_as_it_was(platform: SimulatedPlatform) -> None:
    halfway(platform, "handover")
    secret = platform.world().intent.scaffolds[0]
    meta = (platform.cluster.get(bootstrap_copy_ref(secret)) or {})["metadata"]
    step_of(platform, "handover").take()
    commits = named(platform.world().ledger.read(), RecordType.COMMIT)
    source = cast("Any", commits[secret.name].fact.source)
    assert (source.namespace, source.name) == (meta["namespace"], meta["name"])
    assert (source.uid, source.resource_version) == (meta["uid"], meta["resourceVersion"])
    without = {s.name for s in platform.world().intent.handovers if s.scaffold is None}
    assert {name for name, record in commits.items() if record.fact.source is None} == without


def test_g1_what_is_marked_beside_a_secret_says_something(platform: SimulatedPlatform) -> None:
    platform.up()
    for secret in platform.world().intent.handovers:
        marks = platform.vault.live().secrets[str(secret.path)].metadata["custom_metadata"]
        assert all(marks.values())
        assert (marks["secret"], marks["owner"], marks["authority"]) == (secret.name, secret.owner, "vault")
        assert marks.get("expires", "") == secret.handover.until


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
