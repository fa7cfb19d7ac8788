"""``bootstrap plan``: what ``up`` would do, in order, with its digest."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import typer

from bootstrap.cli import compose
from bootstrap.cli.exits import CHANGES_PENDING
from bootstrap.cli.options import Options, Output
from bootstrap.cli.render import narration
from bootstrap.model.plan import Plan

Document = Mapping[str, Any]


def show(options: Options, *, detailed_exitcode: bool) -> int:
    """The exit code: 0, or 3 where the cluster was looked at and something would change."""
    prepared = compose.prepare(options)
    plan = prepared.plan
    if options.output is Output.JSON:
        document = {"digest": plan.digest, "plan": plan.document}
        typer.echo(json.dumps(document, sort_keys=True, indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join(lines(plan)))
    if options.kubeconfig is None:
        return 0
    return CHANGES_PENDING if _pending(options, prepared) and detailed_exitcode else 0


def _pending(options: Options, prepared: compose.Prepared) -> bool:
    """Looks at the cluster up to the first step that must act; changes nothing."""
    with narration(prepared.plan) as narrator, compose.world(options, prepared, narrator) as world:
        pending = compose.runner(world).pending()
    if pending is None:
        typer.echo("nothing to do: the post-condition of every step holds", err=True)
        return False
    step, decision = pending
    typer.echo(f"changes pending, the first at {step.id}: {decision.summary}", err=True)
    for change in decision.changes:
        typer.echo(f"  - {change}", err=True)
    return True


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
