"""``bootstrap lab``: a throw-away cluster to try things on."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from bootstrap.cli import terminal
from bootstrap.lab.ports import Mark, OnEvent
from bootstrap.model.errors import Interrupted, PreconditionError
from bootstrap.model.outside import one_line

if TYPE_CHECKING:
    from bootstrap.adapters.local.ansible import AnsiblePlaybooks

app = typer.Typer(name="lab", help="A throw-away cluster to try things on.", no_args_is_help=True)

Name = Annotated[str, typer.Option("--name", help="Which lab; several run side by side.")]
Provider = Annotated[
    str | None,
    typer.Option(
        "--provider",
        help="What to make it from: local or kind.",
        show_default="what it is made from, else local",
    ),
]
Cache = Annotated[Path, typer.Option("--cache", help="Where built servers and images are kept.")]
CACHE = Path("/var/cache/bootstrap-lab")


class Output(StrEnum):
    """How `status` answers."""

    TEXT = "text"
    JSON = "json"


@app.command()
def up(
    name: Name = "demo",
    provider: Annotated[
        str | None,
        typer.Option(
            "--provider",
            help="What to make it from: local, kind, or auto (kind where your Docker answers).",
            show_default="what it is made from, else local",
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option("--nodes", help="Of kind: workers beside the control plane.", show_default="0"),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            "--images",
            help="Of kind: which images are pulled, by digest.",
            show_default="testbed/images.json",
        ),
    ] = None,
    cache: Cache = CACHE,
) -> None:
    """Bring a lab up, building what is not built yet; print the path of its kubeconfig."""
    from bootstrap.lab.forecast import forecast
    from bootstrap.lab.providers import chosen, labs, preferred

    provider = preferred(name) if provider == "auto" else provider
    terminal.err(f"lab {name}: {forecast(name, chosen(name, provider), cache.absolute())}")
    with _narrated(f"lab {name}") as on_event:
        made = labs(
            name, provider, _playbooks(), on_event, cache=cache.absolute(), workers=nodes, pins=images
        )
        lab = made.up(name)
    terminal.out(lab.kubeconfig)


@app.command()
def down(name: Name = "demo", provider: Provider = None) -> None:
    """Remove a lab and everything in it. The cache of built servers stays."""
    from bootstrap.lab.providers import labs

    with _narrated(f"lab {name}") as on_event:
        labs(name, provider, _playbooks(), on_event).down(name)


@app.command()
def status(
    name: Name = "demo",
    provider: Provider = None,
    output: Annotated[Output, typer.Option("-o", "--output", help="text or json")] = Output.TEXT,
) -> None:
    """Say whether a lab runs, and where its parts lie."""
    from bootstrap.lab.providers import describe

    facts = describe(name, provider)
    if output is Output.JSON:
        terminal.document(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        for line in value if isinstance(value, list) else [value]:
            terminal.out(f"{key:<12}{'-' if line is None else line}")


@app.command()
def kubeconfig(name: Name = "demo", provider: Provider = None) -> None:
    """Print the path of a lab's kubeconfig."""
    from bootstrap.lab.providers import chosen
    from bootstrap.lab.state import find

    chosen(name, provider)
    lab = find(name)
    if lab is None or not lab.kubeconfig.is_file():
        raise PreconditionError(
            f"there is no lab {name} with a cluster",
            code="E_LAB_ABSENT",
            where="--name",
            hint=f"bootstrap lab up --name {name}",
        )
    terminal.out(lab.kubeconfig)


def _playbooks() -> "AnsiblePlaybooks":
    from bootstrap.adapters.local.ansible import AnsiblePlaybooks
    from bootstrap.lab.resources import folder

    return AnsiblePlaybooks(folder("playbooks"))


@contextmanager
def _narrated(title: str) -> Iterator[OnEvent]:
    """On a terminal a live list of what runs and for how long; elsewhere a line for each end of work."""
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, _terminated)  # what was started must be ended in good order too
    if sys.stderr.isatty():
        with _live(title) as on_event:
            yield on_event
    else:
        yield _line
    terminal.err(f"{title}: done in {time.monotonic() - begun:.1f} s")


def _terminated(number: int, _frame: object) -> NoReturn:
    raise Interrupted("terminated", signal_number=number, hint="say it again: it goes on from there")


def _line(mark: Mark, subject: str, seconds: float) -> None:
    took = f" ({seconds:.1f} s)" if mark in ("done", "failed") else ""
    terminal.err(f"{mark}: {subject}{took}")


@contextmanager
def _live(title: str) -> Iterator[OnEvent]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

    signs = {"done": "[green]done[/green]  ", "failed": "[red]failed[/red]"}
    columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        running: dict[str, TaskID] = {}

        def hear(mark: Mark, subject: str, seconds: float) -> None:
            if mark == "start":
                running[subject] = progress.add_task(escape(one_line(subject)), total=None)
                return
            task = running.pop(subject, None)
            if task is not None:
                progress.remove_task(task)
            if mark == "skipped":
                return
            progress.console.print(f"{signs[mark]} {escape(one_line(subject))} [dim]{seconds:.1f} s[/dim]")

        progress.console.print(f"[bold]{title}[/bold]")
        yield hear
