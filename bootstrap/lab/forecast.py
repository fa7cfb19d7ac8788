"""What an ``up`` is about to do and how long that takes, before it begins."""

import math
from collections.abc import Iterable
from pathlib import Path

from bootstrap.lab import servers, state
from bootstrap.lab.build import key_of
from bootstrap.lab.kind import engine
from bootstrap.lab.servers import Server
from bootstrap.lab.state import HOME
from bootstrap.model.errors import PreconditionError

_START = {"local": "under a minute", "kind": "about a minute"}  # all at hand


def forecast(name: str, provider: str, cache: Path, home: Path = HOME) -> str:
    """One sentence of the plan. It asks no network and changes nothing."""
    lab = state.find(name, home)
    if lab is not None and lab.initialised:
        return f"{_what(provider)}: it was made before, and runs or comes back within a minute"
    needed = [*servers.LAB, *([servers.KIND] if provider == "kind" else [])]
    missing = _missing(needed, cache)
    if not missing:
        return f"{_what(provider)}: all is at hand, {_START[provider]}"
    minutes = math.ceil(sum(server.minutes for server in missing))
    built = ", ".join(server.name for server in missing)
    text = f"{_what(provider)}: builds {built} from source, about {minutes} minutes on two cores"
    if provider == "kind":
        text += "; less where registries hand over images"
    return f"{text}; then {_START[provider]}"


def _what(provider: str) -> str:
    if provider == "local":
        return "a node in a box"
    whose = "a private Docker" if engine.chosen().socket else "your Docker"
    return f"kind on {whose}"


def _missing(needed: Iterable[Server], cache: Path) -> list[Server]:
    try:
        return [s for s in needed if not (cache / "servers" / f"{s.name}-{key_of(s)}").is_dir()]
    except PreconditionError:  # no Go: nothing can have been built, and `up` says it better
        return list(needed)
