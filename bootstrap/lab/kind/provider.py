"""Labs of kind, up and down. What a node keeps lies in the lab's folder, so a lab outlives its processes."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from bootstrap.lab import servers, state
from bootstrap.lab.build import CACHE, build
from bootstrap.lab.kind import config, engine
from bootstrap.lab.kind.cluster import Cluster, kubectl
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.kind.furnish import furnish, hand_over
from bootstrap.lab.kind.nodes import keep_off, nodes, revive
from bootstrap.lab.kind.requirements import (
    require_all,
    require_linux_root,
    require_number,
    require_workers,
)
from bootstrap.lab.kind.source import Gathering
from bootstrap.lab.locks import locked
from bootstrap.lab.ports import OnEvent, Playbooks
from bootstrap.lab.ready import is_ready
from bootstrap.lab.state import HOME, Lab


@dataclass(frozen=True, slots=True)
class KindLabs:
    """``workers`` stand beside the control plane of a new lab: none when it is None, which also takes any lab that
    is there. ``pins`` is another file than ``testbed/images.json``. The etcd of a new lab waits for the disk where
    ``durable`` says so."""

    playbooks: Playbooks
    on_event: OnEvent
    cache: Path = CACHE
    home: Path = HOME
    workers: int | None = None
    pins: Path | None = None
    durable: bool = False

    def up(self, name: str) -> Lab:
        """A running cluster of that name: the one that runs, the one that ran, or a new one.

        ``PreconditionError`` on a machine that cannot hold one, ``WorldError`` when host work or Docker fails.
        """
        state.check_name(name)
        require_number(self.workers or 0)
        require_linux_root()
        known = state.find(name, self.home)
        if known is not None:
            require_workers(known, self.workers)
            state.require_durable(known, wanted=self.durable)
        docker = engine_of(known) if known and known.initialised else engine.chosen()
        if known and known.initialised and self._all_run(docker, known):
            return known
        if docker.socket is None or not docker.answers():  # ours ends with the machine, as the route does
            host = {"engine": docker.socket is not None, "make": False}
            self.playbooks.run("kind-host", host, self.on_event)
        # Written down before it starts: a `down` of the last lab meanwhile sees that there is another.
        facts = {"provider": "kind", "socket": str(docker.socket) if docker.socket else None}
        lab = known or state.allocate(name, self.home, **facts)
        lab.remember(**facts)
        if docker.socket is not None:
            engine.start(self.cache, self.on_event)
        with locked(lab.state, wait=False):
            if lab.initialised:
                self._bring_back(docker, lab)
            else:
                self._make(docker, lab)
        return lab

    def down(self, name: str) -> None:
        """Nothing of that lab is left: no process, no network, no file. The cache stays."""
        state.check_name(name)
        require_linux_root()
        lab = state.find(name, self.home)
        if lab is None:
            return
        # With the whole home held no lab begins while the last one's engine and route go.
        with locked(lab.state, wait=False), locked(self.home, wait=True):
            self._end(engine_of(lab), lab)
            if not any(self.home.iterdir()):
                self.home.rmdir()

    def _all_run(self, docker: Docker, lab: Lab) -> bool:
        return docker.answers() and all(node.runs for node in nodes(docker, lab)) and is_ready(lab)

    def _make(self, docker: Docker, lab: Lab) -> None:
        source = Gathering(docker, self.playbooks, self.cache, self.pins, self.on_event).source()
        cluster = Cluster(docker, self._kind(), lab, self.on_event)
        cluster.delete()  # what an interrupted start has left
        state.start_over(lab)
        workers = self.workers or 0
        lab.remember(
            workers=workers,
            durable=self.durable,
            kubernetes=source.kubernetes,
            images=dict.fromkeys(source.digests, source.node),
            digests=source.digests,
        )
        furnish(docker, lab, source, workers, self.cache, self.on_event)
        file = lab.state / "kind.json"
        pulled = source.pulled is not None
        file.write_text(config.cluster(lab, source.node, workers, pulled=pulled, durable=self.durable))
        cluster.create(file)
        found = nodes(docker, lab)
        keep_off(docker, found)
        if source.pulled is not None:
            hand_over(docker, lab, source, found)
        cluster.wait(kubectl(lab))
        lab.remember(
            addresses={node.name: node.address for node in found},
            containers=[node.container for node in found],
        )
        (lab.state / "initialised").touch()

    def _bring_back(self, docker: Docker, lab: Lab) -> None:
        found = nodes(docker, lab)
        require_all(lab, len(found))
        cluster = Cluster(docker, Path("kind"), lab, self.on_event)
        cluster.network()
        revive(docker, found, lab.remembered()["addresses"])
        cluster.wait(kubectl(lab))

    def _end(self, docker: Docker, lab: Lab) -> None:
        others = [other for other in state.every(self.home) if other.name != lab.name]
        if docker.socket is not None:
            engine.start(self.cache, self.on_event)  # only it knows what of a killed one is left
        Cluster(docker, Path("kind"), lab, self.on_event).delete()
        if docker.socket is not None and all(_socket(other) is None for other in others):
            engine.stop()
        self.playbooks.run("kind-down", {"state": str(lab.state), "last": not others}, self.on_event)

    def _kind(self) -> Path:
        """The user's own, else one of the version that we pin."""
        found = shutil.which("kind")
        return Path(found) if found else build(servers.KIND, self.cache, self.on_event) / "kind"


def engine_of(lab: Lab) -> Docker:
    """The engine that holds the lab's nodes, running or not."""
    socket = _socket(lab)
    return Docker(Path(socket) if socket else None)


def _socket(lab: Lab) -> str | None:
    found: str | None = lab.remembered().get("socket")
    return found
