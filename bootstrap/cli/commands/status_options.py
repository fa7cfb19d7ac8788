"""The option that only ``status`` has. Nothing heavy: the command tree imports it."""

from enum import StrEnum
from typing import Annotated

import typer


class View(StrEnum):
    """How what was seen is written."""

    TEXT = "text"
    JSON = "json"
    METRICS = "metrics"


ViewOption = Annotated[
    View, typer.Option("-o", "--output", help="How it is written; metrics is for a collector.")
]
