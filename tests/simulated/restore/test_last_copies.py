"""A materialized Secret that outlived its Vault is compared with all that a snapshot knows of its value (INV4)."""

from dataclasses import replace

import pytest

from bootstrap.ledger.record import Destination, Fact, RecordType
from bootstrap.ledger.versions import ADOPTED, details_of
from bootstrap.model.catalog import Consumer, Secret
from bootstrap.model.sensitive import Sensitive
from bootstrap.steps.authority.gather import Authority
from bootstrap.steps.authority.last_copies import as_saved
from bootstrap.steps.authority.losses import losses
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.world import World
from bootstrap.steps.secrets.transfer import Here, commitments_of
from tests.simulator.platform import SimulatedPlatform
from tests.support.authorities import NOTE, authority, snapshot_source
from tests.support.ledger_facts import RUN, fact

NOTHING: Authority = authority(restoring=True)
NAME, PLACE = "a", "reads/copy"
OLD, NEW = {"user": "u", "password": "old"}, {"user": "u", "password": "new"}


def held(values: dict[str, str]) -> dict[str, Sensitive]:
    return {name: Sensitive(text.encode(), name) for name, text in values.items()}


def reads(platform: SimulatedPlatform, **keys: str) -> World:
    """The world of a commit with one secret, and one namespace that reads it."""
    world = platform.world()
    consumer = Consumer(namespace="reads", secret="copy", keys=keys)
    some: Secret = next(s for s in world.intent.secrets if s.path and s.consumers)
    secret = replace(some, name=NAME, consumers=(consumer,))
    unplaced = replace(some, name="without a path", path=None, consumers=(replace(consumer, secret="other"),))
    world.intent = replace(world.intent, secrets=(secret, unplaced), internals=())
    return world


def materialized(platform: SimulatedPlatform, values: dict[str, str]) -> None:
    home = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "reads"}}
    platform.cluster.create(home)
    for name in ("copy", "other"):
        meta = {"name": name, "namespace": "reads"}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": meta,
            "data": held(values),
        }
        platform.cluster.create(secret)


def known(world: World, values: dict[str, str], version: int = 1) -> Fact:
    digests = commitments_of(world, NAME, held(values), Here(cluster=RUN.cluster, vault=""))
    place = Destination(cluster="v", path="a", version=version)
    if version == 1:
        return replace(fact(RecordType.INTENT, NAME), commitments=digests, destination=place)
    details = details_of(NAME, version, ADOPTED, "why", "who")
    made = fact(RecordType.ACCEPTED, NAME)
    return replace(made, commitments=digests, destination=place, details=details)


def handed_over(world: World, values: dict[str, str]) -> tuple[Fact, Fact]:
    intent = known(world, values)
    return intent, replace(intent, type=RecordType.COMMIT, audit=fact(RecordType.COMMIT).audit)


def of_records(*facts: Fact) -> SnapshotSource:
    return snapshot_source(NOTE, *facts)


def with_values(values: dict[str, str], *facts: Fact) -> SnapshotSource:
    return replace(of_records(*facts), saved={NAME: held(values)})


@pytest.mark.parametrize(
    ("here", "same"),
    [
        (OLD, True),
        (NEW, False),
        ({}, False),
        ({"user": "u"}, False),
        (OLD | {"more": "m"}, False),
        ({"user": "u", "pass": "old"}, False),
    ],
    ids=str,
)
def test_inv4_it_is_compared_field_by_field_with_values_or_digests(
    here: dict[str, str], same: bool, platform: SimulatedPlatform
) -> None:
    world = reads(platform)
    materialized(platform, here)
    assert as_saved(world, with_values(OLD)) == {PLACE: same}
    assert as_saved(world, of_records(*handed_over(world, OLD))) == {PLACE: same}


def test_inv4_the_values_that_lie_in_the_snapshot_count_before_its_records(
    platform: SimulatedPlatform,
) -> None:
    world = reads(platform)
    materialized(platform, NEW)
    assert as_saved(world, with_values(NEW, *handed_over(world, OLD))) == {PLACE: True}
    assert as_saved(world, with_values(OLD, *handed_over(world, NEW))) == {PLACE: False}


def test_inv4_the_newest_version_on_record_counts(platform: SimulatedPlatform) -> None:
    world = reads(platform)
    materialized(platform, NEW)
    first = handed_over(world, OLD)
    assert as_saved(world, of_records(*first, known(world, NEW, 2))) == {PLACE: True}
    assert as_saved(world, of_records(*first, known(world, OLD, 2))) == {PLACE: False}
    gone = replace(known(world, NEW, 3), commitments={})
    assert as_saved(world, of_records(*first, known(world, NEW, 2), gone)) == {PLACE: None}


def test_inv4_one_of_which_nothing_is_known_cannot_be_compared(platform: SimulatedPlatform) -> None:
    world = reads(platform)
    materialized(platform, OLD)
    assert as_saved(world, of_records()) == {PLACE: None}
    found = losses(world, NOTHING, of_records())
    assert (found.unknown, found.differing) == ((PLACE,), ())
    found = losses(world, NOTHING, with_values(NEW))
    assert (found.unknown, found.differing) == ((), (PLACE,))
    assert not losses(world, NOTHING, with_values(OLD))


def test_inv4_one_that_is_not_there_is_no_copy(platform: SimulatedPlatform) -> None:
    assert as_saved(reads(platform), with_values(OLD)) == {}


@pytest.mark.parametrize(
    ("keys", "here", "same"),
    [
        ({"P": "password"}, {"P": "old"}, True),
        ({"P": "password"}, {"P": "new"}, False),
        ({"P": "password"}, {"password": "old"}, False),
        ({"P": "password", "Q": "password"}, {"P": "old", "Q": "new"}, False),
        ({"P": "a-field-of-later"}, {"P": "old"}, False),
    ],
)
def test_inv4_each_key_is_compared_with_the_field_that_it_shows(
    keys: dict[str, str], here: dict[str, str], same: bool, platform: SimulatedPlatform
) -> None:
    world = reads(platform, **keys)
    materialized(platform, here)
    assert as_saved(world, with_values(OLD)) == {PLACE: same}
    assert as_saved(world, of_records(*handed_over(world, OLD))) == {PLACE: same}
