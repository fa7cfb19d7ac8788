"""``bootstrap abandon``: shows what goes and what stays, and why; then, once approved, gives the run back."""

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

import typer

from bootstrap.cli import compose, terminal
from bootstrap.cli.narrators import PlainNarrator
from bootstrap.cli.options import Options, Output
from bootstrap.engine.record import RUN
from bootstrap.model.errors import DecisionNeeded
from bootstrap.operations.abandon.runner import Abandon, Listing

APPROVAL: Final = "abandon"


def abandon(options: Options, *, approvals: frozenset[str]) -> int:
    """0 when the run is given back; DecisionNeeded E_APPROVAL, with everything shown, without an approval."""
    prepared = compose.prepare(options)
    narrator = PlainNarrator(None, sys.stderr)
    with compose.world(options, prepared, narrator, approvals=approvals) as world:
        work = Abandon(world)
        found = work.listing()
        if options.output is Output.TEXT:
            terminal.out(*lines(found))
        done = found.over or _approved(options, approvals)
        if done and not found.over:
            work.run()
    if options.output is Output.JSON:
        terminal.document(
            json.dumps(document(found, done=done), sort_keys=True, indent=2, ensure_ascii=False)
        )
    elif done:
        terminal.out("nothing to do: it was given back before" if found.over else "given back")
    if not done:
        raise DecisionNeeded(
            "nothing was changed: giving a run back wants an approval",
            code="E_APPROVAL",
            where=str(RUN),
            hint="the same command with --approve abandon",
        )
    return 0


def _approved(options: Options, approvals: frozenset[str]) -> bool:
    """By option, or by a yes on the terminal."""
    if APPROVAL in approvals:
        return True
    if options.non_interactive or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    return typer.confirm("Give this run back?", default=False, err=True)


def document(found: Listing, *, done: bool) -> dict[str, Any]:
    """Plain JSON values. ``goes`` is what was there to go; with ``done`` it is gone."""
    record = found.record
    return {
        "run": {"epoch": record.epoch, "state": record.state, "plan": record.plan, "commit": record.commit},
        "heldBy": found.holder,
        "goes": list(found.goes),
        "stays": [{"what": what, "why": why} for what, why in found.stays.items()],
        "done": done,
    }


def lines(found: Listing) -> Iterator[str]:
    record = found.record
    began = f", begun by {record.holder} at {record.since}" if record.holder else ""
    yield f"run       {record.epoch}, {record.state}{began}; commit {record.commit}"
    if found.holder:
        yield f"held      by {found.holder}: taken over only if that shows no life for 15 seconds"
    yield f"goes      {len(found.goes)}"
    yield from (f"  - {item}" for item in found.goes)
    yield f"stays     {len(found.stays)}"
    yield from (f"  - {what}: {why}" for what, why in found.stays.items())
