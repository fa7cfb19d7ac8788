"""What is left of a platform goes in its order, by what was written down of it, and records are kept aside (B5, H4)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bootstrap.ledger.batch import KEY
from bootstrap.ledger.store import LABEL
from bootstrap.model.errors import WorldError
from bootstrap.model.init_window import Window, WindowPhase
from bootstrap.model.restoration import Restoration, Stage
from bootstrap.ports import Object, Ref
from bootstrap.steps.context.names import SYSTEM_NAMESPACE, namespace
from bootstrap.steps.context.source import SnapshotSource
from bootstrap.steps.context.world import World
from bootstrap.steps.vault.clearing import clear, remains, superseded
from bootstrap.steps.vault.init_window import REF as WINDOW
from bootstrap.steps.vault.init_window import WindowStore
from bootstrap.steps.vault.restoration import RestorationStore
from bootstrap.steps.vault.voiding import uid_of
from tests.simulator.controllers import OPERATOR
from tests.simulator.losses import delete
from tests.simulator.platform import SimulatedPlatform
from tests.simulator.repeatable import repeatable
from tests.simulator.restoring import Saved, begun
from tests.simulator.setting import change
from tests.simulator.standing import nodes

pytestmark = pytest.mark.usefixtures("same_each_time")


@pytest.fixture(scope="module")
def lost(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """Saved, and lived on: its ledger has batches that the file does not hold."""
    with repeatable():
        found = begun(tmp_path_factory.mktemp("lost"), repository)
        change(found.lost, b"later")
        change(found.lost, b"later still")
        return found


def batches(platform: SimulatedPlatform) -> list[Object]:
    return platform.cluster.list("v1", "ConfigMap", SYSTEM_NAMESPACE, f"{LABEL}=batch")


@pytest.fixture
def left(lost: Saved, tmp_path: Path) -> SimulatedPlatform:
    """Vault's nodes, the ledger, and an init window."""
    platform = lost.another(tmp_path / "new", lost.lost.cluster.uid())
    nodes(platform, 0, 1, 2)
    for each in batches(lost.lost):
        platform.cluster.create({**each, "metadata": {**each["metadata"], "resourceVersion": ""}})
    WindowStore(platform.cluster).create(Window(attempt=1, nonce="ab", phase=WindowPhase.VERIFIED))
    volume: Object = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "old"}}
    platform.cluster.create({**volume, "spec": {"claimRef": {"namespace": "vault", "name": "data-vault-1"}}})
    return platform


def source(world: World) -> SnapshotSource:
    assert world.restore is not None
    return world.restore


def clearing(
    platform: SimulatedPlatform, *, all_but: Callable[[Object], bool] = lambda _: False
) -> Restoration:
    world = platform.world()
    found = [each for each in remains(world, source(world)) if not all_but(each)]
    now = Restoration(
        file=source(world).digest,
        nonce="n" * 32,
        begun="2026-01-01T00:00:00Z",
        stage=Stage.CLEARING,
        voids=frozenset(map(uid_of, found)),
    )
    RestorationStore(platform.cluster).begin(now, None)
    return now


def cleared(platform: SimulatedPlatform, now: Restoration) -> Restoration:
    world = platform.world()
    clear(world, source(world), now)
    found = RestorationStore(platform.cluster).read()
    assert found is not None
    return found


def names(found: tuple[Object, ...]) -> list[str]:
    return [str(each["metadata"]["name"]) for each in found]


def kept(platform: SimulatedPlatform) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (platform.records / platform.cluster.uid()).glob("superseded-*")}


def test_b5_it_goes_in_its_order_the_window_last(left: SimulatedPlatform) -> None:
    now, order = clearing(left), list[str]()

    def look(_: object, verb: str, obj: Object) -> None:
        if verb == "deleted":
            order.append(f"{obj['kind']} {obj['metadata']['name']}")

    left.cluster.controllers.append(look)
    assert cleared(left, now).stage is Stage.BEGUN
    kinds = [each.partition(" ")[0] for each in order]
    first = ["StatefulSet", "Pod", "PersistentVolumeClaim", "PersistentVolume", "ConfigMap", "Secret"]
    assert list(dict.fromkeys(kinds)) == first
    assert order[-1] == f"ConfigMap {WINDOW.name}"
    assert [name for name in order if "vault-unseal-1" in name]
    world = left.world()
    assert remains(world, source(world)) == ()


def test_h4_the_records_that_the_file_does_not_hold_go_the_last_one_first_and_are_kept_aside(
    left: SimulatedPlatform,
) -> None:
    world = left.world()
    found, held = superseded(world, source(world)), source(world).ledger.chain.size
    assert len(found) > 1
    assert names(found) == sorted(names(found), reverse=True)
    before = batches(left)
    now = clearing(left)
    assert world.ledger.read().chain.size > held
    clear(world, source(world), now)
    assert world.ledger.read().chain.size == held, "what was read before is not read from memory"
    assert batches(left) == [each for each in before if each not in found]
    assert kept(left) == {
        f"superseded-nnnnnnnn-{each['metadata']['name']}.json": str(each["data"][KEY]).encode()
        for each in found
    }


def test_b5_what_was_not_written_down_is_written_down_and_not_removed(left: SimulatedPlatform) -> None:
    now = clearing(left, all_but=lambda each: each["kind"] == "PersistentVolumeClaim")
    after = cleared(left, now)
    claims = {
        uid_of(c)
        for c in left.cluster.list("v1", "PersistentVolumeClaim")
        if "data-" in str(c["metadata"]["name"])
    }
    assert len(claims) == 3
    assert (after.stage, after.voids) == (Stage.CLEARING, now.voids | claims)
    assert cleared(left, after).stage is Stage.BEGUN


def test_inv5_the_operator_rests_before_anything_goes(left: SimulatedPlatform) -> None:
    now = clearing(left)
    left.cluster.create(namespace(OPERATOR.namespace, {}))
    meta: Object = {"name": OPERATOR.name, "namespace": OPERATOR.namespace}
    spec = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}}
    left.cluster.create({"apiVersion": OPERATOR.api, "kind": OPERATOR.kind, "metadata": meta, "spec": spec})
    meta = {"name": "stays", "namespace": OPERATOR.namespace, "labels": {"a": "b"}}
    left.cluster.create({"apiVersion": "v1", "kind": "Pod", "metadata": meta})
    with pytest.raises(WorldError) as stopped:
        cleared(left, now)
    assert stopped.value.code == "E_TIMEOUT"
    world = left.world()
    assert {uid_of(each) for each in remains(world, source(world))} == now.voids


def test_b5_labels_that_somebody_took_away_or_gave_stop_nothing(left: SimulatedPlatform) -> None:
    live = left.cluster.peek(WINDOW)
    claim = left.cluster.peek(Ref("v1", "PersistentVolumeClaim", "data-vault-0", "vault"))
    assert live is not None
    assert claim is not None
    live["metadata"]["labels"] = None
    claim["metadata"]["labels"] = {LABEL: "batch"}
    assert cleared(left, clearing(left)).stage is Stage.BEGUN


def test_b5_where_vault_and_its_window_are_gone_the_rest_goes(left: SimulatedPlatform) -> None:
    delete(left, WINDOW, Ref("apps/v1", "StatefulSet", "vault", "vault"))
    assert cleared(left, clearing(left)).stage is Stage.BEGUN
    world = left.world()
    assert remains(world, source(world)) == ()
