"""`doctor --horizon`: what ends by itself, in the commit and on a live platform (OK4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bootstrap.cli.commands.doctor import ending
from bootstrap.model.catalog import Handover
from bootstrap.operations.horizon import Ending, of_commit, of_platform, within
from tests.simulator.platform import SimulatedPlatform, opened

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_of_a_platform_it_names_each_certificate_that_up_or_a_renewer_made(
    tmp_path: Path, repository: Path
) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    world = platform.world()
    found = within(of_platform(world), world.cluster.server_time(), "400d")
    world.session.close()
    assert [e.what.partition(" that ")[2] for e in found] == [
        *(f"vault-{n} serves" for n in range(3)),
        *(f"vault-{n} starts with" for n in range(3)),
    ]
    assert [e.what for e in within(of_platform(world), NOW, "1826d")][-1] == "CA in Vault"
    world.session.close()


def test_of_a_commit_it_names_the_ca_and_waivers(repository: Path) -> None:
    intent = opened(repository).intent
    kept = replace(intent.handovers[0], handover=Handover(until="2026-06-30", reason="its issuer is slow"))
    found = list(of_commit(replace(intent, secrets=(kept,))))
    assert {e.what for e in within(iter(found), NOW, "200d")} == {f"value of {kept.name} that Git has seen"}
    assert any(e.what.startswith("CA of the commit") for e in within(iter(found), NOW, "8000d"))


def test_the_first_comes_first_and_what_is_later_is_left_out() -> None:
    found = [Ending(str(days), NOW + timedelta(days=days), "") for days in (401, 3, 400, -1)]
    assert [e.what for e in within(iter(found), NOW, "400d")] == ["-1", "3", "400"]


def test_what_has_ended_is_no_longer_well() -> None:
    found = [Ending("a", NOW + timedelta(days=3), "renew a"), Ending("b", NOW, "renew b")]
    assert [(c.ok, c.found, c.hint) for c in ending(found, NOW, "400d")] == [
        (False, "b: has ENDED, 2026-01-01", "renew b"),
        (None, "a: in 3 days, 2026-01-04", "renew a"),
    ]
    assert [c.ok for c in ending(found, NOW - timedelta(days=9), "1h")] == [True]
