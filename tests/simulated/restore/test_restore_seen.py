"""Whether a snapshot may become the authority here: each reason that it may not, and what is told (INV1, INV4)."""

from dataclasses import replace

import pytest

from bootstrap.ledger.record import NONCE, Fact, RecordType
from bootstrap.model.heads import Standing
from bootstrap.model.restoration import Restoration
from bootstrap.steps.authority.gather import Authority
from bootstrap.steps.authority.restoring import RestoreSeen, in_place, not_in_it, restore_seen, shown
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.restoration import FILE, RestorationStore
from tests.simulator.platform import SimulatedPlatform
from tests.support.authorities import ELSEWHERE, NOTE, authority, head, head_of, ledger, snapshot_source
from tests.support.ledger_facts import fact

STALE = "stale-snapshot"
SOURCE = snapshot_source(NOTE)
KEPT = f"{STALE}@{SOURCE.digest[:16]}"
NOTHING = authority(restoring=True)
NOW = Restoration(file=SOURCE.digest, nonce="n", begun="2026-01-03T00:00:00Z")


def judged(
    platform: SimulatedPlatform,
    source: SnapshotSource | None = SOURCE,
    known: Authority = NOTHING,
    now: Restoration | None = None,
    image: str = "",
    environment: str = "",
    approve: tuple[str, ...] = (),
) -> RestoreSeen:
    platform.environment = environment
    world = platform.world(approve=approve)
    world.restore = source
    vault = world.intent.platform.vault
    if image:
        vault = replace(vault, image=image)
        world.intent = replace(world.intent, platform=replace(world.intent.platform, vault=vault))
    if now is not None:
        begun(platform, now)
    return restore_seen(world, known)


def begun(platform: SimulatedPlatform, now: Restoration) -> None:
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bootstrap-system"}}
    platform.cluster.create(home)
    RestorationStore(platform.cluster).begin(now, None)


def code(seen: RestoreSeen) -> str:
    if seen.stop is None:
        return ""
    assert seen.stop.hint
    assert seen.rests_on == ()
    return seen.stop.code


def serves(platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform.vault, "active", lambda _: "vault-0")


def volume(platform: SimulatedPlatform, phase: str = "Released", name: str = "old") -> None:
    platform.cluster.create(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name},
            "spec": {"claimRef": {"namespace": "vault", "name": "data-vault-0"}},
            **({"status": {"phase": phase}} if phase else {}),
        }
    )


# ---------------------------------------------------------------- which file, and whether it fits


def test_inv4_without_a_file_it_goes_on_only_where_nothing_is_being_restored(
    platform: SimulatedPlatform,
) -> None:
    assert judged(platform, None) == RestoreSeen()
    seen = judged(platform, None, now=NOW)
    assert code(seen) == "E_RESTORE_UNDER_WAY"
    assert seen.stop is not None
    assert SOURCE.digest in seen.stop.message


@pytest.mark.parametrize(("file", "stops"), [(SOURCE.digest, ""), ("e" * 64, "E_RESTORE_UNDER_WAY")])
def test_inv4_what_was_begun_goes_on_with_the_same_file(
    file: str, stops: str, platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Vault that it makes may serve already, and what it left may lie there still."""
    serves(platform, monkeypatch)
    volume(platform)
    rehearsed = replace(SOURCE, rehearsed=True)
    assert code(judged(platform, rehearsed, now=replace(NOW, file=file))) == stops


RESTORED = Fact(type=RecordType.RESTORED, details={FILE: SOURCE.digest, NONCE: "before"})


def test_inv4_what_is_back_is_not_restored_once_more(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = authority(here=(NOTE, RESTORED))
    assert code(judged(platform, known=after)) == "E_SNAPSHOT_STALE", "the Vault of it is gone"
    serves(platform, monkeypatch)
    assert judged(platform, known=after) == RestoreSeen()
    assert code(judged(platform, known=authority(here=(NOTE,)))) == "E_RESTORE_LIVING"
    lacking = judged(platform, known=after, now=NOW)
    assert (lacking.stop, "not in the snapshot" in lacking.note) == (None, True), "a second restore goes on"


@pytest.mark.parametrize(
    ("mine", "of_file", "said", "hint"),
    [
        ("production", "", "is of no environment, and --environment production is given", "leave"),
        (
            "",
            "production",
            "is of environment production, and no --environment is",
            "--environment production",
        ),
        ("a", "b", "is of environment b, and --environment a is given", "--environment b"),
    ],
)
def test_ph4_another_environment_is_refused(
    mine: str, of_file: str, said: str, hint: str, platform: SimulatedPlatform
) -> None:
    seen = judged(platform, snapshot_source(NOTE, environment=of_file), environment=mine)
    assert code(seen) == "E_SNAPSHOT_ENVIRONMENT"
    assert seen.stop is not None
    assert said in seen.stop.message
    assert seen.stop.hint.startswith(hint)


@pytest.mark.parametrize(
    ("image", "version", "stops"),
    [
        ("vault:1.21.4@sha256:" + "a" * 64, "1.21.1", ""),
        ("vault:v1.21.4", "1.21.1", ""),
        ("vault:1.22.0", "1.21.1", "E_RESTORE_VERSION"),
        ("vault@sha256:" + "a" * 64, "1.21.1", ""),
    ],
)
def test_another_release_is_refused_where_the_image_says_which_it_is(
    image: str, version: str, stops: str, platform: SimulatedPlatform
) -> None:
    assert code(judged(platform, snapshot_source(NOTE, version=version), image=image)) == stops


@pytest.mark.parametrize(
    ("audit", "stops"),
    [
        ((), ""),
        (("file:/vault/audit/audit.log",), ""),
        (("socket", "file:stdout"), ""),
        (("socket", "file:/vault/audit-of-old/audit.log"), "E_RESTORE_AUDIT"),
    ],
)
def test_b6_a_vault_none_of_whose_audit_devices_opens_is_refused(
    audit: tuple[str, ...], stops: str, platform: SimulatedPlatform
) -> None:
    assert code(judged(platform, replace(SOURCE, audit=audit))) == stops


def test_the_first_reason_counts(platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    serves(platform, monkeypatch)
    all_wrong = snapshot_source(NOTE, environment="b", version="1.0.0", audit=("socket",))
    assert code(judged(platform, all_wrong)) == "E_SNAPSHOT_ENVIRONMENT"
    assert code(judged(platform, all_wrong, environment="b")) == "E_RESTORE_VERSION"
    assert code(judged(platform, all_wrong, image="vault@sha256:0", environment="b")) == "E_RESTORE_AUDIT"


# ---------------------------------------------------------------- what is here


def test_inv4_a_living_vault_says_what_would_be_undone(
    platform: SimulatedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    serves(platform, monkeypatch)
    facts = (NOTE, fact(RecordType.INTENT, "a"), fact(RecordType.COMMIT, "a"))
    stop = judged(platform, known=authority(here=facts)).stop
    assert stop is not None
    assert (stop.code, "2 records since the snapshot, values of a would be undone" in stop.message) == (
        "E_RESTORE_LIVING",
        True,
    )
    stop = judged(platform, known=authority(here=(NOTE, NOTE))).stop
    assert stop is not None
    assert "1 records since the snapshot would be undone" in stop.message


def test_a_drill_begins_in_an_empty_cluster(platform: SimulatedPlatform) -> None:
    rehearsed = replace(SOURCE, rehearsed=True)
    assert code(judged(platform, rehearsed)) == ""
    for number in range(10):
        volume(platform, phase="Bound", name=f"old-{number}")
    seen = judged(platform, rehearsed)
    assert code(seen) == "E_RESTORE_NOT_EMPTY"
    assert seen.stop is not None
    assert "10 parts" in seen.stop.message
    assert len(seen.stop.message.splitlines()) == 9
    assert code(judged(platform)) == "", "for a restore that is none, what is left makes room"


def test_it_makes_room_where_something_is_left_or_was_when_it_began(platform: SimulatedPlatform) -> None:
    world = platform.world()
    assert not in_place(world, NOTHING)
    volume(platform)
    assert in_place(world, NOTHING)
    assert not in_place(world, authority())
    begun(platform, NOW)
    assert not in_place(platform.world(), NOTHING)
    RestorationStore(platform.cluster).swap(NOW, NOW.voids_too(("uid",)))
    assert in_place(platform.world(), NOTHING)


# ---------------------------------------------------------------- what it does not hold


def handed_over(world: World) -> tuple[Fact, ...]:
    names = [secret.name for secret in world.intent.handovers]
    return tuple(fact(kind, name) for name in names for kind in (RecordType.INTENT, RecordType.COMMIT))


def test_inv4_what_the_snapshot_does_not_hand_over_is_told_and_stops_nobody(
    platform: SimulatedPlatform,
) -> None:
    facts = handed_over(platform.world())
    assert judged(platform, snapshot_source(*facts)) == RestoreSeen()
    (last,) = not_in_it(platform.world(), snapshot_source(*facts[:-1]))
    assert judged(platform, snapshot_source(*facts[:-1])) == RestoreSeen(
        note=f"not in the snapshot, so Git's values count: {last}"
    )
    seen = judged(platform, snapshot_source(*facts[:-1]), authority(here=(*facts, NOTE)), approve=(STALE,))
    assert seen.note.endswith(last)


def test_names_are_cut_after_eight() -> None:
    names = tuple("abcdefghij")
    assert shown(names[:8]) == "a, b, c, d, e, f, g, h"
    assert shown(names) == "a, b, c, d, e, f, g, h and 2 more"


def said(seen: RestoreSeen) -> list[str]:
    assert code(seen) == "E_SNAPSHOT_STALE"
    assert seen.stop is not None
    return [line.strip() for line in seen.stop.message.splitlines()[1:]]


def test_inv4_all_that_is_lost_is_said_in_full(platform: SimulatedPlatform) -> None:
    facts = handed_over(platform.world())
    source = snapshot_source(NOTE, *facts)
    volume(platform)
    known = authority(
        head(Standing.FORKED, "a fork", size=2),
        head(Standing.OTHER_CLUSTER, "another's", size=3, cluster=ELSEWHERE),
        head_of(ledger(NOTE, *facts, NOTE), place="a clone"),
        here=(NOTE, *facts, NOTE, fact(RecordType.INTENT, "x"), fact(RecordType.COMMIT, "x")),
    )
    size, time = len(facts) + 1, "2026-01-01T00:00:00Z"
    seen = judged(platform, source, known)
    assert said(seen) == [
        f"a clone: {size + 1} records, the last of {time}: 1 were written after the snapshot",
        f"another's: 3 records of another history, cluster uid-2, the last of {time}",
        "a fork: 2 records, other ones than the snapshot has there",
        "the cluster's ledger: 3 records that it does not hold",
        "written since: x",
        "may hold a store, and is voided: old",
    ]
    assert seen.stop is not None
    assert seen.stop.where == "a clone"


@pytest.mark.parametrize("phase", ["Released", "Available", "Failed", "Bound", ""])
def test_inv4_a_volume_whose_claim_is_gone_is_said(phase: str, platform: SimulatedPlatform) -> None:
    source = snapshot_source(*handed_over(platform.world()))
    volume(platform, phase)
    seen = judged(platform, source)
    if phase in ("Bound", ""):
        assert seen == RestoreSeen(), "its claim speaks for it"
    else:
        assert said(seen) == ["may hold a store, and is voided: old"]
        assert seen.stop is not None
        assert seen.stop.where == "one.snapshot"


@pytest.mark.parametrize("approve", [(STALE,), (KEPT,), (f"{STALE}@of-another-file",), ()])
def test_inv4_a_yes_holds_for_the_file_that_it_was_given_for(
    approve: tuple[str, ...], platform: SimulatedPlatform
) -> None:
    volume(platform)
    seen = judged(platform, approve=approve)
    if {STALE, KEPT} & {*approve}:
        assert (seen.stop, seen.rests_on) == (None, (KEPT,))
    else:
        assert code(seen) == "E_SNAPSHOT_STALE"


def test_inv4_once_it_is_begun_heads_alone_may_show_more(platform: SimulatedPlatform) -> None:
    """The volumes that are voided meanwhile were named before."""
    volume(platform)
    longer = head_of(ledger(NOTE, NOTE), place="a clone")
    assert code(judged(platform, now=NOW)) == ""
    assert said(judged(platform, known=authority(longer)))[0].startswith("a clone: 2 records")
    assert not any("voided" in line for line in said(judged(platform, known=authority(longer))))
