"""The common options, the same everywhere (DESIGN 1). Nothing is read from the environment or a home folder."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

PANEL = "Common options"


class Output(StrEnum):
    """What stdout holds; narration goes to stderr in either case."""

    TEXT = "text"
    JSON = "json"


RepoOption = Annotated[
    Path,
    typer.Option("--repo", metavar="PATH", help="The intent repository (Git).", rich_help_panel=PANEL),
]
RevOption = Annotated[
    str, typer.Option("--rev", metavar="REV", help="Its commit, branch or tag.", rich_help_panel=PANEL)
]
RootOption = Annotated[
    str,
    typer.Option(
        "--root",
        metavar="file:PATH|fd:N|cmd:CMD|gpg-agent:FPR",
        help="The root key, opened in memory.",
        rich_help_panel=PANEL,
    ),
]
KubeconfigOption = Annotated[
    Path | None,
    typer.Option("--kubeconfig", metavar="PATH", help="How to reach the cluster.", rich_help_panel=PANEL),
]
ContextOption = Annotated[
    str,
    typer.Option(
        "--context", metavar="NAME", help="Its context; else the current one.", rich_help_panel=PANEL
    ),
]
RecordsOption = Annotated[
    Path | None,
    typer.Option(
        "--records", metavar="DIR", help="Where records/ lies; else in the repository.", rich_help_panel=PANEL
    ),
]
OutputOption = Annotated[
    Output, typer.Option("-o", "--output", help="What stdout holds.", rich_help_panel=PANEL)
]
NonInteractiveOption = Annotated[
    bool, typer.Option("--non-interactive", help="Never ask; fail instead.", rich_help_panel=PANEL)
]

REPO = Path()
HEAD = "HEAD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was given for one command; empty where it was not."""

    repo: Path = REPO
    rev: str = HEAD
    root: str = ""
    kubeconfig: Path | None = None
    context: str = ""
    records: Path | None = None
    output: Output = Output.TEXT
    non_interactive: bool = False
