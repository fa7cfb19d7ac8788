"""From the models of ``schema.py`` to the frozen values of ``model/catalog.py``."""

from collections.abc import Sequence
from types import MappingProxyType

from bootstrap.intent import schema
from bootstrap.model import catalog


def platform(model: schema.Platform, where: str) -> catalog.Platform:
    components = model.spec.components
    operator = components.external_secrets
    return catalog.Platform(
        name=model.metadata.name,
        where=where,
        vault=_vault(model.spec.vault),
        external_secrets_manifests=(operator.install or "").rstrip("/"),
        external_secrets_deployment=operator.adopt or operator.deployment,
        external_secrets_service_account=operator.service_account,
        workloads=tuple(folder.rstrip("/") for folder in components.workloads),
        environments=tuple(model.spec.environments),
        platform_namespaces=tuple(components.platform),
    )


def _vault(model: schema.Vault) -> catalog.VaultSpec:
    return catalog.VaultSpec(
        version=model.version,
        image=model.image,
        namespace=model.namespace,
        replicas=model.replicas,
        custody=catalog.Custody(model.seal.custody),
        storage_class=model.storage.class_name,
        data_size=model.storage.data,
        audit_size=model.storage.audit,
        image_pull_secrets=tuple(model.image_pull_secrets),
        cpu=model.resources.cpu,
        memory=model.resources.memory,
        tolerations=tuple(MappingProxyType(dict(t)) for t in model.tolerations),
    )


def secret(model: schema.Secret, where: str) -> catalog.Secret:
    spec = model.spec
    return catalog.Secret(
        name=model.metadata.name,
        secret_class=spec.secret_class,
        owner=spec.owner,
        purpose=spec.purpose,
        where=where,
        source=_source(spec.source),
        path=spec.runtime.path if spec.runtime else None,
        handover=_handover(spec.handover),
        rotation=_rotation(spec.rotation),
        scaffold=_scaffold(spec.scaffold),
        consumers=_consumers(spec.consumers),
    )


def internal(model: schema.InternalSecret | schema.InternalConfig, where: str) -> catalog.Internal:
    spec = model.spec
    return catalog.Internal(
        name=model.metadata.name,
        kind=model.kind,
        owner=spec.owner,
        purpose=spec.purpose,
        where=where,
        source_namespace=spec.source.namespace,
        source_secret=spec.source.secret,
        path=spec.path,
        properties=MappingProxyType({key: str(value) for key, value in spec.properties.items()}),
        consumers=_consumers(spec.consumers),
    )


def _source(model: schema.Source | None) -> catalog.Source | None:
    if model is None:
        return None
    return catalog.Source(file=model.file, key=model.key, field=model.field, encoding=model.encoding)


def _scaffold(model: schema.Scaffold | None) -> catalog.BootstrapCopy | None:
    return (
        catalog.BootstrapCopy(namespace=model.namespace, name=model.name, type=model.type) if model else None
    )


def _handover(model: schema.Handover | None) -> catalog.Handover:
    if model is None:
        return catalog.Handover()
    return catalog.Handover(
        retire=model.retire,
        renew=model.renew,
        fields=tuple(model.fields),
        length=model.length,
        reason=model.reason.strip(),
        until=model.until,
    )


def _rotation(model: schema.Rotation | None) -> catalog.Rotation:
    if model is None:
        return catalog.Rotation()
    return catalog.Rotation(
        rotation_type=model.rotation_type,
        ttl=model.ttl or "",
        rotate_before=model.rotate_before or "",
        revoke_old=model.revoke_old,
        max_overlap=model.max_overlap or "",
        failure_strategy=model.failure_strategy,
    )


def _consumers(models: Sequence[schema.Consumer]) -> tuple[catalog.Consumer, ...]:
    return tuple(
        catalog.Consumer(
            namespace=model.namespace,
            secret=model.secret,
            workload=model.workload,
            keys=MappingProxyType(dict(model.keys)),
            type=model.type,
        )
        for model in models
    )
