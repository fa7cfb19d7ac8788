"""Narration on stderr: a live tree on a terminal, one plain line an event elsewhere; stdout stays data.

A step's state is always a word beside a sign, never a colour alone; NO_COLOR (https://no-color.org) is obeyed.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TextIO

from bootstrap.cli.terminal import write
from bootstrap.model.outside import one_line
from bootstrap.model.plan import Phase, Plan, Step
from bootstrap.ports import Narrator

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

# What the run record says, in words: a process may be at work on it, or none.
RUN_WORDS: Final = {
    "running": "unfinished",
    "abandoning": "being given back",
    "setting": "changing a value",
    "rekeying": "giving Vault another unseal share",
}
# state of a step: (sign, sign in ASCII, word, style)
STATES: Final = {
    "": ("·", ".", "", "dim"),
    "looking": ("…", "?", "looking", "cyan"),
    "acting": ("▸", ">", "acting", "yellow"),
    "unknown": ("▸", ">", "looking again", "yellow"),
    "retry": ("▸", ">", "waiting", "yellow"),
    "satisfied": ("✓", "+", "holds", "green"),
    "done": ("✓", "+", "done", "green"),
    "failed": ("✗", "x", "stopped", "red"),
}
ENDED: Final = ("satisfied", "done")
QUIET: Final = frozenset({"looking"})  # not worth a line in a log


@dataclass(slots=True)
class _Line:
    step: Step
    state: str = ""
    message: str = ""
    begun: float = 0.0
    seconds: float = 0.0


class PlainNarrator:
    """``word step: message``; a phase is named once, when its first step is seen."""

    def __init__(self, plan: Plan | None, stream: TextIO) -> None:
        self._phases = {} if plan is None else {s.id: p for p in plan.phases for s in p.steps}
        self._phase = ""
        self._stream = stream

    def event(self, kind: str, step: str = "", message: str = "", **facts: str | int | float) -> None:
        phase = self._phases.get(step)
        if phase is not None and phase.id != self._phase and kind not in QUIET:
            self._phase = phase.id
            self._write(f"phase {phase.id}: {phase.title} (authority: {phase.authority})")
        if kind not in QUIET:
            word = STATES[kind][2] if kind in STATES else kind
            seconds = f" ({facts['seconds']:.1f} s)" if kind == "done" and "seconds" in facts else ""
            text = f"{step}: {message}" if step and message else step or message
            self._write(f"{word:>13}  {text}{seconds}")

    def _write(self, line: str) -> None:
        write(self._stream, [line])


class LiveNarrator:
    """The tree of phases and steps, redrawn in place; ``event`` may come from any thread."""

    def __init__(self, plan: Plan, stream: TextIO, *, ascii_only: bool) -> None:
        from rich.console import Console
        from rich.live import Live

        self._plan = plan
        self._lines = {step.id: _Line(step) for step in plan.steps}
        self._current: _Line | None = None
        self._note = ""
        self._sign = 1 if ascii_only else 0
        console = Console(file=stream, highlight=False, no_color="NO_COLOR" in os.environ)
        self._live = Live(get_renderable=self._tree, console=console, refresh_per_second=5, transient=False)

    def event(self, kind: str, step: str = "", message: str = "", **facts: str | int | float) -> None:
        line, message = self._lines.get(step), one_line(message)
        if line is None or kind not in STATES:
            self._note = message
            return
        if kind == "looking":
            line.begun = time.monotonic()
            self._current = line
        self._note = ""
        line.state, line.message = kind, message
        line.seconds = float(facts.get("seconds", 0.0))

    def start(self) -> None:
        self._live.start()

    def stop(self, *, failed: bool) -> None:
        current = self._current
        if failed and current is not None and current.state not in ENDED:
            current.state = "failed"
        self._live.stop()

    def _tree(self) -> "RenderableType":
        """Phases, and the steps of the one that is being worked on: it fits a small terminal."""
        from rich.text import Text

        text = Text(no_wrap=True, overflow="ellipsis")
        for phase in self._plan.phases:
            lines = [self._lines[step.id] for step in phase.steps]
            self._append_phase(text, phase, lines)
            if self._current in lines and not all(line.state in ENDED for line in lines):
                for line in lines:
                    self._append(text, line)
        text.rstrip()
        return text

    def _append_phase(self, text: "Text", phase: Phase, lines: list[_Line]) -> None:
        ended = sum(line.state in ENDED for line in lines)
        sign, plain, _, style = STATES["done" if ended == len(lines) else ""]
        text.append(f"{(sign, plain)[self._sign]} {phase.title:<18}", style=f"bold {style}")
        text.append(f" {ended} of {len(lines)} steps, authority: {phase.authority}\n", style="dim")

    def _append(self, text: "Text", line: _Line) -> None:
        sign, plain, word, style = STATES[line.state]
        text.append(f"  {(sign, plain)[self._sign]} {word:<13}", style=style)
        text.append(f" {line.step.title}")
        busy = line is self._current and line.state not in ENDED and line.state != "failed"
        seconds = time.monotonic() - line.begun if busy else line.seconds
        text.append(f"  {seconds:.0f} s\n" if seconds >= 1 else "\n", style="dim")
        detail = self._note or line.message
        if busy and detail:
            text.append(f"      {detail}\n", style="dim")


def run_word(state: str) -> str:
    return RUN_WORDS.get(state, state)


@contextmanager
def narration(plan: Plan, *, live: bool = False, stream: TextIO | None = None) -> Iterator[Narrator]:
    """The narrator that fits where stderr goes; ``live`` is for commands that walk the plan's steps."""
    stream = stream or sys.stderr
    if not live or not stream.isatty() or os.environ.get("TERM") == "dumb":
        yield PlainNarrator(plan, stream)
        return
    narrator = LiveNarrator(plan, stream, ascii_only="utf" not in (stream.encoding or "").lower())
    narrator.start()
    failed = True
    try:
        yield narrator
        failed = False
    finally:
        narrator.stop(failed=failed)
