"""`doctor --horizon`: what ends by itself, in the commit and on a live platform (OK4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bootstrap.adapters.root.derived_keys import generate_ca
from bootstrap.cli.commands.doctor import asked, ending, filling
from bootstrap.model.catalog import Handover, Rotation
from bootstrap.model.last_snapshot import LastSnapshot
from bootstrap.operations.horizon import Ending, of_commit, of_platform, of_vault, within
from bootstrap.steps.vault import last_snapshot
from tests.simulator.platform import SimulatedPlatform, opened, scaffolded, with_snapshots
from tests.simulator.vault import Token

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Leaderless:
    def __init__(self, vault: Any) -> None:
        self._vault = vault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)

    def active(self, _pods: Any) -> str:
        return ""


def test_of_a_platform_it_names_each_certificate_that_up_or_a_renewer_made(
    tmp_path: Path, repository: Path
) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    world = platform.world()
    found = within(of_platform(world), world.cluster.server_time(), "400d")
    world.session.close()
    made = [e.what for e in found if e.what.startswith("certificate")]
    assert [what.partition(" that ")[2] for what in made] == [
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


def test_of_a_commit_it_names_every_certificate_and_openpgp_key_below_keys(repository: Path) -> None:
    """Whatever they are called: what an S3 server is known by, say, and a holder's key."""
    from pysequoia import Tsk

    intent = opened(repository).intent
    _, theirs = generate_ca("S3 of others")
    holder = Tsk.generate("holder <holder@example.test>", validity_seconds=30 * 86400).extract_certificate()
    keys = {
        **intent.keys,
        "s3.pem": theirs + intent.keys["vault-ca.crt"],
        "holders/one.txt": str(holder).encode(),
    }
    found = list(of_commit(replace(intent, keys=keys)))
    assert len([e for e in found if "keys/s3.pem" in e.what]) == 2
    (key,) = (e for e in found if "keys/holders/one.txt" in e.what)
    assert timedelta(days=29) < key.until - datetime.now(UTC) <= timedelta(days=30)


def test_of_a_platform_it_names_values_by_their_rotation_and_tokens_of_people(
    tmp_path: Path, repository: Path
) -> None:
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    live = platform.vault.live().tokens
    live["hvs.a"] = Token("theirs", ("reader",), expires="2026-02-03T04:05:06.123456789Z")
    live["hvs.b"] = Token("operators", ("eso",), path="auth/kubernetes/login", expires="2026-01-01T01:00:00Z")
    live["hvs.c"] = Token("for-ever", ("root",))
    world = platform.world()
    secret = world.intent.handovers[0]
    world.intent = replace(
        world.intent, secrets=(replace(secret, rotation=Rotation(rotation_type="time-based", ttl="30d")),)
    )
    found = {e.what: e.until for e in of_vault(world)}
    world.session.close()
    assert found == {
        f"value of {secret.name} by its rotation policy": NOW + timedelta(days=30),
        "token theirs of reader": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
    }


def test_where_vault_cannot_be_asked_it_still_names_the_certificates_and_says_what_is_left_out(
    tmp_path: Path, repository: Path
) -> None:
    """All that it stands on has ended: nothing trusts a node, so none is active."""
    platform = SimulatedPlatform(tmp_path, repository)
    platform.up()
    world, found = platform.world(), list[Ending]()
    world.session.vault = Leaderless(platform.vault)
    (left_out,) = asked(world, found)
    assert left_out.ok is False and "no Vault node is active" in left_out.found and found == []
    assert "certificate that vault-0 serves" in {each.what for each in of_platform(world)}


def test_inv1_the_volume_of_the_snapshots_is_named_before_it_is_full(tmp_path: Path) -> None:
    platform = SimulatedPlatform(tmp_path, scaffolded(tmp_path / "intent", with_snapshots))
    platform.up()
    world = platform.world()
    assert [c.found for c in filling(world) if "snapshots" in c.found] == []
    for size, ok in ((100 << 20, None), (205 << 20, False)):  # keep is 3, and 1Gi is there
        last = LastSnapshot(
            file="one",
            time=f"2026-01-01T00:00:0{size % 7}Z",
            size=size,
            sha256="",
            raft_index=1,
            records=1,
            kept=1,
        )
        live = world.cluster.get(last_snapshot.REF)
        assert live is not None
        world.cluster.replace({**live, "data": {"last.json": last.to_text()}})
        (check,) = (c for c in filling(world) if "snapshots" in c.found)
        assert check.ok is ok, check.found
    world.session.close()


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
