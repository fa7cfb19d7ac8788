"""Another plan, by another version of the tool or another commit.

To a finished cluster it is nothing; an unfinished run asks, and shows what differs.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bootstrap.adapters.git.repository import open_repository
from bootstrap.cli import compose
from bootstrap.cli.commands import status
from bootstrap.engine.plan import make_plan
from bootstrap.engine.result import Result
from bootstrap.engine.runner import Runner
from bootstrap.intent.load import load_intent
from bootstrap.model.errors import DecisionNeeded
from bootstrap.model.plan import Plan
from bootstrap.steps.registry import kind_class
from tests.simulator.faults import Fault, Killed, Schedule
from tests.simulator.platform import SimulatedPlatform, opened
from tests.support.program import commit_all


def up_with(platform: SimulatedPlatform, plan: Plan, **how: Any) -> Result:
    world = platform.world()
    world.plan = plan
    try:
        return Runner(plan, world, kind_class, **how).run()
    finally:
        world.session.close()


def later(platform: SimulatedPlatform) -> Plan:
    return make_plan(compose.phases(), opened(platform.repository).intent, "0.2.0")


def unfinished(platform: SimulatedPlatform) -> None:
    with pytest.raises(Killed):
        platform.up(**Schedule(Fault.KILL_AFTER, 30, only_writes=True).ports(platform))


def test_a_finished_cluster_has_nothing_to_do_for_a_later_version(platform: SimulatedPlatform) -> None:
    platform.up()
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    assert later(platform).digest != platform.world().plan.digest
    result = up_with(platform, later(platform))
    assert (result.epoch, platform.cluster.mutations, platform.vault.mutations) == (0, [], [])


def test_an_unfinished_run_asks_and_shows_which_version_began_it(platform: SimulatedPlatform) -> None:
    unfinished(platform)
    platform.cluster.mutations.clear()
    with pytest.raises(DecisionNeeded) as stopped:
        up_with(platform, later(platform))
    assert (stopped.value.code, platform.cluster.mutations) == ("E_PLAN_CHANGED", [])
    assert 'tool: was "0.1.0", is "0.2.0"' in stopped.value.message
    assert "perhaps the phases" in stopped.value.message
    assert up_with(platform, later(platform), accept_plan_change=True).epoch == 2


def test_status_calls_a_run_that_nobody_ended_unfinished(platform: SimulatedPlatform) -> None:
    unfinished(platform)
    found = status.gather(platform.world())
    assert found["run"]["state"] == "running"
    assert "run      unfinished, epoch 1" in list(status.lines(found))


def committed(repository: Path, path: str, text: str) -> Plan:
    """The plan of one more commit, which writes one file."""
    file = repository / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    commit_all(repository)
    return make_plan(compose.phases(), load_intent(open_repository(repository)), "0.1.0")


def test_an_unfinished_run_goes_on_when_its_own_records_were_committed(tmp_path: Path) -> None:
    platform = SimulatedPlatform(tmp_path)
    unfinished(platform)
    first = platform.world().plan
    head = first.commit

    def earlier(commit: str) -> Plan | None:
        intent = load_intent(open_repository(platform.repository, commit))
        return make_plan(compose.phases(), intent, "0.1.0")

    uid = platform.cluster.uid()
    kept = committed(platform.repository, f"records/{uid}/cluster.json", "{}\n")
    assert (kept.commit != head, kept.document["tree"]) == (True, first.document["tree"])
    with pytest.raises(Killed):
        up_with_faults(platform, kept, earlier)
    other = committed(platform.repository, "keys/README.md", "another\n")
    assert other.document["tree"] != first.document["tree"]
    platform.cluster.mutations.clear()
    with pytest.raises(DecisionNeeded) as stopped:
        up_with(platform, other, earlier=earlier)
    assert (stopped.value.code, platform.cluster.mutations) == ("E_PLAN_CHANGED", [])
    again = committed(platform.repository, f"records/{uid}/cluster.json", "{ }\n")
    with pytest.raises(DecisionNeeded):
        up_with(platform, again, earlier=earlier)
    assert up_with(platform, kept, earlier=earlier).epoch == 3


def up_with_faults(platform: SimulatedPlatform, plan: Plan, earlier: Callable[[str], Plan | None]) -> None:
    world = platform.world(**Schedule(Fault.KILL_AFTER, 30, only_writes=True).ports(platform))
    world.plan = plan
    Runner(plan, world, kind_class, earlier=earlier).run()


def test_an_unfinished_run_shows_what_another_commit_changes(platform: SimulatedPlatform) -> None:
    unfinished(platform)
    first = platform.world().plan
    secrets = [{**s, "purpose": "another"} if n == 0 else s for n, s in enumerate(first.document["secrets"])]
    other = replace(
        first, commit="0" * 40, document={**first.document, "commit": "0" * 40, "secrets": secrets}
    )
    with pytest.raises(DecisionNeeded) as stopped:
        up_with(platform, other, earlier=lambda commit: first if commit == first.commit else None)
    lines = stopped.value.message.splitlines()
    assert f"(commit {first.commit}" in lines[0]
    assert [line.split(":")[0].strip() for line in lines[1:]] == [f"secrets.{secrets[0]['name']}.purpose"]
    assert "phases" not in stopped.value.message
    with pytest.raises(DecisionNeeded, match="that commit is not in this repository"):
        up_with(platform, other)
