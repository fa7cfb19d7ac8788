"""The phases joined with one commit's intent (G5): a pure function, no clock, no environment.

The document is plain JSON values. Its lists keep the phases' order where order means something and are
sorted by name elsewhere, so that the same commit and the same tool give the same bytes on any machine (G5).
"""

from collections.abc import Sequence
from typing import Any, Final

from bootstrap.engine.plan_catalog import shown
from bootstrap.model.catalog import Intent, Internal, Secret
from bootstrap.model.plan import Phase, Plan, Step

FORMAT: Final = "bootstrap/plan/v1"


def make_plan(phases: Sequence[Phase], intent: Intent, tool_version: str, environment: str = "") -> Plan:
    """The plan for ``intent``; it holds names, paths and Git blob ids, never a value."""
    document = {
        "format": FORMAT,
        "tool": tool_version,
        "commit": intent.commit,
        "tree": intent.tree,
        "platform": shown(intent.platform, intent),
        "phases": [_phase(phase) for phase in phases],
        "secrets": [shown(secret, intent) for secret in sorted(intent.secrets, key=lambda s: s.name)],
        "internals": [shown(entry, intent) for entry in sorted(intent.internals, key=lambda i: i.name)],
        "scaffolds": _scaffolds(intent),
        "namespaces": _namespaces(intent),
        "derived": _derived(intent),
    }
    if environment:
        document["environment"] = environment
    return Plan(commit=intent.commit, tool=tool_version, phases=tuple(phases), document=document)


def _phase(phase: Phase) -> dict[str, Any]:
    return {
        "id": phase.id,
        "title": phase.title,
        "authority": phase.authority,
        "steps": [_step(step) for step in phase.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "kind": step.kind,
        "title": step.title,
        "needs": list(step.needs),
        "with": dict(step.with_),
        "gate": step.gate,
    }


def _scaffolds(intent: Intent) -> list[dict[str, str]]:
    found = [
        {"namespace": secret.scaffold.namespace, "name": secret.scaffold.name, "from": secret.name}
        for secret in intent.secrets
        if secret.scaffold is not None
    ]
    return sorted(found, key=lambda item: (item["namespace"], item["name"]))


def _namespaces(intent: Intent) -> list[dict[str, Any]]:
    reads, pushes = intent.reading_namespaces, intent.pushing_namespaces
    return [
        {"name": name, "reads": list(reads.get(name, ())), "pushes": list(pushes.get(name, ()))}
        for name in sorted({*reads, *pushes})
    ]


def _derived(intent: Intent) -> list[dict[str, str]]:
    """ExternalSecrets bear the name of the Secret they make, PushSecrets that of their catalog entry."""
    entries: list[Secret | Internal] = [*intent.secrets, *intent.internals]
    found = [
        {
            "kind": "ExternalSecret",
            "namespace": consumer.namespace,
            "name": consumer.secret,
            "path": entry.path,
        }
        for entry in entries
        if entry.path
        for consumer in entry.consumers
    ]
    found += [
        {"kind": "PushSecret", "namespace": entry.source.namespace, "name": entry.name, "path": entry.path}
        for entry in intent.internals
    ]
    return sorted(found, key=lambda item: (item["kind"], item["namespace"], item["name"]))
