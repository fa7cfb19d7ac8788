"""A snapshot of before the CA gave way to another: the CA in it is one that nobody trusts any more (G7, INV1)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.ledger.record import RecordType
from tests.simulated.restore.outcome import is_whole
from tests.simulator.losses import wipe_volumes
from tests.simulator.platform import SimulatedPlatform, scaffolded, with_snapshots
from tests.simulator.repeatable import repeatable
from tests.simulator.restoring import Saved, saved
from tests.simulator.rotating import alone, overlapping

pytestmark = pytest.mark.usefixtures("same_each_time")
Place = Callable[[SimulatedPlatform, Path, Path], SimulatedPlatform]


def in_place(platform: SimulatedPlatform, file: Path, _: Path) -> SimulatedPlatform:
    wipe_volumes(platform)
    platform.restore = file
    return platform


def elsewhere(platform: SimulatedPlatform, file: Path, folder: Path) -> SimulatedPlatform:
    new = Saved(platform, file).another(folder)
    new.repository, new.trusts = platform.repository, True
    return new


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return scaffolded(tmp_path_factory.mktemp("intent"), with_snapshots)


@pytest.mark.parametrize("place", [in_place, elsewhere])
@pytest.mark.parametrize("dropped", [False, True])
def test_g7_vault_gets_a_ca_of_the_commit_before_anything_reaches_it(
    place: Place, dropped: bool, repository: Path, tmp_path: Path
) -> None:
    """Else its renewers get certificates of that one as soon as they may ask, and all are locked out, the run too."""
    with repeatable():
        platform = SimulatedPlatform(tmp_path, repository)
        platform.trusts = True
        platform.up()
        file = saved(platform, tmp_path / "one.snapshot")
        platform.repository = overlapping(repository)
        platform.up()
        if dropped:
            platform.repository = alone(platform.repository)
            platform.up()
    lost = place(platform, file, tmp_path / "new")
    lost.up(approve=("stale-snapshot",))
    records = lost.world().ledger.read().records
    repaired = {r.fact.details.get("repaired", "") for r in records if r.fact.type is RecordType.RESTORED}
    assert all("signed by keys/vault-ca.crt" in text for text in repaired)
    is_whole(lost)
