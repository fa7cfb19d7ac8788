"""A platform that was saved and lost, and another, empty cluster for it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bootstrap.operations.snapshot.save import save
from bootstrap.ports import Ref
from tests.simulator.platform import SimulatedPlatform, trust
from tests.simulator.repeatable import repeatable


@dataclass(frozen=True)
class Saved:
    """``lost`` is as it was when its ``file`` was saved, or later; its records are in the commit of ``another``."""

    lost: SimulatedPlatform
    file: Path

    def another(self, folder: Path, uid: str = "another-cluster") -> SimulatedPlatform:
        """An empty cluster, to which the file is to be restored."""
        folder.mkdir(exist_ok=True)
        platform = SimulatedPlatform(folder, self.lost.repository)
        live = platform.cluster.peek(Ref("v1", "Namespace", "kube-system"))
        assert live is not None
        live["metadata"]["uid"] = uid
        for each in self.lost.records.iterdir():
            platform.heads[each.name] = (each / "head.json").read_bytes()
            platform.escrows[each.name] = (each / "escrow.json").read_bytes()
        platform.heads |= {c: head for c, head in self.lost.heads.items() if c not in platform.heads}
        platform.restore = self.file
        return platform


def saved(platform: SimulatedPlatform, out: Path) -> Path:
    with repeatable():
        world = platform.world()
        try:
            return Path(save(world, out, trust(platform.repository).root.recipients).shown)
        finally:
            world.session.close()


def begun(
    folder: Path, repository: Path, meanwhile: Callable[[SimulatedPlatform], object] = lambda _: None
) -> Saved:
    """A finished platform; ``meanwhile`` happens to it before it is saved."""
    folder.mkdir(exist_ok=True)
    platform = SimulatedPlatform(folder, repository)
    platform.up()
    meanwhile(platform)
    return Saved(platform, saved(platform, folder / "one.snapshot"))
