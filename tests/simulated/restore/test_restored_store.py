"""Vault's store out of a snapshot, in runs that died: what stands there is looked at, no answer is believed (INV4)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.model.errors import UnknownOutcome
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.restoration import Restoration, Stage
from bootstrap.ports import Ref
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.restoration import RestorationStore
from tests.simulated.restore.outcome import is_whole
from tests.simulator.concurrent import At, Dies, nth
from tests.simulator.faults import Call, Killed
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import repeatable
from tests.simulator.restoring import Saved, begun

pytestmark = pytest.mark.usefixtures("same_each_time")

POD = Ref("v1", "Pod", "vault-0", "vault")
STATEFUL = Ref("apps/v1", "StatefulSet", "vault", "vault")


@pytest.fixture(scope="module")
def lost(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    with repeatable():
        return begun(tmp_path_factory.mktemp("lost"), repository)


@pytest.fixture
def empty(lost: Saved, tmp_path: Path) -> SimulatedPlatform:
    return lost.another(tmp_path / "new")


def restoration(platform: SimulatedPlatform) -> Restoration:
    found = RestorationStore(platform.cluster).read()
    assert found is not None
    return found


def asked(name: str, at: int = 1) -> Callable[[Call], bool]:
    """The ``at``-th call of that name to Vault."""
    return nth(at, lambda call: call.system == "vault" and call.name == name)


def to_stage(stage: Stage) -> Callable[[Call], bool]:
    return lambda call: call.name == "replace" and call.args[0].get("data", {}).get("stage") == stage.value


def killed(platform: SimulatedPlatform, fits: Callable[[Call], bool]) -> None:
    with pytest.raises(Killed):
        platform.up(**Dies(fits).ports(platform))


def inits(platform: SimulatedPlatform) -> int:
    return platform.vault.mutations.count(("POST", "sys/init"))


@pytest.mark.parametrize(
    ("fits", "attempt", "said"),
    [
        # sealed, and the snapshot's share does not open it
        (asked("initialise"), 2, "attempt 1: the snapshot did not take the place of the store"),
        # open, with keys that are kept nowhere: it is no restored store
        (asked("unseal"), 2, "the keys of attempt 1 are gone"),
        (asked("unseal", 2), 1, ""),  # open, with the snapshot's share
        (to_stage(Stage.OPENED), 1, ""),
    ],
    ids=["initialised", "opened by keys that are gone", "opened by its share", "written down"],
)
def test_inv1_a_run_that_died_is_followed_by_what_stands_there(
    empty: SimulatedPlatform, fits: Callable[[Call], bool], attempt: int, said: str
) -> None:
    killed(empty, fits)
    empty.up()
    assert empty.narrator.said(said)
    assert restoration(empty).attempt == attempt
    assert (inits(empty), WindowStore(empty.cluster).read()) == (attempt, proven(empty))
    is_whole(empty)


def test_inv1_what_vault_did_not_clearly_answer_is_looked_at(empty: SimulatedPlatform) -> None:
    def lost() -> None:
        raise UnknownOutcome("the connection broke", code="E_UNKNOWN_OUTCOME")

    empty.up(**At(asked("raft_restore"), lost).ports(empty))
    assert empty.narrator.said("no clear answer (the connection broke)")
    assert restoration(empty).attempt == 2
    is_whole(empty)


def proven(platform: SimulatedPlatform) -> Window:
    """As it stands behind a restore."""
    now = restoration(platform)
    return Window(
        attempt=now.attempt,
        nonce=now.nonce[:8],
        phase=WindowPhase.VERIFIED,
        volume=now.volume,
        cluster_id=platform.vault.live().cluster_id,
        facts="restored",
    )


def test_inv1_a_store_that_was_opened_and_sealed_since_is_opened_again(empty: SimulatedPlatform) -> None:
    killed(empty, to_stage(Stage.OPENED))
    empty.vault.restart("vault-0")
    empty.up()
    assert restoration(empty).attempt == 1
    is_whole(empty)


def test_inv1_a_store_that_was_opened_and_lost_its_pod_since_gets_another(empty: SimulatedPlatform) -> None:
    killed(empty, to_stage(Stage.OPENED))
    delete(empty, STATEFUL, POD)
    empty.up()
    assert restoration(empty).attempt == 1
    is_whole(empty)
