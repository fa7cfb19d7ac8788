"""Where the images of a lab come from: registries where those answer, else this machine."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bootstrap.lab import digests, images, servers
from bootstrap.lab.build import build_all
from bootstrap.lab.kind import node_image, registry
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.ports import OnEvent, Playbooks


@dataclass(frozen=True, slots=True)
class Source:
    """``node`` is the node's image. ``archives`` are the images that we made, ``entries`` what they hold, by
    server name; ``pulled`` the pins of those that we did not, None when all are made."""

    node: str
    entries: Mapping[str, Path]
    archives: Mapping[images.Image, Path]
    pulled: registry.Pins | None

    @property
    def digests(self) -> dict[str, str]:
        """What pods may ask for, by tag, and by the digest here."""
        made = {image.name: digests.of(path) for image, path in self.archives.items()}
        return made | {pin.name: pin.digest for pin in (self.pulled.platform if self.pulled else ())}

    @property
    def kubernetes(self) -> str:
        """The version, with its ``v``."""
        pulled = self.pulled and self.pulled.node.name.rpartition(":")[2]
        return pulled or servers.KUBERNETES.version


@dataclass(frozen=True, slots=True)
class Gathering:
    """What is asked when images are gathered."""

    docker: Docker
    playbooks: Playbooks
    cache: Path
    pins: Path | None
    on_event: OnEvent

    def source(self) -> Source:
        pins = registry.read(self.pins)
        if registry.reachable(self.docker, pins):
            return self._pulled(pins)
        return self._made()

    def _pulled(self, pins: registry.Pins) -> Source:
        registry.pull(self.docker, [pins.node, *pins.platform], self.on_event)
        had = {pin.name for pin in pins.platform}
        missing = [image for image in images.of_the_platform() if image.name not in had]
        entries, archives = self._build(missing)
        return Source(pins.node.source, entries, archives, pins)

    def _made(self) -> Source:
        wanted = [*images.of_the_cluster(), *images.of_kind(), *images.of_the_platform()]
        entries, archives = self._build(wanted)
        node = node_image.made(self.docker, entries, self.cache, self.on_event)
        return Source(node, entries, archives, None)

    def _build(self, wanted: list[images.Image]) -> tuple[Mapping[str, Path], Mapping[images.Image, Path]]:
        if not wanted:
            return {}, {}
        host = {"engine": self.docker.socket is not None, "make": True}
        self.playbooks.run("kind-host", host, self.on_event)
        needed = {image.server for image in wanted if image.server}
        ordered = [server for server in servers.LAB if server in needed]  # slowest first
        entries = build_all(ordered, self.cache, self.on_event)
        archives = {i: images.archive(i, entries, self.cache, self.on_event) for i in wanted}
        return entries, archives
