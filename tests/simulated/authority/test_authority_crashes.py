"""A run that begins a new authority, accepts a rollback or rebuilds the ledger, killed after any of its writes.

One `up` ends the same. A sample of the writes, another one each day; every write with `--whole`.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bootstrap.ledger.record import RecordType
from bootstrap.model.errors import BootstrapError, DecisionNeeded
from tests.simulator.digest import differences, state
from tests.simulator.faults import Fault, Killed, Schedule
from tests.simulator.losses import SYSTEM, VAULT, commit_records, delete, forget_copy, run_record
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import repeatable
from tests.simulator.sweep import SEED

SOME = 4  # writes of a run that are tried
Lose = Callable[[SimulatedPlatform], None]


def all_of_it(platform: SimulatedPlatform) -> None:
    commit_records(platform)
    delete(platform, VAULT, SYSTEM)


def vault_alone(platform: SimulatedPlatform) -> None:
    delete(platform, VAULT)


def records_of_vault(platform: SimulatedPlatform) -> None:
    forget_copy(platform, keep=2)


def system_alone(platform: SimulatedPlatform) -> None:
    delete(platform, SYSTEM)


LOSSES: dict[str, tuple[Lose, str, RecordType | None]] = {
    "all of it": (all_of_it, "new-authority", RecordType.NEW_AUTHORITY),
    "vault alone": (vault_alone, "new-authority", RecordType.NEW_AUTHORITY),
    "bootstrap-system alone": (system_alone, "", None),
    "records of vault": (records_of_vault, "rollback", RecordType.ACCEPTED),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_inv4_killed_after_any_write_one_up_ends_the_same(
    loss: str, repository: Path, tmp_path: Path, whole: bool
) -> None:
    lose, approval, decision = LOSSES[loss]
    golden, writes = undisturbed(lose, approval, repository, tmp_path / "golden")
    tried = list(range(1, writes + 1))
    if not whole and writes > SOME:
        tried = sorted(random.Random(f"{SEED} {loss}").sample(tried, SOME))
    print(f"{loss}: {len(tried)} of {writes} writes, seed {SEED}")
    bad = []
    for at in tried:
        with repeatable():
            platform = lost(lose, repository, tmp_path / str(at))
            found = killed_and_resumed(platform, approval, at)
        found += [d for d in differences(golden, state(platform)) if not found]
        count = sum(r.fact.type is decision for r in platform.world().ledger.read().records)
        found += [f"{count} records of the decision"] if decision and count != 1 and not found else []
        bad += [f"write {at}: {why}" for why in found]
    assert not bad, "\n".join(bad)


def lost(lose: Lose, repository: Path, folder: Path) -> SimulatedPlatform:
    folder.mkdir()
    platform = SimulatedPlatform(folder, repository)
    platform.up()
    lose(platform)
    return platform


def undisturbed(lose: Lose, approval: str, repository: Path, folder: Path) -> tuple[dict[str, Any], int]:
    """How it ends, and by how many writes."""
    with repeatable():
        platform = lost(lose, repository, folder)
        schedule = Schedule(Fault.KILL_AFTER, 0, only_writes=True)
        platform.up(approve=tuple(approval.split()), **schedule.ports(platform))
    return state(platform), schedule.count


def killed_and_resumed(platform: SimulatedPlatform, approval: str, at: int) -> list[str]:
    """What went wrong. The yes is given again only where the run had not begun: then nothing had kept it."""
    schedule = Schedule(Fault.KILL_AFTER, at, only_writes=True)
    with pytest.raises(Killed):
        platform.up(approve=tuple(approval.split()), **schedule.ports(platform))
    try:
        platform.up()
    except DecisionNeeded:
        if kept(platform):
            return ["asked again, though the run record keeps the answer"]
        platform.up(approve=tuple(approval.split()))
    except BootstrapError as error:
        if error.code != "E_ROLLBACK_VAULT" or kept(platform):
            return [f"{error.code} {error.message}"]
        platform.up(approve=tuple(approval.split()))
    platform.cluster.mutations.clear()
    platform.vault.mutations.clear()
    again = platform.up()
    changed = [*platform.cluster.mutations, *platform.vault.mutations]
    return [f"a second up changed {changed[:3]}"] if again.epoch or changed else []


def kept(platform: SimulatedPlatform) -> bool:
    try:
        record = run_record(platform)
    except AssertionError:
        return False
    return record["state"] == "running" and bool(record["approvals"])
