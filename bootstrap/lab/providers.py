"""Which provider makes a lab: the one that made it, else the one that is asked for."""

from pathlib import Path
from typing import Protocol

from bootstrap.lab import local, state
from bootstrap.lab.build import CACHE
from bootstrap.lab.kind.describe import describe as describe_kind
from bootstrap.lab.kind.docker import Docker
from bootstrap.lab.kind.provider import KindLabs
from bootstrap.lab.local import LocalLabs
from bootstrap.lab.ports import OnEvent, Playbooks
from bootstrap.lab.state import HOME, Lab
from bootstrap.model.errors import DefinitionError, PreconditionError

NAMES = ("local", "kind")
DEFAULT = "local"


class Labs(Protocol):
    """Labs of one provider. Both may be repeated at any time, and go on from what they find."""

    def up(self, name: str) -> Lab:
        """A running cluster of that name."""
        ...

    def down(self, name: str) -> None:
        """Nothing of that lab is left but the cache."""
        ...


def labs(
    name: str,
    provider: str | None,
    playbooks: Playbooks,
    on_event: OnEvent,
    *,
    cache: Path = CACHE,
    workers: int | None = None,
    pins: Path | None = None,
    durable: bool = False,
) -> Labs:
    """Those that hold or would hold the lab of that name. Errors as ``chosen``, and E_LAB_OPTION."""
    if chosen(name, provider) == "kind":
        return KindLabs(playbooks, on_event, cache=cache, workers=workers, pins=pins, durable=durable)
    if workers is not None or pins is not None:
        raise DefinitionError(
            "a local lab is one node, and pulls no image",
            code="E_LAB_OPTION",
            where="--nodes" if workers is not None else "--images",
            hint="leave it out, or add --provider kind",
        )
    return LocalLabs(playbooks, on_event, cache=cache, durable=durable)


def describe(name: str, provider: str | None = None, home: Path = HOME) -> dict[str, object]:
    """What ``status`` shows."""
    if chosen(name, provider, home) == "kind":
        return describe_kind(name, home)
    return local.describe(name, home)


def chosen(name: str, provider: str | None, home: Path = HOME) -> str:
    """``DefinitionError`` E_LAB_PROVIDER for one that there is not, ``PreconditionError`` for not the lab's own."""
    if provider not in (None, *NAMES):
        raise DefinitionError(
            f"there is no lab provider {provider!r}",
            code="E_LAB_PROVIDER",
            where="--provider",
            hint=f"use one of: {', '.join(NAMES)}",
        )
    made_from = state.provider_of(name, home)
    if made_from is not None and provider not in (None, made_from):
        raise PreconditionError(
            f"lab {name} is made by the provider {made_from}",
            code="E_LAB_PROVIDER",
            where="--provider",
            hint=f"leave --provider out, take another --name, or: bootstrap lab down --name {name}",
        )
    return made_from or provider or DEFAULT


def preferred(name: str, home: Path = HOME) -> str:
    """``auto``: what made the lab before, else kind where the user's Docker answers."""
    return state.provider_of(name, home) or ("kind" if Docker().answers() else DEFAULT)
