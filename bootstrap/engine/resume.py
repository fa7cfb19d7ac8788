"""What must be settled by a human before a run goes on (INV4): both checks are reads.

A cluster that vanished is never taken for a first run, and an unfinished run never goes on silently under
another plan.
"""

from collections.abc import Callable, Collection
from typing import Final

from bootstrap.engine.plan_diff import listed
from bootstrap.engine.record import RUN, RUNNING, RunRecord
from bootstrap.model.catalog import Intent
from bootstrap.model.errors import DecisionNeeded
from bootstrap.model.plan import Plan

NEW_AUTHORITY: Final = "new-authority"


def check_authority(
    intent: Intent, cluster_uid: str, record: RunRecord | None, approvals: Collection[str]
) -> bool:
    """True when going on makes the values of Git authoritative again, by approval: to be recorded (INV4).

    Raises DecisionNeeded E_OTHER_CLUSTER when the commit holds records of other clusters, none of this one,
    and nobody has said which it is.
    """
    others = sorted(set(intent.heads) - {cluster_uid})
    if not others or cluster_uid in intent.heads:
        return False
    if NEW_AUTHORITY in approvals or (record is not None and NEW_AUTHORITY in record.approvals):
        return True
    raise DecisionNeeded(
        f"the commit holds the records of another cluster ({', '.join(others)}) and none of this one "
        f"({cluster_uid}): either that cluster was lost, and its Vault holds newer values "
        "than Git, or this one starts anew",
        code="E_OTHER_CLUSTER",
        where=f"records/{others[0]}/head.json",
        hint="bootstrap up --approve new-authority makes the values in Git authoritative again, and records that; "
        "which of the two it is: docs/how-to/answer-exit-5.md",
    )


def check_plan(
    record: RunRecord | None, plan: Plan, accept_change: bool, earlier: Callable[[str], Plan | None]
) -> tuple[str, ...]:
    """The accepted digests to record; DecisionNeeded E_PLAN_CHANGED for an unfinished run of another plan.

    ``earlier`` gives the plan of a commit as this version of the tool makes it, or None: the record has a digest
    only, and the difference is worth more to whoever must decide. A commit of what a run itself left below
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
