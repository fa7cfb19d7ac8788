"""What stops a run over the authority of its cluster is said in full: places, numbers, secrets, ways on (INV4)."""

import pytest

from bootstrap.ledger.record import Fact, RecordType
from bootstrap.model.errors import BootstrapError
from bootstrap.model.heads import Standing
from bootstrap.steps.authority.gather import Authority, Placed
from bootstrap.steps.authority.stops import rests_on, stopped
from tests.support.authorities import ELSEWHERE, NEW, NOTE, authority, head, junk
from tests.support.ledger_facts import fact


def error(found: Authority) -> BootstrapError:
    stop = stopped(found)
    assert stop is not None
    assert stop.hint
    return stop


def lines(found: Authority) -> list[str]:
    return [line.strip() for line in error(found).message.splitlines()[1:-1]]


def test_inv4_where_nothing_is_lost_nothing_stops() -> None:
    assert stopped(authority()) is None


def test_inv4_everything_that_speaks_of_a_lost_authority_is_named_and_nothing_else() -> None:
    found = authority(
        head(Standing.OTHER_CLUSTER, "records/uid-2/head.json", cluster=ELSEWHERE),
        junk(Standing.OTHER_ENVIRONMENT, "records/uid-3/head.json"),
        head(Standing.SUPERSEDED, "an old clone", size=2),
        head(Standing.EQUAL, "records/uid-1/head.json"),
        head(Standing.BEHIND, "ConfigMap ledger-head", size=1, vault=""),
        here=(NOTE, fact(RecordType.INTENT), fact(RecordType.COMMIT)),
        traces=("ClusterSecretStore vault-backend",),
    )
    assert lines(found) == [
        "cluster uid-1",
        "records/uid-1/head.json: 3 records, the last of 2026-01-01T00:00:00Z, Vault v",
        "ConfigMap ledger-head: 1 records, the last of 2026-01-01T00:00:00Z",
        "the cluster's ledger: 3 records, 1 secrets handed over",
        "ClusterSecretStore vault-backend",
    ]
    stop = error(found)
    assert (stop.code, stop.where) == ("E_AUTHORITY_LOST", "records/uid-1/head.json")
    assert "4 secrets go back to Git's value" in stop.hint


def test_inv4_without_a_ledger_none_is_named() -> None:
    found = authority(traces=("PersistentVolume old",))
    assert lines(found) == ["cluster uid-1", "PersistentVolume old"]
    assert error(found).where == "PersistentVolume old"
    assert error(authority(here=(NOTE,))).where == "namespace bootstrap-system"


def test_inv4_of_another_cluster_s_records_those_are_named_and_no_other_environment_s() -> None:
    found = authority(
        head(Standing.OTHER_ENVIRONMENT, "records/uid-3/head.json", cluster="uid-3"),
        head(Standing.OTHER_CLUSTER, "records/uid-2/head.json", cluster=ELSEWHERE),
        head(Standing.OTHER_CLUSTER, "a folder", cluster=ELSEWHERE),
    )
    stop = error(found)
    assert (stop.code, stop.where) == ("E_OTHER_CLUSTER", "records/uid-2/head.json")
    first, *rest = stop.message.splitlines()
    assert "(uid-2)" in first
    assert [line.partition(": ")[0].strip() for line in rest] == ["records/uid-2/head.json", "a folder"]


def behind(*facts: Fact, size: int, copy: int = 1) -> BootstrapError:
    found = authority(head(Standing.EQUAL, "a head", size=size), here=facts, copy=facts[:copy])
    stop = error(found)
    assert stop.code == "E_ROLLBACK_VAULT"
    assert "--approve rollback" in stop.hint
    return stop


def test_inv4_a_vault_that_was_put_back_says_until_when_and_which_secrets_that_is_of() -> None:
    names = [f"secret-{n}" for n in range(10)]
    some = (
        NOTE,
        fact(RecordType.INTENT, "a"),
        NOTE,
        fact(RecordType.COMMIT, "a"),
        fact(RecordType.INTENT, "b"),
    )
    message = behind(*some, size=5).message
    assert "has 1 records and had 5: Vault was put back to a time before 2026-01-01T00:00:00Z" in message
    assert message.endswith("; the records that it lacks are of a, b")
    many = behind(NOTE, *(fact(RecordType.INTENT, name) for name in names), size=11).message
    assert many.endswith("are of " + ", ".join(names[:8]) + " and 2 more")
    eight = behind(NOTE, *(fact(RecordType.INTENT, name) for name in names[:8]), size=9).message
    assert eight.endswith(", secret-7")
    assert behind(NOTE, NOTE, size=2).message.endswith("; the records that it lacks are of no secret")


def test_inv4_where_nobody_has_the_records_that_vault_lacks_that_is_said() -> None:
    message = behind(NOTE, size=9).message
    assert (
        "Vault was put back to a time before 2026-01-01T00:00:00Z; nobody here has records 1 to 8" in message
    )
    assert "before before" not in message


def test_inv4_a_cluster_that_is_behind_says_by_how_much() -> None:
    stop = error(authority(here=(NOTE,), copy=(NOTE, NOTE)))
    assert (stop.code, "has 1 records, Vault's copy 2" in stop.message) == ("E_ROLLBACK_CLUSTER", True)


@pytest.mark.parametrize(
    ("bad", "code", "said"),
    [
        (head(Standing.FORKED, "a head"), "E_FORK", "a head names 3 records"),
        (junk(Standing.FORGED, "a head"), "E_HEAD", "is no signed head of the ledger"),
        (junk(Standing.FORGED, "a head", ELSEWHERE), "E_HEAD", "signed head of another cluster, uid-2"),
        (junk(Standing.FOREIGN_KEY, "a head"), "E_HEAD_KEY", "a key that keys/ does not have"),
    ],
)
def test_inv4_a_head_that_is_not_what_it_says_is_named(bad: Placed, code: str, said: str) -> None:
    stop = error(authority(head(Standing.EQUAL, "another"), bad, here=(NOTE,), copy=(NOTE,)))
    assert (stop.code, stop.where, said in stop.message) == (code, "a head", True)


# ---------------------------------------------------------------- on which yes it rests

LOST = head(Standing.EQUAL, "a head")
YES, BACK, MORE = "new-authority@0", "rollback@0", "recover-quorum@0"
GIVEN = (YES, BACK, MORE)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (authority(approved=GIVEN), ()),
        (authority(LOST, approved=GIVEN), (YES,)),
        (authority(LOST, approved=GIVEN, carried=GIVEN, new_authority=True), (YES,)),
        (authority(LOST, approved=GIVEN, carried=GIVEN, silent=True), ()),
        (authority(LOST, approved=GIVEN, carried=GIVEN, silent=True, new_authority=True), (YES,)),
        (authority(LOST, approved=GIVEN, silent=True, new_authority=True), ()),
        (authority(LOST, here=(NOTE,), copy=(NOTE,), approved=GIVEN, rollback=True), (BACK,)),
        (authority(LOST, here=(NEW,), approved=GIVEN), ()),
        (authority(LOST, here=(NEW,), copy=(NEW,), approved=GIVEN, rollback=True), (BACK,)),
        (authority(head(Standing.OTHER_CLUSTER, "a", cluster=ELSEWHERE), approved=GIVEN), (YES,)),
    ],
)  # fmt: skip
def test_inv4_a_yes_is_kept_where_the_run_rests_on_it(found: Authority, kept: tuple[str, ...]) -> None:
    assert rests_on(found) == kept
