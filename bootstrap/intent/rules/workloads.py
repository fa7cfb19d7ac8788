"""A consumer's workload that the repository's own manifests do not have: usually a name that was changed (G1)."""

import re
from collections.abc import Iterator
from itertools import chain

from bootstrap.intent.findings import Finding, Level
from bootstrap.intent.manifests import committed_objects
from bootstrap.intent.plain_secrets import SUFFIXES
from bootstrap.model.catalog import Consumer, Intent, Internal, Secret
from bootstrap.model.errors import DefinitionError

KINDS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob", "Pod")
_MENTIONED = re.compile(rf"""\bkind["']?\s*:\s*["']?(?:{"|".join(KINDS)})\b""".encode())


def judge(intent: Intent) -> Iterator[Finding]:
    """W_WORKLOAD, only for namespaces whose workloads are in the repository: of others it knows nothing."""
    there = _workloads(intent, {consumer.namespace for _, consumer, _ in _named(intent)})
    for entry, consumer, workload in _named(intent) if there else ():
        known = there.get(consumer.namespace)
        if known and workload not in known:
            yield _absent(entry, consumer, workload, known)


def _named(intent: Intent) -> Iterator[tuple[Secret | Internal, Consumer, str]]:
    entries: Iterator[Secret | Internal] = chain(intent.secrets, intent.internals)
    for entry in entries:
        for consumer in entry.consumers:
            if consumer.workload and consumer.workload.partition("/")[0] in KINDS:
                yield entry, consumer, consumer.workload


def _workloads(intent: Intent, namespaces: set[str]) -> dict[str, set[str]]:
    """Namespace to the workloads, as ``Kind/name``, that manifests put there by name. Bundles are large: only
    files that speak of a namespace and of a workload are parsed."""
    found: dict[str, set[str]] = {}
    words = [name.encode() for name in namespaces]
    for path, data in intent.manifests.items():
        if (
            not path.endswith(SUFFIXES)
            or not any(word in data for word in words)
            or not _MENTIONED.search(data)
        ):
            continue
        try:
            objects = committed_objects(path, data)
        except DefinitionError:
            continue  # reported where manifests are applied
        for obj in objects:
            place = obj["metadata"].get("namespace")
            if obj["kind"] in KINDS and place in namespaces:
                found.setdefault(place, set()).add(f"{obj['kind']}/{obj['metadata']['name']}")
    return found


def _absent(entry: Secret | Internal, consumer: Consumer, workload: str, known: set[str]) -> Finding:
    message = f"{entry.name}: no manifest has {workload} in namespace {consumer.namespace}"
    hint = f"there: {', '.join(sorted(known))}"
    return Finding(id="W_WORKLOAD", where=entry.where, message=message, hint=hint, level=Level.WARNING)
