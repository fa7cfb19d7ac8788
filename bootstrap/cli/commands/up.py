"""``bootstrap up``: does what the plan says; also how to resume, from any machine, after anything."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from bootstrap.cli import compose, long_lists, terminal
from bootstrap.cli.exits import RETIREMENT_WAITS
from bootstrap.cli.narrators import narration
from bootstrap.cli.options import Options, Output
from bootstrap.cli.uncommitted import name_unused
from bootstrap.engine.plan_diff import check_pinned
from bootstrap.engine.result import Result
from bootstrap.ledger.record import RecordType
from bootstrap.ledger.versions import changed
from bootstrap.model.errors import DefinitionError
from bootstrap.model.names import kv
from bootstrap.model.plan import Plan
from bootstrap.operations.records import write_records
from bootstrap.operations.verify.drift import without_effect
from bootstrap.operations.verify.residuals import residuals
from bootstrap.steps.authority.approvals import DECISIONS
from bootstrap.steps.authority.restoring import STALE
from bootstrap.steps.context.transfers import named
from bootstrap.steps.context.world import World

INITIALISED: Final = "vault-init"  # asks only after three attempts whose answer was lost


def up(
    options: Options,
    *,
    approvals: frozenset[str],
    accept_plan_change: bool,
    pinned: Path | None = None,
    auto_void: bool = True,
    restore: Path | None = None,
) -> int:
    """The exit code: 0, or 8 when everything is handed over and a retirement still waits."""
    prepared = compose.prepare(options)
    _refuse_unknown(approvals, prepared.plan)
    compose.need_records(options)
    if pinned is not None:
        check_pinned(pinned, prepared.plan)
    name_unused(prepared.repository)
    with (
        narration(prepared.plan, live=True) as narrator,
        compose.world(options, prepared, narrator, approvals=approvals, restore=restore) as world,
    ):
        world.auto_void = auto_void
        result = compose.runner(options, prepared, world, accept_plan_change=accept_plan_change).run()
        write_records(world)
        summary = summarise(world, result)
    if options.output is Output.JSON:
        terminal.document(json.dumps(summary, sort_keys=True, indent=2, ensure_ascii=False))
    else:
        terminal.out(*lines(summary, options))
    return RETIREMENT_WAITS if summary["retirementWaits"] else 0


def _refuse_unknown(approvals: frozenset[str], plan: Plan) -> None:
    """DefinitionError E_USAGE for an approval that no step of this plan could want."""
    unknown = sorted(approvals - {*DECISIONS, STALE} - {step.id for step in plan.steps})
    if unknown:
        those = [
            *DECISIONS,
            STALE,
            *(s.id for s in plan.steps if s.gate == "approve" or s.kind == INITIALISED),
        ]
        raise DefinitionError(
            f"there is no step {unknown[0]} to approve",
            code="E_USAGE",
            where=f"--approve {unknown[0]}",
            hint=f"an approval is taken for {', '.join(those)}",
        )


def summarise(world: World, result: Result) -> dict[str, Any]:
    """Plain JSON values: what is handed over, waits, stays as a residual, is ignored; and where the records are."""
    ledger = world.ledger.read()
    committed = named(ledger, RecordType.COMMIT)
    handed = [secret for secret in world.intent.handovers if secret.name in committed]
    waiting = [o for o in result.outcomes if o.pending]
    return {
        "cluster": world.cluster.uid(),
        "commit": world.plan.commit,
        "plan": world.plan.digest,
        "epoch": result.epoch,
        "changed": sorted(o.step.id for o in result.outcomes if o.acted),
        "handedOver": [{"name": s.name, "path": kv(s.in_vault)} for s in handed],
        "waits": [{"step": o.step.id, "for": item} for o in waiting for item in o.pending],
        "retirementWaits": any(o.step.kind == "retired" for o in waiting),
        "residuals": list(residuals(world.intent, handed, changed(ledger))),
        "ignored": list(without_effect(ledger, world.intent)),
        "records": world.records.folder,
    }


def lines(summary: dict[str, Any], options: Options) -> Iterator[str]:
    done = (
        f"run {summary['epoch']}: {len(summary['changed'])} steps acted"
        if summary["epoch"]
        else "nothing to do"
    )
    held = (
        "what can be done is done, a retirement waits"
        if summary["retirementWaits"]
        else "every step's post-condition holds"
    )
    yield f"{done}; {held}; cluster {summary['cluster']}"
    yield f"handed over  {len(summary['handedOver'])} secrets: Vault is their authority"
    yield from long_lists.lines([f"{item['name']} at {item['path']}" for item in summary["handedOver"]])
    if summary["waits"]:
        yield f"waits        {len(summary['waits'])}"
        yield from (f"  - {item['for']} ({item['step']})" for item in summary["waits"])
    yield f"residuals    {len(summary['residuals'])}"
    yield from long_lists.sentences(summary["residuals"])
    if summary["ignored"]:
        yield f"ignored      {len(summary['ignored'])}"
        yield from (f"  - {item}" for item in summary["ignored"])
    yield f"records      {summary['records']} (ciphertext and signatures only: commit them)"
    where = again(options)
    yield f"next         bootstrap verify {where}"
    yield f"             bootstrap ledger export {where} --out bundle.json"


def again(options: Options) -> str:
    """The options that reach the same commit and cluster another time; what came by a descriptor is gone."""
    given = {
        "--repo": options.repo,
        "--git-key": "" if options.git_key.startswith("fd:") else options.git_key,
        "--git-known-hosts": options.git_known_hosts,
        "--git-ca": options.git_ca,
        "--git-token": options.git_token if options.git_token.startswith("file:") else "",
        "--proxy": options.proxy,
        "--trusted-signers": options.trusted_signers,
        "--records": options.records,
        "--kubeconfig": options.kubeconfig,
        "--root": options.root if options.root.startswith("file:") else "",
        "--context": options.context,
        "--environment": options.environment,
    }
    return " ".join(f"{name} {value}" for name, value in given.items() if value)
