"""The common options, the same everywhere (G5). Nothing is read from the environment or a home folder."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

PANEL = "Common options"


class Output(StrEnum):
    """What stdout holds; narration goes to stderr in either case."""

    TEXT = "text"
    JSON = "json"


RepoOption = Annotated[
    str,
    typer.Option("--repo", metavar="PATH|URL", help="The intent repository (Git).", rich_help_panel=PANEL),
]
RevOption = Annotated[
    str, typer.Option("--rev", metavar="REV", help="Its commit, branch or tag.", rich_help_panel=PANEL)
]
GitKeyOption = Annotated[
    str,
    typer.Option(
        "--git-key", metavar="PATH|fd:N", help="SSH key for a remote repository.", rich_help_panel=PANEL
    ),
]
GitKnownHostsOption = Annotated[
    Path | None,
    typer.Option(
        "--git-known-hosts", metavar="FILE", help="Its server's host key; no other.", rich_help_panel=PANEL
    ),
]
GitCaOption = Annotated[
    Path | None,
    typer.Option("--git-ca", metavar="FILE", help="Its server's CA; no other.", rich_help_panel=PANEL),
]
GitTokenOption = Annotated[
    str,
    typer.Option(
        "--git-token", metavar="file:PATH|fd:N", help="Its token, for https.", rich_help_panel=PANEL
    ),
]
ProxyOption = Annotated[
    str, typer.Option("--proxy", metavar="URL", help="Proxy on the way to it.", rich_help_panel=PANEL)
]
TrustedSignersOption = Annotated[
    Path | None,
    typer.Option(
        "--trusted-signers",
        metavar="FILE",
        help="Who must have signed the commit, or the tag named.",
        rich_help_panel=PANEL,
    ),
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
EnvironmentOption = Annotated[
    str,
    typer.Option(
        "--environment",
        metavar="NAME",
        help="Which environment the cluster is; bound to it at its first run.",
        rich_help_panel=PANEL,
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

REPO = "."
HEAD = "HEAD"
SOURCE = ("repo", "rev", "git_key", "git_known_hosts", "git_ca", "git_token", "proxy", "trusted_signers")
"""The options that say which commit, and how it is reached and known."""
REACH = ("kubeconfig", "context")
"""Those that say which cluster."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was given for one command; empty where it was not. Each field is a common option."""

    repo: RepoOption = REPO
    rev: RevOption = HEAD
    root: RootOption = ""
    kubeconfig: KubeconfigOption = None
    context: ContextOption = ""
    environment: EnvironmentOption = ""
    records: RecordsOption = None
    output: OutputOption = Output.TEXT
    non_interactive: NonInteractiveOption = False
    git_key: GitKeyOption = ""
    git_known_hosts: GitKnownHostsOption = None
    git_ca: GitCaOption = None
    git_token: GitTokenOption = ""
    proxy: ProxyOption = ""
    trusted_signers: TrustedSignersOption = None


def common_options(*names: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """For a command with a parameter ``options``: it takes the common options ``names``, all where none is named.

    Its place in the help is that of the parameter. What a command does not take keeps its default.
    """
    taken = [field for field in fields(Options) if not names or field.name in names]
    common = [
        inspect.Parameter(f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=f.type)
        for f in taken
    ]

    def decorate(command: Callable[..., int]) -> Callable[..., int]:
        own = [p.replace(kind=p.KEYWORD_ONLY) for p in inspect.signature(command).parameters.values()]
        at = next(place for place, parameter in enumerate(own) if parameter.name == "options")

        @wraps(command)
        def called(**given: Any) -> int:
            options = Options(**{field.name: given.pop(field.name) for field in taken})
            return command(options=options, **given)

        # What typer reads: the signature for the options, the annotations for their types.
        signature = inspect.Signature([*own[:at], *common, *own[at + 1 :]], return_annotation=int)
        called.__signature__ = signature  # type: ignore[attr-defined]  # PEP 362; typeshed does not know it
        called.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
        return called

    return decorate
