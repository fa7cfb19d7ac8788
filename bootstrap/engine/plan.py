"""The phases joined with one commit's intent (G5): a pure function, no clock, no environment.

The document is plain JSON values. Its lists keep the phases' order where order means something and are
sorted by name elsewhere, so that the same commit and the same tool give the same bytes on any machine (G5).
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bootstrap.model.catalog import Consumer, Intent, Internal, Platform, Secret
from bootstrap.model.plan import Phase, Plan, Step

FORMAT: Final = "bootstrap/plan/v1"


def make_plan(phases: Sequence[Phase], intent: Intent, tool_version: str) -> Plan:
    """The plan for ``intent``; it holds names, paths and Git blob ids, never a value."""
    document = {
        "format": FORMAT,
        "tool": tool_version,
        "commit": intent.commit,
        "tree": intent.tree,
        "platform": _platform(intent.platform),
        "phases": [_phase(phase) for phase in phases],
        "secrets": [_secret(secret, intent.blobs) for secret in sorted(intent.secrets, key=lambda s: s.name)],
        "internals": [_internal(entry) for entry in sorted(intent.internals, key=lambda i: i.name)],
        "scaffolds": _scaffolds(intent),
        "namespaces": _namespaces(intent),
        "derived": _derived(intent),
    }
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


def _platform(platform: Platform) -> dict[str, Any]:
    vault = platform.vault
    return {
        "name": platform.name,
        "environments": list(platform.environments),
        "vault": {
            "version": vault.version,
            "image": vault.image,
            "namespace": vault.namespace,
            "replicas": vault.replicas,
            "custody": vault.custody.value,
            "storageClass": vault.storage_class,
            "dataSize": vault.data_size,
            "auditSize": vault.audit_size,
            "imagePullSecrets": list(vault.image_pull_secrets),
            "cpu": vault.cpu,
            "memory": vault.memory,
            "tolerations": [dict(toleration) for toleration in vault.tolerations],
        },
        "externalSecrets": {
            "manifests": platform.external_secrets_manifests,
            "deployment": platform.external_secrets_deployment,
            "serviceAccount": platform.external_secrets_service_account,
        },
        "workloads": list(platform.workloads),
    }


def _secret(secret: Secret, blobs: Mapping[str, str]) -> dict[str, Any]:
    source, handover, rotation = secret.source, secret.handover, secret.rotation
    return {
        "name": secret.name,
        "class": secret.secret_class.value,
        "owner": secret.owner,
        "purpose": secret.purpose,
        "source": None
        if source is None
        else {
            "file": source.file,
            "blob": blobs.get(source.file, ""),
            "key": source.key,
            "field": source.field,
            "encoding": source.encoding.value,
        },
        "path": secret.path,
        "handedOver": secret.handed_over,
        "retire": handover.retire.value,
        "renew": handover.renew.value,
        "renewFields": list(handover.fields),
        "renewLength": handover.length,
        "reason": handover.reason,
        "until": handover.until,
        "rotation": {
            "rotation_type": rotation.rotation_type,
            "ttl": rotation.ttl,
            "rotate_before": rotation.rotate_before,
            "revoke_old": rotation.revoke_old,
            "max_overlap": rotation.max_overlap,
            "failure_strategy": rotation.failure_strategy,
        },
        "scaffold": None
        if secret.scaffold is None
        else {
            "namespace": secret.scaffold.namespace,
            "name": secret.scaffold.name,
            "type": secret.scaffold.type,
        },
        "consumers": [_consumer(consumer) for consumer in secret.consumers],
    }


def _internal(entry: Internal) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "owner": entry.owner,
        "purpose": entry.purpose,
        "source": {"namespace": entry.source_namespace, "secret": entry.source_secret},
        "path": entry.path,
        "properties": dict(entry.properties),
        "consumers": [_consumer(consumer) for consumer in entry.consumers],
    }


def _consumer(consumer: Consumer) -> dict[str, Any]:
    return {
        "namespace": consumer.namespace,
        "secret": consumer.secret,
        "workload": consumer.workload,
        "keys": dict(consumer.keys),
        "type": consumer.type,
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
        {"kind": "PushSecret", "namespace": entry.source_namespace, "name": entry.name, "path": entry.path}
        for entry in intent.internals
    ]
    return sorted(found, key=lambda item: (item["kind"], item["namespace"], item["name"]))
