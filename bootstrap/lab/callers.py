"""The environment that the caller gave, for the tools that build and run a lab; the program itself is without it."""

import os
from collections.abc import Mapping
from typing import Final

_KEPT: Final[dict[str, str]] = {}


def keep(environment: Mapping[str, str]) -> None:
    """Called once, before ``os.environ`` is emptied of what the program does not listen to."""
    _KEPT.update(environment)


def callers_environment() -> dict[str, str]:
    """A copy. Where modules come from, which Docker answers and through which proxy is this machine's business."""
    return dict(_KEPT or os.environ)
