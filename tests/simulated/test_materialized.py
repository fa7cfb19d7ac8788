"""Consumers of a secret that Git does not introduce: they wait for its value, and nothing else waits for them."""

from pathlib import Path
from typing import Any

import pytest

from bootstrap.cli.commands import status
from bootstrap.cli.commands.up import summarise
from bootstrap.engine.result import Result
from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import WorldError
from bootstrap.model.sensitive import Sensitive
from bootstrap.operations.verify.invariants import prove
from bootstrap.operations.verify.proof import Proof
from bootstrap.operations.verify.proofs.consumers import consumers_served
from bootstrap.ports import Ref
from bootstrap.steps.context.transfers import named
from bootstrap.steps.secrets.external_secret_objects import REFRESH
from tests.simulator.platform import SimulatedPlatform, opened, scaffolded
from tests.simulator.vault import Secret
from tests.support.program import commit_all

ENTRY = """\
apiVersion: bootstrap/v1
kind: Secret
metadata: {{name: {name}}}
spec:
  class: {kind}
  owner: orders-team
  purpose: Reads the bucket
  runtime: {{path: applications/orders/{name}}}
  consumers:
    - {{namespace: orders, secret: {name}, workload: Deployment/orders-web, keys: {{key: key}}}}
    - {{namespace: database, secret: {name}}}
"""
BUCKET = "bucket waits for secret/applications/orders/bucket, which infrastructure writes (class derived)"
LICENCE = "licence waits for secret/applications/orders/licence, which nobody has written yet"
WAITING = [BUCKET, LICENCE]
OF_BUCKET = Ref("external-secrets.io/v1", "ExternalSecret", "bucket", "orders")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = scaffolded(tmp_path_factory.mktemp("intent"))
    entries = (ENTRY.format(name="bucket", kind="derived"), ENTRY.format(name="licence", kind="runtime"))
    (made / "secrets" / "written.yaml").write_text("---\n".join(entries))
    commit_all(made)
    opened.cache_clear()
    return made


def written(platform: SimulatedPlatform, *names: str) -> None:
    for name in names:
        value = {"key": Sensitive(b"v", "test")}
        platform.vault.live().secrets[f"applications/orders/{name}"] = Secret(versions=[value])


def waits(result: Result, step: str = "materialized") -> list[str]:
    return [why for o in result.outcomes if o.step.id == step for why in o.pending]


def served(platform: SimulatedPlatform) -> Proof:
    return consumers_served(platform.world())


def test_inv5_a_value_that_nobody_has_written_holds_up_nothing(platform: SimulatedPlatform) -> None:
    result = platform.up()
    world = platform.world()
    assert waits(result) == WAITING
    assert all(platform.narrator.said(why) for why in WAITING)
    assert platform.cluster.get(OF_BUCKET) is not None
    assert set(named(world.ledger.read(), RecordType.RETIRED)) == {s.name for s in world.intent.handovers}
    summary = summarise(world, result)
    assert [item["for"] for item in summary["waits"]] == WAITING
    assert summary["retirementWaits"] is False


def test_inv5_verify_and_status_say_what_is_waited_for(platform: SimulatedPlatform) -> None:
    platform.up()
    world = platform.world()
    assert [p.title for p in prove(world) if p.ok is not True] == [served(platform).title]
    assert served(platform).ok is None
    assert served(platform).evidence == "9 objects synced; " + ", ".join(WAITING)
    steps = {s["id"]: s for phase in status.gather(world)["phases"] for s in phase["steps"]}
    told = steps["materialized"]
    assert (told["health"], told["details"]) == ("waits", WAITING)
    assert told["message"] == "9 synced"


def test_g5_a_second_up_changes_nothing_while_it_waits(platform: SimulatedPlatform) -> None:
    platform.up()
    platform.cluster.mutations.clear()
    assert platform.up().epoch == 0
    assert platform.cluster.mutations == []


def test_inv5_once_the_value_is_there_it_is_synced_as_all_others(platform: SimulatedPlatform) -> None:
    platform.up()
    written(platform, "bucket")
    assert served(platform).ok is False  # from now on it is late
    assert str(OF_BUCKET) in served(platform).evidence
    assert waits(platform.up()) == [LICENCE]
    assert platform.cluster.get(Ref("v1", "Secret", "bucket", "orders")) is not None
    live = platform.cluster.get(OF_BUCKET)
    assert live is not None
    # asked again, and no trace of it
    assert list(live["metadata"]["annotations"]) == ["bootstrap.dev/secret"]
    assert live["spec"]["refreshInterval"] == REFRESH
    written(platform, "licence")
    assert waits(platform.up()) == []
    assert served(platform).ok is True
    assert platform.up().epoch == 0


def test_inv5_an_external_secret_that_somebody_took_away_is_no_waiting(platform: SimulatedPlatform) -> None:
    platform.up()
    live = platform.cluster.get(OF_BUCKET)
    assert live is not None
    platform.cluster.delete(OF_BUCKET, uid=live["metadata"]["uid"])
    proof = served(platform)
    assert proof.ok is False
    assert proof.evidence.endswith(f": {OF_BUCKET}")
    assert waits(platform.up()) == WAITING


class Counted:
    """Vault's port, which remembers what was read."""

    def __init__(self, vault: Any) -> None:
        self._vault = vault
        self.paths: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)

    def call(self, method: str, path: str, *args: Any, **kwargs: Any) -> Any:
        self.paths.append(path)
        return self._vault.call(method, path, *args, **kwargs)


def test_a_finished_cluster_is_asked_for_no_value_that_is_synced(platform: SimulatedPlatform) -> None:
    counted = Counted(platform.vault)
    platform.up()
    written(platform, "bucket", "licence")
    platform.up()
    platform.up(vault=counted)
    assert [p for p in counted.paths if p.endswith(("/bucket", "/licence"))] == []


def test_what_is_not_synced_in_time_is_named_with_the_command_that_shows_why(
    platform: SimulatedPlatform,
) -> None:
    platform.up()
    written(platform, "bucket")
    platform.cluster.controllers.pop()  # the operator sleeps
    with pytest.raises(WorldError) as caught:
        platform.up()
    error = caught.value
    assert (error.code, error.where) == ("E_TIMEOUT", str(OF_BUCKET))
    assert error.hint == "`kubectl --namespace orders describe externalsecret bucket`"
    assert error.message.endswith("could not get secret data")
