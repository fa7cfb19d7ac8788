"""Work on machines as it goes on, for stderr: on a terminal a live list, elsewhere a line for each end of work."""

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from bootstrap.cli import terminal
from bootstrap.lab.ports import Mark, OnEvent
from bootstrap.model.errors import Interrupted
from bootstrap.model.outside import one_line


@contextmanager
def narrated(title: str) -> Iterator[OnEvent]:
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
