"""What people decided, and how Vault came to be, is on record once and in full (H4, INV4)."""

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.ledger.head import VAULT_CLUSTER
from bootstrap.ledger.record import NONCE, Fact, RecordType
from bootstrap.model.heads import Standing
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.recovery import Recovery
from bootstrap.model.restoration import Restoration
from bootstrap.steps.authority.facts import given_back, moved, new_authority, opening, rebuilt, unrecorded
from bootstrap.steps.authority.gather import Authority
from bootstrap.steps.context.names import COMMIT_ANNOTATION, PLAN_ANNOTATION
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.escrow import escrow_digest
from bootstrap.steps.vault.recovery import RecoveryStore
from bootstrap.steps.vault.restoration import RestorationStore
from tests.simulator.platform import SimulatedPlatform
from tests.support.authorities import ELSEWHERE, NOTE, authority, head, ledger, snapshot_source
from tests.support.ledger_facts import fact

WINDOW = Window(attempt=1, nonce="n", phase=WindowPhase.VERIFIED, volume="claim", cluster_id="v")
SHARE = b"ciphertext"
DIGEST = {"escrowSha256": escrow_digest(SHARE)}
KNOWN = {"headCluster": "uid-1", "headVault": "v"}


@pytest.fixture
def platform(platform: SimulatedPlatform) -> SimulatedPlatform:
    platform.escrows[platform.cluster.uid()] = SHARE
    return platform


def claimed(platform: SimulatedPlatform, **marks: str) -> None:
    meta: dict[str, Any] = {"name": "bootstrap-system"} | ({"annotations": marks} if marks else {})
    platform.cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta})


def details(facts: tuple[Fact, ...], kind: RecordType) -> list[dict[str, str]]:
    return [dict(f.details) for f in facts if f.type is kind]


def types(facts: tuple[Fact, ...]) -> list[RecordType]:
    return [f.type for f in facts]


# ---------------------------------------------------------------- the first records of a Vault


def test_h4_a_vault_s_first_records_say_who_decided_and_what_was_proven(platform: SimulatedPlatform) -> None:
    claimed(platform, **{PLAN_ANNOTATION: "sha256:1", COMMIT_ANNOTATION: "c"})
    platform.environment = "production"
    window = replace(WINDOW, attempt=3)
    facts = opening(platform.world(approve=("new-authority@0",)), authority(window=window))
    assert types(facts) == [
        RecordType.NEW_AUTHORITY,
        RecordType.CLAIMED,
        RecordType.VOIDED,
        RecordType.VAULT_INITIALISED,
        RecordType.ESCROW,
        RecordType.VERIFIED,
        RecordType.ROOT_REVOKED,
    ]
    where = {"environment": "production"}
    how = {"attempt": "3", VAULT_CLUSTER: "v", "volume": "claim", "custody": "cluster"}
    assert [dict(f.details) for f in facts[1:]] == [
        {"plan": "sha256:1", "commit": "c"} | where,
        {"attempts": "2"},
        how | where,
        DIGEST,
        how | DIGEST,
        {"proof": "403 after revocation", VAULT_CLUSTER: "v"},
    ]


@pytest.mark.parametrize("by", ["nobody", "one without marks"])
def test_h4_what_is_not_so_is_on_no_record(by: str, platform: SimulatedPlatform) -> None:
    """Without an environment, an escrow, a decision or a further attempt."""
    platform.escrows.clear()
    if by != "nobody":
        claimed(platform)
    facts = opening(platform.world(), authority(window=WINDOW))
    assert types(facts) == [
        RecordType.CLAIMED,
        RecordType.VAULT_INITIALISED,
        RecordType.VERIFIED,
        RecordType.ROOT_REVOKED,
    ]
    assert dict(facts[0].details) == {}
    assert not any("environment" in f.details or "escrowSha256" in f.details for f in facts)


# ---------------------------------------------------------------- decisions


@pytest.mark.parametrize("environment", ["", "production"])
def test_inv4_a_new_authority_names_each_head_that_witnessed(
    environment: str, platform: SimulatedPlatform
) -> None:
    platform.environment = environment
    world = platform.world()
    common = {"secrets": str(len(world.intent.handovers))} | (
        {"environment": environment} if environment else {}
    )
    other = head(Standing.OTHER_CLUSTER, "b", cluster=ELSEWHERE, vault="")
    ours = (
        head(Standing.AHEAD, "a", size=9),
        head(Standing.EQUAL, "c", size=3),
        head(Standing.EQUAL, "d", size=3),
    )
    spent = head(Standing.SUPERSEDED, "e", size=2)

    def noted(found: Authority) -> list[dict[str, str]]:
        named = details(new_authority(world, found), RecordType.NEW_AUTHORITY)
        return [{k: v for k, v in each.items() if k != "headRoot"} for each in named]

    assert noted(authority()) == [common]
    assert noted(authority(*ours, other, spent, here=(NOTE, NOTE))) == [
        common | {"records": "2", "headSize": "9"} | KNOWN,
        common | {"records": "2", "headSize": "3"} | KNOWN,
    ]
    assert noted(authority(other, spent)) == [common | {"headSize": "3", "headCluster": ELSEWHERE}]


NEWER = (head(Standing.AHEAD, "a", size=9), head(Standing.BEHIND, "b", size=1))


@pytest.mark.parametrize(
    ("found", "sizes"),
    [
        (authority(*NEWER, copy=(NOTE,), rollback=True), ["9"]),
        (authority(*NEWER, copy=(NOTE,)), []),
        (authority(*NEWER, copy=(NOTE,), rollback=True, restoring=True), []),
        (authority(NEWER[1], copy=(NOTE,), rollback=True), []),
    ],
)
def test_inv4_an_accepted_rollback_names_the_heads_that_vault_does_not_reach(
    found: Authority, sizes: list[str], platform: SimulatedPlatform
) -> None:
    accepted = details(unrecorded(platform.world(), found), RecordType.ACCEPTED)
    assert [(each["what"], each["headSize"]) for each in accepted] == [("rollback", size) for size in sizes]


def given(platform: SimulatedPlatform) -> World:
    world = platform.world()
    world.run.unrecorded = ("plan sha256:1 sha256:2 run-1", "abandoned run-0")
    return world


PLAN = {"what": "plan", "from": "sha256:1", "to": "sha256:2", "run": "run-1"}


def test_h4_what_people_decided_is_on_record_once(platform: SimulatedPlatform) -> None:
    accepted = Fact(type=RecordType.ACCEPTED, details=PLAN)
    abandoned = Fact(type=RecordType.ABANDONED, details={"run": "run-0"})
    found = tuple((f.type, dict(f.details)) for f in given_back(given(platform), ledger(NOTE)))
    assert found == ((RecordType.ACCEPTED, PLAN), (RecordType.ABANDONED, {"run": "run-0"}))
    assert tuple(given_back(given(platform), ledger(accepted, abandoned))) == ()
    alike = (
        Fact(type=RecordType.CLAIMED, details=PLAN),
        Fact(type=RecordType.ABANDONED, details={"run": "x"}),
    )
    assert len(tuple(given_back(given(platform), ledger(*alike)))) == 2
    assert types(unrecorded(given(platform), authority())) == [RecordType.ACCEPTED, RecordType.ABANDONED]


# ---------------------------------------------------------------- what became of Vault, and of the ledger


@pytest.mark.parametrize("escrow", [True, False])
def test_b4_a_further_share_is_on_record_once(escrow: bool, platform: SimulatedPlatform) -> None:
    if not escrow:
        platform.escrows.clear()
    second = replace(WINDOW, generation=2)
    named = {VAULT_CLUSTER: "v", "generation": "2"}

    def noted(window: Window | None, *facts: Fact) -> list[dict[str, str]]:
        return details(unrecorded(platform.world(), authority(window=window, here=facts)), RecordType.REKEYED)

    assert noted(None) == noted(WINDOW) == []
    assert noted(second) == [named | (DIGEST if escrow else {})]
    assert noted(second, Fact(type=RecordType.REKEYED, details=named | {"more": "x"})) == []
    assert len(noted(second, Fact(type=RecordType.VERIFIED, details=named))) == 1
    assert len(noted(second, Fact(type=RecordType.REKEYED, details=named | {VAULT_CLUSTER: "w"}))) == 1


@pytest.mark.parametrize("window", [WINDOW, None])
def test_inv4_that_the_ledger_came_back_is_on_record_once_for_each_window(
    window: Window | None, platform: SimulatedPlatform
) -> None:
    world, nonce = platform.world(), "n" if window else ""

    def noted(*facts: Fact) -> list[dict[str, str]]:
        return [dict(f.details) for f in rebuilt(world, window, ledger(*facts))]

    made = {"from": "vault", "records": "1", "window": nonce}
    assert noted(NOTE) == [made]
    assert noted(Fact(type=RecordType.REBUILT, details=made)) == []
    assert noted(Fact(type=RecordType.REBUILT, details={"from": "vault"})) == [], "an earlier version's"
    assert noted(Fact(type=RecordType.REBUILT, details=made | {"window": "another"})) == [made]
    assert noted(Fact(type=RecordType.CLAIMED, details=made)) == [made]


@pytest.mark.parametrize(
    ("found", "kinds"),
    [
        (authority(copy=(NOTE,), window=WINDOW), [RecordType.REBUILT]),
        (authority(copy=(NOTE,), here=(NOTE,), window=WINDOW, rebuilding=True), [RecordType.REBUILT]),
        (authority(copy=(NOTE,), here=(NOTE,), window=WINDOW), []),
        (authority(copy=(NOTE,), window=WINDOW, restoring=True), []),
    ],
)
def test_inv4_how_the_ledger_came_here(
    found: Authority, kinds: list[RecordType], platform: SimulatedPlatform
) -> None:
    assert types(moved(platform.world(), found)) == kinds
    assert types(unrecorded(platform.world(), found)) == kinds


# ---------------------------------------------------------------- a restore

NOW = Restoration(file="d" * 64, nonce="n", begun="2026-01-03T00:00:00Z")


def restored(
    platform: SimulatedPlatform, found: Authority, now: Restoration = NOW, *known: Fact
) -> list[dict[str, str]]:
    claimed(platform)
    RestorationStore(platform.cluster).begin(now, None)
    world = platform.world()
    names = [secret.name for secret in world.intent.handovers]
    world.restore = snapshot_source(
        NOTE, *(fact(kind, name) for name in names for kind in (RecordType.INTENT, RecordType.COMMIT)), *known
    )
    facts = unrecorded(world, found)
    notes = details(facts, RecordType.RESTORED)
    assert details(facts, RecordType.ESCROW) == ([DIGEST] if platform.escrows and notes else [])
    return notes


def test_inv4_a_restore_says_of_what_from_where_and_how_old(platform: SimulatedPlatform) -> None:
    (note,) = restored(platform, authority(restoring=True))
    size = note["records"]
    assert {k: v for k, v in note.items() if k != "headRoot"} == {
        "file": "d" * 64,
        NONCE: "n",
        "from": "uid-1",
        "to": "uid-1",
        VAULT_CLUSTER: "v",
        "taken": "2026-01-02T00:00:00Z",
        "ageSeconds": "86400",
        "raftIndex": "41",
        "records": size,
        "tokens": "none of before lives",
        "leftOut": "tokens",
        "headSize": size,
    } | KNOWN


def test_inv4_what_was_found_and_given_up_on_the_way_is_on_record(platform: SimulatedPlatform) -> None:
    platform.environment = "production"
    platform.escrows.clear()
    now = replace(NOW.done("write auth/a", "auth/b"), lost={"voided": "old"})
    (note,) = restored(platform, authority(restoring=True), now)
    assert (note["repaired"], note["batchRoles"], note["voided"]) == ("write auth/a", "auth/b", "old")
    assert (note["accepted"], note["environment"]) == ("stale-snapshot", "production")


def test_inv4_each_head_that_it_gives_up_is_named_with_what_that_had_more(
    platform: SimulatedPlatform,
) -> None:
    newer = head(Standing.AHEAD, "a", size=99)
    notes = restored(platform, authority(newer, restoring=True))
    size = int(notes[0]["records"])
    assert [(n["headSize"], n.get("lostRecords"), n["accepted"]) for n in notes] == [
        (str(size), None, "stale-snapshot"),
        ("99", str(99 - size), "stale-snapshot"),
    ]
    assert all("notInIt" not in n for n in notes)


def test_inv4_what_git_counts_for_is_on_record(platform: SimulatedPlatform) -> None:
    claimed(platform)
    RestorationStore(platform.cluster).begin(NOW, None)
    world = platform.world()
    world.restore = snapshot_source(NOTE)
    notes = details(unrecorded(world, authority(restoring=True)), RecordType.RESTORED)
    assert [n["notInIt"] for n in notes] == [" ".join(s.name for s in world.intent.handovers)]
    world.restore = None
    assert unrecorded(world, authority(restoring=True)) == ()


def test_inv4_a_restore_that_was_not_begun_is_on_no_record(platform: SimulatedPlatform) -> None:
    world = platform.world()
    world.restore = snapshot_source(NOTE)
    assert unrecorded(world, authority(restoring=True)) == ()


# ---------------------------------------------------------------- a quorum

RECOVERY = Recovery(nonce="r", begun="2026-01-03T00:00:00Z", pod="vault-1", volume="claim")


@pytest.mark.parametrize("full", [True, False])
def test_inv4_a_quorum_that_was_recovered_is_on_record_once(full: bool, platform: SimulatedPlatform) -> None:
    now = RECOVERY.done()
    more = {"raftIndex": "7", "lost": "vault-0 vault-2", "givenUp": "vault-3"} if full else {}
    if full:
        now = replace(now, index="7", lost=("vault-0", "vault-2"), dropped=("vault-3",))
    claimed(platform)
    RecoveryStore(platform.cluster).begin(now, None)
    found = unrecorded(platform.world(), authority(window=WINDOW))
    assert details(found, RecordType.ACCEPTED) == [
        {
            "what": "recover-quorum",
            "recovery": "r",
            VAULT_CLUSTER: "v",
            "begun": "2026-01-03T00:00:00Z",
            "survivor": "vault-1",
            "volume": "claim",
        }
        | more
    ]
    assert unrecorded(platform.world(), authority(window=WINDOW, here=found)) == ()
    assert unrecorded(platform.world(), authority()) == (), "of which Vault is not known"


def test_inv4_one_that_is_under_way_is_on_no_record(platform: SimulatedPlatform) -> None:
    claimed(platform)
    RecoveryStore(platform.cluster).begin(RECOVERY.alone(), None)
    assert unrecorded(platform.world(), authority(window=WINDOW)) == ()
