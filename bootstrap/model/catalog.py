"""What Git says: the platform and its secrets, as frozen values (G1).

Nothing here holds a value of a secret. ``where`` is always ``file:line`` in the intent repository.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

EMPTY: Mapping[str, str] = MappingProxyType({})


class SecretClass(StrEnum):
    BOOTSTRAP = "bootstrap"
    RUNTIME = "runtime"
    DERIVED = "derived"
    ROOT_MATERIAL = "root-material"


class Renew(StrEnum):
    """What makes the copy in Git dead at handover (H5)."""

    GENERATE = "generate"
    REISSUE = "reissue"
    KEEP = "keep"


class RetireMode(StrEnum):
    DELETED = "deleted"
    INERT = "inert"
    IGNORED = "ignored"


class Encoding(StrEnum):
    """How a field's bytes become a Vault string: as UTF-8 text, or base64 of any bytes."""

    UTF8 = "utf-8"
    BASE64 = "base64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a value is first found: a file of the commit, below an optional dotted ``key``.

    A mapping gives one field per entry; a single value becomes the field named ``field``.
    """

    file: str
    key: str | None = None
    field: str = "value"
    encoding: Encoding = Encoding.UTF8


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapCopy:
    """``type`` is the type of the Kubernetes Secret: the kubelet takes a pull secret by it."""

    namespace: str
    name: str
    type: str = "Opaque"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """A namespace that reads the secret as a materialized Secret.

    ``keys`` maps a key of the Kubernetes Secret to a field in Vault; empty means every field by its name.
    ``type`` is the type of that Secret.
    """

    namespace: str
    secret: str
    workload: str | None = None
    keys: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    type: str = "Opaque"


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """``fields`` are the fields that ``renew: generate`` makes anew; empty means all of them."""

    retire: RetireMode = RetireMode.DELETED
    renew: Renew = Renew.KEEP
    fields: tuple[str, ...] = ()
    length: int = 32
    reason: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The first rotation policy; from handover on Vault's copy counts (R5)."""

    rotation_type: str = "static"
    ttl: str = ""
    rotate_before: str = ""
    revoke_old: bool = True
    max_overlap: str = ""
    failure_strategy: str = "alert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secret:
    name: str
    secret_class: SecretClass
    owner: str
    purpose: str
    where: str
    source: Source | None = None
    path: str | None = None  # below the KV v2 mount secret/
    handover: Handover = field(default_factory=Handover)
    rotation: Rotation = field(default_factory=Rotation)
    scaffold: BootstrapCopy | None = None
    consumers: tuple[Consumer, ...] = ()

    @property
    def handed_over(self) -> bool:
        """True when Git introduces a value that Vault then owns."""
        return (
            self.source is not None
            and self.path is not None
            and self.secret_class
            in (
                SecretClass.BOOTSTRAP,
                SecretClass.RUNTIME,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Internal:
    """A secret or configuration made in the cluster and published through Vault (INV7, INV8, D2-D4).

    ``properties`` maps a key of the source Secret to a Vault property.
    """

    name: str
    kind: str  # InternalSecret | InternalConfig
    owner: str
    purpose: str
    where: str
    source_namespace: str
    source_secret: str
    path: str
    properties: Mapping[str, str]
    consumers: tuple[Consumer, ...] = ()


class Custody(StrEnum):
    CLUSTER = "cluster"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultSpec:
    """The Vault to install; sizes are Kubernetes quantities (``1Gi``), ``image`` a full reference."""

    version: str
    image: str
    namespace: str = "vault"
    replicas: int = 3
    custody: Custody = Custody.CLUSTER
    storage_class: str = ""  # empty: the cluster's default
    data_size: str = "1Gi"
    audit_size: str = "1Gi"
    image_pull_secrets: tuple[str, ...] = ()
    cpu: str = "100m"
    memory: str = "256Mi"
    tolerations: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """``bootstrap.yaml``. Paths are folders of the repository with manifests to apply, in order.

    ``external_secrets_manifests`` is empty where the operator is adopted: somebody else installs it,
    and ``external_secrets_deployment`` (namespace/name) is only waited for.
    """

    name: str
    where: str
    vault: VaultSpec
    external_secrets_manifests: str
    external_secrets_deployment: str
    external_secrets_service_account: str
    workloads: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    platform_namespaces: tuple[str, ...] = ()  # of further platform components: who may use a scaffold (INV2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One commit, read and valid.

    ``keys`` are the public halves under ``keys/`` (file name to bytes), ``manifests`` every file below
    ``manifests/`` (path to bytes), ``heads`` the signed ledger heads below ``records/`` (cluster UID to bytes),
    ``escrows`` the share ciphertexts there (cluster UID to bytes).
    """

    commit: str
    tree: str
    platform: Platform
    secrets: tuple[Secret, ...]
    internals: tuple[Internal, ...]
    keys: Mapping[str, bytes]
    manifests: Mapping[str, bytes]
    blobs: Mapping[str, str]  # path of each encrypted file to its Git blob id
    heads: Mapping[str, bytes] = field(default_factory=dict)
    escrows: Mapping[str, bytes] = field(default_factory=dict)

    def secret(self, name: str) -> Secret:
        return next(s for s in self.secrets if s.name == name)

    @property
    def handovers(self) -> tuple[Secret, ...]:
        return tuple(s for s in self.secrets if s.handed_over)

    @property
    def scaffolds(self) -> tuple[Secret, ...]:
        return tuple(s for s in self.secrets if s.scaffold is not None)

    @property
    def reading_namespaces(self) -> dict[str, tuple[str, ...]]:
        """Namespace to the KV paths that it may read, sorted."""
        found: dict[str, set[str]] = {}
        declared = [(s.path, s.consumers) for s in self.secrets] + [
            (i.path, i.consumers) for i in self.internals
        ]
        for path, consumers in declared:
            for consumer in consumers:
                if path:
                    found.setdefault(consumer.namespace, set()).add(path)
        return {ns: tuple(sorted(paths)) for ns, paths in sorted(found.items())}

    @property
    def pushing_namespaces(self) -> dict[str, tuple[str, ...]]:
        """Namespace to the KV paths that it may publish to, sorted."""
        found: dict[str, set[str]] = {}
        for entry in self.internals:
            found.setdefault(entry.source_namespace, set()).add(entry.path)
        return {ns: tuple(sorted(paths)) for ns, paths in sorted(found.items())}
