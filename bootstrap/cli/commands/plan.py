"""``bootstrap plan``: what ``up`` would do, in order, with its digest; and beside it, how the live system differs."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from bootstrap.cli import compose, terminal
from bootstrap.cli.commands.plan_live import Live, live_lines, look
from bootstrap.cli.exits import CHANGES_PENDING
from bootstrap.cli.options import Options, Output
from bootstrap.cli.uncommitted import name_unused
from bootstrap.model.errors import DefinitionError
from bootstrap.model.plan import Plan

Document = Mapping[str, Any]


def show(options: Options, *, detailed_exitcode: bool) -> int:
    """The exit code: 0, or 3 where the cluster was looked at and something would change.

    Raises what `up` would be stopped by before its first change, once everything is shown; DefinitionError
    E_USAGE where changes are asked for, and no cluster is named to look at.
    """
    if detailed_exitcode and options.kubeconfig is None:
        raise DefinitionError(
            "--detailed-exitcode wants --kubeconfig: whether changes are pending, only the cluster tells",
            code="E_USAGE",
            where="--detailed-exitcode",
            hint="add --kubeconfig PATH (and --context NAME)",
        )
    prepared = compose.prepare(options)
    name_unused(prepared.repository)
    plan = prepared.plan
    live = None if options.kubeconfig is None else look(options, prepared)
    if options.output is Output.JSON:
        terminal.document(as_json(plan, live))
    else:
        terminal.out(*as_text(plan, live))
    if live is None:
        return 0
    if live.stopped is not None:
        raise live.stopped
    return CHANGES_PENDING if live.pending and detailed_exitcode else 0


def as_json(plan: Plan, live: Live | None) -> str:
    """Sorted and indented; the plan's bytes are the same with a cluster and without."""
    document = {"digest": plan.digest, "plan": plan.document}
    found = {} if live is None else {"live": live.document}
    return json.dumps(document | found, sort_keys=True, indent=2, ensure_ascii=False)


def as_text(plan: Plan, live: Live | None) -> Iterator[str]:
    yield from lines(plan)
    if live is not None:
        yield ""
        yield from live_lines(live)


def lines(plan: Plan) -> Iterator[str]:
    document = plan.document
    yield f"plan      {plan.digest}"
    yield f"commit    {plan.commit}"
    yield f"platform  {document['platform']['name']}, bootstrap {plan.tool}"
    for phase in plan.phases:
        yield ""
        yield f"{phase.id}: {phase.title} (authority: {phase.authority})"
        for step in phase.steps:
            gate = f" [wants --approve {step.id}]" if step.gate == "approve" else ""
            yield f"  {step.id:<20} {step.title}{gate}"
            if step.kind in DETAILS:
                yield from (f"    - {text}" for text in DETAILS[step.kind](document))


def _scaffolds(document: Document) -> Iterator[str]:
    for item in document["scaffolds"]:
        yield f"Secret {item['namespace']}/{item['name']} from {item['from']}"


def _handovers(document: Document) -> Iterator[str]:
    for secret in document["secrets"]:
        if secret["handedOver"]:
            yield f"{secret['name']} to secret/{secret['path']} (renew: {secret['renew']})"


def _derived(document: Document) -> Iterator[str]:
    for item in document["derived"]:
        arrow = "to" if item["kind"] == "PushSecret" else "from"
        yield f"{item['kind']} {item['namespace']}/{item['name']} {arrow} secret/{item['path']}"


def _namespaces(document: Document) -> Iterator[str]:
    for item in document["namespaces"]:
        yield f"namespace {item['name']}: KV paths read {len(item['reads'])}, pushed {len(item['pushes'])}"


def _retirements(document: Document) -> Iterator[str]:
    scaffolded = {item["from"] for item in document["scaffolds"]}
    for secret in document["secrets"]:
        if secret["name"] in scaffolded:
            yield f"{secret['name']} (retire: {secret['retire']})"


DETAILS: Final[Mapping[str, Callable[[Document], Iterator[str]]]] = {
    "scaffold": _scaffolds,
    "vault-configuration": _namespaces,
    "handover": _handovers,
    "store": _derived,
    "retired": _retirements,
}
