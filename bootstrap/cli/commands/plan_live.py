"""The second part of ``plan``: how the live system differs from what ``up`` would make of it. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from bootstrap.cli import compose
from bootstrap.cli.narrators import narration, run_word
from bootstrap.cli.options import Options
from bootstrap.engine.inspect import ROOT_NEEDED, Health, StepState, survey
from bootstrap.engine.record import FINISHED, RUNNING, RunRecord, read_run
from bootstrap.model.errors import BootstrapError
from bootstrap.steps.context.world import World
from bootstrap.steps.registry import kind_class

WORDS: Final = {
    Health.HOLDS: "holds",
    Health.WAITS: "waits",
    Health.MISSING: "changes",
    Health.BLOCKED: "blocked",
    Health.UNKNOWN: "unknown",
}
SHOWN: Final = 10  # changes of a step in text


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """``document`` is plain JSON; ``stopped`` is what would stop `up` before its first change."""

    document: dict[str, Any]
    stopped: BootstrapError | None

    @property
    def pending(self) -> bool:
        return bool(self.document["pending"])


def look(options: Options, prepared: compose.Prepared) -> Live:
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        return compared(world)


def compared(world: World) -> Live:
    """One look at each step. Without a root key, what cannot be seen without it says so and stops nothing."""
    states = tuple(survey(world.plan, world, kind_class))
    known = [s for s in states if s.code != ROOT_NEEDED]
    first = next((s for s in known if s.health not in (Health.HOLDS, Health.WAITS)), None)
    stopped = None if first is None or first.health is Health.MISSING else first.error
    cluster, record = _known(world, stopped)
    unfinished = record is None or record.state != FINISHED
    document = {
        "cluster": cluster,
        "run": _run(record, world.plan.digest),
        "pending": unfinished or any(s.health is Health.MISSING for s in states),
        "steps": [_step(s) for s in states],
    }
    return Live(document=document, stopped=stopped)


def _known(world: World, stopped: BootstrapError | None) -> tuple[str, RunRecord | None]:
    """The cluster's UID and the run record. Where something stands in the way already (permissions, say), that is
    the error to hear of, not the one met here."""
    try:
        return world.cluster.uid(), read_run(world.cluster)
    except BootstrapError:
        if stopped is None:
            raise
        return "", None


def _run(record: RunRecord | None, digest: str) -> dict[str, Any]:
    if record is None:
        return {"state": "none", "epoch": 0, "plan": "", "asks": False}
    other = record.plan != digest and digest not in record.accepted
    asks = record.state == RUNNING and other
    return {"state": record.state, "epoch": record.epoch, "plan": record.plan, "asks": asks}


def _step(state: StepState) -> dict[str, Any]:
    return {
        "id": state.step.id,
        "phase": state.step.phase,
        "state": WORDS[state.health],
        "message": state.message,
        "changes": [] if state.error else list(state.details),
        "code": state.code,
    }


def live_lines(live: Live) -> Iterator[str]:
    found = live.document
    run = found["run"]
    yield f"live      cluster {found['cluster']}" + (
        f", run {run['epoch']} {run_word(run['state'])}" if run["epoch"] else ""
    )
    if run["asks"]:
        yield f"  run {run['epoch']} is unfinished under another plan, {run['plan']}: up asks before it takes this one"
    for step in found["steps"]:
        yield f"  {step['state']:<8} {step['id']:<20} {step['message'].splitlines()[0]}"
        yield from (f"    - {change}" for change in step["changes"][:SHOWN])
        if len(step["changes"]) > SHOWN:
            yield f"    - and {len(step['changes']) - SHOWN} more (-o json shows all)"
    if live.stopped is not None:
        yield f"up would be stopped ({live.stopped.code}) before its first change"
    else:
        yield "changes are pending" if found["pending"] else "nothing would change"
