"""What an unfinished run hands to the one that goes on: the yes of a human, and its plan.

It never goes on silently under another plan.
"""

from collections.abc import Callable

from bootstrap.engine.plan_diff import listed
from bootstrap.engine.record import RUN, RUNNING, RunRecord
from bootstrap.model.errors import DecisionNeeded
from bootstrap.model.plan import Plan
from bootstrap.steps.context.world import World


def carry(world: World, record: RunRecord | None) -> None:
    """What people approved for an unfinished run counts for the one that goes on, and no more once it is over."""
    if record is None:
        return
    world.run.unrecorded = record.unrecorded
    if record.state == RUNNING:
        world.approvals |= frozenset(record.approvals)


def check_plan(
    record: RunRecord | None, plan: Plan, accept_change: bool, earlier: Callable[[str], Plan | None]
) -> tuple[str, ...]:
    """The accepted digests to record; DecisionNeeded E_PLAN_CHANGED for an unfinished run of another plan.

    ``earlier`` gives the plan of a commit as this version of the tool makes it, or None: the record has a digest
    only, and the difference is worth more to the person who must decide. A commit of what a run itself left below
    ``records/`` declares nothing, so it is no other plan.
    """
    if record is None or record.state != RUNNING:
        return ()
    if (
        record.plan == plan.digest
        or plan.digest in record.accepted
        or _declares_the_same(record, plan, earlier)
    ):
        return record.accepted
    if accept_change:
        return (*record.accepted, plan.digest)
    raise DecisionNeeded(
        f"run {record.epoch} is unfinished under another plan: it began with {record.plan} (commit "
        f"{record.commit}{_by(record.tool)}), now it is {plan.digest} (commit {plan.commit}{_by(plan.tool)})"
        + _difference(record, plan, earlier),
        code="E_PLAN_CHANGED",
        where=str(RUN),
        hint=f"go on as begun with --rev {record.commit}, or take the new plan with --accept-plan-change",
    )


def _declares_the_same(record: RunRecord, plan: Plan, earlier: Callable[[str], Plan | None]) -> bool:
    """True where the run began with this plan in all but the commit's id, which its plan is seen to be."""
    before = earlier(record.commit) if record.commit != plan.commit else None
    if before is None or before.digest != record.plan:
        return False
    return {**before.document, "commit": plan.commit} == plan.document


def _by(tool: str) -> str:
    return f", bootstrap {tool}" if tool else ""


def _difference(record: RunRecord, plan: Plan, earlier: Callable[[str], Plan | None]) -> str:
    """What differs, a line each. Phases belong to the tool: those of another version can only be named."""
    before = plan if record.commit == plan.commit else earlier(record.commit)
    if before is None:
        return "\n    that commit is not in this repository, so what differs cannot be shown"
    given = {**before.document, "tool": record.tool or before.tool}
    text = listed(given, plan.document)
    phases = record.tool not in ("", plan.tool) or before.digest != record.plan
    return text + ("\n    and perhaps the phases: they are part of the tool" if phases else "")
