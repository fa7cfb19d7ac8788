"""`bootstrap drill` on simulated servers: a saved platform, an empty cluster, and what came of it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bootstrap.adapters.records.folder import FolderRecords
from bootstrap.cli import compose
from bootstrap.engine.plan import make_plan
from bootstrap.engine.runner import Runner
from bootstrap.operations.drill.inward import ENDPOINTS, SERVICE, InwardCluster, inward
from bootstrap.operations.drill.rehearsal import Drill
from bootstrap.operations.drill.report import Report
from bootstrap.operations.restore.source import source_of
from bootstrap.ports import Object, Ref
from bootstrap.steps.authority.restoring import STALE
from bootstrap.steps.context.world import World
from bootstrap.steps.registry import kind_class
from tests.simulator.platform import SimulatedPlatform, trust
from tests.simulator.repeatable import repeatable
from tests.simulator.restoring import Saved

ADDRESSES = ("10.0.0.7", "10.96.0.1", "fd00::1")


def api_server(cluster: Any) -> None:
    """What each real cluster has of itself in namespace default."""
    cluster.create(_named(SERVICE) | {"spec": {"clusterIPs": [ADDRESSES[1], ADDRESSES[2]]}})
    cluster.create(_named(ENDPOINTS) | {"addressType": "IPv4", "endpoints": [{"addresses": [ADDRESSES[0]]}]})
    cluster.mutations.clear()


def _named(ref: Ref) -> Object:
    meta = {"name": ref.name, "namespace": ref.namespace}
    return {"apiVersion": ref.api, "kind": ref.kind, "metadata": meta}


@dataclass(frozen=True)
class Rehearsal:
    """``platform`` is the throw-away one, with its own records."""

    saved: Saved
    platform: SimulatedPlatform

    @property
    def records(self) -> Path:
        return self.platform.folder / "drill-records"

    def world(self, **ports: Any) -> World:
        """As `bootstrap drill` composes it."""
        world = self.platform.world(**{"records": FolderRecords(self.records)} | ports, approve=(STALE,))
        world.intent = inward(world.intent, world.intent.heads)
        world.plan = make_plan(compose.phases(), world.intent, "0.1.0", self.platform.environment)
        world.cluster = InwardCluster(world.direct, world.look)
        world.restore = source_of(
            self.saved.file, self.platform.environment, trust(self.platform.repository), rehearsed=True
        )
        return world

    def run(self, meanwhile: Callable[[World], object] = lambda _: None, **ports: Any) -> Report:
        """``meanwhile`` happens between the road's end and the proofs; ``ports`` as in ``SimulatedPlatform.world``."""
        with repeatable():
            world = self.world(**ports)
            whole = self.platform.world().intent

            def road() -> Any:
                result = Runner(world.plan, world, kind_class).run()
                meanwhile(world)
                return result

            try:
                return Drill(world, whole).run(road)
            finally:
                world.session.close()


def rehearsal(saved: Saved, folder: Path) -> Rehearsal:
    platform = saved.another(folder, "throw-away-cluster")
    platform.restore = None
    api_server(platform.cluster)
    return Rehearsal(saved, platform)
