"""Images from registries, where those can be reached: by digest, so that it does not matter who hands them over."""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.ports import OnEvent
from bootstrap.lab.resources import folder
from bootstrap.model.errors import DefinitionError

PINS = Path("images.json")  # below testbed/
_PATIENCE = 15.0  # seconds for a registry to say that it has an image
_PINNED = re.compile(r"(?P<name>[^@\s]+:[^@:/\s]+)@(?P<digest>sha256:[0-9a-f]{64})")
_LOOPBACK = re.compile(r"(127\.[0-9.]+|localhost):[0-9]+/")  # these speak HTTP, to Docker too


@dataclass(frozen=True, slots=True)
class Pin:
    """``name`` is what manifests ask for, ``source`` where it is fetched: ``repository@sha256:...``."""

    name: str
    source: str

    @property
    def digest(self) -> str:
        return self.source.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Pins:
    """``platform`` lacks images of which no digest is known: those are made."""

    node: Pin
    platform: tuple[Pin, ...]


def read(path: Path | None = None) -> Pins:
    """The pins of that file, or the project's own. DefinitionError E_LAB_PINS."""
    path = path or folder("testbed") / PINS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Pins(_pin(content["node"]), tuple(_pin(entry) for entry in content["platform"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DefinitionError(
            f"this names no images by digest: {type(error).__name__} {error}",
            code="E_LAB_PINS",
            where=str(path),
            hint='{"node": "NAME:TAG@sha256:DIGEST", "platform": ["NAME:TAG@sha256:DIGEST from REPOSITORY"]}',
        ) from None


def _pin(entry: object) -> Pin:
    """``NAME:TAG@DIGEST``, and ``from REPOSITORY`` where it lies in another than its own."""
    if not isinstance(entry, str):
        raise TypeError(f"{entry!r} is no text")
    pinned, _, elsewhere = entry.partition(" from ")
    found = _PINNED.fullmatch(pinned)
    if not found:
        raise ValueError(f"{entry!r} has no tag and digest")
    repository = elsewhere or found["name"].rpartition(":")[0]
    return Pin(found["name"], f"{repository}@{found['digest']}")


def reachable(docker: Docker, pins: Pins) -> bool:
    """Whether the node image can be had: it is here already, or its registry says that it has it."""
    if docker.inspect("image", pins.node.source):
        return True
    loopback = ["--insecure"] if _LOOPBACK.match(pins.node.source) else []
    return (
        docker.attempt("manifest", "inspect", *loopback, pins.node.source, seconds=_PATIENCE).returncode == 0
    )


def pull(docker: Docker, pins: Iterable[Pin], on_event: OnEvent) -> None:
    """They are in the engine under the names that manifests ask for."""
    for pin in pins:
        if docker.inspect("image", pin.source) is None:
            subject, begun = f"pulling {pin.name}", time.monotonic()
            on_event("start", subject, 0)
            docker.run("pull", "--quiet", pin.source)
            on_event("done", subject, time.monotonic() - begun)
        docker.run("tag", pin.source, pin.name)
