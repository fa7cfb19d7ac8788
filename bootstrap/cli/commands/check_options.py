"""The options that only ``check`` has. Nothing heavy: the command tree imports it."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Report(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """What is looked at besides the one commit."""

    history: bool = False
    bundle: Path | None = None


ReportOption = Annotated[Report, typer.Option("-o", "--output", help="How the findings are written.")]
HistoryOption = Annotated[
    bool, typer.Option("--history", help="Look for keys and values in every commit that REV rests on.")
]
BundleOption = Annotated[
    Path | None,
    typer.Option(
        "--bundle", metavar="FILE", help="An exported ledger: names what was changed after its handover."
    ),
]
